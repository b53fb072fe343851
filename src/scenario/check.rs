//! The rules of the format that no single value breaks: names, shapes of steps, resources, reach and safety,
//! and the controls without which a refusal proves nothing. Described in `docs/scenario-format.md` under
//! "What the parser enforces".

mod afters;
mod controls;
mod logged;
mod names;
mod residue;
mod resources;
mod shape;

use crate::located::{Mistake, Page, Places};
use crate::scenario::{Expect, Purpose, Scenario, Step};

/// One scenario being checked.
struct Case<'a> {
    page: &'a Page<'a>,
    places: &'a Places,
    scenario: &'a Scenario,
}

impl Case<'_> {
    fn say(&self, path: &str, message: impl Into<String>, hint: Option<String>) {
        self.page.say(self.places.of(path), message, hint);
    }

    /// The line of a path in the file.
    fn line(&self, path: &str) -> usize {
        Mistake::at(self.page.file, self.page.text, self.places.of(path), String::new(), None).line
    }

    /// The path of a key of a step.
    fn step(index: usize, key: &str) -> String {
        format!("step.{index}.{key}")
    }

    fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.scenario.steps.iter().enumerate()
    }
}

/// Checks every name against what it names: objects, buckets, bodies, handles, control ids. Can be told even
/// where other values could not be read.
pub(crate) fn names(page: &Page<'_>, places: &Places, scenario: &Scenario, controls: &[&str]) {
    let case = Case { page, places, scenario };
    names::check(&case);
    names::control_ids(&case, controls);
}

/// Checks the rules that need a scenario whose every value was read.
pub(crate) fn rules(page: &Page<'_>, places: &Places, scenario: &Scenario) {
    let case = Case { page, places, scenario };
    shape::check(&case);
    answers(&case);
    resources::check(&case);
    residue::check(&case);
    afters::check(&case);
    logged::check(&case);
    controls::check(&case);
}

/// Purpose, expected answer and reason must fit together.
fn answers(case: &Case<'_>) {
    for (i, step) in case.steps() {
        let expect = Case::step(i, "expect");
        let refused = matches!(step.expect, Expect::Refused | Expect::OneAccepted);
        if refused && step.because.is_empty() {
            let hint = "name the reasons that count: `because = \"object-locked\"`".to_owned();
            case.say(&expect, format!("`expect = \"{}\"` needs `because`", step.expect), Some(hint));
        }
        if !refused && !step.because.is_empty() {
            let message = format!("`expect = \"{}\"` takes no `because`", step.expect);
            let hint = "only `refused` and `one accepted` have reasons".to_owned();
            case.say(&Case::step(i, "because"), message, Some(hint));
        }
        match (step.purpose, step.expect) {
            (Purpose::Attack, Expect::Accepted) => {
                let hint = "what must be accepted is a `control`, a `promise` or a `setup`; if the state alone \
                            decides, write `either`";
                case.say(&expect, "an attack cannot be expected to be accepted", Some(hint.to_owned()));
            }
            (Purpose::Setup | Purpose::Control | Purpose::Promise, Expect::Either) => {
                let hint = "only of an attack the state alone decides".to_owned();
                case.say(&expect, format!("a {} cannot expect `either`", step.purpose), Some(hint));
            }
            (Purpose::Setup | Purpose::Control, Expect::Refused | Expect::OneAccepted) => {
                let hint = "a refused step shows no right and makes no scene; is it an `attack`?".to_owned();
                case.say(&expect, format!("a {} must expect `accepted`", step.purpose), Some(hint));
            }
            _ => {}
        }
        if step.expect == Expect::OneAccepted && step.copies < 2 && step.together.is_none() {
            let hint = "add `copies`, or the same `together` to its rivals".to_owned();
            case.say(&expect, "`one accepted` of a single request", Some(hint));
        }
    }
}
