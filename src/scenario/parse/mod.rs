//! Scenario files: TOML text in, scenarios or mistakes with their places out.

mod check;
mod convert;
mod mistake;
mod raw;

pub use mistake::Mistake;

use sha2::{Digest, Sha256};

/// Reads one file. `group` is the folder and file it stands in; `controls` are the ids of the control catalogue;
/// `policies` gives the text of a policy file.
///
/// # Errors
/// Every mistake that could be found, in the order of the file.
pub fn parse_file(
    file: &str,
    group: &str,
    text: &str,
    controls: &[&str],
    policies: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<super::Scenario>, Vec<Mistake>> {
    let raw: raw::RawFile = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
            let hint = if message.starts_with("unknown field") {
                "docs/scenario-format.md lists every key"
            } else {
                "the file is TOML; docs/scenario-format.md describes it"
            };
            return Err(vec![Mistake::at(file, text, &span, message, hint.to_owned())]);
        }
    };
    let mut reader = convert::Reader { file, text, mistakes: Vec::new(), policies };
    if raw.scenario.is_empty() {
        reader.wrong(&(0..0), "the file has no scenario", "begin one with [[scenario]]");
    }
    let sources = sources(text);
    let mut scenarios = Vec::new();
    for (raw, source) in raw.scenario.iter().zip(&sources) {
        let raw = raw.get_ref();
        let before = reader.mistakes.len();
        let Some(mut scenario) = reader.scenario(raw, group) else { continue };
        scenario.source = (*source).to_owned();
        scenario.digest = hex::encode(Sha256::digest(source.as_bytes()));
        if reader.mistakes.len() == before {
            check::check(&mut reader, raw, &scenario, controls);
        }
        scenarios.push(scenario);
    }
    if reader.mistakes.is_empty() {
        Ok(scenarios)
    } else {
        let mut mistakes = reader.mistakes;
        mistakes.sort_by_key(|m| (m.line, m.column));
        Err(mistakes)
    }
}

/// Each scenario's own text: from its `[[scenario]]` line to the next one's.
fn sources(text: &str) -> Vec<&str> {
    let mut starts = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim() == "[[scenario]]" {
            starts.push(at);
        }
        at += line.len();
    }
    starts
        .iter()
        .enumerate()
        .map(|(i, start)| text[*start..starts.get(i + 1).copied().unwrap_or(text.len())].trim_end())
        .collect()
}
