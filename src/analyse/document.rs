//! Policy documents with their names and the places of their statements.

use serde_json::Value;

use super::ServerKind;
use crate::policy::{Kind, Policy, PolicyError, PrincipalName, Statement, statement_lines};
use crate::record::analysis::StatementPlace;

/// A policy document that is analysed.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its name in findings: a file name, or `bucket policy`.
    pub name: String,
    /// The policy.
    pub policy: Policy,
    /// Its text, as it was given.
    pub text: String,
    lines: Vec<u32>,
    /// Whether its version has policy variables.
    variables: bool,
}

impl Document {
    /// Reads a document; one whose statements name principals is a bucket policy, any other an identity
    /// policy. The answers of `get-bucket-policy`, `get-policy-version` and `mc admin policy info --json`
    /// are taken as they come.
    pub fn parse(name: &str, json: &str, server: ServerKind) -> Result<Self, PolicyError> {
        // Some editors begin a file with a byte order mark.
        let json = json.strip_prefix('\u{feff}').unwrap_or(json);
        let inner = unwrapped(json);
        let text = inner.as_deref().unwrap_or(json);
        let completed = (server == ServerKind::Minio).then(|| with_resources(text)).flatten();
        let policy = Policy::parse(completed.as_deref().unwrap_or(text), kind_of(text))?;
        let lines = if inner.is_some() { Vec::new() } else { statement_lines(json) };
        let variables = has_variables(text);
        Ok(Self { name: name.to_owned(), policy, text: json.to_owned(), lines, variables })
    }

    /// Reads the policy of a bucket as the store gave it.
    pub fn bucket_policy(json: &str) -> Result<Self, PolicyError> {
        let policy = Policy::parse(json, Kind::Bucket)?;
        // Stores give it on one line, or as it was written; a line number would help nobody.
        let variables = has_variables(json);
        Ok(Self {
            name: "bucket policy".to_owned(),
            policy,
            text: json.to_owned(),
            lines: Vec::new(),
            variables,
        })
    }

    /// Whether `${…}` stands for a value in it; in documents of an older version it is a plain word.
    pub(super) fn has_variables(&self) -> bool {
        self.variables
    }

    /// Takes the lines away, of a document that was put together.
    pub(super) fn forget_lines(&mut self) {
        self.lines.clear();
    }

    /// Where a statement stands.
    #[must_use]
    pub fn place(&self, index: usize) -> StatementPlace {
        StatementPlace {
            document: self.name.clone(),
            number: u32::try_from(index + 1).unwrap_or(u32::MAX),
            sid: self.policy.statements().get(index).and_then(|s| s.sid.clone()),
            line: self.lines.get(index).copied(),
        }
    }

    /// Its statements with their indices.
    pub(super) fn statements(&self) -> impl Iterator<Item = (usize, &Statement)> {
        self.policy.statements().iter().enumerate()
    }

    /// Whether its statements name principals.
    #[must_use]
    pub fn is_bucket_policy(&self) -> bool {
        self.policy.kind() == Kind::Bucket
    }

    /// Whether a statement is about everything but what it names.
    pub(super) fn has_not_resource(&self) -> bool {
        self.policy.statements().iter().any(|s| s.resources.not)
    }

    /// The names of the buckets that its resources lie in, as patterns. `NotResource` adds one that no
    /// document names.
    pub(super) fn bucket_patterns(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.has_not_resource() {
            found.push("any-other-bucket".to_owned());
        }
        for resource in self.policy.statements().iter().flat_map(|s| &s.resources.written) {
            if let Some((bucket, _)) = bucket_and_key(resource)
                && !found.contains(&bucket)
            {
                found.push(bucket);
            }
        }
        found
    }

    /// Everybody whom a clause that passes the test names.
    pub(super) fn names(&self, test: impl Fn(&Statement) -> bool) -> Vec<PrincipalName> {
        let mut found = Vec::new();
        for statement in self.policy.statements().iter().filter(|s| test(s)) {
            for name in statement.principals.iter().flat_map(|c| &c.names) {
                if !found.contains(name) {
                    found.push(name.clone());
                }
            }
        }
        found
    }
}

/// Bucket and key pattern of an S3 resource; the key is empty for the bucket. `*` is any bucket with any key.
pub(super) fn bucket_and_key(resource: &str) -> Option<(String, String)> {
    if resource == "*" {
        return Some(("*".to_owned(), "*".to_owned()));
    }
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let [_, _, service, _, _, name] = parts[..] else { return None };
    if !matches!(service, "s3" | "*") {
        return None;
    }
    Some(match name.split_once('/') {
        Some((bucket, key)) => (bucket.to_owned(), key.to_owned()),
        None if name.ends_with('*') => (name.to_owned(), "*".to_owned()),
        None => (name.to_owned(), String::new()),
    })
}

/// A name that the pattern matches: each wildcard and each variable stands for a plain word.
pub(super) fn sample_of(pattern: &str) -> String {
    let mut sample = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if let Some(inside) = rest.strip_prefix("${")
            && let Some(end) = inside.find('}')
        {
            sample.push_str("sample");
            rest = &inside[end + 1..];
            continue;
        }
        match first {
            '*' => sample.push_str("sample"),
            '?' => sample.push('x'),
            other => sample.push(other),
        }
        rest = &rest[first.len_utf8()..];
    }
    sample
}

fn has_variables(json: &str) -> bool {
    let root = serde_json::from_str::<Value>(json).ok();
    root.as_ref().and_then(|v| v.get("Version")).and_then(Value::as_str) == Some("2012-10-17")
}

fn kind_of(json: &str) -> Kind {
    let names_somebody =
        |statement: &Value| statement.get("Principal").is_some() || statement.get("NotPrincipal").is_some();
    let statements = serde_json::from_str::<Value>(json).ok().and_then(|v| v.get("Statement").cloned());
    let bucket = match &statements {
        Some(Value::Array(list)) => list.iter().any(names_somebody),
        Some(single) => names_somebody(single),
        None => false,
    };
    if bucket { Kind::Bucket } else { Kind::Identity }
}

/// The document with a resource in MinIO's statements about its administration, which need none.
fn with_resources(json: &str) -> Option<String> {
    let mut root: Value = serde_json::from_str(json).ok()?;
    for statement in root.get_mut("Statement")?.as_array_mut()? {
        let object = statement.as_object_mut()?;
        let actions = object.get("Action")?;
        let list = actions.as_array().map_or_else(|| vec![actions], |list| list.iter().collect());
        let of_server = |action: &&Value| {
            let text = action.as_str().unwrap_or_default();
            ["admin:", "kms:", "sts:"].iter().any(|service| text.starts_with(service))
        };
        if list.iter().all(of_server) && !object.contains_key("Resource") {
            object.insert("Resource".to_owned(), Value::from("*"));
        }
    }
    Some(root.to_string())
}

/// The document inside what a command line tool prints around it.
fn unwrapped(json: &str) -> Option<String> {
    let root: Value = serde_json::from_str(json).ok()?;
    if root.get("Statement").is_some() {
        return None;
    }
    let places = ["/Policy", "/PolicyDocument", "/PolicyVersion/Document", "/policyInfo/Policy", "/policy"];
    places.iter().find_map(|place| match root.pointer(place)? {
        Value::String(text) => Some(text.clone()),
        object @ Value::Object(_) => Some(object.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_as_what_it_is_and_its_statements_have_places() {
        let text = "{\"Version\":\"2012-10-17\",\n\"Statement\":[\n{\"Sid\":\"A\",\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}";
        let document = Document::parse("a.json", text, ServerKind::Aws).unwrap();
        assert!(!document.is_bucket_policy());
        assert_eq!(document.place(0).to_string(), "a.json:3 statement 1 (A)");
        let answer = serde_json::json!({ "Policy": text.replace("\"Sid\"", "\"Principal\":\"*\",\"Sid\"") });
        let wrapped = Document::parse("b", &answer.to_string(), ServerKind::Aws).unwrap();
        assert!(wrapped.is_bucket_policy());
        assert_eq!(wrapped.place(0).to_string(), "b statement 1 (A)");
    }

    #[test]
    fn samples_match_their_patterns() {
        assert_eq!(sample_of("a/*/${aws:username}/?"), "a/sample/sample/x");
        assert_eq!(bucket_and_key("arn:aws:s3:::b/k/*"), Some(("b".into(), "k/*".into())));
        assert_eq!(bucket_and_key("arn:aws:s3:::b"), Some(("b".into(), String::new())));
        assert_eq!(bucket_and_key("arn:aws:kms:::b"), None);
    }
}
