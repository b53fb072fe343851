//! Pages of listings: what is walked is proportional to the page, not to the bucket.

use std::ops::Bound;

use super::model::{Bucket, Version};

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Only keys that begin so.
    pub prefix: String,
    /// Keys are folded at this text.
    pub delimiter: Option<String>,
    /// Go on after this key (or common prefix).
    pub key_marker: Option<String>,
    /// Within `key_marker`, go on after this version.
    pub version_marker: Option<String>,
    /// The page's size.
    pub limit: usize,
}

/// One line of a page.
#[derive(Debug)]
pub enum Entry<'a> {
    /// A version; whether it is its key's current one.
    Version(&'a str, &'a Version, bool),
    /// A common prefix.
    Prefix(String),
}

/// A page.
#[derive(Debug, Default)]
pub struct Page<'a> {
    /// The lines in key order, the newest version of a key first.
    pub entries: Vec<Entry<'a>>,
    /// Whether more follows.
    pub truncated: bool,
    /// The last key or common prefix of the page.
    pub next_key: Option<String>,
    /// The last version of the page.
    pub next_version: Option<String>,
}

impl Bucket {
    /// A page of all versions, or of the current ones only (markers left out).
    #[must_use]
    pub fn page(&self, query: &Query, current_only: bool) -> Page<'_> {
        let mut page = Page::default();
        let resume = query.key_marker.as_deref().filter(|marker| *marker >= query.prefix.as_str());
        let first: Bound<&str> = match (resume, &query.version_marker) {
            (Some(marker), Some(_)) => Bound::Included(marker),
            (Some(marker), None) => Bound::Excluded(marker),
            (None, _) => Bound::Included(query.prefix.as_str()),
        };
        let mut keys = self.objects.range::<str, _>((first, Bound::Unbounded));
        while let Some((key, versions)) = keys.next() {
            if !key.starts_with(&query.prefix) {
                break;
            }
            if let Some(folded) = fold(key, query) {
                let past = format!("{folded}\u{10FFFF}");
                keys = self.objects.range::<str, _>((Bound::Excluded(past.as_str()), Bound::Unbounded));
                let seen = query.key_marker.as_deref().is_some_and(|marker| marker.starts_with(&folded));
                let shown = !current_only
                    || self
                        .objects
                        .range::<str, _>((Bound::Included(folded.as_str()), Bound::Unbounded))
                        .take_while(|(key, _)| key.starts_with(&folded))
                        .any(|(_, versions)| versions.last().is_some_and(|found| !found.is_marker()));
                if seen || !shown {
                    continue;
                }
                if page.entries.len() >= query.limit {
                    page.truncated = true;
                    break;
                }
                page.next_key = Some(folded.clone());
                page.next_version = None;
                page.entries.push(Entry::Prefix(folded));
                continue;
            }
            let mut skip = query.version_marker.as_deref().filter(|_| resume == Some(key.as_str()));
            for (age, version) in versions.iter().rev().enumerate() {
                if let Some(marker) = skip {
                    if version.id == marker {
                        skip = None;
                    }
                    continue;
                }
                if current_only && (age > 0 || version.is_marker()) {
                    break;
                }
                if page.entries.len() >= query.limit {
                    page.truncated = true;
                    return page;
                }
                page.next_key = Some(key.clone());
                page.next_version = Some(version.id.clone());
                page.entries.push(Entry::Version(key, version, age == 0));
            }
        }
        page
    }
}

fn fold(key: &str, query: &Query) -> Option<String> {
    let delimiter = query.delimiter.as_deref().filter(|text| !text.is_empty())?;
    let rest = &key[query.prefix.len()..];
    let end = rest.find(delimiter)? + delimiter.len();
    Some(format!("{}{}", query.prefix, &rest[..end]))
}
