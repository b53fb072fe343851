//! Rules, each with a policy that it finds and one that it must not; the policies of the four documents.

use chrono::TimeZone as _;

use super::*;
use crate::record::analysis::{AnalysisRule as Rule, AnalysisState, Standing};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap()
}

/// Analyses documents offline.
fn offline(server: ServerKind, texts: &[(&str, &str)], sends: Option<Sends>) -> Analysis {
    let documents: Vec<Document> =
        texts.iter().map(|(name, text)| Document::parse(name, text, server).unwrap()).collect();
    analyse(&Input {
        server,
        bucket: None,
        prefix: "",
        requirement: &Requirement::default(),
        configuration: None,
        documents: &documents,
        users_read: false,
        sends,
        now: now(),
    })
}

/// `rule severity document statement` of every finding.
fn lines(analysis: &Analysis) -> Vec<String> {
    analysis
        .findings
        .iter()
        .map(|f| {
            let place = f.statement.as_ref().map_or_else(|| f.about.clone(), ToString::to_string);
            format!("{} {} {place}", f.severity, f.rule)
        })
        .collect()
}

macro_rules! fixture {
    ($name:literal) => {
        ($name, include_str!(concat!("../../fixtures/policies/documents/", $name)))
    };
}

/// Whether an analysis has a finding of this rule.
fn has(analysis: &Analysis, rule: Rule) -> bool {
    analysis.findings.iter().any(|f| f.rule == rule)
}

const FULL: Sends = Sends { retention: true, hold: true, if_none_match: false };

// The four documents: each mistake that is known of them is found, and nothing else of weight.

#[test]
fn event_log_an_allow_that_enforces_nothing() {
    let found = offline(ServerKind::Aws, &[fixture!("events-bucket.json")], None);
    assert_eq!(
        lines(&found),
        [
            "high allow-restricts-nothing events-bucket.json:4 statement 1 (RequireConditionalWrite)",
            "low insecure-transport events-bucket.json",
            "low may-write-without-lock events-bucket.json:4 statement 1 (RequireConditionalWrite)",
        ]
    );
    let open = found.answers.iter().find(|a| a.question == Question::WriteUnconditionally).unwrap();
    let standings: Vec<_> = open.who.iter().map(|w| w.standing).collect();
    assert_eq!(standings, [Standing::ByOwnPolicies, Standing::Root], "{open:?}");
}

#[test]
fn event_log_on_minio_the_policy_is_void_and_the_fallback_binds_nobody_who_signs() {
    let void = offline(ServerKind::Minio, &[fixture!("events-bucket.json")], None);
    assert_eq!(
        lines(&void),
        ["high policy-void-on-minio events-bucket.json:4 statement 1 (RequireConditionalWrite)"]
    );
    assert!(void.answers.is_empty(), "a policy that is not in force answers nothing");
    let fallback = offline(ServerKind::Minio, &[fixture!("events-bucket-minio.json")], None);
    assert_eq!(lines(&fallback), ["high policy-binds-anonymous-only events-bucket-minio.json:4 statement 1"]);
}

#[test]
fn audit_evidence_no_upload_works_and_any_date_would_pass() {
    let found = offline(ServerKind::Aws, &[fixture!("evidence-identity.json")], None);
    assert_eq!(
        lines(&found),
        [
            "high upload-impossible evidence-identity.json:10 statement 2 (RequireLock)",
            "medium deny-presence-only evidence-identity.json:10 statement 2 (RequireLock)",
            "medium multipart-blocked evidence-identity.json:10 statement 2 (RequireLock)",
        ]
    );
    let sentence = &found.findings[0].sentence;
    assert!(sentence.contains("nothing allows s3:PutObjectRetention"), "{sentence}");
    let mended =
        fixture!("evidence-identity.json").1.replace("\"s3:GetObject\"", "\"s3:PutObjectRetention\"");
    let mended = offline(ServerKind::Aws, &[("mended.json", &mended)], None);
    assert!(!has(&mended, Rule::UploadImpossible), "{:?}", lines(&mended));
    let minio = offline(ServerKind::Minio, &[fixture!("evidence-identity.json")], None);
    assert!(has(&minio, Rule::ConditionForgeableOnMinio) && has(&minio, Rule::MinioHole));
    // A18: a header satisfies the condition without a lock.
    assert!(has(&minio, Rule::MayWriteWithoutLock) && !has(&found, Rule::MayWriteWithoutLock));
    let template = fixture!("evidence-identity.template.json");
    let error = Document::parse(template.0, template.1, ServerKind::Aws).unwrap_err();
    assert!(error.hint().unwrap().contains("placeholders"), "{error}");
}

#[test]
fn invoices_the_upload_is_forbidden_twice_and_versions_are_not_guarded() {
    let bucket = offline(ServerKind::Aws, &[fixture!("invoices-bucket.json")], None);
    assert_eq!(
        lines(&bucket),
        ["medium hold-denied-to-writer invoices-bucket.json:12 statement 2 (DenyBypass)"]
    );
    let identity = offline(ServerKind::Aws, &[fixture!("invoices-identity.json")], None);
    assert_eq!(
        lines(&identity),
        [
            "high deny-wrong-action invoices-identity.json:15 statement 2",
            "medium retention-denied-to-writer invoices-identity.json:15 statement 2",
            "low may-clear-holds invoices-identity.json:4 statement 1",
            "low may-write-without-lock invoices-identity.json:4 statement 1",
        ]
    );
    let both = [fixture!("invoices-bucket.json"), fixture!("invoices-identity.json")];
    let both = offline(ServerKind::Aws, &both, Some(FULL));
    assert_eq!(
        lines(&both),
        [
            "high deny-wrong-action invoices-identity.json:15 statement 2",
            "high upload-impossible invoices-identity.json:15 statement 2",
            "medium dead-grant invoices-identity.json:4 statement 1",
            "low may-write-without-lock invoices-identity.json:4 statement 1",
        ]
    );
    let sentence = &both.findings[1].sentence;
    assert!(
        sentence.contains("statement 2 denies s3:PutObjectRetention")
            && sentence.contains("(DenyBypass) denies s3:PutObjectLegalHold"),
        "{sentence}"
    );
    let bypass = both.answers.iter().find(|a| a.question == Question::BypassGovernance).unwrap();
    assert!(bypass.who.iter().all(|w| w.standing == Standing::Denied) && bypass.who.len() == 2, "{bypass:?}");
}

#[test]
fn snapshots_on_minio_the_writer_holds_the_keys_to_four_holes() {
    let aws = offline(ServerKind::Aws, &[fixture!("snapshots-rights.json")], None);
    assert!(!aws.reaches(Severity::Medium), "{:?}", lines(&aws));
    let minio = offline(ServerKind::Minio, &[fixture!("snapshots-rights.json")], None);
    let holes: Vec<_> = minio.findings.iter().filter(|f| f.rule == Rule::MinioHole).collect();
    let ids: Vec<_> = holes.iter().filter_map(|f| f.sentence.rsplit_once('(').map(|(_, id)| id)).collect();
    assert_eq!(ids, ["A4, A5, A6, A7, A9)", "A17)", "A9b, A14)", "A8)", "GOV-03)"]);
    // GOVERNANCE is shortened by the header of a bypass, whose right MinIO does not ask for.
    let bypass = minio.answers.iter().find(|a| a.question == Question::BypassGovernance).unwrap();
    assert!(bypass.who.iter().any(|w| w.standing == Standing::Granted), "{bypass:?}");
}

// Every rule about statements: the elements of a statement that it finds, and of one that it must not.

/// A bucket policy of one or more statements without their `Resource`.
fn on_bucket(statements: &str) -> Analysis {
    let statements = statements
        .replace("\"Action\"", "\"Resource\":[\"arn:aws:s3:::vault\",\"arn:aws:s3:::vault/*\"],\"Action\"");
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    offline(ServerKind::Aws, &[("p.json", &text)], None)
}

fn deny(actions: &str, condition: &str) -> String {
    let condition =
        if condition.is_empty() { String::new() } else { format!(r#","Condition":{{{condition}}}"#) };
    format!(r#"{{"Effect":"Deny","Principal":"*","Action":{actions}{condition}}}"#)
}

#[test]
fn denies_that_fail_open_are_found_and_those_that_do_not_are_not() {
    let days = "s3:object-lock-remaining-retention-days";
    let minimum = deny(r#""s3:PutObject""#, &format!(r#""NumericLessThan":{{"{days}":"3650"}}"#));
    let present = deny(r#""s3:PutObject""#, &format!(r#""Null":{{"{days}":"true"}}"#));
    let compliance = deny(r#""s3:PutObject""#, r#""StringNotEquals":{"s3:object-lock-mode":"COMPLIANCE"}"#);
    let write_once = deny(r#""s3:PutObject""#, r#""Null":{"s3:if-none-match":"true"}"#);
    let exempt = deny(
        r#""s3:PutObject""#,
        r#""Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}"#,
    );
    #[rustfmt::skip]
    let table: Vec<(&str, Rule, String, bool)> = vec![
        ("versions forgotten", Rule::DenyWrongAction, deny(r#""s3:DeleteObject""#, ""), true),
        ("versions named", Rule::DenyWrongAction, deny(r#"["s3:DeleteObject","s3:DeleteObjectVersion"]"#, ""), false),
        ("versions by a star", Rule::DenyWrongAction, deny(r#""s3:Delete*""#, ""), false),
        ("versions in another statement", Rule::DenyWrongAction, [deny(r#""s3:DeleteObject""#, ""), deny(r#""s3:DeleteObjectVersion""#, "")].join(","), false),
        ("if-match on the delete only", Rule::DenyWrongAction, deny(r#""s3:DeleteObject""#, r#""Null":{"s3:if-match":"true"}"#), true),
        ("the policy may be deleted", Rule::DenyWrongAction, deny(r#""s3:PutBucketPolicy""#, ""), true),
        ("no right of this name", Rule::DenyWrongAction, deny(r#""s3:PutObjectLockConfiguration""#, ""), true),
        ("the right's name", Rule::DenyWrongAction, deny(r#""s3:PutBucketObjectLockConfiguration""#, ""), false),
        ("unknown action", Rule::UnknownAction, deny(r#""s3:FreezeObject""#, ""), true),
        ("presence only", Rule::DenyPresenceOnly, present.clone(), true),
        ("presence and length", Rule::DenyPresenceOnly, [present.clone(), minimum.clone()].join(","), false),
        ("the mode but not the length", Rule::DenyPresenceOnly, compliance, true),
        ("length only", Rule::DenyMissesAbsentKey, minimum.clone(), true),
        ("length and presence", Rule::DenyMissesAbsentKey, [present, minimum].join(","), false),
        ("length with IfExists", Rule::DenyMissesAbsentKey, deny(r#""s3:PutObject""#, &format!(r#""NumericLessThanIfExists":{{"{days}":"3650"}}"#)), false),
        ("MFA by Bool", Rule::DenyMissesAbsentKey, deny(r#""s3:DeleteObjectVersion""#, r#""Bool":{"aws:MultiFactorAuthPresent":"false"}"#), true),
        ("MFA by BoolIfExists", Rule::DenyMissesAbsentKey, deny(r#""s3:DeleteObjectVersion""#, r#""BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}"#), false),
        ("TLS is always there", Rule::DenyMissesAbsentKey, deny(r#""s3:*""#, r#""Bool":{"aws:SecureTransport":"false"}"#), false),
        ("holds one way", Rule::DenyMissesAbsentKey, deny(r#""s3:PutObjectLegalHold""#, r#""StringEquals":{"s3:object-lock-legal-hold":"OFF"}"#), false),
        ("if-match on versions", Rule::KeyNotOfAction, deny(r#""s3:DeleteObjectVersion""#, r#""StringEquals":{"s3:if-match":"x"}"#), true),
        ("if-match on deletes", Rule::KeyNotOfAction, deny(r#""s3:DeleteObject""#, r#""Null":{"s3:if-match":"true"}"#), false),
        ("hold key on retention", Rule::KeyNotOfAction, deny(r#""s3:PutObjectRetention""#, r#""StringEquals":{"s3:object-lock-legal-hold":"OFF"}"#), true),
        ("unknown key", Rule::UnknownKey, deny(r#""s3:PutObject""#, r#""StringEquals":{"s3:object-lock-mod":"x"}"#), true),
        ("parts stopped", Rule::MultipartBlocked, write_once, true),
        ("parts exempt", Rule::MultipartBlocked, exempt.clone(), false),
        ("the exemption turned round", Rule::DenyExemptsWrites, deny(r#""s3:PutObject""#, r#""Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"false"}"#), true),
        ("the exemption as it has to be", Rule::DenyExemptsWrites, exempt, false),
        ("an old TLS beside a TLS rule", Rule::DenyMissesAbsentKey, [deny(r#""s3:*""#, r#""Bool":{"aws:SecureTransport":"false"}"#), deny(r#""s3:*""#, r#""NumericLessThan":{"s3:TlsVersion":"1.2"}"#)].join(","), false),
        ("an old TLS alone", Rule::DenyMissesAbsentKey, deny(r#""s3:*""#, r#""NumericLessThan":{"s3:TlsVersion":"1.2"}"#), true),
        ("a misspelt global key", Rule::UnknownKey, deny(r#""s3:*""#, r#""BoolIfExists":{"aws:SecureTransprt":"false"}"#), true),
        ("a tag of the principal", Rule::UnknownKey, deny(r#""s3:*""#, r#""StringEquals":{"aws:PrincipalTag/team":"x"}"#), false),
        ("a ceiling is no ban", Rule::RetentionDeniedToWriter, [deny(r#"["s3:PutObject","s3:PutObjectRetention"]"#, &format!(r#""NumericGreaterThan":{{"{days}":"4018"}}"#)), r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/app"},"Action":["s3:PutObject","s3:PutObjectRetention"]}"#.to_owned()].join(","), false),
        ("referer", Rule::ForgeableCondition, deny(r#""s3:*""#, r#""StringNotLike":{"aws:Referer":"https://a/*"}"#), true),
        ("no TLS rule", Rule::InsecureTransport, deny(r#""s3:DeleteObject*""#, ""), true),
        ("TLS rule", Rule::InsecureTransport, deny(r#""s3:*""#, r#""Bool":{"aws:SecureTransport":"false"}"#), false),
        ("TLS rule turned round", Rule::InsecureTransport, deny(r#""s3:*""#, r#""Bool":{"aws:SecureTransport":"true"}"#), true),
        ("bypass granted", Rule::MayBypassGovernance, r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ops"},"Action":"s3:*"}"#.to_owned(), true),
        ("bypass granted and denied", Rule::MayBypassGovernance, [r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ops"},"Action":"s3:*"}"#.to_owned(), deny(r#""s3:BypassGovernanceRetention""#, "")].join(","), false),
        ("bypass without the deed", Rule::MayBypassGovernance, r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ops"},"Action":"s3:BypassGovernanceRetention"}"#.to_owned(), false),
        ("public write", Rule::Public, r#"{"Effect":"Allow","Principal":"*","Action":"s3:PutObject"}"#.to_owned(), true),
        ("public read", Rule::Public, r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:Get*"}"#.to_owned(), true),
        ("everybody but one", Rule::NotPrincipal, r#"{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"s3:GetObject"}"#.to_owned(), true),
        ("denied but one", Rule::NotPrincipal, r#"{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:role/ops"},"Action":"s3:DeleteObject*"}"#.to_owned(), true),
        ("everything but", Rule::AllowEverythingBut, r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"NotAction":"s3:Delete*","Action":0}"#.replace(",\"Action\":0", ""), true),
        ("MFA in an Allow", Rule::AllowHoldsWithoutKey, r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:DeleteObjectVersion","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}}"#.to_owned(), true),
        ("MFA in an Allow, wanted", Rule::AllowHoldsWithoutKey, r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:DeleteObjectVersion","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#.to_owned(), false),
    ];
    let mut wrong = Vec::new();
    for (what, rule, statements, expected) in table {
        let statements = if statements.contains("NotAction") {
            statements.replace("\"NotAction\"", "\"Resource\":\"arn:aws:s3:::vault/*\",\"NotAction\"")
        } else {
            statements
        };
        let found = on_bucket(&statements);
        if has(&found, rule) != expected {
            wrong.push(format!("{what}: {rule} {expected}? {:?}", lines(&found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_deny_that_matches_no_request_is_found() {
    let one = |version: &str, action: &str, resource: &str| {
        let text = format!(
            r#"{{"Version":"{version}","Statement":[{{"Effect":"Deny","Principal":"*","Action":{action},"Resource":{resource}}}]}}"#
        );
        // A byte order mark is no mistake.
        let text = format!("\u{feff}{text}");
        has(&offline(ServerKind::Aws, &[("p.json", &text)], None), Rule::DenyWithoutEffect)
    };
    let new = "2012-10-17";
    let versions = r#"["s3:DeleteObjectVersion","s3:BypassGovernanceRetention"]"#;
    assert!(one(new, versions, r#""arn:aws:s3:::vault""#));
    assert!(!one(new, versions, r#""arn:aws:s3:::vault/*""#));
    assert!(!one(new, versions, r#"["arn:aws:s3:::vault","arn:aws:s3:::vault/*"]"#));
    assert!(one(new, r#""s3:PutBucketPolicy""#, r#""arn:aws:s3:::vault/*""#));
    assert!(
        !one(new, r#""s3:PutBucketPolicy""#, r#""arn:aws:s3:::vault*""#),
        "the star may stand for the whole name"
    );
    assert!(!one(new, r#""s3:*""#, r#""arn:aws:s3:::vault""#), "some of its actions are on buckets");
    assert!(one("2008-10-17", r#""s3:DeleteObject*""#, r#""arn:aws:s3:::vault/${aws:username}/*""#));
    assert!(!one(new, r#""s3:DeleteObject*""#, r#""arn:aws:s3:::vault/${aws:username}/*""#));
}

#[test]
fn an_account_that_is_named_as_a_whole_is_never_passed_over() {
    let whole = |account: &str| {
        format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},"Action":"s3:*"}}"#)
    };
    // Alone it may be the owner or another: not assessed, and not silent.
    let alone = on_bucket(&whole("999988887777"));
    let bypass = alone.findings.iter().find(|f| f.rule == Rule::MayBypassGovernance).expect("a finding");
    assert_eq!(bypass.state, AnalysisState::NotAssessed);
    assert!(alone.reaches(Severity::Medium) && !alone.fails(Severity::Medium), "{:?}", lines(&alone));
    // Beside a role of another account it is a foreign one.
    let role = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/app"},"Action":"s3:GetObject"}"#;
    let both = on_bucket(&[whole("999988887777"), role.to_owned()].join(","));
    let bypass = both.findings.iter().find(|f| f.rule == Rule::MayBypassGovernance).expect("a finding");
    assert!(
        bypass.state == AnalysisState::Analysed && bypass.sentence.contains("999988887777"),
        "{bypass:?}"
    );
}

#[test]
fn a_user_who_may_not_store_is_no_fault_where_another_may() {
    let bare = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::vault/*"}}"#;
    let able = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:PutObject","s3:PutObjectRetention"],"Resource":"arn:aws:s3:::vault/*"}}"#;
    let sends = Some(Sends { retention: true, hold: false, if_none_match: false });
    let alone = offline(ServerKind::Aws, &[("bare.json", bare)], sends);
    assert!(alone.fails(Severity::High), "{:?}", lines(&alone));
    let both = offline(ServerKind::Aws, &[("bare.json", bare), ("able.json", able)], sends);
    let found = both.findings.iter().find(|f| f.rule == Rule::UploadImpossible).expect("it is told");
    assert_eq!((found.state, found.severity), (AnalysisState::NotAssessed, Severity::Low));
}

#[test]
fn what_hangs_on_somebodys_name_is_not_assessed() {
    let text = deny(
        r#"["s3:DeleteObjectVersion","s3:BypassGovernanceRetention"]"#,
        r#""ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/records"}"#,
    );
    let found = on_bucket(&text);
    let answer = found.answers.iter().find(|a| a.question == Question::DeleteVersions).unwrap();
    let anybody = answer.who.iter().find(|w| w.principal.starts_with("anybody")).unwrap();
    assert_eq!(anybody.standing, Standing::Conditional, "{answer:?}");
    assert_eq!(anybody.keys, ["aws:principalarn"]);
    // The root user's name is known: it is denied.
    let root = answer.who.iter().find(|w| w.principal.starts_with("the root")).unwrap();
    assert_eq!(root.standing, Standing::Denied);
    // But it may delete the policy.
    let policy = found.answers.iter().find(|a| a.question == Question::ChangePolicy).unwrap();
    assert!(policy.who.iter().any(|w| w.standing == Standing::Root), "{policy:?}");
}

#[test]
fn what_nobody_wrote_down_is_asked_about_all_the_same() {
    // Everything but one bucket: another bucket is asked about.
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::logs/*"}}"#;
    let found = offline(ServerKind::Aws, &[("p.json", text)], None);
    assert!(has(&found, Rule::MayBypassGovernance), "{:?}", lines(&found));
    // Everybody of an organisation: not anonymous, and not nobody.
    let org = r#"{"Effect":"Allow","Principal":"*","Action":"s3:*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}"#;
    let found = on_bucket(org);
    assert!(!has(&found, Rule::Public), "{:?}", lines(&found));
    let answer = found.answers.iter().find(|a| a.question == Question::DeleteVersions).unwrap();
    let stranger = answer.who.iter().find(|w| w.principal == "anybody of any other account").unwrap();
    assert_eq!(
        (stranger.standing, stranger.keys.as_slice()),
        (Standing::Conditional, &["aws:principalorgid".to_owned()][..])
    );
    // A policy of another service is not a pass.
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"arn:aws:kms:eu-west-1:111122223333:key/k"}}"#;
    assert!(has(&offline(ServerKind::Aws, &[("kms.json", text)], None), Rule::NotReadable));
    // Each user's own folder on MinIO: the hole is not assessed, never passed over.
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::home/${aws:username}/*"}}"#;
    let found = offline(ServerKind::Minio, &[("home.json", text)], None);
    let hole = found.findings.iter().find(|f| f.rule == Rule::MinioHole).unwrap();
    assert_eq!(hole.state, AnalysisState::NotAssessed);
}

#[test]
fn minio_administrators_are_named_with_the_hole_that_each_right_opens() {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["admin:*"]},
        {"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}"#;
    let found = offline(ServerKind::Minio, &[("consoleAdmin", text)], None);
    let holes = found.findings.iter().filter(|f| f.rule == Rule::MinioHole).count();
    assert_eq!(holes, 13, "{:?}", lines(&found));
    let closed = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]},
        {"Effect":"Deny","Action":["s3:ReplicateDelete","s3:ReplicateObject","s3:CreateBucket","s3:PutObject","s3:PutObjectRetention","s3:DeleteObject"],"Resource":["arn:aws:s3:::*"]}]}"#;
    let found = offline(ServerKind::Minio, &[("closed", closed)], None);
    assert!(!has(&found, Rule::MinioHole), "{:?}", lines(&found));
}

// Settings.

fn configuration(policy: Option<&str>) -> BucketConfiguration {
    use crate::store::sdk::{LockConfiguration, PublicAccess, Versioning};
    BucketConfiguration {
        versioning: Reading::Known(Some(Versioning { status: Some("Enabled".into()), mfa_delete: None })),
        object_lock: Reading::Known(Some(LockConfiguration {
            enabled: true,
            default_mode: Some("COMPLIANCE".into()),
            default_days: None,
            default_years: Some(10),
            document: String::new(),
        })),
        policy: Reading::Known(policy.map(ToOwned::to_owned)),
        policy_public: Reading::Known(None),
        public_access_block: Reading::Known(Some(PublicAccess {
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: true,
            restrict_public_buckets: true,
        })),
        ownership: Reading::Known(Some("BucketOwnerEnforced".into())),
        encryption: Reading::Known(None),
        lifecycle: Reading::Known(None),
        replication: Reading::Known(None),
        notification: Reading::Known(Some("<x><EventBridgeConfiguration/></x>".into())),
        logging: Reading::Known(Some("<x/>".into())),
        location: Reading::Known(None),
    }
}

/// A change to a configuration that is as it should be.
type Change<'a> = Box<dyn Fn(&mut BucketConfiguration) + 'a>;

fn live(configuration: &BucketConfiguration) -> Analysis {
    let requirement = Requirement {
        mode: Some(crate::lock::Mode::Compliance),
        min_retention: Some(crate::time::Span::Months(120)),
        ..Requirement::default()
    };
    of_bucket(configuration, ServerKind::Aws, "vault", "ledger/", &requirement, now())
}

#[test]
fn a_bucket_as_it_should_be_has_no_findings_and_each_setting_that_is_not_has_one() {
    assert_eq!(lines(&live(&configuration(None))), Vec::<String>::new());
    let lifecycle = |rule: &str| {
        Reading::Known(Some(format!("<LifecycleConfiguration><Rule>{rule}</Rule></LifecycleConfiguration>")))
    };
    #[rustfmt::skip]
    let table: Vec<(&str, Change<'_>)> = vec![
        ("medium not-readable bucket policy", Box::new(|c| c.policy = Reading::Unread("403".into()))),
        ("medium not-readable bucket policy", Box::new(|c| c.policy = Reading::Known(Some("{".into())))),
        ("medium not-readable versioning", Box::new(|c| c.versioning = Reading::Unread("403".into()))),
        ("high no-versioning versioning", Box::new(|c| c.versioning = Reading::Known(None))),
        ("high no-object-lock Object Lock configuration", Box::new(|c| c.object_lock = Reading::Known(None))),
        ("high default-too-weak Object Lock configuration", Box::new(|c| if let Reading::Known(Some(l)) = &mut c.object_lock { (l.default_years, l.default_days) = (None, Some(3650)) })),
        ("low no-default-retention Object Lock configuration", Box::new(|c| if let Reading::Known(Some(l)) = &mut c.object_lock { (l.default_years, l.default_mode) = (None, None) })),
        ("medium not-readable Object Lock configuration", Box::new(|c| if let Reading::Known(Some(l)) = &mut c.object_lock { l.default_mode = Some("FOREVER".into()) })),
        ("low public-access-not-blocked Block Public Access", Box::new(|c| c.public_access_block = Reading::Known(None))),
        ("high public policy status", Box::new(|c| c.policy_public = Reading::Known(Some(true)))),
        ("low acls-in-force object ownership", Box::new(|c| c.ownership = Reading::Known(Some("ObjectWriter".into())))),
        ("low kms-key default encryption", Box::new(|c| c.encryption = Reading::Known(Some("<SSEAlgorithm>aws:kms</SSEAlgorithm>".into())))),
        ("medium lifecycle-expires-current lifecycle", Box::new(|c| c.lifecycle = lifecycle("<Status>Enabled</Status><Filter/><Expiration><Days>30</Days></Expiration>"))),
        ("medium lifecycle-expires-versions lifecycle", Box::new(|c| c.lifecycle = lifecycle("<Status>Enabled</Status><Prefix>ledger/2024</Prefix><NoncurrentVersionExpiration><NoncurrentDays>30</NoncurrentDays></NoncurrentVersionExpiration>"))),
        ("low lifecycle-expires-versions lifecycle", Box::new(|c| c.lifecycle = lifecycle("<Status>Enabled</Status><NoncurrentVersionExpiration><NoncurrentDays>3653</NoncurrentDays></NoncurrentVersionExpiration>"))),
        ("low lifecycle-archives lifecycle", Box::new(|c| c.lifecycle = lifecycle("<Status>Enabled</Status><Transition><StorageClass>GLACIER</StorageClass></Transition>"))),
        ("medium not-readable lifecycle", Box::new(|c| c.lifecycle = Reading::Known(Some("<x>".into())))),
        ("info replicates replication", Box::new(|c| c.replication = Reading::Known(Some("<R><Rule><Status>Enabled</Status><Destination><Bucket>arn:b</Bucket></Destination></Rule></R>".into())))),
        ("info no-access-log access logging", Box::new(|c| c.logging = Reading::Known(None))),
        ("info no-notification notifications", Box::new(|c| c.notification = Reading::Known(None))),
    ];
    for (expected, change) in table {
        let mut changed = configuration(None);
        change(&mut changed);
        assert_eq!(lines(&live(&changed)), [expected]);
    }
    let governance = |policy: Option<&str>| {
        let mut changed = configuration(policy);
        if let Reading::Known(Some(lock)) = &mut changed.object_lock {
            lock.default_mode = Some("GOVERNANCE".into());
        }
        lines(&live(&changed))
    };
    let weak = "high default-too-weak Object Lock configuration";
    assert_eq!(governance(None), [weak, "medium may-bypass-governance Object Lock configuration"]);
    let guarded = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:BypassGovernanceRetention","Resource":"arn:aws:s3:::vault/*"},
        {"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::vault","arn:aws:s3:::vault/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    assert_eq!(governance(Some(guarded)), [weak]);
    let mut elsewhere = configuration(None);
    elsewhere.lifecycle =
        lifecycle("<Status>Enabled</Status><Prefix>tmp/</Prefix><Expiration><Days>1</Days></Expiration>");
    assert_eq!(lines(&live(&elsewhere)), Vec::<String>::new(), "a rule of another prefix");
    elsewhere.lifecycle = lifecycle("<Status>Disabled</Status><Expiration><Days>1</Days></Expiration>");
    assert_eq!(lines(&live(&elsewhere)), Vec::<String>::new(), "a rule that is off");
}

#[test]
fn a_policy_that_was_not_read_answers_nothing_and_a_public_one_is_held_back_by_the_block() {
    let mut unread = configuration(None);
    unread.policy = Reading::Unread("403 AccessDenied".into());
    let found = live(&unread);
    assert!(found.answers.iter().all(|a| a.who.is_empty() && a.not_assessed.is_some()));
    let open = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::vault/*"}}"#;
    let mut public = configuration(Some(open));
    let worst = |c: &BucketConfiguration| {
        live(c).findings.iter().filter(|f| f.rule == Rule::Public).map(|f| f.severity).max()
    };
    assert_eq!(worst(&public), Some(Severity::Low));
    public.public_access_block = Reading::Known(None);
    assert_eq!(worst(&public), Some(Severity::Critical));
}

#[test]
fn on_minio_nobody_is_acquitted_whose_policies_were_not_given() {
    let requirement = Requirement::default();
    let of = |documents: &[Document]| {
        analyse(&Input {
            server: ServerKind::Minio,
            bucket: Some("snapshots"),
            prefix: "",
            requirement: &requirement,
            configuration: Some(&configuration(None)),
            documents,
            users_read: false,
            sends: None,
            now: now(),
        })
    };
    let bare = of(&[]);
    assert_eq!(lines(&bare), ["medium minio-users-not-read users and groups"]);
    assert!(bare.reaches(Severity::Medium) && !bare.fails(Severity::Medium));
    assert!(bare.answers.iter().all(|a| a.who.len() == 1 && a.who[0].standing == Standing::Root));
    let (name, text) = fixture!("snapshots-rights.json");
    let given = of(&[Document::parse(name, text, ServerKind::Minio).unwrap()]);
    assert!(!has(&given, Rule::MinioUsersNotRead) && given.fails(Severity::Critical), "{:?}", lines(&given));
}

#[test]
fn every_scenario_that_is_named_as_a_proof_exists() {
    let suite = crate::scenario::Suite::builtin().expect("the suite");
    let holes = ["A1", "A2", "A3", "A4, A5, A6, A7, A9", "A9b, A14", "A10", "A12", "A13", "A16"];
    let mut all: Vec<_> = holes.iter().flat_map(|id| confirm::hole(id, false)).collect();
    assert!(holes.iter().all(|id| !confirm::hole(id, false).is_empty()));
    all.extend(confirm::hole("A4, A5, A6, A7, A9", true));
    for question in Question::ALL {
        all.extend(confirm::public(*question));
        all.extend(confirm::named(*question, "arn:aws:iam::111122223333:role/r"));
    }
    for confirmation in all {
        let id = &confirmation.scenario;
        assert!(suite.scenarios.iter().any(|s| s.id == *id), "{id}");
    }
}
