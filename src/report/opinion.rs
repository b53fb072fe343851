//! What a run amounts to: the banner, the headline and the opinion, in conditional words.

use std::fmt::Write as _;

use crate::record::{Record, counted};
use crate::report::model::{Counts, Status};

/// How the run ended, in one word for a banner.
#[must_use]
pub fn banner(record: &Record) -> (Status, &'static str) {
    if record.only_reads_what_is_there() {
        return match record.outcome.exit_code {
            0 if accepted(record) => (Status::Waived, "NOTHING ELSE FOUND WRONG"),
            0 => (Status::Pass, "NOTHING FOUND WRONG"),
            1 => (Status::Fail, "SOMETHING IS WRONG"),
            4 => (Status::Skipped, "NOTHING WAS FOUND"),
            _ => (Status::Inconclusive, "NO CONCLUSION"),
        };
    }
    match record.outcome.exit_code {
        0 if accepted(record) => (Status::Waived, "HELD, WITH ACCEPTED RISKS"),
        0 => (Status::Pass, "HELD AS FAR AS ASSESSED"),
        1 => (Status::Fail, "DID NOT HOLD"),
        4 => (Status::Skipped, "NOTHING WAS TESTED"),
        _ => (Status::Inconclusive, "NO CONCLUSION"),
    }
}

/// Whether anything that is wrong was accepted by a waiver.
fn accepted(record: &Record) -> bool {
    Counts::of(&record.scenarios).get(Status::Waived) > 0
        || record.findings.iter().any(|f| f.waived.is_some())
        || record.scan.as_ref().is_some_and(|s| !s.waived_rules.is_empty())
        || record.event_log.iter().any(|log| !log.waived.is_empty())
        || record.trails.iter().any(|trail| !trail.waived.is_empty())
        || record.analysis.iter().flat_map(|a| &a.findings).any(|f| f.waived.is_some())
}

/// What the run amounts to, in one conditional sentence.
#[must_use]
pub fn headline(record: &Record) -> String {
    let counts = Counts::of(&record.scenarios);
    if record.only_reads_what_is_there() {
        let reason = &record.outcome.reason;
        return match record.outcome.exit_code {
            0 => format!(
                "Within the scope and under the conditions stated in this report, nothing was found wrong with what \
                 was read: {reason}. Nothing was attacked and no requirement was applied to locks."
            ),
            1 => format!("What was read is not as it has to be: {reason}."),
            4 => format!("There was nothing to read, so nothing can be said: {reason}."),
            _ => format!("No conclusion can be drawn: {reason}."),
        };
    }
    match record.outcome.exit_code {
        0 => {
            let mut text = if record.scenarios.is_empty() {
                "Within the scope and under the conditions stated in this report, no object version was found \
                 that is protected less than required."
                    .to_owned()
            } else {
                format!(
                    "Within the scope and under the conditions stated in this report, {} of {} that \
                     were assessed held against every attack that was made on canary objects.",
                    counts.get(Status::Pass),
                    counted(counts.total() - counts.get(Status::Skipped), "guarantee"),
                )
            };
            if counts.get(Status::Waived) > 0 {
                let _ = write!(text, " {} did not hold: accepted risks.", counts.get(Status::Waived));
            }
            if counts.get(Status::Skipped) > 0 {
                let _ = write!(text, " {} were not assessed.", counts.get(Status::Skipped));
            }
            text
        }
        1 => format!("The protection did not hold as required: {}.", record.outcome.reason),
        4 => format!("Nothing was tested, so nothing can be said: {}.", record.outcome.reason),
        _ => format!("No conclusion can be drawn: {}.", record.outcome.reason),
    }
}

/// The opinion, a paragraph an entry. Conditional throughout; GOVERNANCE is never called compliant.
#[must_use]
pub fn opinion(record: &Record) -> Vec<String> {
    let mut all = vec![headline(record)];
    let reads_only = record.only_reads_what_is_there();
    all.push(match record.outcome.exit_code {
        _ if reads_only => "This run only read what is there, and attacked nothing. It says what the bucket showed at \
              the time of the run, and nothing of whether the store keeps it: an audit with attacks and a scan is \
              needed for that. It is no certification and no legal advice."
            .to_owned(),
        0 => "This opinion holds for the store, the bucket, the principals and the configuration named in this \
              report, for the time of the run, and only while the configuration stays as it is shown. It says \
              that records under Object Lock in COMPLIANCE mode, with a retain-until date or a legal hold set as \
              required, resisted the attempts listed here. It is no certification and no legal advice: whether a \
              rule is met also depends on procedures that cannot be tested by requests to a store."
            .to_owned(),
        1 => "At least one attempt that must fail did not fail, at least one object version is protected \
              less than required, or configuration and policies let somebody weaken the protection. What was \
              found, and by which principal, stands in the sections below. \
              Until it is remedied and the run repeated, this report supports no statement that records in \
              this store are kept non-erasable and non-rewriteable."
            .to_owned(),
        4 => "No scenario was run and no scan was made. This report supports no statement about the store."
            .to_owned(),
        _ => "Something that had to be assessed could not be. Silence, missing rights and unreadable answers are \
              not taken for protection. This report supports no statement that records in this store are kept \
              non-erasable and non-rewriteable; what did hold is listed, but does not make up for the rest."
            .to_owned(),
    });
    all.extend(crate::report::profile::opinion(record));
    if let Some(scan) = &record.scan {
        let governance = scan.totals.get("GOVERNANCE").copied().unwrap_or(0);
        if governance > 0 || scan.requirement.mode.as_deref() == Some("GOVERNANCE") {
            all.push(format!(
                "{governance} object {} under GOVERNANCE. Such a lock can be shortened or removed by every \
                 principal that holds s3:BypassGovernanceRetention; this report does not count it as \
                 non-erasable storage, whatever the requirement asked for.",
                if governance == 1 { "version is" } else { "versions are" }
            ));
        }
    }
    if record.target.kind != "endpoint" {
        all.push(format!(
            "The target was started by the tool for this run ({}). The result speaks for this software in \
             this version, not for any store in use.",
            record.target.kind
        ));
    }
    if record.suite_changed {
        all.push(
            "The suite of scenarios is not the one that the tool was qualified with: it was changed for this run."
                .to_owned(),
        );
    }
    if record.times.clock == "virtual" {
        all.push(
            "The server's clock was virtual: waiting for a retain-until date was a jump of that clock."
                .to_owned(),
        );
    }
    if reads_only {
        return all;
    }
    all.push(
        "Attacks were made on canary objects that the tool wrote itself, never on records; that records are \
         treated as the canaries were is inferred from their locks, which the scan reads where one was made."
            .to_owned(),
    );
    all
}

/// The three rules by which every verdict was reached.
pub const RULES: [(&str, &str); 3] = [
    (
        "A refusal proves nothing by itself.",
        "A 403 may come from a missing right, a proxy or a stub. It counts only with a control: the same \
         principal succeeded in a plain request that needs the same right and that no lock can cover.",
    ),
    (
        "An answer proves nothing by itself.",
        "After every attack the version was read back: the same bytes by SHA-256, the same mode, retain-until \
         date and legal hold, still listed. What was left decides, not what was answered.",
    ),
    (
        "Silence is never a pass.",
        "No answer, a server error, a missing permission, an unreadable page: inconclusive, not assessed or \
         skipped with its reason.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn no_outcome_is_called_compliant() {
        let mut record = sample::record();
        for code in [0, 1, 3, 4] {
            record.outcome.exit_code = code;
            let text = opinion(&record).join(" ").to_lowercase();
            assert!(!text.contains("compliant"), "{text}");
            assert!(
                text.contains("s3:bypassgovernanceretention"),
                "the sample has versions under GOVERNANCE"
            );
        }
    }
}
