//! The requirement, the sample and the attachments in words.

use crate::record::attachment::Attachment;
use crate::record::counted;
use crate::record::finding::{OverrideText, RequirementText, ScanResult};

/// What the scan required of every version, in words.
#[must_use]
pub fn requirement(requirement: &RequirementText) -> String {
    let mut parts = Vec::new();
    if let Some(mode) = &requirement.mode {
        parts.push(format!("mode {mode}"));
    }
    parts.extend(length(requirement.min_retention.as_deref(), requirement.max_retention.as_deref()));
    if let Some(clock) = &requirement.clock {
        parts.push(format!("counted from {clock}"));
    }
    if requirement.hold {
        parts.push("a legal hold".to_owned());
    }
    if requirement.holds_reported {
        parts.push("legal holds are reported".to_owned());
    }
    if let Some(horizon) = &requirement.horizon {
        parts.push(format!("ends within {horizon} are listed"));
    }
    if parts.is_empty() { "any lock in force".to_owned() } else { parts.join(", ") }
}

fn length(least: Option<&str>, most: Option<&str>) -> Option<String> {
    match (least, most) {
        (None, None) => None,
        (Some(least), None) => Some(format!("retention of at least {least}")),
        (None, Some(most)) => Some(format!("retention of at most {most}")),
        (Some(least), Some(most)) => Some(format!("retention of at least {least} and at most {most}")),
    }
}

/// Names and texts of what a scan's table shows beside its totals: the other terms, and the sample.
#[must_use]
pub fn facts(scan: &ScanResult) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = scan
        .requirement
        .overrides
        .iter()
        .map(|other| {
            let count = scan.by_override.get(&other.name).copied().unwrap_or(0);
            (format!("Terms of {}", other.name), format!("{}; {}", terms(other), counted(count, "version")))
        })
        .collect();
    let Some(sample) = &scan.sample else { return facts };
    let compared: Vec<String> =
        sample.compared.iter().map(|(with, count)| format!("{count} with {with}")).collect();
    let compared =
        if compared.is_empty() { String::new() } else { format!("; compared: {}", compared.join(", ")) };
    let again =
        if sample.again == 0 { String::new() } else { format!(", {} of an earlier record", sample.again) };
    facts.push((
        "Read whole".to_owned(),
        format!(
            "{} ({} chosen at random from {}{again}): {} altered, {} not readable{compared}{}",
            counted(sample.read, "version"),
            sample.chosen,
            sample.population,
            sample.altered,
            sample.unreadable,
            if sample.complete { "" } else { "; interrupted" }
        ),
    ));
    facts.push(("Seed of the choice".to_owned(), sample.seed.clone()));
    facts
}

fn terms(other: &OverrideText) -> String {
    let mut parts = vec![other.matching.clone()];
    parts.extend(other.mode.as_ref().map(|mode| format!("mode {mode}")));
    parts.extend(length(other.min_retention.as_deref(), other.max_retention.as_deref()));
    parts.extend(other.clock.as_ref().map(|clock| format!("counted from {clock}")));
    parts.extend(
        other.hold.map(|hold| if hold { "a legal hold" } else { "no legal hold required" }.to_owned()),
    );
    let text = parts.join(", ");
    if other.why.is_empty() { text } else { format!("{text} ({})", other.why) }
}

/// One attachment: name, media type and size, digest.
#[must_use]
pub fn attachment(attachment: &Attachment) -> [String; 3] {
    let about = format!("{}, {} bytes", attachment.media_type, attachment.size);
    [attachment.name.clone(), about, attachment.sha256.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_is_said_whole() {
        let text = |s: &str| Some(s.to_owned());
        let whole = RequirementText {
            mode: text("COMPLIANCE"),
            min_retention: text("10 years"),
            max_retention: text("11 years"),
            clock: text("the end of the calendar year of its creation"),
            holds_reported: true,
            horizon: text("30 days"),
            ..RequirementText::default()
        };
        assert_eq!(
            requirement(&whole),
            "mode COMPLIANCE, retention of at least 10 years and at most 11 years, counted from the end of the \
             calendar year of its creation, legal holds are reported, ends within 30 days are listed"
        );
        assert_eq!(requirement(&RequirementText::default()), "any lock in force");
    }
}
