//! Conditional writes and deletes on general-purpose buckets.

use super::defects::{Defect, Defects};
use super::fault::Fault;
use super::model::Version;
use super::objects::Via;

/// `If-Match` and `If-None-Match` as they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// `If-Match`.
    pub if_match: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
}

/// An ETag without quotes, weak prefix and blanks.
#[must_use]
pub fn bare(etag: &str) -> &str {
    etag.trim().trim_start_matches("W/").trim_matches('"')
}

impl Condition {
    /// Refuses what AWS has not implemented: both headers, `If-Match: *`, `If-None-Match: "etag"`.
    ///
    /// # Errors
    /// 501 `NotImplemented`.
    pub fn check_form(&self) -> Result<(), Fault> {
        match (&self.if_match, &self.if_none_match) {
            (Some(_), Some(_)) => Err(Fault::not_implemented(
                "If-Match,If-None-Match",
                "Multiple conditional request headers present in the request",
            )),
            (None, Some(value)) if value.trim() != "*" => Err(Fault::not_implemented(
                "If-None-Match",
                "We don't accept the provided value of If-None-Match header for this API",
            )),
            (Some(value), None) if value.trim() == "*" => Err(Fault::not_implemented(
                "If-Match",
                "We don't accept the provided value of If-Match header for this API",
            )),
            _ => Ok(()),
        }
    }

    /// Whether a write may go ahead over the current version.
    ///
    /// # Errors
    /// 501, 412, or 404 where `If-Match` finds nothing.
    pub fn check(
        &self,
        current: Option<&Version>,
        key: &str,
        via: Via,
        defects: Defects,
    ) -> Result<(), Fault> {
        self.check_form()?;
        let object = current.and_then(|found| found.object.as_deref());
        if self.if_none_match.is_some() && object.is_some() {
            let ignored = match via {
                Via::Put | Via::Form => Defect::IfNoneMatchIgnored,
                Via::Copy => Defect::IfNoneMatchIgnoredOnCopy,
                Via::Multipart => Defect::IfNoneMatchIgnoredOnMultipart,
            };
            if !defects.has(ignored) {
                return Err(Fault::precondition("If-None-Match"));
            }
        }
        let held = match (&self.if_match, object) {
            (Some(_), None) => Err(Fault::no_key(key)),
            (Some(etag), Some(object)) if bare(etag) != object.etag => Err(Fault::precondition("If-Match")),
            _ => Ok(()),
        };
        held.or_else(|fault| if defects.has(Defect::IfMatchIgnored) { Ok(()) } else { Err(fault) })
    }

    /// Whether a delete may go ahead: `If-Match` is about the current version, and `*` is allowed.
    ///
    /// # Errors
    /// 412, or 404 where there is nothing.
    pub fn check_delete(&self, current: Option<&Version>, key: &str, defects: Defects) -> Result<(), Fault> {
        let object = current.and_then(|found| found.object.as_deref());
        let held = match (&self.if_match, object) {
            (Some(_), None) => Err(Fault::no_key(key)),
            (Some(etag), Some(object)) if etag.trim() != "*" && bare(etag) != object.etag => {
                Err(Fault::precondition("If-Match"))
            }
            _ => Ok(()),
        };
        held.or_else(|fault| if defects.has(Defect::IfMatchIgnored) { Ok(()) } else { Err(fault) })
    }
}
