//! The table of `fixtures/policy-cases.toml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::*;

const OBJECT: &str = "arn:aws:s3:::vault/ledger/2024.csv";

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    kind: String,
    statement: String,
    who: String,
    action: String,
    #[serde(default)]
    resource: Option<String>,
    #[serde(default)]
    has: BTreeMap<String, String>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    partial: bool,
    expect: String,
}

fn principal(who: &str) -> Principal {
    let user = |account: &str, name: &str| Principal::Aws {
        account: account.to_owned(),
        arn: format!("arn:aws:iam::{account}:{name}"),
        session_arn: None,
    };
    match who {
        "alice" | "bob" => user("111122223333", &format!("user/{who}")),
        "root" => user("111122223333", "root"),
        "stranger" => user("999988887777", "user/mallory"),
        "ops-session" => Principal::Aws {
            account: "111122223333".to_owned(),
            arn: "arn:aws:iam::111122223333:role/ops".to_owned(),
            session_arn: Some("arn:aws:sts::111122223333:assumed-role/ops/ann".to_owned()),
        },
        "anonymous" => Principal::Anonymous,
        other => panic!("nobody is called {other}"),
    }
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
        Effect::None => "none",
    }
}

#[test]
fn the_evaluator_agrees_with_the_table() {
    let table: Table = toml::from_str(include_str!("../../fixtures/policy-cases.toml")).unwrap();
    assert!(table.case.len() >= 150, "{} cases", table.case.len());
    let names: BTreeSet<&str> = table.case.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), table.case.len(), "a name is used twice");
    let mut wrong = Vec::new();
    for case in &table.case {
        let kind = if case.kind == "bucket" { Kind::Bucket } else { Kind::Identity };
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, case.statement);
        let policy = Policy::parse(&text, kind).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let principal = principal(&case.who);
        let mut context = Context::default();
        for (key, value) in &case.has {
            context.set(key, value.clone());
        }
        for key in &case.absent {
            context.set_absent(key);
        }
        let resource = case.resource.as_deref().unwrap_or(OBJECT);
        let request = Request { principal: &principal, action: &case.action, resource, context: &context };
        let identity = [&policy];
        let sources = Sources {
            identity: if kind == Kind::Identity { &identity } else { &[] },
            session: None,
            bucket: (kind == Kind::Bucket).then_some(&policy),
            relation: Relation::SameAccount,
        };
        let found = if case.partial {
            match assess(&sources, &request) {
                Assessment::Allowed(_) => "allow",
                Assessment::Refused(ruling) => word(ruling.decision.effect),
                Assessment::NotAssessed { keys, .. } => {
                    assert!(!keys.is_empty(), "{}: it hangs on nothing", case.name);
                    "not-assessed"
                }
            }
        } else {
            word(rule(&sources, &request).decision.effect)
        };
        if found != case.expect {
            wrong.push(format!("{} ({}): {found}, not {}", case.name, case.source, case.expect));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
