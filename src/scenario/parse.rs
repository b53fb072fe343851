//! The scenario file format: text to [`Scenario`]s, or all mistakes of the file with their places.
//!
//! The format is described in `docs/scenario-format.md`; its rules are in [`super::check`]. Reading is by
//! hand over a table that keeps positions, see [`crate::located`].

mod convert;
mod steps;
mod values;

use std::ops::Range;

use toml::de::{DeTable, DeValue};

pub(crate) use steps::AFTER_WORDS;
pub(crate) use values::VERSIONS;

pub use crate::located::Mistake;
use crate::located::{Page, Places, near};
use crate::scenario::Scenario;
use crate::scenario::check;

/// Reads a scenario file. `file` is what mistakes call it; `group` is the folder and file its scenarios stand in;
/// `controls` are the known control ids; `policies` gives the text of a policy file.
///
/// A stored [`Scenario::source`], read again with its own group and controls, gives the same scenario.
///
/// # Errors
/// Every mistake that can be told from the others, in the order of the file.
pub fn parse_file(
    file: &str,
    group: &str,
    text: &str,
    controls: &[&str],
    policies: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Scenario>, Vec<Mistake>> {
    let page = Page::new(file, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        page.say(error.span().unwrap_or(0..0), error.message().trim(), None);
    }
    let mut scenarios = Vec::new();
    // After a syntax error the table is a guess: what it lacks would be reported as a second mistake.
    if errors.is_empty() {
        for (table, header, source) in tables(&page, document.get_ref()) {
            let places = Places::default();
            let before = page.count();
            let scenario = convert::scenario(&page, &places, table, (header, source), group, policies);
            check::names(&page, &places, &scenario, controls);
            if page.count() == before {
                check::rules(&page, &places, &scenario);
            }
            scenarios.push((scenario, places));
        }
        for (i, (scenario, places)) in scenarios.iter().enumerate() {
            if scenarios[..i].iter().any(|(other, _)| other.id == scenario.id) && !scenario.id.is_empty() {
                let hint = Some("ids are never reused".to_owned());
                page.say(places.of("id"), format!("the id `{}` is used twice", scenario.id), hint);
            }
        }
    }
    if page.count() > 0 {
        return Err(page.into_mistakes());
    }
    Ok(scenarios.into_iter().map(|(scenario, _)| scenario).collect())
}

/// Each `[[scenario]]` with its header and its own text: from the header to the next one, without the blank
/// lines at its end.
fn tables<'d, 't>(
    page: &Page<'t>,
    document: &'d DeTable<'t>,
) -> Vec<(&'d DeTable<'t>, Range<usize>, &'t str)> {
    for key in document.keys().filter(|key| key.get_ref() != "scenario") {
        let message = format!("unknown key `{}` outside a scenario", key.get_ref());
        let hint =
            near(key.get_ref(), ["scenario"]).map(|_| "a scenario begins with `[[scenario]]`".to_owned());
        page.say(key.span(), message, hint);
    }
    let Some(value) = document.get("scenario") else {
        page.say(
            0..0,
            "the file holds no scenario",
            Some("a scenario begins with `[[scenario]]`".to_owned()),
        );
        return Vec::new();
    };
    let items: &[_] = if let DeValue::Array(items) = value.get_ref() { items } else { &[] };
    let mut found = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let start = item.span().start;
        let header = page.text.get(start..).is_some_and(|rest| rest.starts_with("[["));
        if let (DeValue::Table(table), true) = (item.get_ref(), header) {
            let end = items.get(i + 1).map_or(page.text.len(), |next| next.span().start);
            found.push((table, item.span(), page.text.get(start..end).unwrap_or_default().trim_end()));
        }
    }
    if found.len() != items.len() || items.is_empty() {
        page.say(
            value.span(),
            "a scenario is a table",
            Some("write its header as `[[scenario]]`".to_owned()),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Action, As, Because, Expect, Role, VersionRef};

    /// The first fenced example of the format's description.
    fn example() -> String {
        let text = include_str!("../../docs/scenario-format.md");
        let (_, rest) = text.split_once("```toml\n").expect("an example");
        rest.split_once("```").expect("its end").0.to_owned()
    }

    fn read(text: &str) -> Result<Vec<Scenario>, Vec<Mistake>> {
        let controls = ["SEC 17a-4(f)(2)(i)(B)"];
        parse_file("group/file.toml", "group/file", text, &controls, &|_| None)
    }

    #[test]
    fn the_example_of_the_description_is_a_scenario() {
        let text = format!("# a comment\n\n{}", example());
        let scenarios = read(&text).unwrap_or_else(|m| panic!("{}", m[0]));
        let [scenario] = &scenarios[..] else { panic!("one scenario") };
        assert_eq!(scenario.id, "WORM-101");
        assert_eq!(scenario.group, "group/file");
        assert_eq!(scenario.for_each, [Role::Administrator, Role::Deleter]);
        assert_eq!(scenario.steps.len(), 2);
        let attack = &scenario.steps[1];
        assert_eq!(
            (attack.who, attack.action, attack.expect),
            (As::Each, Action::DeleteVersion, Expect::Refused)
        );
        assert_eq!(attack.because, [Because::ObjectLocked]);
        assert_eq!(scenario.steps[0].version, Some(VersionRef::Marker));
        let line = scenario.source.lines().nth(attack.line as usize - 1);
        assert_eq!(line, Some("[[scenario.step]]"), "lines count from the scenario's own header");
        assert!(scenario.source.starts_with("[[scenario]]") && scenario.source.ends_with("\"unchanged\""));
    }

    #[test]
    fn a_stored_source_gives_the_same_scenario_again() {
        let second = example().replace("WORM-101", "WORM-102");
        let text = format!("\n\n{}\n# the next one\n{second}\n\n", example());
        let scenarios = read(&text).unwrap_or_else(|m| panic!("{}", m[0]));
        assert_eq!(scenarios.len(), 2);
        for scenario in scenarios {
            let again = read(&scenario.source).expect("the same");
            assert_eq!(again, [scenario]);
        }
    }

    #[test]
    fn every_mistake_of_a_file_is_shown_not_only_the_first() {
        let text = example()
            .replace("severity = \"critical\"", "severity = \"very bad\"")
            .replace("object  = \"scratch\"", "object  = \"scrach\"\nbypass-govenance = true")
            .replace("because = \"object-locked\"", "because = \"object-lock\"");
        let mistakes = read(&text).expect_err("three mistakes");
        let messages: Vec<&str> = mistakes.iter().map(|m| m.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "`very bad` is not a value of `severity`",
                "there is no object `scrach`",
                "unknown key `bypass-govenance` in a step",
                "`object-lock` is not a value of `because`",
            ]
        );
        assert_eq!(mistakes[1].hint.as_deref(), Some("did you mean `scratch`?"));
    }

    #[test]
    fn a_refusal_without_its_control_is_a_mistake() {
        let text = example().replace("version = \"marker\"", "version = \"own\"");
        let mistakes = read(&text).expect_err("the control may meet a lock");
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].message.contains("may meet a lock itself"), "{}", mistakes[0]);
    }

    #[test]
    fn no_text_makes_the_reader_panic() {
        let text = example();
        let marks: Vec<usize> = text.char_indices().map(|(i, _)| i).step_by(7).collect();
        for cut in marks {
            let _ = read(&text[..cut]);
            let _ = read(&format!("{}\u{0}ö\"{}", &text[..cut], &text[cut..]));
        }
    }
}
