//! Two records of the same suite on the same server, compared without what differs from run to run: ids, dates,
//! durations, ports, digests of contents that carry the run's nonce.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

/// Keys whose values number, time or sign this very run.
const VOLATILE: &[&str] = &[
    "number",
    "chain",
    "exchange",
    "exchanges",
    "monotonic_us",
    "elapsed_us",
    "sent_at",
    "log_head",
    "times",
    "arguments",
    "signer",
    "run_id",
    // What the server's log had of others' requests meanwhile, how long it took, and where a request came from.
    "others",
    "events",
    "waited_ms",
    "remote",
];

/// In this order: what is longer first.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // In the text of an entry of the server's log.
        (r#","remote":"127\.0\.0\.1""#, ""),
        (r"https?://(127\.0\.0\.1:\d+|embedded\.invalid)|127\.0\.0\.1:\d+|embedded\.invalid", "HOST"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)", "TIME"),
        (r"\d{4}-\d\d-\d\d[T]\d\d%3A\d\d%3A\d\d(\.\d+)?Z", "TIME"),
        (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "TIME"),
        (r"\d{8}T\d{6}Z", "TIME"),
        (r"\b[0-9a-f]{8,}\b|\b[0-9A-F]{16}\b", "HEX"),
        (r"[A-Za-z0-9._-]{24,}", "ID"),
        (r"[A-Za-z0-9+/]{20,}=*", "ID"),
    ]
    .into_iter()
    .map(|(pattern, word)| (Regex::new(pattern).expect("a pattern"), word))
    .collect()
});

fn words(text: &str) -> String {
    PATTERNS
        .iter()
        .fold(text.to_owned(), |text, (pattern, word)| pattern.replace_all(&text, *word).into_owned())
}

fn normal(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(words(text)),
        Value::Array(list) => Value::Array(list.iter().map(normal).collect()),
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(key, _)| !VOLATILE.contains(&key.as_str()))
                .map(|(key, value)| (key.clone(), normal(value)))
                .collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

/// Whether requests are sent at once: who wins then is not determined, only how many.
fn races(scenario: &Value) -> bool {
    let source = scenario["source"].as_str().unwrap_or_default();
    source.lines().any(|l| l.starts_with("together") || l.starts_with("copies"))
}

/// What happened, by run, in its order.
fn events(record: &Value, left_out: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut by_run: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in record["events"].as_array().expect("events") {
        let about = event["about"].as_str().expect("about");
        if !left_out.iter().any(|id| about.starts_with(id.as_str())) {
            by_run.entry(words(about)).or_default().push(normal(event).to_string());
        }
    }
    by_run
}

fn first_difference(about: &str, one: &str, two: &str) -> String {
    let at = one.bytes().zip(two.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        let from = text.floor_char_boundary(at.saturating_sub(160));
        let to = text.floor_char_boundary((at + 160).min(text.len()));
        text[from..to].to_owned()
    };
    format!("{about} differs:\n  in the process: …{}…\n  on a socket:    …{}…", around(one), around(two))
}

/// Panics with the first differences.
pub(super) fn assert_same(inside: &Value, socket: &Value) {
    let mut wrong: Vec<String> = Vec::new();
    let mut differ = |about: &str, one: &Value, two: &Value| {
        let (one, two) = (normal(one).to_string(), normal(two).to_string());
        if one != two {
            wrong.push(first_difference(about, &one, &two));
        }
    };
    for part in [
        "schema",
        "tool",
        "operator",
        "digests",
        "summary",
        "outcome",
        "principals",
        "residue",
        "controls",
        "dialect",
    ] {
        differ(part, &inside[part], &socket[part]);
    }
    let all = |record: &Value| record["scenarios"].as_array().expect("scenarios").clone();
    let (ours, theirs) = (all(inside), all(socket));
    assert_eq!(ours.len(), theirs.len());
    let mut racing = Vec::new();
    for (one, two) in ours.iter().zip(&theirs) {
        let id = one["id"].as_str().expect("an id");
        if races(one) {
            racing.push(id.to_owned());
            for key in ["id", "verdict", "cause", "weakest"] {
                differ(&format!("{id} {key}"), &one[key], &two[key]);
            }
            // Whether an attack was refused or came to nothing depends on who was first; the tries do not.
            let tries = |record: &Value| {
                let reason = record["reason"].as_str().unwrap_or_default();
                Value::from(reason.split_once("; ").map_or(reason, |(_, tries)| tries))
            };
            differ(&format!("{id} reason"), &tries(one), &tries(two));
        } else {
            differ(id, one, two);
        }
    }
    let (ours, theirs) = (events(inside, &racing), events(socket, &racing));
    assert!(ours.len() > 100, "{} runs", ours.len());
    for about in ours.keys().chain(theirs.keys()) {
        match (ours.get(about), theirs.get(about)) {
            (Some(one), Some(two)) => {
                let pair = one.iter().zip(two).find(|(a, b)| a != b);
                if let Some((a, b)) = pair {
                    wrong.push(first_difference(about, a, b));
                } else if one.len() != two.len() {
                    wrong.push(format!(
                        "{about}: {} events in the process, {} on a socket",
                        one.len(),
                        two.len()
                    ));
                }
            }
            _ => wrong.push(format!("{about} is in one record only")),
        }
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
}
