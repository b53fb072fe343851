//! What a write asks for: the lock in headers, in a body, or in fields of a form; and which steps write.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use crate::lock::{LegalHold, Mode, Retention};
use crate::run::handles::{Absent, Handles};
use crate::scenario::{Action, AskRetention, Step, Until};

/// A lock as it is asked for, every part as it is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) mode: Option<Mode>,
    /// The date's text.
    pub(super) until: Option<String>,
    pub(super) hold: Option<LegalHold>,
}

impl Lock {
    /// A whole retention and nothing else.
    pub(super) fn retained(retention: Retention) -> Self {
        Self { mode: Some(retention.mode), until: Some(crate::time::wire(retention.until)), hold: None }
    }

    /// Reckons what is asked for, by the server's clock.
    pub(super) fn resolve(
        retention: Option<&AskRetention>,
        hold: Option<LegalHold>,
        handles: &Handles<'_>,
        server_now: DateTime<Utc>,
    ) -> Result<Self, Absent> {
        let (mode, until) = match retention {
            None | Some(AskRetention::Empty) => (None, None),
            Some(AskRetention::Set { mode, until }) => {
                let until = until.as_ref().map(|u| date(u, handles, server_now)).transpose()?;
                (*mode, until)
            }
        };
        Ok(Self { mode, until, hold })
    }

    /// The retention, if both parts are there and the date can be read.
    pub(super) fn asked(&self) -> Option<Retention> {
        let until = crate::time::parse_wire(self.until.as_deref()?)?;
        Some(Retention { mode: self.mode?, until })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.mode.is_none() && self.until.is_none() && self.hold.is_none()
    }

    /// Header (or form field) names and values.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        pairs.extend(self.mode.map(|m| ("x-amz-object-lock-mode", m.as_str().to_owned())));
        pairs.extend(self.until.clone().map(|u| ("x-amz-object-lock-retain-until-date", u)));
        pairs.extend(self.hold.map(|h| ("x-amz-object-lock-legal-hold", h.as_str().to_owned())));
        pairs
    }

    /// The inside of a `<Retention>`.
    pub(super) fn xml(&self) -> String {
        let mut xml = String::new();
        if let Some(mode) = self.mode {
            xml.push_str(&format!("<Mode>{}</Mode>", mode.as_str()));
        }
        if let Some(until) = &self.until {
            let until = crate::store::ops::xml_text(until);
            xml.push_str(&format!("<RetainUntilDate>{until}</RetainUntilDate>"));
        }
        xml
    }
}

fn date(until: &Until, handles: &Handles<'_>, server_now: DateTime<Utc>) -> Result<String, Absent> {
    let instant = match until {
        Until::Lasts(span) => span.after(whole_second(server_now)),
        Until::At(instant) => *instant,
        Until::Relative(moment) => {
            let end = handles
                .until(&moment.object)
                .ok_or_else(|| Absent(format!("{} has no lock with an end", moment.object)))?;
            end.checked_add_signed(moment.offset).unwrap_or(end)
        }
        Until::Literal(text) => return Ok(text.clone()),
    };
    Ok(crate::time::wire(instant))
}

/// The next whole second: some servers keep no fractions, and a lock cut short would look like a fault.
pub(super) fn whole_second(instant: DateTime<Utc>) -> DateTime<Utc> {
    let whole = instant.trunc_subsecs(0);
    if whole < instant { whole + TimeDelta::seconds(1) } else { whole }
}

/// Whether an accepted step of this kind makes a version that holds data.
pub(super) fn makes_version(step: &Step) -> bool {
    match step.action {
        Action::PutObject | Action::CopyObject | Action::CompleteMultipartUpload | Action::PostForm => true,
        Action::Raw => {
            matches!(step.method.as_deref(), Some("PUT" | "POST"))
                && step.object.is_some()
                && !names_sub_resource(step)
        }
        _ => false,
    }
}

/// Whether a raw step's query aims at something beside the object's data.
fn names_sub_resource(step: &Step) -> bool {
    let subs = ["retention", "legal-hold", "tagging", "acl", "uploads", "uploadId", "restore", "select"];
    step.query.iter().any(|(name, _)| subs.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_never_ends_before_the_span_that_was_asked_for() {
        let start = DateTime::<Utc>::UNIX_EPOCH;
        assert_eq!(whole_second(start), start);
        assert_eq!(whole_second(start + TimeDelta::milliseconds(1)), start + TimeDelta::seconds(1));
    }

    #[test]
    fn half_a_lock_is_sent_as_half_a_lock() {
        let lock = Lock { mode: Some(Mode::Compliance), ..Lock::default() };
        assert_eq!(lock.asked(), None);
        assert_eq!(lock.pairs(), [("x-amz-object-lock-mode", "COMPLIANCE".to_owned())]);
        assert_eq!(lock.xml(), "<Mode>COMPLIANCE</Mode>");
    }
}
