//! Lifecycle and replication rules, and whom notifications go to, as flat lists of paths and texts.

use quick_xml::Reader;
use quick_xml::events::Event;

/// One `<Rule>`: paths below it (`Expiration/Days`) with their texts. An empty element has an empty text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rule {
    element: String,
    values: Vec<(String, String)>,
}

impl Rule {
    /// The text at this path, or where the path is the last part of one (`Filter/And/Prefix`).
    pub(super) fn get(&self, path: &str) -> Option<&str> {
        let exact = self.values.iter().find(|(found, _)| found == path);
        exact.map(|(_, text)| text.as_str())
    }

    /// Every text at this path: an element may come several times.
    pub(super) fn all<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(found, _)| found == path).map(|(_, text)| text.as_str())
    }

    /// The name of its element.
    pub(super) fn element(&self) -> &str {
        &self.element
    }

    /// Whether anything stands at or below this path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.values.iter().any(|(found, _)| {
            found.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Its id, or its number.
    pub(super) fn name(&self, index: usize) -> String {
        match self.get("ID").filter(|id| !id.is_empty()) {
            Some(id) => format!("rule `{id}`"),
            None => format!("rule {}", index + 1),
        }
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.get("Status").is_none_or(|status| status == "Enabled")
    }

    /// The prefix that it is limited to; empty for all objects.
    pub(super) fn prefix(&self) -> &str {
        ["Filter/Prefix", "Filter/And/Prefix", "Prefix"].iter().find_map(|p| self.get(p)).unwrap_or_default()
    }
}

/// Reads every `<Rule>`; `None` for a document that cannot be read whole.
pub(super) fn rules(document: &str) -> Option<Vec<Rule>> {
    elements(document, &["Rule"])
}

/// As [`rules`], for elements of other names below the root.
pub(super) fn elements(document: &str, names: &[&str]) -> Option<Vec<Rule>> {
    let is_one =
        |path: &[String]| path.len() == 2 && path.last().is_some_and(|n| names.contains(&n.as_str()));
    let new =
        |path: &[String]| Rule { element: path.last().cloned().unwrap_or_default(), values: Vec::new() };
    let mut reader = Reader::from_str(document);
    let mut rules: Vec<Rule> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    // Whether the element that ends is a leaf.
    let mut leaf = false;
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                path.push(String::from_utf8(tag.local_name().as_ref().to_vec()).ok()?);
                text.clear();
                leaf = true;
                if is_one(&path) {
                    rules.push(new(&path));
                }
            }
            Event::Empty(tag) => {
                path.push(String::from_utf8(tag.local_name().as_ref().to_vec()).ok()?);
                if is_one(&path) {
                    rules.push(new(&path));
                }
                keep(&mut rules, &path, "", names);
                path.pop();
                leaf = false;
            }
            Event::Text(piece) => text.push_str(&piece.decode().ok()?),
            Event::CData(piece) => text.push_str(&piece.decode().ok()?),
            Event::GeneralRef(reference) => {
                let name = reference.decode().ok()?;
                match reference.resolve_char_ref().ok()? {
                    Some(character) => text.push(character),
                    None => text.push_str(quick_xml::escape::resolve_predefined_entity(&name)?),
                }
            }
            Event::End(_) => {
                if leaf {
                    keep(&mut rules, &path, text.trim(), names);
                }
                leaf = false;
                path.pop();
            }
            Event::Eof => return path.is_empty().then_some(rules),
            Event::DocType(_) => return None,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

fn keep(rules: &mut [Rule], path: &[String], text: &str, names: &[&str]) {
    if path.len() > 2
        && path.get(1).is_some_and(|name| names.contains(&name.as_str()))
        && let Some(rule) = rules.last_mut()
    {
        rule.values.push((path[2..].join("/"), text.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::rules;

    #[test]
    fn rules_are_read_with_their_paths() {
        let xml = "<?xml version=\"1.0\"?><LifecycleConfiguration xmlns=\"x\"><Rule><ID>a&amp;b</ID><Filter><And>\
                   <Prefix>logs/</Prefix></And></Filter><Status>Enabled</Status><Expiration><Days>30</Days></Expiration>\
                   </Rule><Rule><Status>Disabled</Status><Prefix/></Rule></LifecycleConfiguration>";
        let found = rules(xml).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name(0).as_str(), found[0].prefix()), ("rule `a&b`", "logs/"));
        assert_eq!(found[0].get("Expiration/Days"), Some("30"));
        assert!(found[0].is_enabled() && !found[1].is_enabled() && found[1].prefix().is_empty());
        assert_eq!(rules("<a><Rule>"), None);
    }
}
