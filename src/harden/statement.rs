//! Statements of policies, before they are written in one format or another.

use serde_json::{Map, Value, json};

/// Whether a statement grants or takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It grants.
    Allow,
    /// It takes away, whatever grants.
    Deny,
}

impl Effect {
    /// The word in a policy.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resources {
    /// These.
    Only(Vec<String>),
    /// Everything but these. Only in bucket policies: everything is then everything in the bucket.
    AllBut(Vec<String>),
}

/// One condition: operator, key, values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// The operator.
    pub operator: &'static str,
    /// The condition key.
    pub key: &'static str,
    /// The values.
    pub values: Vec<String>,
}

impl Test {
    /// A test for one value.
    #[must_use]
    pub fn one(operator: &'static str, key: &'static str, value: impl Into<String>) -> Self {
        Self { operator, key, values: vec![value.into()] }
    }
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name.
    pub sid: &'static str,
    /// Allow or Deny.
    pub effect: Effect,
    /// The actions, in the order in which they are printed.
    pub actions: Vec<&'static str>,
    /// What it is about.
    pub resources: Resources,
    /// All of them have to hold.
    pub tests: Vec<Test>,
    /// What it is for, in one line; ends with the scenarios that show such a statement at work, where there are some.
    pub why: String,
}

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Whether its statements name `Principal "*"`.
    pub of_bucket: bool,
    /// The statements.
    pub statements: Vec<Statement>,
}

impl Document {
    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let statements: Vec<Value> = self.statements.iter().map(|s| s.json(self.of_bucket)).collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    }
}

impl Statement {
    fn json(&self, of_bucket: bool) -> Value {
        let mut map = Map::new();
        map.insert("Sid".to_owned(), self.sid.into());
        map.insert("Effect".to_owned(), self.effect.word().into());
        if of_bucket {
            map.insert("Principal".to_owned(), "*".into());
        }
        map.insert("Action".to_owned(), self.actions.clone().into());
        let (element, resources) = match &self.resources {
            Resources::Only(these) => ("Resource", these),
            Resources::AllBut(these) => ("NotResource", these),
        };
        map.insert(element.to_owned(), resources.clone().into());
        if !self.tests.is_empty() {
            let mut condition = Map::new();
            for test in &self.tests {
                let of_operator = condition.entry(test.operator).or_insert_with(|| json!({}));
                let values = match test.values.as_slice() {
                    [one] => Value::from(one.as_str()),
                    more => Value::from(more.to_vec()),
                };
                of_operator[test.key] = values;
            }
            map.insert("Condition".to_owned(), Value::Object(condition));
        }
        Value::Object(map)
    }
}
