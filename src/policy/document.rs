//! Printing a policy document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

/// An identity policy that allows these actions on these resources and nothing else, as indented JSON.
///
/// Actions and resources are sorted and named once; statements with the same resources become one. A
/// statement without actions or without resources allows nothing and is left out.
#[must_use]
pub fn allow_document(statements: &[(&[&str], &[String])]) -> String {
    let mut by_resources: BTreeMap<BTreeSet<&str>, BTreeSet<&str>> = BTreeMap::new();
    for (actions, resources) in statements {
        if !actions.is_empty() && !resources.is_empty() {
            let resources = resources.iter().map(String::as_str).collect();
            by_resources.entry(resources).or_default().extend(actions.iter().copied());
        }
    }
    let statements: Vec<_> = by_resources
        .iter()
        .map(|(resources, actions)| json!({"Effect": "Allow", "Action": actions, "Resource": resources}))
        .collect();
    format!("{:#}", json!({"Version": "2012-10-17", "Statement": statements}))
}
