//! The record as people read it: groups, counts, what comes first, and the words of rules and totals.

use crate::record::{FindingRule, Record, ScenarioResult, Verdict};
use crate::scenario::{Purpose, Severity};

/// A verdict with the waived fail set apart, in the order in which reports list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// A guarantee was broken.
    Fail,
    /// A guarantee was broken, and a named person accepts it for a while.
    Waived,
    /// The tool could not do its work.
    Error,
    /// Nothing definite can be said.
    Inconclusive,
    /// Not run.
    Skipped,
    /// Held.
    Pass,
}

impl Status {
    /// Every status, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::Fail, Self::Waived, Self::Error, Self::Inconclusive, Self::Skipped, Self::Pass];

    /// The status of a scenario.
    #[must_use]
    pub fn of(scenario: &ScenarioResult) -> Self {
        if scenario.waived.is_some() && scenario.verdict == Verdict::Fail {
            return Self::Waived;
        }
        Self::from(scenario.verdict)
    }

    /// The word that reports print.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fail => "FAIL",
            Self::Waived => "WAIVED",
            Self::Error => "ERROR",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Skipped => "SKIPPED",
            Self::Pass => "PASS",
        }
    }
}

impl From<Verdict> for Status {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Fail => Self::Fail,
            Verdict::Inconclusive => Self::Inconclusive,
            Verdict::Error => Self::Error,
            Verdict::Skipped => Self::Skipped,
        }
    }
}

/// How many scenarios have each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts([u64; 6]);

impl Counts {
    /// Counts scenarios.
    #[must_use]
    pub fn of<'a>(scenarios: impl IntoIterator<Item = &'a ScenarioResult>) -> Self {
        let mut counts = Self::default();
        for scenario in scenarios {
            counts.0[Status::of(scenario) as usize] += 1;
        }
        counts
    }

    /// How many have this status.
    #[must_use]
    pub fn get(&self, status: Status) -> u64 {
        self.0[status as usize]
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// `3 fail, 1 waived, 60 pass`: what there is, in the order of reports.
    #[must_use]
    pub fn words(&self) -> String {
        let parts: Vec<String> = Status::ALL
            .iter()
            .filter(|s| self.get(**s) > 0)
            .map(|s| format!("{} {}", self.get(*s), s.word().to_lowercase()))
            .collect();
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
    }
}

/// The scenarios of one group, what is wrong first.
#[derive(Debug)]
pub struct Group<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its scenarios: by status, then the most severe first, then by id.
    pub scenarios: Vec<&'a ScenarioResult>,
    /// How many of each.
    pub counts: Counts,
}

/// The groups of a record, in the order in which it names them first.
#[must_use]
pub fn groups(record: &Record) -> Vec<Group<'_>> {
    let mut names: Vec<&str> = Vec::new();
    for scenario in &record.scenarios {
        if !names.contains(&scenario.group.as_str()) {
            names.push(&scenario.group);
        }
    }
    names
        .into_iter()
        .map(|name| {
            let scenarios = ordered(record.scenarios.iter().filter(|s| s.group == name));
            let counts = Counts::of(scenarios.iter().copied());
            Group { name, scenarios, counts }
        })
        .collect()
}

/// Scenarios by status, then the most severe first, then by id.
#[must_use]
pub fn ordered<'a>(scenarios: impl IntoIterator<Item = &'a ScenarioResult>) -> Vec<&'a ScenarioResult> {
    let mut all: Vec<&ScenarioResult> = scenarios.into_iter().collect();
    all.sort_by(|a, b| {
        (Status::of(a), std::cmp::Reverse(a.severity), &a.id).cmp(&(
            Status::of(b),
            std::cmp::Reverse(b.severity),
            &b.id,
        ))
    });
    all
}

/// What was planned and not assessed, with the reason: `(id, title, status, reason)`.
#[must_use]
pub fn not_assessed(record: &Record) -> Vec<&ScenarioResult> {
    ordered(
        record
            .scenarios
            .iter()
            .filter(|s| matches!(Status::of(s), Status::Error | Status::Inconclusive | Status::Skipped)),
    )
}

/// From this many on, scenarios that were not run for one and the same reason are told in one line.
const SHARED: usize = 5;

/// The reasons for which many scenarios were not run, each with their number, the most frequent first. What was
/// required is never among them.
#[must_use]
pub fn shared_reasons(record: &Record) -> Vec<(&str, usize)> {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    let idle = |s: &&ScenarioResult| Status::of(s) == Status::Skipped && !s.required && s.runs.is_empty();
    for scenario in record.scenarios.iter().filter(idle) {
        match reasons.iter_mut().find(|(reason, _)| *reason == scenario.reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((&scenario.reason, 1)),
        }
    }
    reasons.retain(|(_, count)| *count >= SHARED);
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    reasons
}

/// Whether a scenario is told in the line of its reason.
#[must_use]
pub fn is_shared(scenario: &ScenarioResult, shared: &[(&str, usize)]) -> bool {
    Status::of(scenario) == Status::Skipped
        && !scenario.required
        && scenario.runs.is_empty()
        && shared.iter().any(|(reason, _)| *reason == scenario.reason)
}

/// The words of a total of the scan.
#[must_use]
pub fn total_words(word: &str) -> &str {
    match word {
        "COMPLIANCE" => "under COMPLIANCE",
        "GOVERNANCE" => "under GOVERNANCE (a bypass removes it; not counted as non-erasable)",
        "legal hold" => "with a legal hold",
        "legal hold only" => "under a legal hold alone",
        "retention ended" => "with a retention that has ended",
        "no lock" => "without any lock",
        "not assessed" => "not assessed: the lock could not be read",
        other => other,
    }
}

/// How the rule of a finding reads, named by its word.
#[must_use]
pub fn rule_words(rule: &str) -> &str {
    let Some(known) = FindingRule::parse(rule) else { return rule };
    match known {
        FindingRule::Unprotected => "neither retention nor legal hold",
        FindingRule::TooShort => "retention ends too soon",
        FindingRule::TooLong => "retention ends later than the ceiling allows",
        FindingRule::HeldWithoutEnd => "a legal hold, which has no end",
        FindingRule::EndsSoon => "retention ends within the horizon",
        FindingRule::Altered => "its bytes are not those that are on record",
        FindingRule::SampleUnreadable => "chosen to be read whole, and not readable: not assessed",
        FindingRule::WrongMode => "weaker mode than required",
        FindingRule::Expired => "retention has ended",
        FindingRule::NoHold => "no legal hold",
        FindingRule::Unreadable => "lock not readable: not assessed",
        FindingRule::ReplicaMark => "replication status without replication",
        FindingRule::Hidden => "hidden by a delete marker",
        FindingRule::Missing => "expected and not there",
        FindingRule::NoVersioning => "no versioning",
        FindingRule::NoObjectLock => "no Object Lock",
        FindingRule::NoDefaultRetention => "no default retention",
        FindingRule::ConfigurationChanged => "configuration changed during the audit",
        FindingRule::DemandNotMet => "not configured as the profile demands",
    }
}

/// The severity of a rule named by its word; an unknown one is taken for high.
#[must_use]
pub fn rule_severity(rule: &str) -> Severity {
    FindingRule::parse(rule).map_or(Severity::High, FindingRule::severity)
}

/// The first step that matters to a reader of a scenario that held: the first attack, else the first promise.
#[must_use]
pub fn telling_step(scenario: &ScenarioResult) -> Option<&crate::record::StepText> {
    let steps = &scenario.runs.first()?.steps;
    let of = |purpose| steps.iter().find(|s| s.purpose == purpose);
    of(Purpose::Attack).or_else(|| of(Purpose::Promise))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn fails_come_first_and_the_most_severe_of_them() {
        let record = sample::record();
        let all = ordered(&record.scenarios);
        assert_eq!(Status::of(all[0]), Status::Fail);
        assert_eq!(all[0].severity, Severity::Critical);
        assert!(all.windows(2).all(|w| Status::of(w[0]) <= Status::of(w[1])));
        let total: u64 = groups(&record).iter().map(|g| g.counts.total()).sum();
        assert_eq!(total, record.scenarios.len() as u64);
    }
}
