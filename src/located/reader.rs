//! Reads one table by hand: every key and value keeps its place, unknown keys are mistakes, and a value of
//! a wrong type does not stop the reading of the others.
//!
//! `serde` is not used here: `flatten` and internally tagged enums lose positions or accept typos, and a
//! derived reader stops at the first mistake.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Page, near};

/// Where the values of a file stand: `step.3.expect` to the bytes of the value.
#[derive(Debug, Default)]
pub(crate) struct Places(RefCell<BTreeMap<String, Range<usize>>>);

impl Places {
    fn put(&self, path: String, span: Range<usize>) {
        self.0.borrow_mut().insert(path, span);
    }

    /// The place of a path, or of the nearest table around it.
    pub(crate) fn of(&self, path: &str) -> Range<usize> {
        let map = self.0.borrow();
        let mut path = path;
        loop {
            if let Some(span) = map.get(path) {
                return span.clone();
            }
            match path.rfind('.') {
                Some(dot) => path = &path[..dot],
                None => return map.get("").cloned().unwrap_or(0..0),
            }
        }
    }

    /// Whether a value was written at this path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.borrow().contains_key(path)
    }
}

/// One table being read.
pub(crate) struct Reader<'p, 't> {
    pub(crate) page: &'p Page<'t>,
    pub(crate) places: &'p Places,
    table: &'p DeTable<'t>,
    /// What a person calls it: `a step`.
    what: &'static str,
    /// Its header, for what is missing.
    pub(crate) span: Range<usize>,
    /// Its path in the file; empty is the outermost table.
    pub(crate) path: String,
}

impl<'p, 't> Reader<'p, 't> {
    pub(crate) fn new(
        (page, places): (&'p Page<'t>, &'p Places),
        (table, span): (&'p DeTable<'t>, Range<usize>),
        (what, path): (&'static str, String),
        known: &[&str],
    ) -> Self {
        places.put(path.clone(), span.clone());
        for (key, value) in table {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                places.put(join(&path, name), value.span());
            } else {
                page.say(
                    key.span(),
                    format!("unknown key `{name}` in {what}"),
                    near(name, known.iter().copied()),
                );
            }
        }
        Self { page, places, table, what, span, path }
    }

    /// A table inside this one.
    pub(crate) fn inner(
        &self,
        table: &'p DeTable<'t>,
        span: Range<usize>,
        (what, path): (&'static str, String),
        known: &[&str],
    ) -> Self {
        Self::new((self.page, self.places), (table, span), (what, path), known)
    }

    pub(crate) fn value(&self, key: &str) -> Option<&'p Spanned<DeValue<'t>>> {
        self.table.get(key)
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let found = value.get_ref().type_str();
        self.page.say(value.span(), format!("`{key}` must be {wanted}, and is a {found}"), None);
    }

    /// Says that a key is missing.
    pub(crate) fn missing(&self, key: &str) {
        self.page.say(self.span.clone(), format!("{} needs `{key}`", self.what), None);
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let value = self.value(key)?;
        if let DeValue::String(text) = value.get_ref() {
            return Some(text.to_string());
        }
        self.wrong(key, value, "text in quotes");
        None
    }

    /// Text that must be there and say something.
    pub(crate) fn need_text(&self, key: &str) -> String {
        if self.value(key).is_none() {
            self.missing(key);
        }
        let text = self.text(key).unwrap_or_default();
        if let Some(value) = self.value(key)
            && value.get_ref().is_str()
            && text.trim().is_empty()
        {
            self.page.say(value.span(), format!("`{key}` is empty"), None);
        }
        text
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        let value = self.value(key)?;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        self.wrong(key, value, "`true` or `false`");
        None
    }

    /// A whole number of at least `least` and at most `most`.
    pub(crate) fn number(&self, key: &str, least: u32, most: u32) -> Option<u32> {
        let value = self.value(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong(key, value, "a whole number");
            return None;
        };
        let number = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let number = number.filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.page.say(value.span(), format!("`{key}` must be between {least} and {most}"), None);
        }
        number
    }

    /// One of the words of a set.
    pub(crate) fn word<T: Copy>(&self, key: &str, all: &[T], word: fn(T) -> &'static str) -> Option<T> {
        let text = self.text(key)?;
        let found = all.iter().copied().find(|v| word(*v) == text);
        if found.is_none() {
            let hint = near(&text, all.iter().map(|v| word(*v)));
            self.page.say(
                self.places.of(&self.path_of(key)),
                format!("`{text}` is not a value of `{key}`"),
                hint,
            );
        }
        found
    }

    /// One of the words of a set, which must be there.
    pub(crate) fn need_word<T: Copy>(&self, key: &str, all: &[T], word: fn(T) -> &'static str) -> Option<T> {
        if self.value(key).is_none() {
            self.missing(key);
        }
        self.word(key, all, word)
    }

    /// A list of texts with their places; `one` allows a single text in place of a list.
    pub(crate) fn texts(&self, key: &str, one: bool) -> Vec<(String, Range<usize>)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::String(text) if one => vec![(text.to_string(), value.span())],
            DeValue::Array(items) => {
                let mut texts = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    if let DeValue::String(text) = item.get_ref() {
                        self.places.put(join(&self.path_of(key), &i.to_string()), item.span());
                        texts.push((text.to_string(), item.span()));
                    } else {
                        self.page.say(item.span(), format!("`{key}` holds texts in quotes"), None);
                    }
                }
                texts
            }
            _ => {
                self.wrong(key, value, "a list of texts");
                Vec::new()
            }
        }
    }

    /// A list of words of a set.
    pub(crate) fn words<T: Copy + PartialEq>(
        &self,
        key: &str,
        one: bool,
        all: &[T],
        word: fn(T) -> &'static str,
    ) -> Vec<T> {
        let mut words = Vec::new();
        for (text, span) in self.texts(key, one) {
            match all.iter().copied().find(|v| word(*v) == text) {
                Some(value) if words.contains(&value) => {
                    self.page.say(span, format!("`{text}` stands twice in `{key}`"), None);
                }
                Some(value) => words.push(value),
                None => {
                    let hint = near(&text, all.iter().map(|v| word(*v)));
                    self.page.say(span, format!("`{text}` is not a value of `{key}`"), hint);
                }
            }
        }
        words
    }

    /// A table of texts (`headers = { a = "b" }`) in the order of the file.
    pub(crate) fn pairs(&self, key: &str) -> Vec<(String, String)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong(key, value, "a table of texts");
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, value) in in_order(table) {
            if let DeValue::String(text) = value.get_ref() {
                self.places.put(join(&self.path_of(key), name.get_ref()), value.span());
                pairs.push((name.get_ref().to_string(), text.to_string()));
            } else {
                self.wrong(name.get_ref(), value, "text in quotes");
            }
        }
        pairs
    }

    /// A table, if the value is one.
    pub(crate) fn table(&self, key: &str) -> Option<(&'p DeTable<'t>, Range<usize>)> {
        let value = self.value(key)?;
        if let DeValue::Table(table) = value.get_ref() {
            return Some((table, value.span()));
        }
        self.wrong(key, value, "a table");
        None
    }

    /// A list of tables; `one` allows a single table in place of a list.
    pub(crate) fn tables(&self, key: &str, one: bool) -> Vec<(&'p DeTable<'t>, Range<usize>)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Table(table) if one => vec![(table, value.span())],
            DeValue::Array(items) => items
                .iter()
                .filter_map(|item| {
                    if let DeValue::Table(table) = item.get_ref() {
                        return Some((table, item.span()));
                    }
                    self.wrong(key, item, "a list of tables");
                    None
                })
                .collect(),
            _ => {
                self.wrong(key, value, "a list of tables");
                Vec::new()
            }
        }
    }

    /// The tables of a family by name (`[scenario.object.NAME]`) in the order of the file; the names are
    /// checked.
    pub(crate) fn named(&self, key: &str) -> Vec<(String, &'p Spanned<DeValue<'t>>)> {
        let Some((table, _)) = self.table(key) else { return Vec::new() };
        let mut named = Vec::new();
        for (name, value) in in_order(table) {
            if !is_name(name.get_ref()) {
                self.page.say(
                    name.span(),
                    format!("`{}` is not a name", name.get_ref()),
                    Some(NAME_HINT.to_owned()),
                );
            }
            named.push((name.get_ref().to_string(), value));
        }
        named
    }

    /// A named entry as a table.
    pub(crate) fn as_table(
        &self,
        name: &str,
        value: &'p Spanned<DeValue<'t>>,
    ) -> Option<(&'p DeTable<'t>, Range<usize>)> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some((table, value.span()));
        }
        self.wrong(name, value, "a table");
        None
    }
}

pub(crate) const NAME_HINT: &str =
    "a name begins with a small letter and holds up to 31 small letters, digits and hyphens";

/// Whether a text is a name of an object, bucket, body or step.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 31
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The entries of a table in the order of the file (the map sorts them by name).
pub(crate) fn in_order<'a, 't>(
    table: &'a DeTable<'t>,
) -> Vec<(&'a Spanned<toml::de::DeString<'t>>, &'a Spanned<DeValue<'t>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// One table, or a list of tables, under a name.
pub(crate) fn tables_of<'p, 't>(
    r: &Reader<'p, 't>,
    name: &str,
    value: &'p Spanned<DeValue<'t>>,
) -> Vec<(&'p DeTable<'t>, Range<usize>)> {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().filter_map(|item| r.as_table(name, item)).collect(),
        _ => r.as_table(name, value).into_iter().collect(),
    }
}
