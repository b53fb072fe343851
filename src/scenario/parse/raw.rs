//! The file as serde reads it: flat, every key known, positions kept where a mistake is likely.
//! (`flatten` and tagged enums lose positions or accept typos, so the conversion is by hand.)

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

pub(super) type Word = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    #[serde(default)]
    pub scenario: Vec<Spanned<RawScenario>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawScenario {
    pub id: Word,
    pub title: Word,
    pub severity: Word,
    pub reach: Word,
    pub safety: Word,
    #[serde(default)]
    pub requires: Vec<Word>,
    #[serde(default)]
    pub controls: Vec<Word>,
    #[serde(default)]
    pub covers: Vec<String>,
    pub threat: String,
    #[serde(default)]
    pub note: String,
    #[serde(default)]
    pub for_each: Vec<Word>,
    pub repeat: Option<u32>,
    #[serde(default)]
    pub object: BTreeMap<Word, RawObject>,
    #[serde(default)]
    pub bucket: BTreeMap<Word, RawBucket>,
    #[serde(default)]
    pub archive: BTreeMap<Word, RawArchive>,
    #[serde(default)]
    pub form: BTreeMap<Word, RawForm>,
    #[serde(default)]
    pub delete_list: BTreeMap<Word, RawDeleteList>,
    #[serde(default)]
    pub step: Vec<RawStep>,
    #[serde(default)]
    pub after: BTreeMap<Word, OneOrMany<RawAfter>>,
}

/// A table, or a list of such. (Untagged enums buffer what they read and so lose every position: visitors do not.)
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

/// A word, or a table.
pub(super) enum WordOr<T> {
    Word(String),
    Table(T),
}

struct Shape<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<OneOrMany<T>> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a table, or a list of tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq)).map(OneOrMany::Many)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shape::<Self>(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<WordOr<T>> {
    type Value = WordOr<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a word or a table")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Self::Value, E> {
        Ok(WordOr::Word(word.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(WordOr::Table)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for WordOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shape::<Self>(PhantomData))
    }
}

impl<T> OneOrMany<T> {
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawObject {
    pub content: Option<String>,
    pub state: Option<Word>,
    pub retention: Option<Spanned<RawRetention>>,
    pub hold: Option<Word>,
    #[serde(rename = "in")]
    pub bucket: Option<Word>,
    #[serde(default)]
    pub inherit: bool,
    #[serde(default)]
    pub key_suffix: String,
}

pub(super) type RawRetention = WordOr<RawRetentionTable>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRetentionTable {
    pub mode: Option<String>,
    pub lasts: Option<String>,
    pub until: Option<String>,
    pub relative: Option<String>,
    pub literal: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawBucket {
    #[serde(default)]
    pub twin: bool,
    #[serde(default)]
    pub object_lock: bool,
    pub versioning: Option<Word>,
    pub default_retention: Option<Spanned<RawDefault>>,
    pub policy: Option<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDefaultTable {
    pub mode: String,
    pub days: Option<u32>,
    pub years: Option<u32>,
}

pub(super) type RawDefault = WordOr<RawDefaultTable>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArchive {
    pub entries: Vec<RawEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEntry {
    pub object: Word,
    #[serde(default)]
    pub content: String,
    #[serde(default)]
    pub pax: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawForm {
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDeleteList {
    pub entries: Vec<RawDelete>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDelete {
    pub object: Word,
    pub version: Option<Word>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Words {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawStep {
    pub purpose: Word,
    pub text: Word,
    #[serde(rename = "as")]
    pub who: Word,
    pub action: Word,
    pub object: Option<Word>,
    pub bucket: Option<Word>,
    pub on: Option<Word>,
    pub version: Option<Word>,
    pub expect: Word,
    pub because: Option<Spanned<Words>>,
    pub name: Option<Word>,
    pub upload: Option<Word>,
    pub part: Option<u32>,
    pub content: Option<String>,
    pub body: Option<Word>,
    pub retention: Option<Spanned<RawRetention>>,
    pub hold: Option<Word>,
    pub versioning: Option<Word>,
    pub default_retention: Option<Spanned<RawDefault>>,
    pub policy: Option<Word>,
    pub source: Option<Word>,
    pub source_version: Option<Word>,
    #[serde(default)]
    pub replace_metadata: bool,
    #[serde(default)]
    pub bypass_governance: bool,
    pub if_none_match: Option<String>,
    pub if_match: Option<String>,
    pub method: Option<Word>,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub unsigned_headers: BTreeMap<String, String>,
    #[serde(default)]
    pub presigned: bool,
    pub integrity: Option<Word>,
    #[serde(default)]
    pub quiet: bool,
    pub at: Option<Word>,
    pub together: Option<String>,
    pub copies: Option<u32>,
    pub after: Option<Spanned<OneOrMany<RawAfter>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawAfter {
    pub object: Option<Word>,
    pub of: Option<Word>,
    pub version: Option<Word>,
    pub content: Option<Word>,
    pub retention: Option<Spanned<RawAfterRetention>>,
    pub hold: Option<Word>,
    pub versions: Option<u32>,
    pub markers: Option<u32>,
    pub if_accepted: Option<Word>,
}

pub(super) type RawAfterRetention = WordOr<RawAtLeast>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawAtLeast {
    pub mode: String,
    pub at_least: String,
}
