//! Usage, configuration, output, consent, waivers and exit codes through the binary.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use wormproof::server::Defect;
use wormproof::store::ops;
use wormproof::time::Clock;

use crate::live::{
    Act, BUCKET, Front, Ran, Serve, command, files, not_run, record, run, run_in, scenario, signal,
};

fn defect(name: &str) -> Defect {
    Defect::parse(name).expect("a defect")
}

#[test]
fn what_is_wrong_on_the_command_line_is_said_and_nothing_is_made() {
    let cases: [(&[&str], &str, &str); 16] = [
        (&["audit", "s3://b"], "`s3://b` is not a bucket and prefix", "s3://BUCKET[/PREFIX]"),
        (&["audit", "https://books"], "the scheme is `https`, not `s3`", "s3://BUCKET[/PREFIX]"),
        (
            &["scan", "s3://books", "--endpoint-url", "ftp://x"],
            "only http and https are spoken",
            "--endpoint-url",
        ),
        (&["scan", "s3://books", "--endpoint-url", "http://"], "`http://` is not an endpoint", "HOST[:PORT]"),
        (
            &["scan", "s3://books", "--endpoint-url", "http://a:b@c"],
            "credentials do not belong in it",
            "HOST",
        ),
        (&["scan", "s3://books", "--ca-bundle", "nope"], "cannot read nope", "PEM"),
        (
            &["audit", "--endpoint-url", "localhost:1"],
            "belong to a live bucket",
            "wormproof audit s3://BUCKET",
        ),
        (
            &["audit", "--only", "WORM-9"],
            "--only: there is no scenario and no group `WORM-9`",
            "scenarios list",
        ),
        (&["audit", "--skip", "x"], "--skip: there is no scenario", "scenarios list"),
        (&["audit", "--require", "delete"], "--require: there is no scenario", "scenarios list"),
        (&["audit", "--max-residue", "3"], "--max-residue: `3` is not a duration", "5 minutes"),
        (&["audit", "--scenarios", "nope"], "cannot read nope", "directory"),
        (&["audit", "--defect", "nope"], "there is no defect `nope`", "--list-defects"),
        (&["plan", "--policy", "lord"], "there is no role `lord`", "administrator"),
        (&["cleanup"], "a live bucket has to be named", "cleanup s3://BUCKET"),
        (&["scan", "--exact"], "", ""),
    ];
    for (args, error, hint) in cases {
        let home = tempfile::tempdir().expect("a directory");
        let said = run_in(home.path(), args);
        if error.is_empty() {
            // clap's own words.
            assert_eq!(said.code, Some(2), "{args:?}: {said:#?}");
        } else {
            said.fails(2, error, hint);
        }
        assert_eq!(files(home.path()), Vec::<std::path::PathBuf>::new(), "{args:?}");
        assert!(!home.path().join("reports").exists(), "{args:?} left a directory");
    }
    let home = tempfile::tempdir().expect("a directory");
    let half = command(home.path(), &["scan", "s3://books"]).env_remove("MINIO_SECRET_KEY").output();
    let said = Ran::of(&half.expect("it runs"));
    said.fails(2, "MINIO_SECRET_KEY is missing", "set both variables");
    let none = |args: &[&str]| {
        let mut command = command(home.path(), args);
        command.env_remove("MINIO_SECRET_KEY").env_remove("MINIO_ACCESS_KEY");
        Ran::of(&command.output().expect("it runs"))
    };
    none(&["scan", "s3://books"]).fails(3, "no credentials: neither the environment", "AWS_ACCESS_KEY_ID");
    none(&["scan", "s3://books", "--aws-profile", "nope"]).fails(
        3,
        "the AWS profile `nope`",
        "--aws-profile",
    );
    // What is not UTF-8 is an argument like any other.
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let mut command = command(home.path(), &["attack", "--only", "WORM-101", "--output"]);
        let said = Ran::of(&command.arg(std::ffi::OsStr::from_bytes(b"out-\xff")).output().expect("it runs"));
        said.is_clean();
        assert_eq!(said.code, Some(0), "{said:#?}");
    }
}

#[test]
fn a_mistake_in_the_configuration_is_shown_with_its_place_and_no_secret() {
    let cases = [
        (
            "[principals.owner]\nprofile = \"x\"\n",
            "wormproof.toml:1:13: unknown role `owner`",
            "known here: administrator",
        ),
        ("[target]\nbucket = \"x\"\n", "wormproof.toml:2:1: unknown key `bucket`", "endpoint-url"),
        (
            "[[waiver]]\nid = \"WORM-101\"\nreason = \"r\"\nowner = \"o\"\nuntil = \"tomorrow\"\n",
            "wormproof.toml:5:9: this is not a day",
            "2027-06-30",
        ),
        (
            "[[waiver]]\nid = \"\"\nreason = \"r\"\nowner = \"o\"\nuntil = 2027-01-01\n",
            "a waiver's id must not be empty",
            "by whom",
        ),
        ("[scan]\nmode = \"strict\"\n", "unknown mode `strict`", "`compliance` or `governance`"),
        ("[principals.writer]\naccess-key = \"a\"\nsecret-key = 4711471147114711\n", "wormproof.toml:3:", ""),
        (
            "[principals.writer]\naccess-key = \"a\"\nsecret-key-env = \"NOT_SET\"\n",
            "the variable NOT_SET is not set",
            "set it",
        ),
        ("[report]\nkey = \"k.pem\"\n", "key and cert belong together", "both, or neither"),
        ("[principals.writer\n", "wormproof.toml:1:", ""),
    ];
    for (text, error, hint) in cases {
        let home = tempfile::tempdir().expect("a directory");
        std::fs::write(home.path().join("wormproof.toml"), text).expect("written");
        let said = run_in(home.path(), &["audit", "--only", "WORM-101"]);
        if hint.is_empty() {
            said.is_clean();
            assert_eq!(said.code, Some(2), "{said:#?}");
            assert!(said.stderr.contains(error), "{}", said.stderr);
        } else {
            said.fails(2, error, hint);
        }
        assert!(!said.stderr.contains("4711471147114711"), "{}", said.stderr);
    }
    run(&["audit", "--config", "nope.toml"]).fails(2, "cannot read nope.toml", "--config");
}

#[test]
fn an_output_directory_that_cannot_be_used_is_found_before_anything_is_sent() {
    let front = Front::truthful().bucket();
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("file"), "x").expect("written");
    std::fs::create_dir(home.path().join("old")).expect("a directory");
    std::fs::write(home.path().join("old/results.json"), "{}").expect("written");
    let audit = |out: &str| {
        run_in(home.path(), &["audit", "s3://books", "--yes", "--endpoint-url", &front.url, "--output", out])
    };
    audit("file").fails(2, "--output: file is a file", "name a directory");
    audit("file/below").fails(3, "cannot write to file/below: Not a directory", "writable directory");
    audit("/proc/wormproof").fails(3, "cannot write to /proc/wormproof", "writable directory");
    audit("old").fails(2, "old/results.json is there already", "another directory");
    assert_eq!(std::fs::read(home.path().join("old/results.json")).expect("the old results"), b"{}");
    assert_eq!(front.seen.lock().expect("a lock").len(), 0, "something was sent");
}

/// A file system that goes with the test.
struct Mounted(std::path::PathBuf);
impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_loses_no_evidence() {
    let home = tempfile::tempdir().expect("a directory");
    let small = home.path().join("small");
    std::fs::create_dir(&small).expect("a directory");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(&small)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|s| s.success()) {
        not_run("a_full_disk_loses_no_evidence: no file system can be mounted here");
        return;
    }
    let _mounted = Mounted(small.clone());
    let elsewhere = home.path().join("tmp");
    std::fs::create_dir(&elsewhere).expect("a directory");
    let out = small.join("out");
    // A guarantee that failed outranks the disk.
    for (more, code) in [(&["--defect", "refuses-and-deletes"][..], 1), (&[], 3)] {
        let mut command = command(home.path(), &["attack", "--only", "WORM-101"]);
        command.args(more).arg("--output").arg(&out).env("TMPDIR", &elsewhere);
        let said = Ran::of(&command.output().expect("it runs"));
        said.is_clean();
        assert_eq!(said.code, Some(code), "{said:#?}");
        assert!(said.stderr.contains("No space left on device"), "{}", said.stderr);
        assert!(said.stderr.contains("are in ") && said.stderr.contains(" instead"), "{}", said.stderr);
        assert!(!out.join("results.json").exists(), "half a record");
    }
    let rescued = files(&elsewhere);
    let results: Vec<_> = rescued.iter().filter(|p| p.ends_with("results.json")).collect();
    assert_eq!(results.len(), 2, "{rescued:?}");
    for results in results {
        let verified = run(&["verify", results.to_str().expect("a path")]);
        assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    }
}

#[test]
fn what_does_not_verify_is_5_and_what_is_not_there_is_2() {
    let home = tempfile::tempdir().expect("a directory");
    let said = run_in(home.path(), &["attack", "--only", "WORM-101", "--output", "out"]);
    assert_eq!(said.code, Some(0), "{said:#?}");
    run_in(home.path(), &["verify", "nope"]).fails(2, "cannot read nope", "results.json");
    run_in(home.path(), &["report", "nope"]).fails(2, "cannot read nope", "results.json");
    run_in(home.path(), &["verify", "out", "--cert", "nope"]).fails(2, "cannot read nope", "--cert");
    let whole = run_in(home.path(), &["verify", "out"]);
    assert_eq!((whole.code, whole.stdout.as_str()), (Some(0), ""), "{whole:#?}");
    let pdf = run_in(home.path(), &["verify", "out/report.pdf", "--cert", "out/cert.pem"]);
    assert_eq!(pdf.code, Some(0), "{pdf:#?}");
    assert!(pdf.stderr.contains("evidence: not judged again"), "{}", pdf.stderr);
    assert_eq!(run_in(home.path(), &["keygen", "--output", "other"]).code, Some(0));
    run_in(home.path(), &["verify", "out/report.pdf", "--cert", "other/cert.pem"])
        .is_5("the signer is not the one of");
    run_in(home.path(), &["verify", "out", "--cert", "other/cert.pem"]).is_5("the signer is not the one of");
    // What no signature covers is made again and compared; what is not there is said.
    let junit = home.path().join("out/junit.xml");
    let whole = std::fs::read_to_string(&junit).expect("a report");
    std::fs::write(&junit, whole.replacen("WORM-101", "WORM-102", 1)).expect("written");
    run_in(home.path(), &["verify", "out"]).is_5("junit.xml is not what this results.json gives");
    std::fs::remove_file(&junit).expect("removed");
    std::fs::remove_file(home.path().join("out/report.pdf")).expect("removed");
    let bare = run_in(home.path(), &["verify", "out"]);
    assert_eq!(bare.code, Some(0), "{bare:#?}");
    for name in ["report.pdf", "junit.xml"] {
        assert!(bare.stderr.contains(&format!("{name}: not there, so not checked")), "{}", bare.stderr);
    }
    std::fs::remove_file(home.path().join("out/results.json.sig")).expect("removed");
    run_in(home.path(), &["verify", "out"]).fails(
        5,
        "cannot read out/results.json.sig",
        "beside results.json",
    );
    std::fs::write(home.path().join("out/results.json"), "{\"schema\": 1}").expect("written");
    run_in(home.path(), &["report", "out"]).fails(5, "not a record", "results.json");
}

#[test]
fn what_does_not_verify_is_not_rendered_and_never_signed() {
    let home = tempfile::tempdir().expect("a directory");
    let made = run_in(home.path(), &["attack", "--only", "WORM-101", "--output", "out"]);
    assert_eq!(made.code, Some(0), "{made:#?}");
    assert_eq!(run_in(home.path(), &["keygen", "--output", "key"]).code, Some(0));
    let again = run_in(home.path(), &["report", "out", "--format", "junit"]);
    assert_eq!(again.code, Some(0), "{again:#?}");
    let record = home.path().join("out/results.json");
    let text = std::fs::read_to_string(&record).expect("a record");
    let forged = text.replacen("\"verdict\":\"pass\"", "\"verdict\":\"fail\"", 1);
    assert!(forged != text, "the forgery hits");
    std::fs::write(&record, forged).expect("written");
    let sign = ["report", "out", "--format", "pdf", "--key", "key/key.pem", "--cert", "key/cert.pem"];
    let forged = run_in(home.path(), &[&sign[..], &["--output", "forged.pdf"]].concat());
    forged.is_5("the record is not the one that was signed");
    assert!(!home.path().join("forged.pdf").exists());
    // Without its signature it is judged again all the same.
    std::fs::remove_file(home.path().join("out/results.json.sig")).expect("removed");
    run_in(home.path(), &["report", "out"]).is_5("its evidence gives pass");
    let shown = run_in(home.path(), &["report", "out", "--unverified"]);
    assert_eq!(shown.code, Some(0), "{shown:#?}");
    assert!(shown.stderr.contains("not verified"), "{}", shown.stderr);
    let both = run_in(home.path(), &[&sign[..], &["--unverified"]].concat());
    assert_eq!(both.code, Some(2), "{both:#?}");
    // A record that was taken away is no mistake of the command line.
    std::fs::write(home.path().join("out/results.json.sig"), "x").expect("written");
    std::fs::remove_file(&record).expect("removed");
    run_in(home.path(), &["verify", "out"]).is_5("there is its signature, and no record");
}

#[test]
fn a_gate_whose_bucket_got_lost_does_not_turn_green() {
    let home = tempfile::tempdir().expect("a directory");
    let lost = run_in(home.path(), &["audit", "--yes", "--only", "WORM-101", "--output", "out"]);
    lost.fails(2, "none is named", "--target embedded");
    let own = ["audit", "--yes", "--target", "embedded", "--only", "WORM-101", "--output", "out"];
    assert_eq!(run_in(home.path(), &own).code, Some(0));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wormproof"));
    let said = command
        .args(["scan", "--output", "scan"])
        .current_dir(home.path())
        .env("MINIO_ENDPOINT", "localhost:9000")
        .output()
        .expect("it runs");
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("MINIO_ENDPOINT says that a live one was meant"));
}

#[test]
fn an_encrypted_key_takes_its_password_from_the_environment() {
    let home = tempfile::tempdir().expect("a directory");
    assert_eq!(run_in(home.path(), &["keygen", "--output", "key"]).code, Some(0));
    let openssl = std::process::Command::new("openssl")
        .args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", "key/key.pem", "-out", "key/secret.pem"])
        .args(["-passout", "pass:correct horse"])
        .current_dir(home.path())
        .status();
    assert!(openssl.is_ok_and(|s| s.success()), "openssl encrypts the key");
    let args =
        ["attack", "--only", "WORM-101", "--key", "key/secret.pem", "--cert", "key/cert.pem", "--output"];
    run_in(home.path(), &[&args[..], &["none"]].concat()).fails(2, "password", "WORMPROOF_KEY_PASSWORD");
    let signed = std::process::Command::new(env!("CARGO_BIN_EXE_wormproof"))
        .args(args)
        .arg("signed")
        .current_dir(home.path())
        .env("WORMPROOF_KEY_PASSWORD", "correct horse")
        .output()
        .expect("it runs");
    assert_eq!(signed.status.code(), Some(0), "{}", String::from_utf8_lossy(&signed.stderr));
    assert_eq!(run_in(home.path(), &["verify", "signed", "--cert", "key/cert.pem"]).code, Some(0));
}

fn configured(front: &Front, home: &Path, waivers: &str) {
    let text = format!("[target]\nlocation = \"s3://books\"\nendpoint-url = \"{}\"\n{waivers}", front.url);
    std::fs::write(home.join("wormproof.toml"), text).expect("written");
}

fn waiver(id: &str, until: &str) -> String {
    format!(
        "[[waiver]]\nid = \"{id}\"\nreason = \"vendor ticket 17\"\nowner = \"N. Nobody\"\nuntil = {until}\n"
    )
}

#[test]
fn a_waiver_is_shown_everywhere_and_counts_only_while_it_is_valid() {
    let front = Front::start(Clock::Real, &[defect("accepts-and-keeps")], |_| Act::Pass).bucket();
    let home = tempfile::tempdir().expect("a directory");
    let attack = |out: &str| {
        let said = run_in(
            home.path(),
            &["attack", "--yes", "--only", "WORM-101", "--only", "WORM-401", "--output", out],
        );
        said.is_clean();
        (said, record(&home.path().join(out)))
    };
    configured(&front, home.path(), "");
    let (said, bare) = attack("bare");
    assert_eq!(said.code, Some(1), "{said:#?}");
    let failed: Vec<String> = bare["scenarios"]
        .as_array()
        .expect("scenarios")
        .iter()
        .filter(|s| s["verdict"] == "fail")
        .map(|s| s["id"].as_str().expect("an id").to_owned())
        .collect();
    assert!(!failed.is_empty(), "{}", bare["summary"]);
    let all = |until: &str| failed.iter().map(|id| waiver(id, until)).collect::<String>();

    configured(&front, home.path(), &all("2999-12-31"));
    let (said, record) = attack("valid");
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert!(
        said.stdout.contains("accepted risk") && said.stdout.contains("vendor ticket 17"),
        "{}",
        said.stdout
    );
    let waived = scenario(&record, &failed[0]);
    assert_eq!(waived["verdict"], "fail", "a waived failure stays one");
    assert_eq!(waived["waived"], "vendor ticket 17 (N. Nobody, until 2999-12-31)");
    assert_eq!(record["summary"]["waived"], failed.len());
    assert_eq!(record["waivers"][0]["state"], "applied");
    let junit = std::fs::read_to_string(home.path().join("valid/junit.xml")).expect("junit.xml");
    assert!(junit.contains("<skipped message=\"accepted risk: vendor ticket 17"), "{junit}");
    let pdf = crate::bad_input::pdf_text(&home.path().join("valid/report.pdf"));
    assert!(pdf.contains("vendor ticket 17"), "{pdf}");

    for (waivers, states) in [
        (all("2020-01-01"), vec!["expired"; failed.len()]),
        (waiver("WORM-899", "2999-12-31"), vec!["unmatched"]),
    ] {
        configured(&front, home.path(), &waivers);
        let (said, record) = attack(states[0]);
        assert_eq!(said.code, Some(1), "{said:#?}");
        assert!(said.stdout.contains(states[0]), "{}", said.stdout);
        let found: Vec<&str> = record["waivers"]
            .as_array()
            .expect("waivers")
            .iter()
            .filter_map(|w| w["state"].as_str())
            .collect();
        assert_eq!(found, states);
    }
}

#[test]
fn nothing_tested_is_4_and_something_required_that_is_not_assessed_is_3() {
    let front = Front::truthful();
    front.ok(&ops::create_bucket(BUCKET, false, "us-east-1"));
    front.ok(&ops::put_bucket_versioning(BUCKET, true));
    let home = tempfile::tempdir().expect("a directory");
    let attack = |out: &str, more: &[&str]| {
        let mut args = vec!["attack", "s3://books", "--yes", "--endpoint-url", &front.url, "--output", out];
        args.extend(more);
        let said = run_in(home.path(), &args);
        said.is_clean();
        (said.code, said)
    };
    // The bucket has no Object Lock, and `attack` looks for no findings about that without a requirement.
    let (code, said) = attack("a", &["--only", "WORM-101", "--only", "WORM-107"]);
    assert_eq!(code, Some(4), "{said:#?}");
    let (code, said) = attack("b", &["--only", "WORM-101", "--require", "WORM-101"]);
    assert_eq!(code, Some(3), "{said:#?}");
    assert!(said.stdout.contains("required"), "{}", said.stdout);
    // Required and not even selected.
    let (code, said) = attack("c", &["--only", "WORM-610", "--allow", "bucket", "--require", "WORM-101"]);
    assert_eq!(code, Some(3), "{said:#?}");
}

#[test]
fn without_consent_nothing_is_written_and_plan_and_scan_only_read() {
    let front = Front::truthful().bucket();
    front.put("ledger", Some(front.days(1)), None);
    let home = tempfile::tempdir().expect("a directory");
    let said = run_in(home.path(), &["audit", "s3://books", "--endpoint-url", &front.url, "--output", "out"]);
    assert!(said.stderr.contains("locked canaries of "), "{}", said.stderr);
    said.fails(2, "nothing was written", "--yes");
    assert!(!home.path().join("out").exists(), "{:?}", files(home.path()));
    // Sessions are asked for by POST to STS; nothing else is not a read.
    let writes = front.writes();
    assert!(writes.iter().all(|s| s.method == "POST" && s.target == "/"), "{writes:?}");

    front.seen.lock().expect("a lock").clear();
    let plan = |more: &[&str]| {
        let mut args = vec!["plan", "s3://books", "--endpoint-url", &front.url, "--allow", "bucket"];
        args.extend(more);
        let said = run_in(home.path(), &args);
        said.is_clean();
        assert_eq!(said.code, Some(0), "{said:#?}");
        said.stdout
    };
    assert!(plan(&[]).contains("What stays behind at worst"));
    let json: Value = serde_json::from_str(&plan(&["--format", "json"])).expect("json");
    assert!(json["requests"].as_u64().is_some_and(|n| n > 1000), "{}", json["requests"]);
    let policy: Value = serde_json::from_str(&plan(&["--policy", "deleter"])).expect("json");
    assert!(policy.to_string().contains("s3:DeleteObjectVersion"), "{policy}");
    let args =
        ["scan", "s3://books", "--endpoint-url", &front.url, "--mode", "compliance", "--output", "scan"];
    let said = run_in(home.path(), &args);
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert_eq!(front.writes().len(), 0, "{:?}", front.writes());
    assert!(front.count("GET") > 10 && front.count("HEAD") > 0);
}

#[test]
fn stdout_that_takes_nothing_is_said() {
    let home = tempfile::tempdir().expect("a directory");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else {
        not_run("stdout_that_takes_nothing_is_said: no /dev/full");
        return;
    };
    let mut command = command(home.path(), &["attack", "--only", "WORM-101", "--output", "out"]);
    let said = Ran::of(&command.stdout(full).output().expect("it runs"));
    said.fails(3, "cannot write to stdout: No space left on device", "pipe");
    assert_eq!(run_in(home.path(), &["verify", "out"]).code, Some(0), "the files are whole");
}

#[test]
fn serve_ends_on_ctrl_c_and_says_which_port_is_taken() {
    let mut serve = Serve::start(&[]);
    let port = serve.url.rsplit_once(':').expect("a port").1.to_owned();
    run(&["serve", "--port", &port]).fails(3, &format!("cannot listen on port {port}"), "--port 0");
    run(&["scan", "s3://books", "--endpoint-url", &serve.url]).fails(3, "`books` does not exist", "endpoint");
    run(&["serve", "--defect", "nope"]).fails(2, "there is no defect `nope`", "--list-defects");
    signal(&serve.child, "INT");
    assert_eq!(serve.child.wait().expect("it ends").code(), Some(0));
}
