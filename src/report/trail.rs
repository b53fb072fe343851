//! A trail as people read it.

use crate::lock::{LegalHold, Reading};
use crate::record::trail::{TrailEntry, TrailPattern, TrailResult};
use crate::report::model::Status;
use crate::scenario::Severity;
use crate::time::human;

/// `2 versions and 1 delete marker under invoices/4711/`, or why they were not all listed.
#[must_use]
pub fn counted(pattern: &TrailPattern) -> String {
    let what = format!(
        "{} {}, {} delete {} under {}",
        pattern.versions,
        plural(pattern.versions, "version"),
        pattern.markers,
        plural(pattern.markers, "marker"),
        pattern.prefix,
    );
    match &pattern.trouble {
        None => what,
        Some(trouble) => format!("{what}; NOT LISTED TO ITS END: {trouble}"),
    }
}

/// When an entry was written.
#[must_use]
pub fn time(entry: &TrailEntry) -> String {
    entry.time.map_or_else(|| "no date".to_owned(), human)
}

/// The lock of a version; nothing of a marker.
#[must_use]
pub fn lock(entry: &TrailEntry) -> Option<String> {
    let retention = match entry.retention.as_ref()? {
        Reading::Known(Some(retention)) => format!("{} until {}", retention.mode, human(retention.until)),
        Reading::Known(None) => "no retention".to_owned(),
        Reading::Unread(why) => format!("retention NOT READ: {why}"),
    };
    let hold = match entry.hold.as_ref()? {
        Reading::Known(LegalHold::On) => ", legal hold".to_owned(),
        Reading::Known(LegalHold::Off) => ", no hold".to_owned(),
        Reading::Unread(why) => format!(", hold NOT READ: {why}"),
    };
    Some(retention + &hold)
}

/// Size, ETag, the store's checksum, and what reading it gave: a line each.
#[must_use]
pub fn content(entry: &TrailEntry) -> Vec<String> {
    if entry.is_marker {
        return Vec::new();
    }
    let etag = entry.etag.as_ref().map_or_else(String::new, |etag| format!(", ETag {etag}"));
    let mut lines = vec![format!("{} {}{etag}", entry.size, plural(entry.size, "byte"))];
    if let Some(checksum) = &entry.checksum {
        lines.push(format!("{} {}", checksum.name, checksum.value));
    }
    if let Some(read) = &entry.whole {
        lines.push(match &read.sha256 {
            Some(sha256) => format!("read whole: SHA-256 {sha256}"),
            None => format!("NOT READ WHOLE: {}", read.trouble.as_deref().unwrap_or("no reason is known")),
        });
        lines.extend(read.compared.iter().map(|c| {
            let is = if c.equal { "are" } else { "are NOT" };
            format!("its bytes {is} as {} says", c.with)
        }));
    }
    lines
}

/// Whether the trail is complete, or why not.
#[must_use]
pub fn completeness(trail: &TrailResult) -> String {
    match &trail.incomplete_reason {
        None => format!(
            "complete: {} {} and {} delete {}",
            trail.versions(),
            plural(trail.versions() as u64, "version"),
            trail.markers(),
            plural(trail.markers() as u64, "marker")
        ),
        Some(why) => format!("NOT COMPLETE: {why}"),
    }
}

/// The status whose colour a finding has.
#[must_use]
pub fn status(severity: Severity) -> Status {
    match severity {
        Severity::Critical | Severity::High => Status::Fail,
        Severity::Medium => Status::Inconclusive,
        Severity::Low | Severity::Info => Status::Skipped,
    }
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}
