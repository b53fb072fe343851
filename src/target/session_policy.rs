//! The session policy of a role: what it holds, on the audited bucket and on buckets of ours, and no more.

use serde_json::json;

use crate::policy::allow_document;
use crate::scenario::{Right, Role};

/// The longest session policy that STS takes, in characters.
pub const SESSION_POLICY_LIMIT: usize = 2048;

/// Where the principals may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The audited bucket.
    pub bucket: String,
    /// Objects of the audited bucket only under this prefix (where the canaries lie); empty is all of
    /// them. The auditor reads the whole bucket.
    pub prefix: String,
    /// `aws`, `aws-cn`, `aws-us-gov`: the partition in the ARNs.
    pub partition: &'static str,
}

impl Scope {
    /// The scope in AWS's main partition, which all other servers use, too.
    #[must_use]
    pub fn new(bucket: &str, prefix: &str) -> Self {
        Self { bucket: bucket.to_owned(), prefix: prefix.to_owned(), partition: "aws" }
    }

    /// Sets the partition by the region.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        let partition = match region {
            r if r.starts_with("cn-") => "aws-cn",
            r if r.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        self.partition = partition;
        self
    }

    fn arn(&self, resource: &str) -> String {
        format!("arn:{}:s3:::{resource}", self.partition)
    }

    fn buckets(&self) -> Vec<String> {
        vec![self.arn(&escape(&self.bucket)), self.arn("wormproof-*")]
    }

    fn objects(&self, role: Role) -> Vec<String> {
        let bucket = escape(&self.bucket);
        let ours = self.arn("wormproof-*/*");
        if role == Role::Auditor || self.prefix.is_empty() {
            return vec![self.arn(&format!("{bucket}/*")), ours];
        }
        // The empty key, which no object can have: MinIO asks for it before it unpacks an archive, and for the key of
        // each entry afterwards. Without it a refusal of an archive would only show that this right is missing.
        vec![self.arn(&format!("{bucket}/{}*", escape(&self.prefix))), self.arn(&format!("{bucket}/")), ours]
    }
}

/// Wildcards and variables of a key are taken literally by way of policy variables.
fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '*' => out.push_str("${*}"),
            '?' => out.push_str("${?}"),
            '$' => out.push_str("${$}"),
            c => out.push(c),
        }
        out
    })
}

/// The session policy of a role, as JSON in one line; `None` for anonymous, who has no session.
///
/// It names `s3:DeleteObjectVersion` beside `s3:DeleteObject`: a session of MinIO needs both. Roles that
/// hold everything get `s3:*`, the denied one with an explicit Deny everywhere.
#[must_use]
pub fn session_policy(role: Role, scope: &Scope) -> Option<String> {
    if role == Role::Anonymous {
        return None;
    }
    let objects = scope.objects(role);
    let buckets = scope.buckets();
    let document = match role.rights() {
        Some(rights) => {
            let names = |of_bucket: bool| -> Vec<&'static str> {
                let plain = |r: &&Right| r.is_of_bucket() == of_bucket && !r.is_of_server();
                rights.iter().filter(plain).map(|r| r.word()).collect()
            };
            allow_document(&[(&names(false), &objects), (&names(true), &buckets)])
        }
        None => allow_document(&[(&["s3:*"], &[buckets, objects].concat())]),
    };
    let mut document: serde_json::Value = serde_json::from_str(&document).ok()?;
    let of_server: Vec<&str> =
        role.rights().unwrap_or_default().iter().filter(|r| r.is_of_server()).map(|r| r.word()).collect();
    if !of_server.is_empty()
        && let Some(statements) = document.get_mut("Statement").and_then(|s| s.as_array_mut())
    {
        // MinIO wants administration actions in a statement of their own; the resource is not looked at.
        statements.push(json!({"Effect": "Allow", "Action": of_server, "Resource": [scope.arn("*")]}));
    }
    let denied: Vec<&str> = role.denied().iter().map(|r: &Right| r.word()).collect();
    if !denied.is_empty()
        && let Some(statements) = document.get_mut("Statement").and_then(|s| s.as_array_mut())
    {
        statements.push(json!({"Effect": "Deny", "Action": denied, "Resource": [scope.arn("*")]}));
    }
    Some(document.to_string())
}

/// A session policy that differs from the role's by one action, on every resource: for tests of what the suite makes of
/// principals that do not hold what they should.
///
/// `administrator` is given everything but for that, servers' administration included. `None` for anonymous.
#[must_use]
pub fn changed_policy(role: Role, scope: &Scope, change: &RightChange) -> Option<String> {
    let base = match role {
        Role::Administrator => allow_document(&[(&["*"], &["*".to_owned()])]),
        role => session_policy(role, scope)?,
    };
    let mut document: serde_json::Value = serde_json::from_str(&base).ok()?;
    let statements = document.get_mut("Statement")?.as_array_mut()?;
    match change {
        RightChange::Without(action) => {
            statements.push(json!({"Effect": "Deny", "Action": [action], "Resource": ["*"]}));
        }
        RightChange::With(action) => {
            for statement in statements.iter_mut().filter(|s| s["Effect"] == "Deny") {
                if let Some(actions) = statement.get_mut("Action").and_then(|a| a.as_array_mut()) {
                    actions.retain(|a| a.as_str() != Some(action));
                }
            }
            let empty = |s: &serde_json::Value| s["Action"].as_array().is_some_and(Vec::is_empty);
            statements.retain(|s| !empty(s));
            statements.push(json!({"Effect": "Allow", "Action": [action], "Resource": ["*"]}));
        }
    }
    Some(document.to_string())
}

/// One action more or less than a role holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RightChange {
    /// It lacks this action.
    Without(String),
    /// It holds this action besides.
    With(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Context, Kind, Policy, Principal, Request};

    fn may(policy: &str, right: Right, bucket: &str, key: &str) -> bool {
        let policy = Policy::parse(policy, Kind::Session).expect("a session policy");
        let resource = if right.is_of_bucket() {
            format!("arn:aws:s3:::{bucket}")
        } else {
            format!("arn:aws:s3:::{bucket}/{key}")
        };
        let principal = Principal::Aws {
            account: "123456789012".to_owned(),
            arn: "arn:aws:iam::123456789012:role/x".to_owned(),
            session_arn: None,
        };
        policy
            .evaluate(&Request {
                principal: &principal,
                action: right.word(),
                resource: &resource,
                context: &Context::default(),
            })
            .is_allowed()
    }

    #[test]
    fn a_role_may_what_it_holds_and_nothing_else() {
        let scope = Scope::new("books", "2024/.wormproof/");
        for &role in Role::ALL {
            let Some(policy) = session_policy(role, &scope) else {
                assert_eq!(role, Role::Anonymous);
                continue;
            };
            assert!(policy.len() <= SESSION_POLICY_LIMIT, "{role}: {}", policy.len());
            assert!(policy.contains("\"Version\":\"2012-10-17\""));
            for &right in Right::ALL.iter().filter(|r| !r.is_of_server()) {
                let holds = role.holds(right);
                assert_eq!(may(&policy, right, "books", "2024/.wormproof/r/k"), holds, "{role} {right}");
                assert_eq!(may(&policy, right, "wormproof-twin", "k"), holds, "{role} {right} on a twin");
                assert!(!may(&policy, right, "other", "k"), "{role} {right} on another bucket");
                let of_a_key = holds && !right.is_of_bucket();
                assert!(
                    !of_a_key || may(&policy, right, "books", ""),
                    "{role} {right} for an archive as such"
                );
            }
        }
    }

    #[test]
    fn only_the_auditor_reaches_the_records() {
        let scope = Scope::new("books", "2024/.wormproof/");
        for &role in Role::ALL.iter().filter(|r| **r != Role::Anonymous) {
            let policy = session_policy(role, &scope).expect("a policy");
            let reads = may(&policy, Right::GetObject, "books", "2024/ledger.csv");
            assert_eq!(reads, role == Role::Auditor, "{role}");
            assert!(!may(&policy, Right::DeleteObjectVersion, "books", "2024/ledger.csv"), "{role}");
        }
    }

    #[test]
    fn the_longest_names_still_fit() {
        let scope = Scope::new(&"b".repeat(63), &"p/".repeat(100)).in_region("us-gov-west-1");
        for &role in Role::ALL.iter().filter(|r| **r != Role::Anonymous) {
            let policy = session_policy(role, &scope).expect("a policy");
            assert!(policy.len() <= SESSION_POLICY_LIMIT, "{role}: {}", policy.len());
            assert!(policy.contains("arn:aws-us-gov:s3:::"));
        }
    }

    #[test]
    fn a_wildcard_in_the_prefix_opens_nothing() {
        let policy = session_policy(Role::Deleter, &Scope::new("books", "*/")).expect("a policy");
        assert!(!may(&policy, Right::DeleteObject, "books", "ledger/1"));
        assert!(may(&policy, Right::DeleteObject, "books", "*/1"));
    }
}
