//! Mistakes of a file, shown as a compiler shows them, and the page that collects them.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as it was named to the parser.
    pub file: String,
    /// The line (1-based).
    pub line: usize,
    /// The column (1-based, in characters).
    pub column: usize,
    /// How many characters of the line are meant (at least 1).
    pub width: usize,
    /// The line's text.
    pub text_of_line: String,
    /// What is wrong, as a fragment.
    pub message: String,
    /// What to write instead, if that can be said.
    pub hint: Option<String>,
}

impl Mistake {
    /// A mistake at these bytes of the text.
    #[must_use]
    pub fn at(file: &str, text: &str, span: Range<usize>, message: String, hint: Option<String>) -> Self {
        let start = floor(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        let end = floor(text, span.end).clamp(start, line_end);
        Self {
            file: file.to_owned(),
            line: line_of(text, start),
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end].chars().count().max(1),
            text_of_line: text[line_start..line_end].trim_end().to_owned(),
            message,
            hint,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = self.line.to_string().len();
        // The caret stands under the text in any terminal: tabs are kept, everything else is a space.
        let lead: String = self
            .text_of_line
            .chars()
            .take(self.column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        writeln!(f, "error: {}", self.message)?;
        writeln!(f, "{:gutter$}--> {}:{}:{}", "", self.file, self.line, self.column)?;
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{} | {}", self.line, self.text_of_line)?;
        write!(f, "{:gutter$} | {lead}{}", "", "^".repeat(self.width))?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistake {}

/// The line (1-based) of a byte position.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..floor(text, at)].matches('\n').count() + 1
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// A file's text, and the mistakes found in it so far.
pub(crate) struct Page<'t> {
    pub(crate) file: &'t str,
    pub(crate) text: &'t str,
    mistakes: RefCell<Vec<Mistake>>,
}

impl<'t> Page<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, mistakes: RefCell::new(Vec::new()) }
    }

    pub(crate) fn say(&self, span: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        let mistake = Mistake::at(self.file, self.text, span, message.into(), hint);
        let mut mistakes = self.mistakes.borrow_mut();
        if !mistakes.contains(&mistake) {
            mistakes.push(mistake);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.mistakes.borrow().len()
    }

    /// The mistakes in the order of the file.
    pub(crate) fn into_mistakes(self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|m| (m.line, m.column));
        mistakes
    }
}

/// A hint for a word that is not among the known ones: the nearest, or all of a short list.
pub(crate) fn near<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<String> {
    let mut known: Vec<&str> = known.into_iter().collect();
    let folded = fold(word);
    let best = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&folded, &fold(k)), *k))
        .filter(|(distance, k)| *distance <= (k.chars().count() / 3).max(1))
        .min();
    if let Some((_, best)) = best {
        return Some(format!("did you mean `{best}`?"));
    }
    known.sort_unstable();
    match known.len() {
        1..=16 => {
            Some(format!("known: {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")))
        }
        _ => None,
    }
}

fn fold(word: &str) -> String {
    word.to_lowercase().replace(['_', ' '], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_drawn_under_the_characters_that_are_meant() {
        let text = "a = 1\n\tö = \"wrong\"\n";
        let at = text.find("\"wrong").expect("the value");
        let shown = Mistake::at("x.toml", text, at..at + 7, "no".into(), Some("yes".into())).to_string();
        let expected = "error: no\n --> x.toml:2:6\n  |\n2 | \tö = \"wrong\"\n  | \t    ^^^^^^^\nhint: yes";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_span_over_several_lines_is_cut_at_the_first() {
        let mistake = Mistake::at("x", "ab\ncd", 1..5, String::new(), None);
        assert_eq!((mistake.line, mistake.column, mistake.width), (1, 2, 1));
    }

    #[test]
    fn the_nearest_word_is_offered_and_a_far_one_is_not() {
        assert_eq!(
            near("bypass-govenance", ["bypass-governance", "body"]),
            Some("did you mean `bypass-governance`?".into())
        );
        assert_eq!(near("Object_Locked", ["object-locked"]), Some("did you mean `object-locked`?".into()));
        assert_eq!(near("xyz", ["on", "off"]), Some("known: `off`, `on`".into()));
    }
}
