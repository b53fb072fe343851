//! What is locked must be looked at in the end.

use super::Case;
use crate::scenario::{AfterVersion, ObjectSetup, ObjectSpec, VersionRef};

/// Whether the setup locks the object.
pub(super) fn is_locked(object: &ObjectSpec) -> bool {
    object.retention.is_some() || object.hold == Some(crate::lock::LegalHold::On) || object.inherit
}

pub(super) fn check(case: &Case<'_>) {
    for object in case.scenario.objects.iter().filter(|o| is_locked(o)) {
        if !case.scenario.after.iter().any(|row| row.object == object.name) {
            let hint = format!(
                "add `[scenario.after.{}]` with `version = \"present\"`, `content = \"unchanged\"`, `retention = \
                 \"unchanged\"`",
                object.name
            );
            let message = format!("`{}` is locked, and nothing says what must be left of it", object.name);
            case.say(&format!("object.{}", object.name), message, Some(hint));
        }
    }
    let mut index = std::collections::BTreeMap::<&str, usize>::new();
    for row in &case.scenario.after {
        let n = index.entry(&row.object).or_default();
        let path = format!("after.{}.{n}.version", row.object);
        *n += 1;
        let present = case.scenario.object(&row.object).is_some_and(|o| o.setup != ObjectSetup::Absent);
        if row.version == Some(AfterVersion::NeverMade) && row.of == VersionRef::Own && present {
            let hint = "only a version of an `absent` object, or of a step, can be never made".to_owned();
            case.say(&path, format!("the setup makes `{}`", row.object), Some(hint));
        }
    }
}
