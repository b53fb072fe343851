//! Without a target every built-in profile is tried on the embedded server, set up as the profile asks: it holds there.

use std::path::Path;

use wormproof::profile::Profile;

use crate::live::{Ran, command, record};

/// Audits with a profile and without a target, with the scenarios alone that the profile requires.
fn audited(home: &Path, profile: &Profile) {
    let name = profile.name.as_str();
    let mut args = vec!["audit", "--profile", name, "--output", name, "--quiet"];
    args.extend(profile.attacks.require.iter().flat_map(|id| ["--only", id]));
    let mut command = command(home, &args);
    command.env_remove("MINIO_SECRET_KEY").env_remove("MINIO_ACCESS_KEY");
    let ran = Ran::of(&command.output().expect("it runs"));
    ran.is_clean();
    let record = record(&home.join(name));
    let wrong: Vec<String> = ["/findings", "/analysis/findings"]
        .iter()
        .flat_map(|list| record.pointer(list).and_then(|l| l.as_array()).into_iter().flatten())
        .map(|f| format!("{} {} {}{}", f["severity"], f["rule"], f["detail"], f["sentence"]))
        .collect();
    assert_eq!(ran.code, Some(0), "{name}: {}\n{}\n{}", record["outcome"], wrong.join("\n"), ran.stderr);
    for demand in record["profile"]["configuration"].as_array().expect("demands") {
        // The embedded server is no MinIO, whose release a profile may ask for.
        let optional = demand["asked"] == "where possible" || demand["word"] == "server-release";
        let excused = optional && demand["state"] == "not applicable";
        assert!(demand["state"] == "met" || excused, "{name}: {demand}");
    }
    let passed = record["summary"]["pass"].as_u64();
    assert_eq!(passed, Some(profile.attacks.require.len() as u64), "{name}: {}", record["summary"]);
    if profile.event_log.is_some() {
        assert_eq!(record["event_log"]["events"], 5, "{name}: {}", record["event_log"]);
    }
}

#[test]
fn every_built_in_profile_holds_on_the_embedded_server_that_was_set_up_for_it() {
    let home = tempfile::tempdir().expect("a directory");
    let profiles = Profile::builtin();
    assert!(profiles.len() >= 10);
    for profile in profiles {
        audited(home.path(), profile);
    }
}

#[test]
fn each_countrys_invoice_of_the_demo_is_judged_by_its_own_terms() {
    let home = tempfile::tempdir().expect("a directory");
    let profile = Profile::find("eu-einvoicing").expect("a profile");
    audited(home.path(), profile);
    let record = record(&home.path().join("eu-einvoicing"));
    let text = record["scan"].to_string();
    for other in &profile.requirement.overrides {
        assert!(text.contains(&other.name), "{} is not in the scan: {text}", other.name);
    }
}
