//! The names of one run of a scenario: real buckets and keys, version ids, upload ids, ETags.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::lock::Retention;
use crate::record::evidence::Placed;
use crate::scenario::{Scenario, Step, VersionRef};
use crate::store::canary;

/// A value that is not there: the request cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Absent(pub(super) String);

impl Absent {
    /// The step that should have issued a handle was not accepted.
    pub(super) fn handle(step: &str) -> Self {
        Self(format!("no-handle: {step}"))
    }
}

/// A part that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) number: u32,
    pub(super) etag: String,
    pub(super) content: Vec<u8>,
}

/// An upload that a step began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) id: String,
    pub(super) parts: Vec<Part>,
    pub(super) open: bool,
}

/// A version that a named step made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MadeVersion {
    pub(super) object: String,
    /// None where the bucket has no versioning.
    pub(super) version_id: Option<String>,
    pub(super) sha256: Option<String>,
}

/// Everything that the run knows by name.
#[derive(Debug)]
pub(super) struct Handles<'a> {
    pub(super) scenario: &'a Scenario,
    /// The audited bucket.
    pub(super) audited: String,
    /// Buckets that were made, by their names in the scenario.
    pub(super) buckets: BTreeMap<String, String>,
    /// The base of this run's keys, with a slash at its end.
    pub(super) base: String,
    pub(super) placed: Vec<Placed>,
    /// The locks that `inherit` objects were found with.
    pub(super) inherited: BTreeMap<String, Retention>,
    pub(super) uploads: BTreeMap<String, Upload>,
    /// Versions of named steps.
    pub(super) made: BTreeMap<String, MadeVersion>,
    /// `absent` objects that a step has made.
    pub(super) own_made: BTreeSet<String>,
    /// Appended to contents, so that no two canaries are equal.
    pub(super) stamp: String,
}

impl<'a> Handles<'a> {
    pub(super) fn new(scenario: &'a Scenario, audited: &str, base: String, stamp: String) -> Self {
        Self {
            scenario,
            audited: audited.to_owned(),
            buckets: BTreeMap::new(),
            base,
            placed: Vec::new(),
            inherited: BTreeMap::new(),
            uploads: BTreeMap::new(),
            made: BTreeMap::new(),
            own_made: BTreeSet::new(),
            stamp,
        }
    }

    /// The real bucket of a bucket's name; none is the audited one.
    pub(super) fn bucket(&self, name: Option<&str>) -> Result<String, Absent> {
        match name {
            None => Ok(self.audited.clone()),
            Some(name) => self
                .buckets
                .get(name)
                .cloned()
                .ok_or_else(|| Absent(format!("the bucket {name} was not made"))),
        }
    }

    /// The real bucket that a step is aimed at.
    pub(super) fn bucket_of_step(&self, step: &Step) -> Result<String, Absent> {
        match step.object.as_deref().and_then(|o| self.scenario.object(o)) {
            Some(object) => self.bucket(object.bucket.as_deref()),
            None => self.bucket(step.bucket.as_deref()),
        }
    }

    pub(super) fn placed(&self, object: &str) -> Result<&Placed, Absent> {
        self.placed
            .iter()
            .find(|p| p.object == object)
            .ok_or_else(|| Absent(format!("{object} was not set up")))
    }

    /// The key of an object.
    pub(super) fn key(&self, object: &str) -> String {
        let suffix = self.scenario.object(object).map_or("", |o| o.key_suffix.as_str());
        format!("{}{object}{suffix}", self.base)
    }

    /// Content with what makes it unlike any other: the run, the challenge, a nonce, and a label.
    pub(super) fn unique(&self, text: &str, label: &str) -> String {
        canary::stamped(text, &self.stamp, label)
    }

    /// The end of the lock of an object as it was set up.
    pub(super) fn until(&self, object: &str) -> Option<DateTime<Utc>> {
        let placed = self.placed(object).ok()?;
        placed.retention.or_else(|| self.inherited.get(object).copied()).map(|r| r.until)
    }

    /// The version id that a reference names. `Ok(None)`: the request names no version.
    pub(super) fn version(&self, object: &str, version: &VersionRef) -> Result<Option<String>, Absent> {
        match version {
            VersionRef::Latest => Ok(None),
            VersionRef::Null => Ok(Some("null".to_owned())),
            VersionRef::Literal(text) => Ok(Some(text.clone())),
            VersionRef::Unknown => {
                let own = self.placed(object).ok().and_then(|p| p.version_id.clone());
                Ok(Some(unlike(own.as_deref(), &self.stamp)))
            }
            VersionRef::Own => {
                let placed = self.placed(object)?;
                if placed.sha256.is_some() || self.own_made.contains(object) {
                    return Ok(placed.version_id.clone());
                }
                // An `absent` object that some step was to make: the name of that step, if it has one.
                let maker = self.scenario.steps.iter().find(|s| {
                    s.object.as_deref() == Some(object)
                        && s.name.is_some()
                        && crate::run::write::makes_version(s)
                });
                match maker.and_then(|s| s.name.as_deref()) {
                    Some(name) => Err(Absent::handle(name)),
                    None => Err(Absent(format!("{object} was not made"))),
                }
            }
            VersionRef::Marker => self
                .placed(object)?
                .marker_id
                .clone()
                .map(Some)
                .ok_or_else(|| Absent(format!("{object} has no delete marker"))),
            VersionRef::Step(name) => match self.made.get(name) {
                Some(made) => Ok(made.version_id.clone()),
                None => Err(Absent::handle(name)),
            },
        }
    }

    /// The digest of a version's content, where it is known.
    pub(super) fn sha256(&self, object: &str, version: &VersionRef) -> Option<String> {
        match version {
            VersionRef::Step(name) => self.made.get(name)?.sha256.clone(),
            VersionRef::Own | VersionRef::Latest => {
                self.placed(object).ok()?.sha256.clone().or_else(|| {
                    self.made.values().find(|m| m.object == object).and_then(|m| m.sha256.clone())
                })
            }
            _ => None,
        }
    }
}

/// A version id that looks like the store's own and that no version has.
pub(super) fn unlike(own: Option<&str>, seed: &str) -> String {
    if let Some(id) = own.filter(|id| *id != "null" && id.chars().any(|c| c.is_ascii_alphanumeric())) {
        // Letters beyond f tell that the id is not hexadecimal.
        let hexadecimal = id.chars().all(|c| !c.is_ascii_alphabetic() || c.is_ascii_hexdigit());
        let start = id.len().saturating_sub(8);
        return id.char_indices().map(|(i, c)| if i < start { c } else { turned(c, hexadecimal) }).collect();
    }
    let d = hex::encode(Sha256::digest(seed.as_bytes()));
    format!("{}-{}-4{}-a{}-{}", &d[..8], &d[8..12], &d[13..16], &d[17..20], &d[20..32])
}

fn turned(c: char, hexadecimal: bool) -> char {
    let turn = |base: u8, by: u8, of: u8| char::from(base + (c as u8 - base + by) % of);
    match c {
        '0'..='9' => turn(b'0', 5, 10),
        'a'..='z' => turn(b'a', if hexadecimal { 3 } else { 13 }, if hexadecimal { 6 } else { 26 }),
        'A'..='Z' => turn(b'A', if hexadecimal { 3 } else { 13 }, if hexadecimal { 6 } else { 26 }),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_id_has_the_form_of_the_stores_own() {
        assert_eq!(
            unlike(Some("3f2504e0-4f89-41d3-9a0c-0305e82c3301"), "s"),
            "3f2504e0-4f89-41d3-9a0c-0305b37f8856"
        );
        let other = unlike(Some("3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo"), "s");
        assert_eq!(other.len(), 64);
        assert_eq!(&other[56..], "DOcHZYHb");
        let made = unlike(Some("null"), "seed");
        assert_eq!((made.len(), &made[14..15]), (36, "4"));
        assert_ne!(made, unlike(None, "another seed"));
    }
}
