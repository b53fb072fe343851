//! Good files, and bad ones with the very words that are shown.

use super::*;

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::parse("wormproof.toml", text, &|name| {
        (name == "WRITER_SECRET").then(|| "from-the-variable".to_owned())
    })
}

#[track_caller]
fn shown(text: &str) -> String {
    let error = read(text).expect_err("a mistake");
    format!("{error}\nhint: {}", error.hint().unwrap_or("-"))
}

const GOOD: &str = r#"
[target]
location = "s3://trade-records/2024/"
endpoint-url = "minio.example:9000"
region = "eu-central-1"

[principals.administrator]
profile = "audit"

[principals.writer]
access-key = "AKWRITER"
secret-key-env = "WRITER_SECRET"

[principals.bypasser]
role-arn = "arn:aws:iam::123456789012:role/bypass"

[[waiver]]
id = "WORM-204"
reason = "closed by the proxy"
owner = "A. Officer"
until = 2027-06-30

[[waiver]]
id = "no-retention"
reason = "old uploads"
owner = "A. Officer"
until = "2026-12-31"

[scan]
mode = "compliance"
min-retention = "10 years"
require-hold = true

[audit]
profile = "eu-einvoicing"
set = { ENVIRONMENT = "prod" }

[report]
key = "key.pem"
cert = "cert.pem"
"#;

#[test]
fn a_whole_file_is_read() {
    let config = read(GOOD).expect("a configuration");
    assert_eq!(config.target.location.as_deref(), Some("s3://trade-records/2024/"));
    assert_eq!(config.principals[&Role::Administrator], PrincipalConfig::Profile("audit".to_owned()));
    let PrincipalConfig::Keys { access_key, secret_key, session_token } = &config.principals[&Role::Writer]
    else {
        panic!("keys");
    };
    assert_eq!((access_key.as_str(), secret_key.as_str()), ("AKWRITER", "from-the-variable"));
    assert!(session_token.is_none());
    assert_eq!(config.waivers.len(), 2);
    assert_eq!(config.waivers[0].until, NaiveDate::from_ymd_opt(2027, 6, 30).expect("a day"));
    assert_eq!(
        config.scan,
        Requirement {
            mode: Some(Mode::Compliance),
            min_retention: Some(Span::Months(120)),
            hold: true,
            ..Requirement::default()
        }
    );
    let named = AuditConfig {
        profile: Some("eu-einvoicing".to_owned()),
        set: BTreeMap::from([("ENVIRONMENT".to_owned(), "prod".to_owned())]),
        place: "wormproof.toml:35:11".to_owned(),
    };
    assert_eq!(config.audit, named);
    assert!(!format!("{config:?}").contains("from-the-variable"));
    assert_eq!(config.digest.as_deref(), Some(hex::encode(Sha256::digest(GOOD)).as_str()));
    assert_ne!(config.waivers_digest(), read("").expect("nothing").waivers_digest());
}

#[test]
fn an_empty_file_says_nothing() {
    let config = read("").expect("a configuration");
    assert_eq!(config.target, TargetConfig::default());
    assert!(config.principals.is_empty() && config.waivers.is_empty());
    assert_eq!(config.scan, Requirement::default());
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    assert_eq!(
        shown("[target]\nendpont-url = \"x\"\n"),
        "wormproof.toml:2:1: unknown key `endpont-url`\n  |\n2 | endpont-url = \"x\"\n  | ^^^^^^^^^^^\n\
         hint: did you mean `endpoint-url`? known here: location, endpoint-url, region, profile, ca-bundle, minio-binary, minio-image"
    );
    assert_eq!(
        shown("[scan]\nmin-retention = \"ten years\"\n"),
        "wormproof.toml:2:17: `ten years` is not a duration\n  |\n2 | min-retention = \"ten years\"\n  |                 ^^^^^^^^^^^\n\
         hint: write a number and a unit: `500 ms`, `90s`, `5 minutes`, `24h`, `30 days`, `6 months`, `10y`"
    );
    assert_eq!(
        shown("[[waiver]]\nid = \"WORM-101\"\nreason = \"r\"\nowner = \" \"\nuntil = \"2027-01-01\"\n"),
        "wormproof.toml:4:9: a waiver's owner must not be empty\n  |\n4 | owner = \" \"\n  |         ^^^\n\
         hint: say what is accepted, why, and by whom"
    );
    assert_eq!(
        shown("[audit]\nprofile = \"sec-17a4\"\n").lines().take(4).collect::<Vec<_>>(),
        [
            "wormproof.toml:2:11: there is no profile `sec-17a4`",
            "  |",
            "2 | profile = \"sec-17a4\"",
            "  |           ^^^^^^^^^^",
        ]
    );
    assert_eq!(
        shown("[audit]\nset = { STAGE = \"test\" }\n"),
        "wormproof.toml:2:7: values for the variables of a profile, and no profile\n  |\n\
         2 | set = { STAGE = \"test\" }\n  |       ^^^^^^^^^^^^^^^^^^\nhint: name it: `profile = \"eu-einvoicing\"`"
    );
    assert_eq!(
        shown("[principals.wirter]\nprofile = \"x\"\n"),
        "wormproof.toml:1:13: unknown role `wirter`\n  |\n1 | [principals.wirter]\n  |             ^^^^^^\n\
         hint: did you mean `writer`? known here: administrator, writer, application, custodian, deleter, bypasser, denied, replicator, provisioner, operator, reader, auditor"
    );
    assert_eq!(
        shown("[principals.writer]\naccess-key-env = \"NOT_SET\"\nsecret-key-env = \"WRITER_SECRET\"\n"),
        "wormproof.toml:2:18: the variable NOT_SET is not set\n  |\n2 | access-key-env = …\n  |                  ^\n\
         hint: set it, or name another one"
    );
}

#[test]
fn what_is_wrong_is_refused() {
    for (text, words) in [
        ("[principals.anonymous]\nprofile = \"x\"\n", "anonymous has no credentials"),
        ("[principals.writer]\n", "has no credentials"),
        ("[principals.writer]\naccess-key = \"AK\"\n", "without its secret key"),
        ("[principals.writer]\nprofile = \"x\"\nrole-arn = \"y\"\n", "more than one source"),
        ("[report]\nkey = \"k\"\n", "belong together"),
        ("[scan]\nmode = \"strict\"\n", "unknown mode `strict`"),
        ("[[waiver]]\nid = \"a\"\nreason = \"b\"\nowner = \"c\"\nuntil = \"soon\"\n", "not a day"),
        ("[[waiver]]\nid = \"a\"\nreason = \"b\"\nowner = \"c\"\n", "missing field `until`"),
        ("[nonsense]\n", "unknown key `nonsense`"),
        ("[target\n", "wormproof.toml:1:"),
    ] {
        let error = shown(text);
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn no_mistake_shows_a_secret() {
    for text in [
        "[principals.writer]\nsecret-kye = \"hunter2hunter2\"\n",
        "[principals.writer]\naccess-key = \"AK\"\nsecret-key = \"hunter2hunter2\n",
        "[principals]\nwriter = \"hunter2hunter2\"\n",
        "[principals]\nwriter = { secret-key = \"hunter2hunter2\", typo = 1 }\n",
        "principals.writer.secret-kye = \"hunter2hunter2\"\n",
        "[principals.writer]\nsecret-key = '''\nhunter2hunter2\n",
        "[target]\nsecret-key = \"hunter2hunter2\"\n",
        "[principals.writer]\nsecret-key = [\"hunter2hunter2\"]\n",
    ] {
        let error = read(text).expect_err(text);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn the_environment_is_read_in_pairs() {
    let of = |pairs: &[(&str, &str)]| {
        Environment::of(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    };
    let mixed = of(&[
        ("MINIO_ACCESS_KEY", "ak"),
        ("MINIO_ROOT_USER", "root"),
        ("MINIO_ROOT_PASSWORD", "pass-word"),
        ("CI", "true"),
        ("NO_COLOR", ""),
    ]);
    assert_eq!(mixed.minio_keys.as_ref().map(|(access_key, _)| access_key.as_str()), Some("root"));
    assert_eq!(mixed.minio_keys_source, Some("MINIO_ROOT_USER"));
    assert!(!format!("{mixed:?}").contains("pass-word"));
    assert_eq!(mixed.ci_job.as_deref(), Some("a CI job of unknown address"));
    assert!(!mixed.no_color);
    assert_eq!(of(&[("MINIO_ACCESS_KEY", "ak")]).minio_keys, None);
    let job = of(&[("GITHUB_REPOSITORY", "a/b"), ("GITHUB_RUN_ID", "7"), ("CI", "true")]);
    assert_eq!(job.ci_job.as_deref(), Some("https://github.com/a/b/actions/runs/7"));
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let page = include_str!("../../docs/configuration.md");
    let example = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let config = Config::parse("wormproof.toml", example, &|_| Some("a-value".to_owned())).expect("read");
    assert_eq!(config.principals.len(), 3);
    assert_eq!(config.waivers.len(), 1);
    assert!(config.scan.min_retention.is_some() && config.target.ca_bundle.is_some());
}
