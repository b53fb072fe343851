//! No secret reaches an output: every byte of everything that is written or printed is searched.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use wormproof::store::endpoint::encode_query;

use crate::live::{Act, Front, KEY, Ran, SECRET, command, files};

/// A server that tells everything it was sent, as some do when a signature is wrong, wherever tags are asked for.
fn tells(parts: &http::request::Parts) -> Act {
    if !parts.uri.query().is_some_and(|q| q.contains("tagging") || q.contains("ownershipControls")) {
        return Act::Pass;
    }
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
            .unwrap_or_default()
    };
    let (authorization, token) = (header("authorization"), header("x-amz-security-token"));
    let signature = authorization.rsplit_once("Signature=").map_or("", |(_, s)| s);
    let bytes: String = token.bytes().map(|b| format!("{b:02x} ")).collect();
    let body = format!(
        "<Error><Code>SignatureDoesNotMatch</Code><Message>{authorization}; {} {}; {token}</Message>\
         <SignatureProvided>{signature}</SignatureProvided><CanonicalRequest>PUT\nx-amz-security-token:{token}\n\
         </CanonicalRequest><CanonicalRequestBytes>{bytes}</CanonicalRequestBytes></Error>",
        encode_query(&token),
        STANDARD.encode(&token),
    );
    Act::Answer(403, vec![("x-echo", authorization), ("x-token", token)], body)
}

/// Everything secret that went over the wire, with a name for messages.
fn secrets_of(front: &Front) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([(SECRET.to_owned(), "the root key".to_owned())]);
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    for seen in front.seen.lock().expect("a lock").iter() {
        let mut add = |what: &str, value: &str| {
            if !value.is_empty() {
                all.insert(value.to_owned(), format!("{what} of {} {}", seen.method, seen.target));
            }
        };
        let header =
            |name: &str| seen.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        add("the session token", &header("x-amz-security-token"));
        add("the signature", header("authorization").rsplit_once("Signature=").map_or("", |(_, s)| s));
        for pair in seen.target.split(['?', '&']) {
            match pair.split_once('=') {
                Some(("X-Amz-Signature", value)) => add("the presigned signature", value),
                Some(("X-Amz-Security-Token", value)) => add("the presigned token", &decode(value)),
                _ => {}
            }
        }
        let body = String::from_utf8_lossy(&seen.body);
        for field in ["x-amz-signature", "x-amz-security-token"] {
            let value = body.split(&format!("name=\"{field}\"\r\n\r\n")).nth(1).unwrap_or_default();
            add(&format!("the form's {field}"), value.split("\r\n").next().unwrap_or_default());
        }
        let answer = String::from_utf8_lossy(&seen.answer);
        for element in ["SecretAccessKey", "SessionToken"] {
            let value = answer.split(&format!("<{element}>")).nth(1).unwrap_or_default();
            add(&format!("the {element}"), value.split('<').next().unwrap_or_default());
        }
    }
    all
}

/// A text, and what is in it under percent-encoding, base64 and hexadecimal.
fn views(bytes: &[u8]) -> Vec<u8> {
    let mut all = bytes.to_vec();
    all.push(b'\n');
    all.extend(percent_encoding::percent_decode(bytes));
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let lenient = GeneralPurpose::new(&base64::alphabet::STANDARD, lenient);
    let base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    for run in bytes.split(|b| !base64(b)).filter(|run| run.len() >= 12) {
        for offset in 0..4 {
            let run = &run[offset..];
            all.push(b'\n');
            let length = run.len() - usize::from(run.len() % 4 == 1);
            all.extend(lenient.decode(&run[..length]).unwrap_or_default());
        }
    }
    let digits: Vec<u8> = bytes.iter().copied().filter(|b| *b != b' ').collect();
    for run in digits.split(|b| !b.is_ascii_hexdigit()).filter(|run| run.len() >= 16) {
        for run in [run, &run[1..]] {
            all.push(b'\n');
            all.extend(hex::decode(&run[..run.len() / 2 * 2]).unwrap_or_default());
        }
    }
    all
}

/// Fails for the first secret that is found in any of the texts.
fn search(texts: &[(String, Vec<u8>)], secrets: &BTreeMap<String, String>) {
    // Signatures are hundreds: those that have 64 hexadecimal digits are looked up, the others searched for.
    let is_signature = |s: &str| s.len() == 64 && s.bytes().all(|b| b.is_ascii_hexdigit());
    let (signatures, others): (Vec<_>, Vec<_>) = secrets.iter().partition(|(value, _)| is_signature(value));
    let signatures: HashMap<&[u8], &String> =
        signatures.iter().map(|(s, what)| (s.as_bytes(), *what)).collect();
    for (name, text) in texts {
        let text = views(text);
        for run in text.split(|b| !b.is_ascii_hexdigit()).filter(|run| run.len() >= 64) {
            for window in run.windows(64) {
                assert!(!signatures.contains_key(window), "{name} holds {}", signatures[window]);
            }
        }
        let text = String::from_utf8_lossy(&text);
        for (value, what) in &others {
            assert!(!text.contains(value.as_str()), "{name} holds {what}");
        }
    }
}

/// All files of a directory; of a PDF also what is in it.
fn written(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut texts = Vec::new();
    for path in files(directory) {
        let name = path.display().to_string();
        if name.ends_with(".toml") {
            continue;
        }
        if name.ends_with(".pdf") {
            texts.push((format!("the text of {name}"), crate::bad_input::pdf_text(&path).into_bytes()));
            let mut document = lopdf::Document::load(&path).expect("a PDF");
            document.decompress();
            let mut plain = Vec::new();
            document.save_to(&mut plain).expect("a PDF");
            texts.push((format!("the streams of {name}"), plain));
        }
        texts.push((name, std::fs::read(&path).expect("a file")));
    }
    texts
}

#[test]
fn the_search_finds_what_is_hidden() {
    let secrets =
        BTreeMap::from([(SECRET.to_owned(), "it".to_owned()), ("0a".repeat(32), "a signature".to_owned())]);
    let hidden = [
        SECRET.to_owned(),
        encode_query(SECRET),
        STANDARD.encode(format!("{{\"x\":\"{SECRET}\"}}")),
        STANDARD.encode(format!("ab{SECRET}")),
        hex::encode(SECRET),
        SECRET.bytes().map(|b| format!("{b:02x} ")).collect(),
        format!("Signature={}", "0a".repeat(32)),
        STANDARD.encode(format!("a{}", "0a".repeat(32))),
    ];
    for text in hidden {
        let texts = [(String::new(), format!("before {text}, after").into_bytes())];
        let found = std::panic::catch_unwind(|| search(&texts, &secrets)).is_err();
        assert!(found, "{text}");
    }
    search(&[(String::new(), b"nothing".to_vec())], &secrets);
}

#[test]
fn no_secret_is_in_any_output() {
    let front = Front::with(tells).bucket();
    front.put("ledger", Some(front.days(1)), None);
    let home = tempfile::tempdir().expect("a directory");
    let only = ["WORM-101", "WORM-308", "WORM-708", "WORM-801", "WORM-802", "WORM-803", "WORM-804"];
    let mut audit = vec!["audit", "s3://books", "--yes", "--allow", "bucket", "--endpoint-url", &front.url];
    audit.extend(only.iter().flat_map(|id| ["--only", *id]));
    let session = front
        .session(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#);
    let file = format!(
        "[principals.administrator]\naccess-key = \"{KEY}\"\nsecret-key = \"{SECRET}\"\n\
         [principals.writer]\naccess-key = \"{}\"\nsecret-key = \"{}\"\nsession-token = \"{}\"\n",
        session.access_key,
        session.secret_key.as_str(),
        session.session_token.as_ref().expect("a token").as_str()
    );
    std::fs::write(home.path().join("keys.toml"), file).expect("written");
    let wrong = "another/Secret+Key=0815";
    let keys = |command: &mut std::process::Command, how: &str| {
        command.env_remove("MINIO_ACCESS_KEY").env_remove("MINIO_SECRET_KEY");
        match how {
            "environment" => command.env("MINIO_ACCESS_KEY", KEY).env("MINIO_SECRET_KEY", SECRET),
            "session" => command
                .env("AWS_ACCESS_KEY_ID", &session.access_key)
                .env("AWS_SECRET_ACCESS_KEY", session.secret_key.as_str())
                .env("AWS_SESSION_TOKEN", session.session_token.as_ref().expect("a token").as_str()),
            "wrong" => command.env("MINIO_ACCESS_KEY", KEY).env("MINIO_SECRET_KEY", wrong),
            _ => command.args(["--config", "keys.toml"]),
        };
    };
    let mut texts = Vec::new();
    let mut ran = |how: &str, code: &[i32], args: &[&str], output: Option<&str>| {
        let mut command = command(home.path(), args);
        keys(&mut command, how);
        command.args(output.iter().flat_map(|out| ["--output", *out]));
        let said = Ran::of(&command.output().expect("it runs"));
        said.is_clean();
        assert!(said.code.is_some_and(|c| code.contains(&c)), "{how} {args:?}: {said:#?}");
        texts.push((format!("stdout of {args:?}"), said.stdout.into_bytes()));
        texts.push((format!("stderr of {args:?}"), said.stderr.into_bytes()));
    };
    ran("environment", &[0, 3], &[&audit[..], &["--format", "json"]].concat(), Some("a"));
    ran("file", &[0, 3], &audit, Some("b"));
    let scan = ["scan", "s3://books", "--endpoint-url", &front.url];
    ran("session", &[0, 3], &[&scan[..], &["--mode", "compliance"]].concat(), Some("c"));
    ran("session", &[0], &["plan", "s3://books", "--endpoint-url", &front.url], None);
    ran("wrong", &[3], &scan, Some("d"));
    ran("session", &[0, 3], &["cleanup", "s3://books", "--endpoint-url", &front.url], None);
    texts.extend(written(home.path()));
    assert!(texts.iter().any(|(name, _)| name.ends_with("a/journal.jsonl")));

    let mut secrets = secrets_of(&front);
    secrets.insert(wrong.to_owned(), "the wrong key".to_owned());
    let names: Vec<&String> = secrets.values().collect();
    for what in
        ["the SessionToken", "the SecretAccessKey", "the presigned signature", "the form's x-amz-signature"]
    {
        assert!(names.iter().any(|n| n.starts_with(what)), "no run sent {what}");
    }
    search(&texts, &secrets);
}
