//! By which terms a version is judged: the requirement's own, or those of the first override that matches. Pure.

use crate::lock::{Mode, Reading};
use crate::profile::{ClockStart, HoldRule, Matching, Override, Requirement};
use crate::record::finding::{OverrideText, RequirementText};
use crate::time::Span;

/// What one version has to have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms<'r> {
    /// The override's name, if one matches.
    pub name: Option<&'r str>,
    /// The least mode.
    pub mode: Option<Mode>,
    /// The floor.
    pub min_retention: Option<Span>,
    /// The ceiling.
    pub max_retention: Option<Span>,
    /// Where both are counted from.
    pub clock: ClockStart,
    /// Whether a legal hold is required.
    pub hold: bool,
    /// Whether a legal hold is reported.
    pub holds_reported: bool,
    /// Ends within this time are listed.
    pub horizon: Option<Span>,
    /// Why it is not known which terms hold: such a version is never judged by the weaker ones.
    pub unknown: Option<String>,
}

/// A tag set as it was read.
type Tags = Reading<Vec<(String, String)>>;

impl<'r> Terms<'r> {
    /// The requirement's own terms.
    #[must_use]
    pub fn of(requirement: &'r Requirement) -> Self {
        Self {
            name: None,
            mode: requirement.mode,
            min_retention: requirement.min_retention,
            max_retention: requirement.max_retention,
            clock: requirement.clock,
            hold: requirement.hold,
            holds_reported: requirement.hold_rule == HoldRule::Report && !requirement.hold,
            horizon: requirement.horizon,
            unknown: None,
        }
    }

    fn with(requirement: &'r Requirement, other: &'r Override) -> Self {
        let own = Self::of(requirement);
        let hold = other.hold.unwrap_or(own.hold);
        Self {
            name: Some(&other.name),
            mode: other.mode.or(own.mode),
            min_retention: other.min_retention.or(own.min_retention),
            max_retention: other.max_retention.or(own.max_retention),
            clock: other.clock.unwrap_or(own.clock),
            hold,
            holds_reported: requirement.hold_rule == HoldRule::Report && !hold,
            ..own
        }
    }

    /// The terms of a version by its key relative to the audited prefix, and its tags, if they were asked for.
    /// `None`: its tags decide, and have to be read.
    #[must_use]
    pub fn choose(requirement: &'r Requirement, key: &str, tags: Option<&Tags>) -> Option<Self> {
        for other in &requirement.overrides {
            let Matching { prefix, contains, tag } = &other.matching;
            if prefix.as_ref().is_some_and(|p| !key.starts_with(p.as_str()))
                || contains.as_ref().is_some_and(|c| !key.contains(c.as_str()))
            {
                continue;
            }
            let Some(wanted) = tag else { return Some(Self::with(requirement, other)) };
            match tags? {
                Reading::Known(tags) if tags.contains(wanted) => {
                    return Some(Self::with(requirement, other));
                }
                Reading::Known(_) => {}
                Reading::Unread(why) => {
                    let unknown =
                        format!("`{}` asks for a tag, and the tags could not be read: {why}", other.name);
                    return Some(Self { unknown: Some(unknown), ..Self::of(requirement) });
                }
            }
        }
        Some(Self::of(requirement))
    }
}

/// The requirement as the record says it.
#[must_use]
pub fn text_of(requirement: &Requirement) -> RequirementText {
    let mode = |mode: Option<Mode>| mode.map(|m| m.as_str().to_owned());
    let span = |span: Option<Span>| span.map(|s| s.to_string());
    let clock = |clock: Option<ClockStart>| clock.map(|c| c.to_string());
    RequirementText {
        mode: mode(requirement.mode),
        min_retention: span(requirement.min_retention),
        hold: requirement.hold,
        max_retention: span(requirement.max_retention),
        clock: clock((requirement.clock != ClockStart::Creation).then_some(requirement.clock)),
        holds_reported: requirement.hold_rule == HoldRule::Report,
        horizon: span(requirement.horizon),
        overrides: requirement
            .overrides
            .iter()
            .map(|other| OverrideText {
                name: other.name.clone(),
                matching: matching(&other.matching),
                mode: mode(other.mode),
                min_retention: span(other.min_retention),
                max_retention: span(other.max_retention),
                clock: clock(other.clock),
                hold: other.hold,
                why: other.why.clone(),
                control: other.control.clone(),
            })
            .collect(),
    }
}

fn matching(matching: &Matching) -> String {
    let Matching { prefix, contains, tag } = matching;
    let parts: Vec<String> = [
        prefix.as_ref().map(|p| format!("keys that begin with `{p}`")),
        contains.as_ref().map(|c| format!("keys that contain `{c}`")),
        tag.as_ref().map(|(key, value)| format!("the tag {key}={value}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { "every version".to_owned() } else { parts.join(" and ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(name: &str, matching: Matching, years: u32) -> Override {
        Override {
            name: name.to_owned(),
            matching,
            mode: None,
            min_retention: Some(Span::Months(years * 12)),
            max_retention: None,
            clock: Some(ClockStart::CalendarYearEnd),
            hold: None,
            why: String::new(),
            control: None,
        }
    }

    fn requirement() -> Requirement {
        let tag = |v: &str| Some(("country".to_owned(), v.to_owned()));
        Requirement {
            mode: Some(Mode::Compliance),
            min_retention: Some(Span::Months(120)),
            overrides: vec![
                other("NL", Matching { prefix: Some("NL/".into()), ..Matching::default() }, 7),
                other("DE", Matching { tag: tag("DE"), ..Matching::default() }, 8),
                other("FR", Matching { contains: Some("_FR".into()), ..Matching::default() }, 10),
                other("ES", Matching { prefix: Some("X/".into()), tag: tag("ES"), ..Matching::default() }, 6),
            ],
            ..Requirement::default()
        }
    }

    #[test]
    fn the_first_that_matches_holds_and_tags_are_asked_for_only_where_they_decide() {
        let all = requirement();
        let tags = |v: &str| Reading::Known(vec![("country".to_owned(), v.to_owned())]);
        let name = |key: &str, tags: Option<&Tags>| {
            Terms::choose(&all, key, tags).map(|t| t.name.map(ToOwned::to_owned))
        };
        let some = |name: &str| Some(Some(name.to_owned()));
        assert_eq!(name("NL/1", None), some("NL"));
        assert_eq!(name("1_FR", None), None, "the tag comes before the key");
        assert_eq!(name("1_FR", Some(&tags("DE"))), some("DE"));
        assert_eq!(name("1_FR", Some(&tags("IT"))), some("FR"));
        assert_eq!(name("1", Some(&tags("ES"))), Some(None), "both conditions are needed");
        assert_eq!(name("X/1", Some(&tags("ES"))), some("ES"));
        let terms = Terms::choose(&all, "1", Some(&tags("DE"))).expect("terms");
        assert_eq!((terms.mode, terms.clock), (Some(Mode::Compliance), ClockStart::CalendarYearEnd));
        let unread = Terms::choose(&all, "1", Some(&Reading::Unread("403".into()))).expect("terms");
        assert!(unread.unknown.is_some_and(|why| why.contains("403")));
        let no_tags = Requirement { overrides: vec![all.overrides[0].clone()], ..Requirement::default() };
        assert_eq!(Terms::choose(&no_tags, "1", None).map(|t| t.name), Some(None));
    }
}
