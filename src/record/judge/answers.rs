//! What the store said to one request, read from the raw exchange by the dialect.

use crate::exchange::{Answer, Exchange, Outcome, S3Error};
use crate::record::evidence::{RunEvidence, SentStep};
use crate::record::judge::Context;
use crate::scenario::{Action, Because, BodySpec, Scenario, Step, VersionRef};

/// A refusal, as said and as the dialect reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Code and message; both empty where the answer had no body.
    pub error: S3Error,
    /// Every reason that the dialect knows for it.
    pub reasons: Vec<Because>,
}

/// What the store said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// 2xx, and no `<Error>` for this entry.
    Accepted(u16),
    /// A definite no.
    Refused(Refusal),
    /// No whole answer, 5xx other than 501, or a redirection: what was done is unknown.
    Failed(String),
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Accepted(status) => write!(f, "{status}"),
            Self::Refused(r) if r.error.code.is_empty() => write!(f, "{}", r.status),
            Self::Refused(r) => {
                write!(f, "{} {}", r.status, r.error.code)?;
                if r.error.message.is_empty() { Ok(()) } else { write!(f, " ({})", r.error.message) }
            }
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl Said {
    /// Whether it was accepted.
    #[must_use]
    pub fn accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }
}

/// Reads what was said to one request of a step.
#[must_use]
pub fn said(
    scenario: &Scenario,
    evidence: &RunEvidence,
    step: &Step,
    sent: &SentStep,
    context: &Context<'_>,
) -> Said {
    let Some(exchange) = context.exchanges.get(sent.exchange) else {
        return Said::Failed("the exchange is not in the record".to_owned());
    };
    let entry = if step.action == Action::DeleteObjects {
        batch_entry(scenario, evidence, step)
    } else {
        Entry::Whole
    };
    read(exchange, &entry, context)
}

/// Which part of the answer is meant.
enum Entry {
    /// The request as a whole.
    Whole,
    /// Every entry of the batch.
    All(usize),
    /// The entry with this key, and this version id if it names one.
    One { key: String, version_id: Option<String> },
}

/// A batch deletion that names an `object` is judged by that object's entry, else by all of them.
fn batch_entry(scenario: &Scenario, evidence: &RunEvidence, step: &Step) -> Entry {
    let entries = match step.body.as_deref().and_then(|b| scenario.body(b)) {
        Some(BodySpec::DeleteList { entries }) => entries.as_slice(),
        _ => &[],
    };
    let Some((object, placed)) = step.object.as_deref().and_then(|o| Some((o, evidence.placed(o)?))) else {
        return Entry::All(entries.len());
    };
    let wanted = step.version.as_ref();
    let version = entries
        .iter()
        .find(|(o, v)| o == object && wanted.is_none_or(|w| w == v))
        .map_or(&VersionRef::Latest, |(_, v)| v);
    Entry::One { key: placed.key.clone(), version_id: version_id(evidence, scenario, object, version) }
}

/// The real version id that a reference names, if it names one that is known.
#[must_use]
pub fn version_id(
    evidence: &RunEvidence,
    scenario: &Scenario,
    object: &str,
    version: &VersionRef,
) -> Option<String> {
    let placed = evidence.placed(object)?;
    match version {
        VersionRef::Latest | VersionRef::Unknown => None,
        VersionRef::Own => placed.version_id.clone(),
        VersionRef::Marker => placed.marker_id.clone(),
        VersionRef::Null => Some("null".to_owned()),
        VersionRef::Literal(text) => Some(text.clone()),
        VersionRef::Step(name) => {
            let (index, _) = scenario.step(name)?;
            evidence.step(index)?.sent.iter().find_map(|s| s.version_id.clone())
        }
    }
}

fn read(exchange: &Exchange, entry: &Entry, context: &Context<'_>) -> Said {
    let answer = match &exchange.outcome {
        Outcome::NoAnswer(why) => return Said::Failed(format!("no answer: {why}")),
        Outcome::Answered(answer) => answer,
    };
    let refused = |error: S3Error| {
        // A refusal inside a 200 has no status of its own; AWS's batch entries mirror single answers.
        let reasons = context.because(answer.status, &error);
        Said::Refused(Refusal { status: answer.status, error, reasons })
    };
    if answer.status == 501 {
        return refused(error_of(answer));
    }
    if answer.status >= 500 {
        return Said::Failed(format!("{} {}", answer.status, error_of(answer).code).trim_end().to_owned());
    }
    // Whoever sends the request elsewhere has neither done nor refused it.
    if matches!(answer.status, 300..=303 | 305..=399) {
        return Said::Failed(format!("{}, a redirection", answer.status));
    }
    if let Some(error) = answer.error() {
        if answer.is_success() && is_server_fault(&error) {
            return Said::Failed(format!("{} inside a {}", error.code, answer.status));
        }
        return refused(error);
    }
    let errors = answer.entry_errors();
    let hit = match entry {
        Entry::Whole => None,
        Entry::All(count) => (!errors.is_empty() && errors.len() >= *count).then(|| &errors[0]),
        Entry::One { key, version_id } => errors.iter().find(|e| {
            e.key == *key
                && match (version_id, &e.version_id) {
                    (Some(wanted), Some(found)) => wanted == found || found.is_empty(),
                    (None, Some(found)) => found.is_empty() || found == "null",
                    (_, None) => true,
                }
        }),
    };
    match hit {
        Some(found) if is_server_fault(&found.error) => {
            Said::Failed(format!("{} for the entry", found.error.code))
        }
        Some(found) => refused(found.error.clone()),
        // Some entries were refused and some not: as a whole it is neither; an accepted entry is what counts.
        None => Said::Accepted(answer.status),
    }
}

fn error_of(answer: &Answer) -> S3Error {
    answer.error().unwrap_or(S3Error { code: String::new(), message: String::new() })
}

/// Codes that S3 sends where the server could not do its work.
fn is_server_fault(error: &S3Error) -> bool {
    matches!(error.code.as_str(), "InternalError" | "SlowDown" | "ServiceUnavailable" | "RequestTimeout")
}
