//! The built-in typefaces: how wide text is, what they can draw, and the part of them that a report needs.
//!
//! Inter (Regular, SemiBold) and JetBrains Mono, SIL Open Font License 1.1; the licence texts lie beside them.
//! Without its layout feature, printpdf neither measures text nor cuts fonts down, and it drops what a font
//! cannot draw: all three are done here.

use std::collections::BTreeSet;

use allsorts::binary::read::ReadScope;
use allsorts::font_data::FontData;
use allsorts::subset::{CmapTarget, SubsetProfile, subset};
use printpdf::ParsedFont;
use sha2::{Digest, Sha256};

use crate::report::ReportError;
use crate::report::text::escape;

/// A typeface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Face {
    Regular,
    Bold,
    Mono,
}

impl Face {
    pub(super) const ALL: [Self; 3] = [Self::Regular, Self::Bold, Self::Mono];

    /// The name in the PDF, without spaces.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Regular => "Inter-Regular",
            Self::Bold => "Inter-SemiBold",
            Self::Mono => "JetBrainsMono-Regular",
        }
    }

    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Regular => include_bytes!("../fonts/Inter-Regular.ttf"),
            Self::Bold => include_bytes!("../fonts/Inter-SemiBold.ttf"),
            Self::Mono => include_bytes!("../fonts/JetBrainsMono-Regular.ttf"),
        }
    }
}

/// All typefaces, read.
#[derive(Debug)]
pub(super) struct Fonts {
    faces: [ParsedFont; 3],
}

impl Fonts {
    pub(super) fn load() -> Result<Self, ReportError> {
        let [regular, bold, mono] = Face::ALL.map(|face| parse(face, face.bytes()));
        Ok(Self { faces: [regular?, bold?, mono?] })
    }

    fn face(&self, face: Face) -> &ParsedFont {
        &self.faces[face as usize]
    }

    fn advance(&self, face: Face, c: char) -> f32 {
        let font = self.face(face);
        let glyph = font.lookup_glyph_index(u32::from(c)).unwrap_or(0);
        f32::from(font.get_glyph_width(glyph).unwrap_or(0)) / f32::from(font.units_per_em.max(1))
    }

    /// The width of a text in points.
    pub(super) fn width(&self, face: Face, size: f32, text: &str) -> f32 {
        text.chars().map(|c| self.advance(face, c)).sum::<f32>() * size
    }

    /// Text from outside as this face can draw it: made harmless, and what the face lacks as `\u{65E5}`.
    pub(super) fn clean(&self, face: Face, text: &str) -> String {
        let font = self.face(face);
        escape(text, |c| font.lookup_glyph_index(u32::from(c)).is_some_and(|glyph| glyph != 0))
    }

    /// Breaks clean text into lines of at most this width: at spaces, else after a sign that joins, else anywhere.
    pub(super) fn wrap(&self, face: Face, size: f32, text: &str, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        let (mut line, mut used) = (String::new(), 0.0);
        let space = self.advance(face, ' ') * size;
        for word in text.split(' ') {
            let wide = self.width(face, size, word);
            let gap = if line.is_empty() { 0.0 } else { space };
            if used + gap + wide <= width {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
                used += gap + wide;
                continue;
            }
            // A word that fits on a line of its own goes there, unless that would leave a mostly empty one.
            if wide <= width || used > width * 0.6 {
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                    used = 0.0;
                }
            } else if !line.is_empty() {
                line.push(' ');
                used += space;
            }
            let mut rest = word;
            while self.width(face, size, rest) + used > width {
                let cut = self.cut(face, size, rest, width - used);
                line.push_str(&rest[..cut]);
                rest = &rest[cut..];
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            line.push_str(rest);
            used += self.width(face, size, rest);
        }
        if !line.is_empty() || lines.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// Where to cut a word that is too long: a byte position above 0.
    fn cut(&self, face: Face, size: f32, word: &str, room: f32) -> usize {
        let (mut used, mut last, mut joint) = (0.0, 0, 0);
        for (at, c) in word.char_indices() {
            used += self.advance(face, c) * size;
            if used > room {
                break;
            }
            last = at + c.len_utf8();
            if matches!(c, '/' | '?' | '&' | '=' | '-' | '_' | ',' | ';' | ':' | '.') {
                joint = last;
            }
        }
        let first = word.chars().next().map_or(1, char::len_utf8);
        if joint * 2 > last { joint } else { last.max(first) }
    }

    /// The face with only these characters, for embedding.
    pub(super) fn subset(&self, face: Face, used: &BTreeSet<char>) -> Result<ParsedFont, ReportError> {
        let failed = |why: String| ReportError::Font { face: face.name(), why };
        let font = self.face(face);
        // Glyph 0 comes first: it is what a reader falls back on.
        let glyphs: BTreeSet<u16> =
            used.iter().filter_map(|c| font.lookup_glyph_index(u32::from(*c))).chain([0]).collect();
        let glyphs: Vec<u16> = glyphs.into_iter().collect();
        let file = ReadScope::new(face.bytes()).read::<FontData<'_>>().map_err(|e| failed(e.to_string()))?;
        let provider = file.table_provider(0).map_err(|e| failed(e.to_string()))?;
        let bytes = subset(&provider, &glyphs, &SubsetProfile::Pdf, CmapTarget::Unicode)
            .map_err(|e| failed(e.to_string()))?;
        let mut part = parse(face, &bytes)?;
        part.font_name = Some(format!("{}+{}", tag(&bytes), face.name()));
        Ok(part)
    }
}

/// The six letters that mark a font as cut down (ISO 32000-1, 9.6.4); equal fonts have equal letters.
fn tag(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(6).map(|byte| char::from(b'A' + byte % 26)).collect()
}

fn parse(face: Face, bytes: &[u8]) -> Result<ParsedFont, ReportError> {
    let mut warnings = Vec::new();
    ParsedFont::from_bytes(bytes, 0, &mut warnings)
        .ok_or_else(|| ReportError::Font { face: face.name(), why: "it is not a font".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_face_lacks_is_written_out() {
        let fonts = Fonts::load().expect("fonts");
        assert_eq!(fonts.clean(Face::Regular, "Łódź 日 ≤ ✓ \u{202E}"), "Łódź \\u{65E5} ≤ ✓ \\u{202E}");
        assert_eq!(fonts.clean(Face::Mono, "✗"), "\\u{2717}");
    }

    #[test]
    fn wrapped_lines_fit_and_lose_nothing() {
        let fonts = Fonts::load().expect("fonts");
        let text = format!("GET /bucket/{}?versionId=1 and some words after it", "long-key/".repeat(40));
        for width in [30.0, 80.0, 200.0] {
            let lines = fonts.wrap(Face::Mono, 8.0, &text, width);
            for line in &lines {
                assert!(fonts.width(Face::Mono, 8.0, line) <= width + 0.01, "{line}");
            }
            let join = |s: &str| s.replace(' ', "");
            assert_eq!(join(&lines.concat()), join(&text));
        }
    }
}
