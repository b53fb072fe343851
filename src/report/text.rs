//! Text made fit to be shown: what comes from outside made harmless, and long reasons in short.

use std::fmt::Write as _;

/// A long reason in short: its first parts (it is a list with semicolons) and how many more there are, and
/// digests by their first twelve digits. The whole stands in the record and in the scenario's own section.
#[must_use]
pub fn brief(reason: &str) -> String {
    const PARTS: usize = 3;
    const DIGEST: usize = 64;
    let parts: Vec<&str> = reason.split("; ").collect();
    let cut = match parts.get(..PARTS) {
        Some(first) if parts.len() > PARTS + 1 => {
            format!("{}; and {} more", first.join("; "), parts.len() - PARTS)
        }
        _ => reason.to_owned(),
    };
    let words: Vec<String> = cut
        .split(' ')
        .map(|word| {
            let digits = word.trim_end_matches([',', '.', ';']);
            if digits.len() == DIGEST && digits.chars().all(|c| c.is_ascii_hexdigit()) {
                format!("{}…{}", &digits[..12], &word[DIGEST..])
            } else {
                word.to_owned()
            }
        })
        .collect();
    words.join(" ")
}

/// Text from outside, made harmless and unmistakable: control characters, bidirectional and invisible marks, odd
/// spaces and private characters are written as `\u{202E}`; so is a space at either end or after another space,
/// and a backslash that would look like such an escape. Different texts stay different.
#[must_use]
pub fn show(text: &str) -> String {
    escape(text, |_| true)
}

/// Like [`show`]; characters that `drawable` denies are escaped too.
#[must_use]
pub fn escape(text: &str, drawable: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut after_space = true;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let plain = match c {
            ' ' => !after_space && next.is_some(),
            '\\' => !(next == Some('u') && { chars.clone().nth(1) == Some('{') }),
            ' '..='~' => true,
            _ => !hostile(c) && drawable(c),
        };
        after_space = c == ' ';
        if plain {
            out.push(c);
        } else {
            let _ = write!(out, "\\u{{{:X}}}", u32::from(c));
        }
    }
    out
}

/// Text of many lines for a terminal: what could mislead it is escaped, lines and spaces stay.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && hostile(c) {
            let _ = write!(out, "\\u{{{:X}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// JSON that no terminal can be misled by. In it such characters stand in strings only, where they may be escaped.
#[must_use]
pub fn harmless_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c > '~' && hostile(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character can mislead a reader or a terminal.
fn hostile(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(u32::from(c),
            0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164
            | 0xE000..=0xF8FF | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFF
            | 0x1_D173..=0x1_D17A | 0xE_0000..=0x10_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_its_parts_and_says_so() {
        assert_eq!(super::brief("a; b; c; d"), "a; b; c; d");
        assert_eq!(super::brief("a; b; c; d; e"), "a; b; c; and 2 more");
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(super::brief(&format!("SHA-256 {digest} before, {digest}, now")), {
            "SHA-256 0123456789ab… before, 0123456789ab…, now"
        });
    }

    #[test]
    fn hostile_text_is_shown_and_not_obeyed() {
        assert_eq!(show("\u{1b}[31mred\u{7}"), "\\u{1B}[31mred\\u{7}");
        assert_eq!(show("invoice\u{202E}fdp.exe"), "invoice\\u{202E}fdp.exe");
        assert_eq!(show("a\nb\tc\u{a0}d\u{200b}"), "a\\u{A}b\\u{9}c\\u{A0}d\\u{200B}");
        assert_eq!(show("Łódź 日本 ≤ ✓"), "Łódź 日本 ≤ ✓");
        assert_eq!(show("C:\\new \\d+"), "C:\\new \\d+");
    }

    #[test]
    fn two_texts_never_look_the_same() {
        let texts = [
            "\u{202E}",
            "\\u{202E}",
            "\\\u{202E}",
            "\\\\u{202E}",
            "\\u{5C}u{202E}",
            "a  b",
            "a b",
            " a b",
            "a b ",
            "a \\u{20}b",
        ];
        let shown: std::collections::BTreeSet<String> = texts.iter().map(|t| show(t)).collect();
        assert_eq!(shown.len(), texts.len(), "{shown:?}");
    }
}
