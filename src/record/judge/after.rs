//! The rows of `after`: what must hold of a version at the end, or right after a step.

use chrono::{DateTime, TimeDelta, Utc};

use crate::lock::{LegalHold, Presence, Reading, Retention};
use crate::record::evidence::Observation;
use crate::record::judge::compare::{self, Difference};
use crate::record::judge::effect::Around;
use crate::record::verdict::Cause;
use crate::scenario::{After, AfterContent, AfterRetention, AfterVersion, VersionRef};

/// How far a default retention's end may lie from creation plus period: the store reckons from its own
/// clock at an instant that the client does not see.
const DEFAULT_TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// Checks one row against the read-back in `around.after`. `accepted` says of a step's name which of
/// its requests was accepted (its index), if any.
#[must_use]
pub fn check(around: Around<'_>, row: &After, accepted: &dyn Fn(&str) -> Option<usize>) -> Vec<Difference> {
    if let Some(name) = &row.if_accepted
        && accepted(name).is_none()
    {
        return Vec::new();
    }
    let object = row.object.as_str();
    let of = match &row.of {
        VersionRef::Step(name) => name.as_str(),
        VersionRef::Marker => "marker",
        _ => "own",
    };
    let mut found = Vec::new();
    counts(around.after, row, &mut found);
    if row.version == Some(AfterVersion::NeverMade) {
        never_made(around, row, of, &mut found);
        return found;
    }
    if row.version.is_none() && row.content.is_none() && row.retention.is_none() && row.hold.is_none() {
        return found;
    }
    let broken = |cause, text: String| Difference::Broken { cause, text, object: object.to_owned() };
    let undone = |cause, text: String| Difference::Undone { cause, text, object: object.to_owned() };
    let Some(observed) = around.after.version(object, of) else {
        found.push(Difference::Unread(format!("{object} ({of}) has no version that could be read back")));
        return found;
    };
    let state = &observed.state;
    let name = if of == "own" { object.to_owned() } else { format!("{object} ({of})") };

    if row.version == Some(AfterVersion::Gone) {
        match (&state.presence, &state.listed) {
            (Reading::Known(Presence::Gone), Reading::Known(false)) => {}
            (Reading::Known(Presence::Gone), Reading::Known(true)) => {
                found.push(broken(Cause::FalseAnswer, format!("{name} cannot be read but is still listed")));
            }
            (Reading::Known(Presence::Present { .. } | Presence::Marker), Reading::Known(_)) => {
                found.push(undone(Cause::PromiseBroken, format!("{name} is still there")));
            }
            (Reading::Unread(why), _) | (_, Reading::Unread(why)) => {
                found.push(Difference::Unread(format!("{name} could not be looked up: {why}")));
            }
        }
        return found;
    }
    found.extend(compare::unread(&name, state).into_iter().map(Difference::Unread));
    match (&state.presence, &state.listed) {
        (Reading::Known(Presence::Gone), _) => {
            found.push(broken(Cause::Destroyed, format!("{name} is gone")));
            return found;
        }
        (Reading::Known(Presence::Marker), _) if of != "marker" => {
            found.push(broken(Cause::Destroyed, format!("{name} is a delete marker now")));
            return found;
        }
        (Reading::Known(_), Reading::Known(false)) => {
            found.push(broken(Cause::Destroyed, format!("{name} can be read but is not listed")));
        }
        _ => {}
    }
    if let (Some(content), Reading::Known(Presence::Present { sha256, .. })) = (&row.content, &state.presence)
    {
        let wanted = match content {
            AfterContent::Unchanged => around.evidence.placed(object).and_then(|p| p.sha256.clone()),
            AfterContent::Of(step) => sent_by(around, step, accepted).and_then(|s| s.sha256.clone()),
        };
        match wanted {
            Some(wanted) if wanted == *sha256 => {}
            Some(wanted) => found.push(broken(
                Cause::Destroyed,
                format!("{name} holds other bytes: SHA-256 {wanted} was written, {sha256} is read"),
            )),
            None => found.push(Difference::Unread(format!("what {name} should hold is not known"))),
        }
    }
    if let (Some(wanted), Reading::Known(has)) = (&row.retention, &state.retention) {
        retention(around, row, wanted, *has, &name, accepted, &mut found);
    }
    if let (Some(wanted), Reading::Known(has)) = (row.hold, &state.hold)
        && wanted != *has
    {
        let text = format!("{name} has legal hold {}, not {}", has.as_str(), wanted.as_str());
        found.push(match wanted {
            LegalHold::On => broken(Cause::Unlocked, text),
            LegalHold::Off => undone(Cause::Changed, text),
        });
    }
    found
}

/// The accepted request of a step (of a race: the accepted copy), or its only one.
fn sent_by<'a>(
    around: Around<'a>,
    name: &str,
    accepted: &dyn Fn(&str) -> Option<usize>,
) -> Option<&'a crate::record::evidence::SentStep> {
    let (index, _) = around.scenario.step(name)?;
    around.evidence.step(index)?.sent.get(accepted(name)?)
}

fn retention(
    around: Around<'_>,
    row: &After,
    wanted: &AfterRetention,
    has: Option<Retention>,
    name: &str,
    accepted: &dyn Fn(&str) -> Option<usize>,
    found: &mut Vec<Difference>,
) {
    let object = row.object.clone();
    let mut off = |should: Option<Retention>, note: &str| {
        let cause = if compare::weaker(should, has) { Cause::Unlocked } else { Cause::Changed };
        let text = format!("{name} has {}, not {}{note}", compare::words(has), compare::words(should));
        found.push(Difference::Broken { cause, text, object: object.clone() });
    };
    match wanted {
        AfterRetention::Unchanged => {
            // What was asked for, or (where a default was inherited) what the first read-back showed.
            let placed = around.evidence.placed(&row.object).and_then(|p| p.retention);
            let first = || {
                let baseline = around.evidence.baseline.as_ref()?;
                baseline.version(&row.object, "own")?.state.retention.known().copied().flatten()
            };
            let should = placed.or_else(first);
            if !compare::same(should, has) {
                off(should, "");
            }
        }
        AfterRetention::None => {
            if has.is_some() {
                off(None, "");
            }
        }
        AfterRetention::Of(step) => match sent_by(around, step, accepted) {
            Some(sent) if compare::same(sent.asked, has) => {}
            Some(sent) => off(sent.asked, " as was accepted"),
            None => found.push(Difference::Unread(format!("the step `{step}` set no retention"))),
        },
        AfterRetention::Default => match default_of(around, row) {
            Some((mode, earliest, latest)) => {
                let good = has.is_some_and(|r| r.mode == mode && r.until >= earliest && r.until <= latest);
                if !good {
                    off(Some(Retention { mode, until: earliest + DEFAULT_TOLERANCE }), " (the default)");
                }
            }
            None => found.push(Difference::Unread(format!("the default retention for {name} is not known"))),
        },
        AfterRetention::AtLeast(mode, span) => {
            let until = span.after(around.after.at);
            if !has.is_some_and(|r| r.mode >= *mode && r.until >= until) {
                off(Some(Retention { mode: *mode, until }), " or later");
            }
        }
    }
}

/// The bucket's default mode, and the earliest and latest end that creation plus period can give.
fn default_of(around: Around<'_>, row: &After) -> Option<(crate::lock::Mode, DateTime<Utc>, DateTime<Utc>)> {
    let spec = around.scenario.object(&row.object)?;
    let bucket = around.scenario.bucket(spec.bucket.as_deref()?)?;
    let default = bucket.default_retention?;
    // The version was made by the setup, or by a step; the read-back ends the interval.
    let placed = around.evidence.placed(&row.object)?;
    let made = match &row.of {
        VersionRef::Step(name) => {
            around.scenario.step(name).and_then(|(i, _)| around.evidence.step(i)).map(|s| s.at)
        }
        _ if placed.sha256.is_none() => around
            .scenario
            .steps
            .iter()
            .enumerate()
            .filter(|(_, s)| s.object.as_deref() == Some(row.object.as_str()))
            .find_map(|(i, _)| around.evidence.step(i))
            .map(|s| s.at),
        _ => Some(placed.at),
    }?;
    let earliest = default.period.after(made.checked_sub_signed(DEFAULT_TOLERANCE)?);
    let latest = default.period.after(around.after.at.max(made)).checked_add_signed(DEFAULT_TOLERANCE)?;
    Some((default.mode, earliest, latest))
}

fn counts(now: &Observation, row: &After, found: &mut Vec<Difference>) {
    if row.versions.is_none() && row.markers.is_none() {
        return;
    }
    let object = row.object.as_str();
    match now.key(object).map(|k| &k.listing) {
        Some(Reading::Known(listed)) => {
            for (wanted, marker, what) in
                [(row.versions, false, "versions"), (row.markers, true, "delete markers")]
            {
                let Some(wanted) = wanted else { continue };
                let has = listed.iter().filter(|l| l.marker == marker).count();
                let text = format!("{object} has {has} {what}, not {wanted}");
                let object = object.to_owned();
                match has.cmp(&usize::try_from(wanted).unwrap_or(usize::MAX)) {
                    std::cmp::Ordering::Equal => {}
                    // Versions that were there before are looked for one by one; what is too few was never made.
                    std::cmp::Ordering::Less => {
                        let cause = if marker { Cause::Changed } else { Cause::Destroyed };
                        found.push(Difference::Undone { cause, text, object });
                    }
                    std::cmp::Ordering::Greater => {
                        found.push(Difference::Broken { cause: Cause::Changed, text, object });
                    }
                }
            }
        }
        Some(Reading::Unread(why)) => {
            found.push(Difference::Unread(format!("the versions of {object} could not be listed: {why}")));
        }
        None => found.push(Difference::Unread(format!("the versions of {object} were not listed"))),
    }
}

fn never_made(around: Around<'_>, row: &After, of: &str, found: &mut Vec<Difference>) {
    let object = row.object.as_str();
    let mut broken = |text: String| {
        found.push(Difference::Broken { cause: Cause::Changed, text, object: object.to_owned() });
    };
    if let Some(observed) = around.after.version(object, of)
        && !matches!(observed.state.presence, Reading::Known(Presence::Gone))
    {
        broken(format!("{object} ({of}) was made"));
        return;
    }
    if of != "own" {
        return;
    }
    match around.after.key(object).map(|k| &k.listing) {
        Some(Reading::Known(listed)) if listed.iter().all(|l| l.marker) => {}
        Some(Reading::Known(_)) => broken(format!("{object} was made: it is listed")),
        Some(Reading::Unread(why)) => {
            found.push(Difference::Unread(format!("the versions of {object} could not be listed: {why}")));
        }
        None => found.push(Difference::Unread(format!("the versions of {object} were not listed"))),
    }
}
