//! Which keys belong to an id. Pure.

use crate::record::trail::ID;
use crate::scan::below::below;

use super::TrailError;

/// The keys of one pattern and one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    /// The pattern as given.
    pub(super) pattern: String,
    /// What every key begins with.
    pub(super) prefix: String,
}

impl Keys {
    /// Joins prefix, pattern and id.
    pub(super) fn new(prefix: &str, pattern: &str, id: &str) -> Result<Self, TrailError> {
        let fail = |why: &'static str| TrailError::Keys { pattern: pattern.to_owned(), why };
        let (before, after) = pattern.split_once(ID).ok_or_else(|| fail("it does not say {id}"))?;
        if after.contains(ID) {
            return Err(fail("it says {id} twice"));
        }
        if before.contains(['{', '}']) || after.contains(['{', '}']) {
            return Err(fail("{id} is the only placeholder"));
        }
        check(id)?;
        Ok(Self { pattern: pattern.to_owned(), prefix: format!("{}{id}{after}", below(prefix, before)) })
    }
}

/// An id that could name the folder of another record, or anything at all, is refused.
fn check(id: &str) -> Result<(), TrailError> {
    let fail = |why: &'static str| Err(TrailError::Id { id: id.to_owned(), why });
    if id.is_empty() {
        return fail("it is empty");
    }
    if id.contains('/') {
        return fail("it has a slash, which separates folders");
    }
    if id.chars().any(char::is_control) {
        return fail("it has a control character");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(prefix: &str, pattern: &str, id: &str) -> Option<String> {
        Keys::new(prefix, pattern, id).ok().map(|keys| keys.prefix)
    }

    #[test]
    fn a_pattern_and_an_id_make_a_prefix() {
        let of = |root: &str, id: &str| prefix(root, "invoices/{id}_country/", id);
        assert_eq!(of("", "4711").as_deref(), Some("invoices/4711_country/"));
        assert_eq!(of("archive", "4711").as_deref(), Some("archive/invoices/4711_country/"));
        assert_eq!(of("archive/invoices/", "4711").as_deref(), Some("archive/invoices/4711_country/"));
        assert_eq!(of("", "a b+%2F").as_deref(), Some("invoices/a b+%2F_country/"));
        assert_eq!(prefix("", "{id}", "7").as_deref(), Some("7"));
    }

    #[test]
    fn what_is_no_pattern_or_no_id_is_refused() {
        for wrong in ["invoices/", "{id}/{id}/", "{number}/{id}/", "invoices/{id}/}"] {
            assert_eq!(prefix("", wrong, "7"), None, "{wrong}");
        }
        for wrong in ["", "a/b", "../x", "a\nb", "a\u{7f}"] {
            assert_eq!(prefix("", "invoices/{id}/", wrong), None, "{wrong:?}");
        }
    }
}
