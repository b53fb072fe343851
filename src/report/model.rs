//! The record as people read it: groups, counts, what comes first, the words of the opinion, and text from
//! outside made harmless.

use std::fmt::Write as _;

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

/// How the run ended, in one word for a banner.
#[must_use]
pub fn banner(record: &Record) -> (Status, &'static str) {
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
        || record.analysis.iter().flat_map(|a| &a.findings).any(|f| f.waived.is_some())
}

/// What the run amounts to, in one conditional sentence.
#[must_use]
pub fn headline(record: &Record) -> String {
    let counts = Counts::of(&record.scenarios);
    match record.outcome.exit_code {
        0 => {
            let mut text = if record.scenarios.is_empty() {
                "Within the scope and under the conditions stated in this report, no object version was found \
                 that is protected less than required."
                    .to_owned()
            } else {
                format!(
                    "Within the scope and under the conditions stated in this report, {} of {} guarantees that \
                     were assessed held against every attack that was made on canary objects.",
                    counts.get(Status::Pass),
                    counts.total() - counts.get(Status::Skipped),
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
    all.push(match record.outcome.exit_code {
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

/// A long reason in short: its first parts (it is a list with semicolons) and how many more there are, and
/// digests by their first twelve digits. The whole stands in the record and in the scenario's own section.
#[must_use]
pub fn brief(reason: &str) -> String {
    const PARTS: usize = 3;
    const DIGEST: usize = 64;
    let parts: Vec<&str> = reason.split("; ").collect();
    let cut = match parts.get(..PARTS) {
        Some(first) if parts.len() > PARTS + 1 => {
            format!("{}; and {} more", first.join("; "), parts.len() - PARTS)
        }
        _ => reason.to_owned(),
    };
    let words: Vec<String> = cut
        .split(' ')
        .map(|word| {
            let digits = word.trim_end_matches([',', '.', ';']);
            if digits.len() == DIGEST && digits.chars().all(|c| c.is_ascii_hexdigit()) {
                format!("{}…{}", &digits[..12], &word[DIGEST..])
            } else {
                word.to_owned()
            }
        })
        .collect();
    words.join(" ")
}

/// Text from outside, made harmless and unmistakable: control characters, bidirectional and invisible marks, odd
/// spaces and private characters are written as `\u{202E}`; so is a space at either end or after another space,
/// and a backslash that would look like such an escape. Different texts stay different.
#[must_use]
pub fn show(text: &str) -> String {
    escape(text, |_| true)
}

/// Like [`show`]; characters that `drawable` denies are escaped too.
#[must_use]
pub fn escape(text: &str, drawable: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut after_space = true;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let plain = match c {
            ' ' => !after_space && next.is_some(),
            '\\' => !(next == Some('u') && { chars.clone().nth(1) == Some('{') }),
            ' '..='~' => true,
            _ => !hostile(c) && drawable(c),
        };
        after_space = c == ' ';
        if plain {
            out.push(c);
        } else {
            let _ = write!(out, "\\u{{{:X}}}", u32::from(c));
        }
    }
    out
}

/// Text of many lines for a terminal: what could mislead it is escaped, lines and spaces stay.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && hostile(c) {
            let _ = write!(out, "\\u{{{:X}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// JSON that no terminal can be misled by. In it such characters stand in strings only, where they may be escaped.
#[must_use]
pub fn harmless_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c > '~' && hostile(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character can mislead a reader or a terminal.
fn hostile(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(u32::from(c),
            0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164
            | 0xE000..=0xF8FF | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFF
            | 0x1_D173..=0x1_D17A | 0xE_0000..=0x10_FFFF)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_long_reason_is_cut_between_its_parts_and_says_so() {
        assert_eq!(super::brief("a; b; c; d"), "a; b; c; d");
        assert_eq!(super::brief("a; b; c; d; e"), "a; b; c; and 2 more");
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(super::brief(&format!("SHA-256 {digest} before, {digest}, now")), {
            "SHA-256 0123456789ab… before, 0123456789ab…, now"
        });
    }

    use super::*;
    use crate::report::sample;

    #[test]
    fn hostile_text_is_shown_and_not_obeyed() {
        assert_eq!(show("\u{1b}[31mred\u{7}"), "\\u{1B}[31mred\\u{7}");
        assert_eq!(show("invoice\u{202E}fdp.exe"), "invoice\\u{202E}fdp.exe");
        assert_eq!(show("a\nb\tc\u{a0}d\u{200b}"), "a\\u{A}b\\u{9}c\\u{A0}d\\u{200B}");
        assert_eq!(show("Łódź 日本 ≤ ✓"), "Łódź 日本 ≤ ✓");
        assert_eq!(show("C:\\new \\d+"), "C:\\new \\d+");
    }

    #[test]
    fn two_texts_never_look_the_same() {
        let texts = [
            "\u{202E}",
            "\\u{202E}",
            "\\\u{202E}",
            "\\\\u{202E}",
            "\\u{5C}u{202E}",
            "a  b",
            "a b",
            " a b",
            "a b ",
            "a \\u{20}b",
        ];
        let shown: std::collections::BTreeSet<String> = texts.iter().map(|t| show(t)).collect();
        assert_eq!(shown.len(), texts.len(), "{shown:?}");
    }

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
