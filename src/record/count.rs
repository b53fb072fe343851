//! Numbers with their noun.

/// `1 version`, `2 versions`; nouns whose plural adds an s.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(counted(1, "version"), "1 version");
        assert_eq!(counted(0, "version"), "0 versions");
        assert_eq!(counted(21, "version"), "21 versions");
    }
}
