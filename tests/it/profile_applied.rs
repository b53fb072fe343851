//! A profile applied through the binary: what it changes in a run, what the record says of it, and that no state of
//! it is taken from the file.

use std::path::Path;

use serde_json::{Value, json};
use wormproof::record::Record;
use wormproof::record::rejudge::rejudge;

use crate::live::{Front, Ran, command, record, run_in, scenario};
use wormproof::store::ops;

const SMALL: &str = r#"
name = "small"
title = "A small profile of ${WHERE}"
summary = "For tests."
from = "small.md"
verified-on = "2026-11-25"
bucket = "books"

[variable.WHERE]
text = "Which of them."
default = "prod"

[require]
mode = "compliance"
min-retention = "2 years"

[[override]]
name = "DE"
prefix = "DE/"
min-retention = "8 years"
clock = "end of calendar year"
why = "the clock starts with the year's end"

[configuration]
versioning = "yes"
object-lock = "yes"
default-retention = { mode = "compliance", lasts = "2 years" }
mfa-delete = "where possible"

[attacks]
run = ["WORM-101", "WORM-201"]
skip = [{ id = "WORM-201", reason = "tried elsewhere" }]
require = ["WORM-102"]

[[control]]
id = "SEC 17a-4(f)(2)(i)(B)"
considerations = "Disks."
scenarios = ["WORM-101"]
scan = ["unprotected", "too-short"]
configuration = ["versioning", "default-retention"]

[[item]]
list = "List"
id = "kept"
text = "Locked versions stay"
line = 1
scenarios = ["WORM-101", "WORM-102"]

[[item]]
list = "List"
id = "replaced"
text = "An overwrite harms nothing"
line = 2
scenarios = ["WORM-201"]

[[item]]
list = "List"
id = "chain"
text = "Each pack names the one before"
line = 3
pack = true
previous = true

[[item]]
list = "List"
id = "people"
text = "Somebody looks at it"
line = 3
organisational = "people are not seen by a store"

[[claim]]
id = "line-4"
line = 4
says = "nobody can delete"
is = "true of some servers"
right = "name the server"
source = "measured"
scenarios = ["WORM-101"]

[[claim]]
id = "line-5"
line = 5
says = "730 days are two years"
is = "not in a leap year"
right = "two years"
source = "arithmetic"
"#;

type Change<'a> = &'a dyn Fn(&mut Value);

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("small.toml"), SMALL).expect("written");
    home
}

/// Runs in a directory without the keys and the endpoint of the machine.
fn own(home: &Path, args: &[&str]) -> Ran {
    let mut command = command(home, args);
    command.env_remove("MINIO_SECRET_KEY").env_remove("MINIO_ACCESS_KEY");
    let said = Ran::of(&command.output().expect("it runs"));
    said.is_clean();
    said
}

fn of<'r>(record: &'r Value, list: &str, id: &str) -> &'r Value {
    let all = record["profile"][list].as_array().expect("a list");
    all.iter().find(|e| e["id"] == id).expect("an entry")
}

fn states(record: &Value) -> [String; 6] {
    let state = |list: &str, id: &str| of(record, list, id)["state"].as_str().expect("a state").to_owned();
    [
        state("controls", "SEC 17a-4(f)(2)(i)(B)"),
        state("items", "kept"),
        state("items", "replaced"),
        state("items", "people"),
        state("claims", "line-4"),
        state("claims", "line-5"),
    ]
}

#[test]
fn a_profile_is_applied_in_one_go_and_judged_again_by_verify() {
    let home = home();
    let said =
        own(home.path(), &["audit", "--profile", "small.toml", "--set", "WHERE=test", "--output", "out"]);
    assert_eq!(said.code, Some(0), "{said:#?}");
    for words in ["A small profile of test", "[x]", "[–]", "tried elsewhere", "clauses: 1 satisfied"] {
        assert!(said.stdout.contains(words), "`{words}` is missing:\n{}", said.stdout);
    }
    let record = record(&home.path().join("out"));
    assert_eq!(
        states(&record),
        ["satisfied", "satisfied", "not assessed", "not assessed", "not shown here", "wrong as written"]
    );
    assert_eq!(scenario(&record, "WORM-201")["reason"], "left out by the profile: tried elsewhere");
    assert_eq!(scenario(&record, "WORM-103")["reason"], "not part of the profile");
    assert_eq!(scenario(&record, "WORM-102")["required"], true);
    assert_eq!(record["digests"]["profile"], record["profile"]["digest"]);
    let german = &record["profile"]["requirement"][1];
    assert!(german["example"]["until"].as_str().expect("a date").contains("-01-01T00:00:00"), "{german}");
    assert_eq!(own(home.path(), &["verify", "out"]).code, Some(0));

    // The states, and what they follow from, cannot be changed apart from each other.
    let tampered = |change: &dyn Fn(&mut Value)| {
        let mut changed = record.clone();
        change(&mut changed);
        rejudge(&serde_json::from_value::<Record>(changed).expect("a record"))
    };
    assert_eq!(tampered(&|_| {}), Vec::<String>::new());
    let changes: [(&str, Change); 8] = [
        ("a state", &|r| r["profile"]["items"][1]["state"] = json!("satisfied")),
        ("a claim", &|r| r["profile"]["claims"][1]["state"] = json!("not shown here")),
        ("a reason", &|r| r["profile"]["items"][2]["reason"] = json!("it was seen")),
        ("an item that is gone", &|r| drop(r["profile"]["items"].as_array_mut().expect("items").pop())),
        ("its text", &|r| {
            let text =
                SMALL.replace("organisational = \"people are not seen by a store\"", "scan = [\"expired\"]");
            r["profile"]["source"] = json!(text);
        }),
        ("a demand", &|r| r["profile"]["configuration"][0]["state"] = json!("not met")),
        ("no profile", &|r| r["profile"] = Value::Null),
        ("a finding", &|r| r["scan"]["findings"]["too-short"] = json!(1)),
    ];
    for (what, change) in changes {
        assert!(!tampered(change).is_empty(), "{what} was not noticed");
    }
}

#[test]
fn a_pack_names_the_run_before_and_a_lasting_key_alone_makes_no_chain() {
    let home = home();
    assert_eq!(own(home.path(), &["keygen", "--output", "key"]).code, Some(0));
    let audit = |out: &str, more: &[&str]| {
        let signed = ["--key", "key/key.pem", "--cert", "key/cert.pem", "--output", out];
        let args = [&["audit", "--profile", "small.toml"], &signed[..], more].concat();
        assert_eq!(own(home.path(), &args).code, Some(0));
        record(&home.path().join(out))
    };
    let first = audit("one", &[]);
    assert_eq!(of(&first, "items", "chain")["state"], "not assessed");
    assert!(first.get("previous").is_none(), "{}", first["previous"]);
    let second = audit("two", &["--previous", "one"]);
    let item = of(&second, "items", "chain");
    assert_eq!(item["state"], "satisfied", "{item}");
    assert_eq!(second["previous"]["run_id"], first["run_id"]);
    let verified = own(home.path(), &["verify", "two"]);
    assert_eq!(verified.code, Some(0), "{verified:#?}");
    assert!(verified.stderr.contains("names the run before it"), "{verified:#?}");

    // Changed by a byte: it is named, and its signature does not hold.
    let path = home.path().join("one/results.json");
    let text = std::fs::read_to_string(&path).expect("a record");
    std::fs::write(&path, format!("{text} ")).expect("written");
    let third = audit("three", &["--previous", "one/results.json"]);
    assert_eq!(of(&third, "items", "chain")["state"], "not satisfied");
    own(home.path(), &["audit", "--profile", "small.toml", "--previous", "none"]).fails(
        2,
        "--previous: cannot read none",
        "name the output directory of a run",
    );
}

#[test]
fn what_fails_shows_the_claim_false_and_an_accepted_risk_stays_unsatisfied() {
    let home = home();
    let audit = |out: &str| {
        own(
            home.path(),
            &["audit", "--profile", "small.toml", "--defect", "refuses-and-deletes", "--output", out],
        )
    };
    assert_eq!(audit("broken").code, Some(1));
    let broken = record(&home.path().join("broken"));
    assert_eq!(states(&broken)[..2], ["not satisfied", "not satisfied"]);
    let claim = of(&broken, "claims", "line-4");
    assert_eq!(claim["state"], "shown false here");
    assert_eq!(claim["scenarios"], json!(["WORM-101"]));
    assert_eq!(claim["weakest"], scenario(&broken, "WORM-101")["weakest"]);
    assert!(claim["left"][0].as_str().expect("a line").contains("gone"), "{claim}");

    let waiver = |id: &str| {
        format!("[[waiver]]\nid = \"{id}\"\nreason = \"moved in Q1\"\nowner = \"A\"\nuntil = 2999-01-01\n")
    };
    let file = format!("{}{}", waiver("WORM-101"), waiver("WORM-102"));
    std::fs::write(home.path().join("wormproof.toml"), file).expect("written");
    assert_eq!(audit("accepted").code, Some(0));
    let accepted = record(&home.path().join("accepted"));
    let item = of(&accepted, "items", "kept");
    assert_eq!(item["state"], "not satisfied");
    assert!(item["reason"].as_str().expect("a reason").contains("accepted risk: moved in Q1"), "{item}");
    assert_eq!(own(home.path(), &["verify", "accepted"]).code, Some(0));
}

#[test]
fn a_demand_that_is_not_met_fails_and_the_profiles_bucket_is_taken() {
    let home = home();
    let front = Front::truthful();
    front.ok(&ops::create_bucket("books", false, "us-east-1"));
    let said = run_in(
        home.path(),
        &["scan", "--profile", "small.toml", "--endpoint-url", &front.url, "--output", "out"],
    );
    assert_eq!(said.code, Some(1), "{said:#?}");
    let record = record(&home.path().join("out"));
    assert_eq!(record["target"]["bucket"], "books");
    let unmet: Vec<&Value> = record["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|f| f["rule"] == "demand-not-met")
        .collect();
    assert_eq!(unmet.len(), 3, "versioning, object-lock, default-retention: {unmet:?}");
    assert_eq!(states(&record)[0], "not satisfied");
    // A scan runs no scenario: nothing is said of them.
    assert_eq!(states(&record)[1], "not assessed");
    assert_eq!(own(home.path(), &["verify", "out"]).code, Some(0));
}

#[test]
fn what_contradicts_a_profile_is_a_mistake_of_the_command_line() {
    let home = home();
    let cases: [(&[&str], &str, &str); 8] = [
        (
            &["audit", "--profile", "small.toml", "--mode", "governance"],
            "--mode and --profile",
            "leave --mode out",
        ),
        (
            &["scan", "--profile", "small.toml", "--min-retention", "1y"],
            "--min-retention and --profile",
            "leave",
        ),
        (&["audit", "--profile", "small.toml", "--require-hold"], "--require-hold and --profile", "leave"),
        (&["analyse", "--profile", "small.toml", "--sends", "hold"], "--sends and --profile", "leave"),
        (&["plan", "--profile", "sec-17a4"], "there is no profile `sec-17a4`", "sec-17a-4"),
        (&["audit", "--profile", "small.toml", "--set", "WHO=me"], "has no variable `WHO`", ""),
        (&["audit", "--profile", "small.toml", "--set", "WHERE"], "no NAME=VALUE", "ENVIRONMENT=prod"),
        (&["audit", "--profile", "none.toml"], "cannot read the profile none.toml", "built-in"),
    ];
    for (args, error, hint) in cases {
        let said = own(home.path(), args);
        assert_eq!(said.code, Some(2), "{args:?}: {said:#?}");
        assert!(said.stderr.contains(error) && said.stderr.contains(hint), "{args:?}: {}", said.stderr);
        assert!(!home.path().join("reports").exists(), "{args:?} left a directory");
    }
}

#[test]
fn the_profile_of_the_file_is_applied_and_the_command_line_goes_before_it() {
    let home = home();
    let file = |text: &str| {
        std::fs::write(home.path().join("wormproof.toml"), text).expect("written");
    };
    let title = |out: &str| record(&home.path().join(out))["profile"]["title"].clone();
    file(
        "[audit]\nprofile = \"small.toml\"\nset = { WHERE = \"test\" }\n\n[scan]\nmin-retention = \"90y\"\n",
    );
    let said = own(home.path(), &["scan", "--output", "by-file"]);
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert!(said.stderr.contains("the profile is small.toml, of wormproof.toml"), "{said:#?}");
    assert!(said.stderr.contains("[scan] of wormproof.toml is not used"), "{said:#?}");
    assert_eq!(title("by-file"), "A small profile of test");
    assert_eq!(own(home.path(), &["scan", "--set", "WHERE=here", "--output", "set"]).code, Some(0));
    assert_eq!(title("set"), "A small profile of here");
    own(home.path(), &["scan", "--profile", "event-log", "--output", "other"]);
    assert_eq!(record(&home.path().join("other"))["profile"]["name"], "event-log");
    let planned = own(home.path(), &["plan"]);
    assert_eq!(planned.code, Some(0), "{planned:#?}");
    assert!(
        planned.stdout.contains("WORM-201: left out by the profile: tried elsewhere"),
        "{}",
        planned.stdout
    );
    let hardened = own(home.path(), &["harden", "s3://books", "--format", "lock"]);
    assert!(hardened.stdout.contains("COMPLIANCE") && hardened.code == Some(0), "{hardened:#?}");

    let wrong = |args: &[&str], error: &str| {
        let said = own(home.path(), args);
        assert_eq!(said.code, Some(2), "{args:?}: {said:#?}");
        assert!(said.stderr.contains(error), "{args:?}: {}", said.stderr);
    };
    for command in ["audit", "scan", "attack"] {
        wrong(&[command, "--mode", "governance"], "--mode and the profile of wormproof.toml cannot both");
    }
    wrong(&["analyse", "--sends", "hold"], "--sends and the profile of wormproof.toml cannot both");
    wrong(&["audit", "--set", "WHO=me"], "wormproof.toml:2:11: ");
    file("[audit]\n  profile = \"none.toml\"\n");
    wrong(&["attack"], "wormproof.toml:2:13: cannot read the profile none.toml");
    file("[audit]\nprofile = \"sec-17a4\"\n");
    wrong(&["plan"], "wormproof.toml:2:11: there is no profile `sec-17a4`");
    file("");
    wrong(&["audit", "--set", "WHERE=here"], "none is named");
}
