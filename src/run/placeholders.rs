//! Filling placeholders in: `{ledger.key}`, `{planted.upload}`, `{BUCKET}`, `{n}`.

use crate::run::handles::{Absent, Handles};
use crate::scenario::VersionRef;
use crate::store::endpoint::{encode_path, encode_query};

/// How a value is written where it is put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As it is.
    Plain,
    /// As the header `x-amz-copy-source` wants keys and version ids.
    CopySource,
}

/// Fills in every placeholder. Braces around anything else stay as they are (JSON, XML).
pub(super) fn fill(
    text: &str,
    handles: &Handles<'_>,
    bucket: &str,
    copy: u32,
    spelling: Spelling,
) -> Result<String, Absent> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let inner = from.find('}').map(|end| &from[1..end]);
        if let Some(name) = inner
            && let Some(value) = value(name, handles, bucket, copy, spelling)
        {
            out.push_str(&value?);
            rest = &from[name.len() + 2..];
        } else {
            out.push('{');
            rest = &from[1..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Whether a text is nothing but placeholders: such a content is sent exactly.
pub(super) fn only_placeholders(text: &str) -> bool {
    let mut rest = text;
    let mut any = false;
    while let Some(from) = rest.strip_prefix('{') {
        let Some(end) = from.find('}') else { return false };
        any = true;
        rest = &from[end + 1..];
    }
    any && rest.is_empty()
}

/// The value of a placeholder; `None` if this is none.
fn value(
    name: &str,
    handles: &Handles<'_>,
    bucket: &str,
    copy: u32,
    spelling: Spelling,
) -> Option<Result<String, Absent>> {
    match name {
        "n" => return Some(Ok(copy.to_string())),
        "BUCKET" => return Some(Ok(bucket.to_owned())),
        _ => {}
    }
    let (owner, field) = name.split_once('.')?;
    let object = handles.scenario.object(owner).is_some();
    let step = handles.scenario.step(owner).is_some();
    let missing = |what: &str| Err(Absent(format!("{owner} has no {what}")));
    let found = match field {
        "key" if object => Ok(handles.key(owner)),
        "bucket" if object => {
            handles.bucket(handles.scenario.object(owner).and_then(|o| o.bucket.as_deref()))
        }
        "bucket" if !step && handles.scenario.bucket(owner).is_some() => handles.bucket(Some(owner)),
        "version" if object => match handles.version(owner, &VersionRef::Own) {
            Ok(Some(id)) => Ok(id),
            Ok(None) => missing("version id"),
            Err(absent) => Err(absent),
        },
        "until" if object => {
            handles.until(owner).map_or_else(|| missing("lock with an end"), |u| Ok(crate::time::wire(u)))
        }
        "etag" if object => {
            let etag = handles.placed(owner).ok().and_then(|p| p.etag.clone());
            etag.map_or_else(|| missing("ETag"), Ok)
        }
        "upload" if step => {
            handles.uploads.get(owner).map_or_else(|| Err(Absent::handle(owner)), |u| Ok(u.id.clone()))
        }
        "version" if step => match handles.made.get(owner).map(|m| m.version_id.clone()) {
            Some(Some(id)) => Ok(id),
            Some(None) => missing("version id"),
            None => Err(Absent::handle(owner)),
        },
        _ => return None,
    };
    Some(found.map(|text| match (spelling, field) {
        (Spelling::CopySource, "key") => encode_path(&text),
        (Spelling::CopySource, _) => encode_query(&text),
        (Spelling::Plain, _) => text,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::evidence::Placed;
    use crate::run::handles::{MadeVersion, Upload};
    use crate::scenario::Suite;
    use chrono::{DateTime, Utc};

    #[test]
    fn values_are_filled_in_and_everything_else_stays() {
        let suite = Suite::builtin().expect("a suite");
        let mut scenario = suite.get("WORM-101").expect("a scenario").clone();
        scenario.steps[0].name = Some("parts".into());
        scenario.steps[1].name = Some("second".into());
        let mut handles = Handles::new(&scenario, "records", "p/x y/".into(), "stamp".into());
        handles.placed.push(Placed {
            object: "ledger".into(),
            bucket: "records".into(),
            key: "p/x y/ledger".into(),
            sha256: Some("aa".into()),
            version_id: Some("v+1".into()),
            marker_id: None,
            retention: None,
            hold: None,
            etag: None,
            inherit: false,
            exchanges: vec![],
            at: DateTime::<Utc>::UNIX_EPOCH,
        });
        let fill = |text: &str, spelling| fill(text, &handles, "records", 7, spelling);
        let filled = |text: &str| fill(text, Spelling::Plain);
        assert_eq!(
            filled("{\"a\": \"{BUCKET}/{ledger.key}#{n}\", \"b\": {}}").as_deref(),
            Ok("{\"a\": \"records/p/x y/ledger#7\", \"b\": {}}")
        );
        assert_eq!(
            fill("/{BUCKET}/{ledger.key}?versionId={ledger.version}", Spelling::CopySource).as_deref(),
            Ok("/records/p/x%20y/ledger?versionId=v%2B1")
        );
        assert_eq!(filled("{parts.upload}"), Err(Absent("no-handle: parts".into())));
        assert_eq!(filled("{second.version}"), Err(Absent("no-handle: second".into())));
        assert_eq!(filled("{ledger.until}"), Err(Absent("ledger has no lock with an end".into())));
        assert_eq!(filled("{nobody.key} {").as_deref(), Ok("{nobody.key} {"));

        let upload =
            Upload { bucket: "b".into(), key: "k".into(), id: "u1".into(), parts: vec![], open: true };
        handles.uploads.insert("parts".into(), upload);
        let made = MadeVersion { object: "ledger".into(), version_id: Some("v2".into()), sha256: None };
        handles.made.insert("second".into(), made);
        let text = super::fill("{parts.upload} {second.version}", &handles, "records", 1, Spelling::Plain);
        assert_eq!(text.as_deref(), Ok("u1 v2"));
    }

    #[test]
    fn only_a_text_of_placeholders_alone_is_sent_exactly() {
        assert!(only_placeholders("{n}") && only_placeholders("{a.key}{n}"));
        assert!(!only_placeholders("") && !only_placeholders("copy {n}") && !only_placeholders("{n"));
    }
}
