//! Variables of a profile: `${NAME}` in its texts, bucket and prefixes.

use std::collections::BTreeMap;

use super::error::ProfileError;
use super::model::{Evidence, Profile};

/// Whether a text may be a variable's name.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The names of all `${NAME}` in a text. `${aws:username}` and the like are none.
pub(super) fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .filter(|n| is_name(n))
}

impl Profile {
    /// The profile with its variables filled in: in its texts, its bucket, and the prefixes and tags of its
    /// overrides. Its source and digest stay those of the file; the variables then hold what was taken.
    ///
    /// # Errors
    /// A value for a variable that the profile does not have, or none for one without a default.
    pub fn with(&self, values: &BTreeMap<String, String>) -> Result<Self, ProfileError> {
        if let Some(name) = values.keys().find(|name| !self.variables.contains_key(*name)) {
            return Err(ProfileError::UnknownVariable {
                profile: self.name.clone(),
                name: name.clone(),
                known: self.variables.keys().cloned().collect(),
            });
        }
        let mut filled = self.clone();
        for (name, variable) in &mut filled.variables {
            let value = values.get(name).cloned().or_else(|| variable.default.take());
            let Some(value) = value.filter(|value| !value.trim().is_empty()) else {
                return Err(ProfileError::NoValue {
                    profile: self.name.clone(),
                    name: name.clone(),
                    text: variable.text.clone(),
                });
            };
            variable.default = Some(value);
        }
        let taken: Vec<(String, String)> = filled
            .variables
            .iter()
            .map(|(name, v)| (format!("${{{name}}}"), v.default.clone().unwrap_or_default()))
            .collect();
        each_text(&mut filled, &mut |text| *text = fill(text, &taken));
        Ok(filled)
    }
}

/// Fills a text in one pass, so that a value which looks like a variable stays what it is.
fn fill(text: &str, values: &[(String, String)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, here) = rest.split_at(at);
        filled.push_str(before);
        if let Some((name, value)) = values.iter().find(|(name, _)| here.starts_with(name.as_str())) {
            filled.push_str(value);
            rest = &here[name.len()..];
        } else {
            filled.push_str("${");
            rest = &here[2..];
        }
    }
    filled.push_str(rest);
    filled
}

fn each_text(profile: &mut Profile, change: &mut dyn FnMut(&mut String)) {
    for text in [&mut profile.title, &mut profile.summary, &mut profile.from] {
        change(text);
    }
    profile.bucket.iter_mut().for_each(&mut *change);
    for o in &mut profile.requirement.overrides {
        change(&mut o.why);
        o.matching.prefix.iter_mut().for_each(&mut *change);
        o.matching.contains.iter_mut().for_each(&mut *change);
        if let Some((key, value)) = &mut o.matching.tag {
            change(key);
            change(value);
        }
    }
    profile.attacks.skip.iter_mut().for_each(|(_, reason)| change(reason));
    if let Some(log) = &mut profile.event_log {
        change(&mut log.key_pattern);
    }
    profile.trail_keys.iter_mut().for_each(&mut *change);
    for control in &mut profile.controls {
        change(&mut control.considerations);
        evidence(&mut control.shown_by, change);
    }
    for item in &mut profile.items {
        change(&mut item.list);
        change(&mut item.text);
        evidence(&mut item.shown_by, change);
    }
    for claim in &mut profile.claims {
        for text in [&mut claim.says, &mut claim.is, &mut claim.right, &mut claim.source] {
            change(text);
        }
        evidence(&mut claim.refuted_by, change);
    }
}

/// The texts of evidence; ids and words are no texts.
fn evidence(evidence: &mut Evidence, change: &mut dyn FnMut(&mut String)) {
    evidence.attachment.iter_mut().for_each(&mut *change);
    evidence.organisational.iter_mut().for_each(&mut *change);
}
