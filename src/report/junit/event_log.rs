//! The check of the event log: a case for each property that was not found broken, and one for each rule that was.

use super::{Case, Ending, NAMED, Suite};
use crate::record::Record;
use crate::record::event_log::{EventLogCheck, EventLogResult, EventLogRule, PropertyState};
use crate::scenario::Severity;

pub(super) fn suite(record: &Record) -> Option<Suite> {
    let log = record.event_log.as_ref()?;
    let fail_on = record.gate.map_or(Severity::Medium, |g| g.fail_on);
    let held = log.checks.iter().filter(|c| c.state != PropertyState::Broken).map(property);
    let found = log.by_rule().map(|(rule, count, waived)| found(log, rule, count, waived, fail_on));
    Some(Suite { name: "event log".to_owned(), cases: held.chain(found).collect() })
}

fn property(check: &EventLogCheck) -> Case {
    let (ending, message) = match check.state {
        PropertyState::NotAssessed if !check.may_be_open => (Ending::Error, check.reason.clone()),
        PropertyState::NotAssessed => (Ending::Skipped, format!("not assessed: {}", check.reason)),
        PropertyState::Held | PropertyState::Broken => (Ending::Passed, String::new()),
    };
    case(check.property.sentence(), "not-assessed", ending, message)
}

fn found(
    log: &EventLogResult,
    rule: EventLogRule,
    count: u64,
    waived: Option<&str>,
    fail_on: Severity,
) -> Case {
    let text = format!("{count} {rule} in {} events", log.events);
    let (ending, message) = match waived {
        Some(who) => (Ending::Skipped, format!("accepted risk: {who}")),
        None if rule.severity() >= fail_on => (Ending::Failure, text),
        None => (Ending::Skipped, format!("{}, below --fail-on: {text}", rule.severity())),
    };
    let mut case = case(rule.word(), rule.word(), ending, message);
    let of_rule = log.first.iter().filter(|f| f.rule == rule);
    case.lines = of_rule.take(NAMED).map(|f| format!("{}: {}", f.number, f.detail)).collect();
    case
}

fn case(name: &str, kind: &str, ending: Ending, message: String) -> Case {
    Case {
        class: "wormproof.event-log".to_owned(),
        name: name.to_owned(),
        seconds: 0.0,
        ending,
        message,
        kind: kind.to_owned(),
        lines: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_is_accepted_is_skipped_and_what_is_not_fails() {
        let mut record = sample::record();
        let mut log = sample::event_log();
        log.waived.insert("gap".to_owned(), "known (A. Person, until 2026-12-31)".to_owned());
        record.event_log = Some(log);
        let shown: Vec<(String, bool, bool)> = suite(&record)
            .expect("a suite")
            .cases
            .iter()
            .map(|c| {
                (c.name.clone(), matches!(c.ending, Ending::Failure), c.message.contains("accepted risk"))
            })
            .collect();
        assert!(shown.contains(&("gap".to_owned(), false, true)), "{shown:?}");
        assert!(shown.contains(&("two-holders".to_owned(), true, false)), "{shown:?}");
        let mut table = crate::report::terminal::table(&record, &crate::report::Options::default());
        table.retain(|c| c != '\n');
        assert!(table.contains("known (A. Person, until"), "{table}");
    }
}
