//! Mistakes in the file: where, what, and what to do. Values that may be secrets are not shown.

use std::ops::Range;
use std::path::PathBuf;

/// Why the configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        cause: String,
    },
    /// A mistake in it.
    #[error("{file}:{line}:{column}: {message}\n{excerpt}")]
    Mistake {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
        /// The line, with a mark under the place.
        excerpt: String,
        /// What to do; may be empty.
        hint: String,
    },
}

impl ConfigError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreadable { .. } => Some(
                "name a file that is there and can be read, or leave out --config: ./wormproof.toml is read where there is one",
            ),
            Self::Mistake { hint, .. } => Some(hint.as_str()).filter(|hint| !hint.is_empty()),
        }
    }
}

/// A file's name and text.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// A mistake at a place.
    pub(super) fn mistake(&self, span: Range<usize>, message: &str, hint: &str) -> ConfigError {
        let at =
            (0..=span.start.min(self.text.len())).rev().find(|i| self.text.is_char_boundary(*i)).unwrap_or(0);
        let start = self.text[..at].rfind('\n').map_or(0, |i| i + 1);
        let line = self.text[..at].matches('\n').count() + 1;
        let whole = self.text[start..].lines().next().unwrap_or("");
        let column = self.text[start..at].chars().count() + 1;
        let shown = if self.may_be_secret(start, whole) { mask(whole) } else { whole.to_owned() };
        let left = shown.chars().count().saturating_sub(column - 1);
        let end =
            (at..=span.end.min(self.text.len())).rev().find(|i| self.text.is_char_boundary(*i)).unwrap_or(at);
        let width = self.text[at..end].lines().next().map_or(1, |t| t.chars().count()).min(left).max(1);
        let gutter = " ".repeat(line.to_string().len());
        let excerpt = format!(
            "{gutter} |\n{line} | {shown}\n{gutter} | {}{}",
            " ".repeat((column - 1).min(shown.chars().count())),
            "^".repeat(width)
        );
        ConfigError::Mistake {
            file: self.name.to_owned(),
            line,
            column,
            message: message.to_owned(),
            excerpt,
            hint: hint.to_owned(),
        }
    }

    /// File, line and column of a place.
    pub(super) fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}", self.name)
    }

    /// A mistake that the TOML library found.
    pub(super) fn of_toml(&self, error: &toml::de::Error) -> ConfigError {
        let span = error.span().unwrap_or(0..0);
        let at =
            self.text[..].char_indices().map(|(i, _)| i).take_while(|i| *i <= span.start).last().unwrap_or(0);
        let start = self.text[..at].rfind('\n').map_or(0, |i| i + 1);
        let whole = self.text[start..].lines().next().unwrap_or("");
        let message = error.message();
        if let Some((word, known)) = unknown_field(message) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return self.mistake(span, &format!("unknown key `{word}`"), &suggest(&word, &known));
        }
        // These messages quote the value.
        let quotes = message.starts_with("invalid type") || message.starts_with("invalid value");
        if quotes && self.may_be_secret(start, whole) {
            return self.mistake(span, "the value has the wrong type", "");
        }
        self.mistake(span, message, "")
    }

    /// Whether a line may hold a secret: in a table of principals, or by its words.
    fn may_be_secret(&self, start: usize, line: &str) -> bool {
        let table = self.text[..start]
            .lines()
            .rev()
            .chain([line])
            .map(str::trim_start)
            .find(|l| l.starts_with('['))
            .unwrap_or("");
        let of_principals =
            |text: &str| text.trim_start_matches(['[', ' ', '"', '\'']).starts_with("principals");
        let own = line.trim_start();
        let header = own.starts_with('[') && !own.contains('=');
        let lower = line.to_lowercase();
        !header
            && (of_principals(table)
                || of_principals(own)
                || ["secret", "token", "password"].iter().any(|word| lower.contains(word)))
    }
}

/// A line without its value.
fn mask(line: &str) -> String {
    match line.split_once('=') {
        Some((key, _)) => format!("{key}= …"),
        None => "…".to_owned(),
    }
}

/// The word and the known words of `unknown field `x`, expected one of `a`, `b``.
fn unknown_field(message: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (word, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect();
    Some((word.to_owned(), known))
}

/// The nearest known word, and all of them.
pub(super) fn suggest(word: &str, known: &[&str]) -> String {
    let all = format!("known here: {}", known.join(", "));
    let near =
        known.iter().map(|k| (distance(word, k), *k)).min().filter(|(d, _)| *d <= 3 && *d < word.len());
    match near {
        Some((_, best)) => format!("did you mean `{best}`? {all}"),
        None => all,
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (corner + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}
