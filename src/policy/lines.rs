//! Where the statements of a document stand in its text.

/// The line (from 1) on which each statement begins, in the order of the document; empty for a text that is
/// no JSON object with a `Statement`.
#[must_use]
pub fn statement_lines(json: &str) -> Vec<u32> {
    let (mut line, mut depth) = (1, 0_u32);
    let mut lines = Vec::new();
    // The last text at depth 1: the name of the element that comes next.
    let mut name = String::new();
    let mut list = false;
    let mut characters = json.chars();
    while let Some(character) = characters.next() {
        match character {
            '\n' => line += 1,
            '"' => {
                let mut text = String::new();
                loop {
                    match characters.next() {
                        Some('\\') => drop(characters.next()),
                        Some('"') | None => break,
                        Some(other) => text.push(other),
                    }
                }
                if depth == 1 {
                    name = text;
                }
            }
            '[' => {
                list |= depth == 1 && name == "Statement";
                depth += 1;
            }
            '{' => {
                let statement = (list && depth == 2) || (!list && depth == 1 && name == "Statement");
                if statement {
                    lines.push(line);
                }
                depth += 1;
            }
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    list = false;
                    name.clear();
                }
            }
            _ => {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::statement_lines;

    #[test]
    fn statements_are_found_whatever_stands_in_texts() {
        let list = "{\n \"Id\": \"Statement\",\n \"Statement\": [\n  {\"Sid\": \"a]}\\\"{\"},\n  {\n   \"Condition\": {}}\n ]\n}";
        assert_eq!(statement_lines(list), [4, 5]);
        assert_eq!(statement_lines("{\"Version\":\"x\",\n\"Statement\":\n{\"Effect\":{}}}"), [3]);
        assert!(statement_lines("[1").is_empty());
    }
}
