//! The text exposition format of Prometheus, version 0.0.4.

use std::fmt::Write as _;

/// Labels as names and values.
pub(super) type Labels = Vec<(String, String)>;

/// An exposition while it is written.
#[derive(Debug)]
pub(super) struct Text {
    out: String,
    common: Labels,
}

impl Text {
    /// Every sample gets the common labels, before its own.
    pub(super) fn new(common: Labels) -> Self {
        Self { out: String::new(), common }
    }

    /// Begins a family.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing into a text does not fail.
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One sample.
    pub(super) fn sample(&mut self, name: &str, own: &[(&str, &str)], value: impl std::fmt::Display) {
        let _ = writeln!(self.out, "{name}{} {value}", labels(&self.common, own));
    }

    pub(super) fn into_string(self) -> String {
        self.out
    }
}

/// Labels in braces; nothing if there are none.
pub(super) fn labels(common: &Labels, own: &[(&str, &str)]) -> String {
    let all = common.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(own.iter().copied());
    let parts: Vec<String> = all.map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    if parts.is_empty() { String::new() } else { format!("{{{}}}", parts.join(",")) }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Microseconds as seconds, exactly.
pub(super) fn seconds(microseconds: u128) -> String {
    let text = format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_labels_are_escaped_and_seconds_are_exact() {
        let common = vec![("a".to_owned(), "x\\y\"z\n".to_owned())];
        assert_eq!(labels(&common, &[("le", "+Inf")]), r#"{a="x\\y\"z\n",le="+Inf"}"#);
        assert_eq!(labels(&Vec::new(), &[]), "");
        assert_eq!((seconds(0).as_str(), seconds(1_500_000).as_str()), ("0", "1.5"));
        assert_eq!((seconds(10_000_000).as_str(), seconds(17).as_str()), ("10", "0.000017"));
    }
}
