//! Tests of the documents as such; that they hold is shown by `tests/it`.

use super::*;
use crate::lock::Mode;
use crate::policy::{Kind, Policy};
use crate::time::Span;

fn demand(server: Server) -> Demand {
    let retention = Span::parse("10y").expect("a span");
    Demand::new(server, "books", "2024/", Mode::Compliance, retention)
}

/// Every combination of what can be demanded.
fn demands() -> Vec<Demand> {
    let mut all = Vec::new();
    for server in [Server::Aws, Server::Minio] {
        for bits in 0..64_u8 {
            let on = |bit: u8| bits & (1 << bit) != 0;
            all.push(Demand {
                mode: if on(0) { Mode::Compliance } else { Mode::Governance },
                hold: if on(1) { Hold::Required } else { Hold::NotUsed },
                conditional_writes: on(2),
                sends_lock_headers: on(3),
                require_lock_headers: on(3) && on(4),
                bind_canaries: on(5),
                tls: on(4),
                copies: on(5),
                prefix: if on(4) { String::new() } else { "a*b${c}/\"'\\ü/".to_owned() },
                ..demand(server)
            });
        }
    }
    all
}

const PARTS: [Part; 8] =
    [Part::Text, Part::Policy, Part::Lock, Part::Iam, Part::AwsCli, Part::Mc, Part::Terraform, Part::Nginx];

#[test]
fn every_document_of_every_demand_can_be_read() {
    for demand in demands() {
        let hardening = Hardening::of(&demand).expect("it can be met");
        for (person, document) in &hardening.identities {
            let json = document.json().to_string();
            Policy::parse(&json, Kind::Identity).unwrap_or_else(|e| panic!("{}: {e}", person.word()));
        }
        if let Some(policy) = &hardening.bucket_policy {
            let json = policy.json().to_string();
            let parsed = Policy::parse(&json, Kind::Bucket).expect("a policy");
            parsed.check_for_bucket("books").expect("a policy of this bucket");
            assert!(json.len() < 20_480, "S3 takes no longer one");
        }
        for part in PARTS {
            match hardening.part(part) {
                Ok(text) => assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{part:?}"),
                Err(DemandError::NotThere { .. }) => {
                    assert_eq!(part == Part::Policy, demand.server == Server::Minio);
                    assert_eq!(part == Part::Nginx, demand.server == Server::Aws);
                }
                Err(other) => panic!("{part:?}: {other}"),
            }
        }
    }
}

#[test]
fn terraform_is_hcl_and_says_what_the_json_says() {
    for demand in demands() {
        let hardening = Hardening::of(&demand).expect("it can be met");
        let text = hardening.part(Part::Terraform).expect("text");
        let body: hcl::Body = hcl::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let value: serde_json::Value =
            serde_json::to_value(hcl::from_str::<hcl::Value>(&text).expect("values")).expect("json");
        assert!(body.blocks().count() > 6);
        let lock = &value["resource"]["aws_s3_bucket_object_lock_configuration"]["records"];
        assert_eq!(lock["rule"]["default_retention"]["mode"], demand.mode.as_str());
        let application = hardening.identity(Person::Application).expect("a policy").json();
        let written = &value["data"]["aws_iam_policy_document"]["application"]["statement"];
        let statements = application["Statement"].as_array().expect("statements");
        assert_eq!(written.as_array().map(Vec::len), Some(statements.len()));
        for (written, json) in written.as_array().expect("statements").iter().zip(statements) {
            assert_eq!(written["sid"], json["Sid"]);
            assert_eq!(written["actions"], json["Action"]);
            let resources = serde_json::to_string(&json["Resource"]).expect("text").replace("${", "&{");
            let unescaped = serde_json::to_string(&written["resources"]).expect("text").replace("$${", "${");
            assert_eq!(unescaped, resources);
        }
    }
}

#[test]
fn a_retention_is_counted_so_that_no_record_is_locked_too_short_and_no_honest_upload_refused() {
    let of = |text: &str| {
        let demand = Demand { retention: Span::parse(text).expect("a span"), ..demand(Server::Aws) };
        (demand.period(), demand.least_days())
    };
    // Ten years have two or three leap days.
    assert_eq!(of("10y"), (Period::Years(10), 3651));
    assert_eq!(of("1y"), (Period::Years(1), 364));
    assert_eq!(of("90d"), (Period::Days(90), 89));
    assert_eq!(of("36h"), (Period::Days(2), 1));
    // Six months: 181 to 184 days.
    assert_eq!(of("6 months"), (Period::Days(184), 180));
}

#[test]
fn what_cannot_be_met_or_would_break_out_is_refused() {
    let fails = |change: &dyn Fn(&mut Demand)| {
        let mut demand = demand(Server::Minio);
        change(&mut demand);
        let error = Hardening::of(&demand).expect_err("a mistake");
        assert!(!error.hint().is_empty());
        error.to_string()
    };
    let span = |text| Span::parse(text).expect("a span");
    assert!(fails(&|d| d.retention = span("101y")).contains("more than"));
    assert!(fails(&|d| d.retention = span("0d")).contains("less than a day"));
    assert!(fails(&|d| d.require_lock_headers = true).contains("no upload would work"));
    assert!(fails(&|d| d.proxy.listen = "443; }".to_owned()).contains("443; }"));
    assert!(fails(&|d| d.administrator = "arn:aws:iam::1:role/x\"".to_owned()).contains("administrator"));
    assert!(fails(&|d| d.prefix = "a\nb".to_owned()).contains("prefix"));
}

#[test]
fn the_scenarios_that_are_named_exist() {
    let suite = crate::scenario::Suite::builtin().expect("the suite");
    let id = regex::Regex::new(r"(WORM|MINIO)-[A-Z]?[0-9]+[A-Z]?").expect("a pattern");
    let mut named = 0;
    for demand in demands() {
        for part in [Part::Text, Part::Nginx] {
            let hardening = Hardening::of(&demand).expect("it can be met");
            for found in hardening.part(part).iter().flat_map(|t| id.find_iter(t)) {
                assert!(suite.get(found.as_str()).is_some(), "{}", found.as_str());
                named += 1;
            }
        }
    }
    assert!(named > 100);
}
