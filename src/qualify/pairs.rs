//! A small part of the matrix that still holds every defect and every scenario: what a test can run each time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::qualify::Qualification;

/// For each defect scenarios that catch it. Every scenario stands in it at least once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pairs {
    /// Defect to scenarios. Defects that make a server useless are not in it: nothing need fail on them.
    pub caught: BTreeMap<String, Vec<String>>,
}

/// A file of pairs that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the pairs cannot be read: {0}")]
pub struct PairsError(String);

impl Pairs {
    /// Chooses pairs: each scenario goes to the defect that it can catch and that has the fewest scenarios so
    /// far; scenarios with the least choice first. A defect that is left alone gets the scenario that fails on
    /// the fewest others.
    #[must_use]
    pub fn choose(from: &Qualification) -> Self {
        let mut caught: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let width = |name: &String| from.defects.iter().find(|d| d.name == *name).map_or(0, |d| d.by.len());
        let mut scenarios: Vec<_> = from.scenarios.iter().filter(|s| s.is_proven()).collect();
        scenarios.sort_by_key(|s| (s.fails_on.len(), s.id.clone()));
        let useful = |name: &&String| from.defects.iter().any(|d| d.name == **name && !d.useless);
        for scenario in scenarios {
            let best = scenario
                .fails_on
                .iter()
                .filter(useful)
                .min_by_key(|name| (caught.get(*name).map_or(0, Vec::len), width(name)));
            if let Some(name) = best {
                caught.entry(name.clone()).or_default().push(scenario.id.clone());
            }
        }
        for defect in from.defects.iter().filter(|d| !d.useless) {
            if caught.contains_key(&defect.name) {
                continue;
            }
            let breadth = |id: &&String| {
                from.scenarios.iter().find(|s| s.id == **id).map_or(usize::MAX, |s| s.fails_on.len())
            };
            if let Some(id) = defect.by.iter().min_by_key(breadth) {
                caught.insert(defect.name.clone(), vec![id.clone()]);
            }
        }
        for ids in caught.values_mut() {
            ids.sort();
        }
        Self { caught }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong in the text.
    pub fn parse(text: &str) -> Result<Self, PairsError> {
        toml::from_str(text).map_err(|e| PairsError(e.to_string()))
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# For each defect of the embedded server scenarios that fail on it; every scenario stands here at least\n\
             # once. Made by `wormproof qualify --pairs FILE`; the tests run exactly these.\n\n[caught]\n",
        );
        for (defect, ids) in &self.caught {
            let ids: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
            text.push_str(&format!("{defect} = [{}]\n", ids.join(", ")));
        }
        text
    }
}
