//! A made-up record for tests: 70 scenarios of every verdict, hostile keys, a scan with findings.

mod analysis;
mod event_log;
mod profile;
mod trail;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use serde_json::json;

use crate::exchange::{Answer, Body, Exchange, Outcome as Came, Sent};

use crate::profile::Waiver;
use crate::record::finding::RequirementText;
use crate::record::{
    Cause, ControlInfo, DialectInfo, Finding, FindingRule, Gate, JUDGE, Log, Operator, Outcome,
    PrincipalInfo, Record, Residue, RunResult, SCHEMA, ScanResult, ScenarioResult, SignerInfo, StepText,
    Target, Times, Tool, Verdict, WaiverResult, WitnessText, outcome,
};
use crate::scenario::{Purpose, Reach, Role, Safety, Severity};

pub(crate) use event_log::event_log;
pub(crate) use trail::trail;

pub(crate) const UPLOADED: &str = "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358";
pub(crate) const SWAPPED: &str = "aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f";
/// A key that would turn a line around, colour a terminal and end an XML document.
pub(crate) const HOSTILE: &str = "ledger/\u{202E}txt.exe\u{1b}[31m]]><b>&\u{0}\n日本 — Łódź ✓";

fn at(seconds: i64) -> DateTime<Utc> {
    let start = Utc.with_ymd_and_hms(2026, 11, 25, 9, 0, 0).single().expect("an instant");
    start + TimeDelta::seconds(seconds)
}

fn digest(word: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(word))
}

struct Builder {
    log: Log,
    now: i64,
}

impl Builder {
    fn exchange(&mut self, about: &str, method: &str, target: &str, status: u16, body: &str) -> u64 {
        self.now += 1;
        let bytes = |text: &str| Body {
            size: text.len() as u64,
            sha256: digest(text),
            text: (!text.is_empty()).then(|| text.to_owned()),
        };
        self.log.exchange(
            about,
            Exchange {
                sent: Sent {
                    method: method.to_owned(),
                    endpoint: "http://127.0.0.1:9000".to_owned(),
                    target: target.to_owned(),
                    headers: vec![("host".to_owned(), "127.0.0.1:9000".to_owned())],
                    body: bytes(""),
                    redacted: vec!["authorization".to_owned()],
                },
                outcome: Came::Answered(Answer {
                    status,
                    headers: vec![("date".to_owned(), "Wed, 25 Nov 2026 09:00:00 GMT".to_owned())],
                    body: bytes(body),
                }),
                sent_at: at(self.now),
                monotonic_us: u64::try_from(self.now).unwrap_or(0) * 1_000_000,
                elapsed_us: 12_345,
                attempt: 1,
            },
        )
    }

    fn step(&mut self, id: &str, role: Role, purpose: Purpose, text: &str, answered: &str) -> StepText {
        let request = format!(
            "DELETE /audit-records/ledger/.wormproof/01JD6ZP4K7/{id}-ledger?versionId=9f1c7d9e-6a53-4a7e-8f0e-1d2c3b4a5968"
        );
        let status = answered.get(..3).and_then(|s| s.parse().ok()).unwrap_or(200);
        let number = self.exchange(&format!("{id}/{role}"), "DELETE", &request[7..], status, "");
        StepText {
            purpose,
            text: text.to_owned(),
            principal: role,
            request,
            expected: match purpose {
                Purpose::Attack => "refused (object-locked)".to_owned(),
                _ => "accepted".to_owned(),
            },
            answered: answered.to_owned(),
            exchanges: vec![number],
        }
    }

    fn run(&mut self, id: &str, role: Role, verdict: Verdict, cause: Cause, reason: &str) -> RunResult {
        let steps = vec![
            self.step(
                id,
                role,
                Purpose::Control,
                &format!("The {role} deletes a delete marker, which no lock can cover: the right to delete versions exists."),
                "204",
            ),
            self.step(
                id,
                role,
                Purpose::Attack,
                &format!("The {role} deletes the locked version and asks to bypass governance, which must not help."),
                if verdict == Verdict::Fail {
                    "204"
                } else {
                    "403 AccessDenied: Access Denied because object protected by object lock."
                },
            ),
        ];
        let found = match cause {
            Cause::Destroyed => vec![format!(
                "ledger: present with OTHER BYTES: SHA-256 {SWAPPED}, uploaded was {UPLOADED}; COMPLIANCE until 2026-11-25 09:05:00 UTC; legal hold OFF; listed"
            )],
            _ => vec![
                format!(
                    "ledger: present, 31 bytes, SHA-256 {UPLOADED} as uploaded; COMPLIANCE until 2026-11-25 09:05:00 UTC; legal hold OFF; listed"
                ),
                "scratch (marker): gone; not listed".to_owned(),
            ],
        };
        let witnesses = if verdict == Verdict::Pass {
            ["setup", "right", "refusal", "intact"]
                .into_iter()
                .zip([vec![1, 2], steps[0].exchanges.clone(), steps[1].exchanges.clone(), vec![7, 8, 9]])
                .map(|(kind, exchanges)| WitnessText { kind: kind.to_owned(), exchanges })
                .collect()
        } else {
            Vec::new()
        };
        RunResult {
            principal: Some(role),
            attempt: 1,
            verdict,
            cause,
            reason: reason.to_owned(),
            witnesses,
            steps,
            found,
            evidence: None,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a table row of a test")]
    fn scenario(
        &mut self,
        id: &str,
        group: &str,
        title: &str,
        severity: Severity,
        verdict: Verdict,
        cause: Cause,
        reason: &str,
        roles: &[Role],
    ) -> ScenarioResult {
        let runs: Vec<RunResult> = roles.iter().map(|r| self.run(id, *r, verdict, cause, reason)).collect();
        let source = format!("id = \"{id}\"\ntitle = \"{title}\"\n");
        ScenarioResult {
            id: id.to_owned(),
            title: title.to_owned(),
            group: group.to_owned(),
            severity,
            reach: Reach::Object,
            safety: Safety::CleanupAfterExpiry,
            threat: "Someone holds the administrator's keys and deletes the one version that the regulator will ask for.".to_owned(),
            note: String::new(),
            // Whatever fails breaks each clause that it names: one clause of the sample is to hold.
            controls: match verdict {
                Verdict::Fail => vec!["SEC 17a-4(f)(2)(i)(B)".to_owned()],
                _ => vec!["SEC 17a-4(f)(2)(i)(B)".to_owned(), "CCC.ObjStor.CN03.AR01".to_owned()],
            },
            covers: vec!["B01".to_owned()],
            digest: digest(&source),
            source,
            verdict,
            cause,
            reason: reason.to_owned(),
            weakest: (verdict == Verdict::Fail).then(|| roles[0]),
            required: false,
            waived: None,
            runs,
        }
    }
}

const TITLES: [&str; 8] = [
    "A record under compliance retention cannot be deleted, not even by the administrator",
    "A legal hold keeps a version whose retention has ended",
    "An overwrite makes a new version and leaves the locked one as it was",
    "A retain-until date under COMPLIANCE cannot be shortened",
    "The bucket's default retention is stamped on a multipart upload",
    "A batch deletion refuses each locked entry by itself",
    "A copy onto the key does not replace the locked version",
    "Versioning of a bucket with Object Lock cannot be suspended",
];

/// The record: 70 scenarios in seven groups.
pub(crate) fn record() -> Record {
    let mut record = without_profile();
    record.profile = Some(Box::new(profile::result(&record)));
    record
}

fn without_profile() -> Record {
    let mut b = Builder { log: Log::default(), now: 0 };
    let groups = ["deletion", "overwrite", "retention", "legal-hold", "multipart", "races", "bucket"];
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
    b.log.note(at(0), "", "run started");
    let mut scenarios = Vec::new();
    for number in 0..70_usize {
        let group = groups[number / 10];
        let id = format!("WORM-{}", (number / 10 + 1) * 100 + number % 10 + 1);
        let (verdict, cause, reason): (Verdict, Cause, &str) = match number {
            0 => (
                Verdict::Fail,
                Cause::Destroyed,
                "the version ledger holds other bytes than were uploaded, though the deletion was answered 204 and the version is still listed with the same ETag, size and date",
            ),
            21 => (
                Verdict::Fail,
                Cause::Unlocked,
                "the retain-until date of ledger was shortened from 2026-11-25 09:05:00 UTC to 2026-11-25 09:00:01 UTC by a principal without s3:BypassGovernanceRetention",
            ),
            33 => (
                Verdict::Fail,
                Cause::PromiseBroken,
                "the hold was accepted with 200 and is not there when read back",
            ),
            12 => (
                Verdict::Inconclusive,
                Cause::NoControl,
                "the control was refused: 403 AccessDenied, so nothing shows that the writer may delete versions at all",
            ),
            44 => (
                Verdict::Error,
                Cause::ToolError,
                "the answer could not be read: connection closed before the message was complete",
            ),
            13 | 52 => (
                Verdict::Inconclusive,
                Cause::OtherRefusal,
                "refused in a way that the dialect does not know; add: { status = 400, code = \"InvalidRequest\", message = \"Object is WORM protected and cannot be overwritten\" } to object-locked",
            ),
            60..=63 => (
                Verdict::Skipped,
                Cause::NotRun,
                "reach `bucket` is not allowed on this target (--allow bucket)",
            ),
            64 => (
                Verdict::Skipped,
                Cause::NotRun,
                "the server has no bucket policies (capability bucket-policy is missing)",
            ),
            _ => (
                Verdict::Pass,
                Cause::Held,
                "refused for the lock, read back intact, and the right was shown",
            ),
        };
        let roles: &[Role] = match (verdict, number % 3) {
            (Verdict::Skipped, _) => &[],
            (_, 0) => &[Role::Administrator],
            (_, 1) => &[Role::Deleter, Role::Bypasser],
            _ => &[Role::Writer, Role::Application, Role::Deleter],
        };
        let mut scenario =
            b.scenario(&id, group, TITLES[number % 8], severities[number % 4], verdict, cause, reason, roles);
        if number == 1 {
            scenario.title = format!("A key like {HOSTILE} is locked like any other");
        }
        if number == 0 {
            scenario.required = true;
            scenario.note = "MinIO: with access to the drives the data part of a version can be swapped without a trace in its metadata.".to_owned();
            let step = b.step(
                &id,
                Role::Administrator,
                Purpose::Attack,
                &format!("The administrator deletes {HOSTILE} in a batch."),
                "200 with <Error>: AccessDenied",
            );
            scenario.runs[0].steps.push(step);
        }
        scenarios.push(scenario);
    }
    let mut findings = vec![
        Finding {
            rule: FindingRule::NoDefaultRetention,
            severity: Severity::Info,
            key: String::new(),
            version_id: String::new(),
            detail: "the bucket has no default retention: an upload without lock headers is not protected"
                .to_owned(),
            waived: None,
        },
        Finding {
            rule: FindingRule::ConfigurationChanged,
            severity: Severity::High,
            key: String::new(),
            version_id: String::new(),
            detail: "versioning was Enabled at the start and Suspended at the end".to_owned(),
            waived: None,
        },
    ];
    let mut scan = Some(scan());
    let waivers = [
        Waiver {
            id: "WORM-404".to_owned(),
            reason: "hold service is replaced in Q1 (RISK-311)".to_owned(),
            owner: "A. Auditor".to_owned(),
            until: NaiveDate::from_ymd_opt(2027, 1, 31).expect("a date"),
        },
        Waiver {
            id: "too-short".to_owned(),
            reason: "migrated records, see RISK-290".to_owned(),
            owner: "B. Owner".to_owned(),
            until: NaiveDate::from_ymd_opt(2026, 12, 31).expect("a date"),
        },
        Waiver {
            id: "WORM-999".to_owned(),
            reason: "left over".to_owned(),
            owner: "C. Gone".to_owned(),
            until: NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date"),
        },
    ];
    let mut analysis = Some(analysis::analysis());
    let waivers: Vec<WaiverResult> = outcome::apply_waivers(
        &waivers,
        at(0).date_naive(),
        outcome::Waivable {
            scenarios: &mut scenarios,
            scan: scan.as_mut(),
            findings: &mut findings,
            analysis: analysis.as_mut(),
            event_log: None,
            trails: &mut [],
        },
    );
    b.log.note(at(b.now + 1), "", "run finished");
    let events = b.log.take();
    let configuration = json!({
        "object_lock": { "ObjectLockEnabled": "Enabled", "Rule": null },
        "versioning": "Enabled",
        "policy": { "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObjectVersion", "Resource": "arn:aws:s3:::audit-records/*" }] },
        "lifecycle": null,
    });
    let mut at_end = configuration.clone();
    at_end["versioning"] = json!("Suspended");
    Record {
        schema: SCHEMA.to_owned(),
        run_id: "01JD6ZP4K7Q8V9W2X3Y4Z5A6B7".to_owned(),
        tool: Tool {
            name: "wormproof".to_owned(),
            version: "0.1.0".to_owned(),
            commit: "440784e0c1".to_owned(),
            binary_sha256: Some(digest("binary")),
            judge: JUDGE.to_owned(),
        },
        operator: Operator {
            user: Some("audit".to_owned()),
            host: Some("audit-runner-3".to_owned()),
            ci_job: Some("https://ci.example.test/jobs/4711".to_owned()),
            challenge: Some("Q4-2026 blue heron 7731".to_owned()),
        },
        arguments: [
            "wormproof",
            "audit",
            "--endpoint",
            "http://127.0.0.1:9000",
            "--bucket",
            "audit-records",
            "--prefix",
            "ledger/",
        ]
        .map(str::to_owned)
        .to_vec(),
        digests: ["suite", "dialects", "controls", "profile", "waivers", "configuration"]
            .into_iter()
            .map(|w| (w.to_owned(), digest(w)))
            .collect(),
        suite_changed: false,
        target: Target {
            kind: "endpoint".to_owned(),
            description: "live endpoint http://127.0.0.1:9000".to_owned(),
            endpoint: "http://127.0.0.1:9000".to_owned(),
            address: Some("127.0.0.1:9000".to_owned()),
            tls_fingerprint: None,
            server: Some("MinIO".to_owned()),
            version: Some("RELEASE.2025-09-07T16-13-09Z".to_owned()),
            release: None,
            region: "us-east-1".to_owned(),
            bucket: "audit-records".to_owned(),
            prefix: "ledger/".to_owned(),
            owner: None,
            created: Some(at(-86_400 * 400)),
            reach: Some(Reach::Object),
            configuration_start: configuration,
            configuration_end: at_end,
        },
        principals: principals(),
        times: Times {
            started: at(0),
            finished: at(b.now + 2),
            elapsed_us: 271_004_512,
            clock: "real".to_owned(),
            skew_ms: Some(-412),
        },
        summary: outcome::summary(&scenarios),
        complete: false,
        assessed: 61,
        planned: 65,
        outcome: Outcome {
            exit_code: 1,
            reason: "2 guarantees failed, 3 versions unprotected, configuration-changed".to_owned(),
        },
        gate: Some(Gate { fail_on: Severity::Medium, analysis_required: false }),
        scenarios,
        scan,
        findings,
        analysis,
        attachments: Vec::new(),
        previous: None,
        event_log: None,
        trails: Vec::new(),
        profile: None,
        waivers,
        residue: residue(),
        controls: vec![
            ControlInfo {
                id: "SEC 17a-4(f)(2)(i)(B)".to_owned(),
                title: "Preserve the records exclusively in a non-rewriteable, non-erasable format"
                    .to_owned(),
                source: "17 CFR 240.17a-4(f)(2)(i)(B)".to_owned(),
                trust: "V".to_owned(),
                text: "Records are kept in a format that can be neither rewritten nor erased.".to_owned(),
                verified_on: NaiveDate::from_ymd_opt(2026, 11, 23),
            },
            ControlInfo {
                id: "CCC.ObjStor.CN03.AR01".to_owned(),
                title: "Object storage prevents deletion under retention".to_owned(),
                source: "FINOS Common Cloud Controls".to_owned(),
                trust: "S".to_owned(),
                text: String::new(),
                verified_on: NaiveDate::from_ymd_opt(2026, 11, 23),
            },
        ],
        dialect: DialectInfo { name: "minio".to_owned(), source: "[minio]\n".to_owned() },
        qualification: "qualified on 2026-11-24: 61 of 61 seeded defects caught, 70 of 70 scenarios can fail"
            .to_owned(),
        signer: SignerInfo {
            subject: "CN=wormproof run 01JD6ZP4K7".to_owned(),
            fingerprint: digest("certificate"),
            ephemeral: true,
        },
        log_head: events.last().map(|e| e.chain.clone()).unwrap_or_default(),
        events,
    }
}

fn principals() -> Vec<PrincipalInfo> {
    [Role::Administrator, Role::Writer, Role::Application, Role::Deleter, Role::Bypasser, Role::Denied]
        .into_iter()
        .map(|role| PrincipalInfo {
            role,
            source: (role != Role::Denied).then(|| "STS AssumeRole with a session policy".to_owned()),
            missing: (role == Role::Denied)
                .then(|| "the server's STS refuses a policy with an explicit Deny".to_owned()),
            arn: (role != Role::Denied)
                .then(|| format!("arn:aws:sts::123456789012:assumed-role/audit/wormproof-{role}")),
            account: None,
            session: Some(format!("wormproof-01JD6ZP4K7-{role}")),
            policy_sha256: (role != Role::Denied).then(|| digest(role.word())),
        })
        .collect()
}

fn residue() -> Vec<Residue> {
    (0..12)
        .map(|n| Residue {
            bucket: "audit-records".to_owned(),
            key: format!("ledger/.wormproof/01JD6ZP4K7/WORM-{}-ledger", 101 + n),
            version_id: format!("9f1c7d9e-6a53-4a7e-8f0e-1d2c3b4a{n:04}"),
            until: Some(at(300 + n)),
            why: "under COMPLIANCE until then".to_owned(),
        })
        .collect()
}

fn scan() -> ScanResult {
    let finding = |rule: FindingRule, key: &str, detail: &str| Finding {
        rule,
        severity: rule.severity(),
        key: key.to_owned(),
        version_id: "d41d8cd9-8f00-4204-a980-0998ecf8427e".to_owned(),
        detail: detail.to_owned(),
        waived: None,
    };
    let mut first = vec![
        finding(FindingRule::Unprotected, HOSTILE, "no retention and no legal hold"),
        finding(
            FindingRule::Unprotected,
            "ledger/2026/11/control-file.json",
            "no retention and no legal hold",
        ),
        finding(
            FindingRule::Unprotected,
            "ledger/2026/11/ ends with a space ",
            "no retention and no legal hold",
        ),
    ];
    first.extend((0..40).map(|n| {
        finding(
            FindingRule::TooShort,
            &format!(
                "ledger/2025/{:02}/trade-confirmations-batch-{n:04}-of-0040-broker-dealer-7731.csv.gz",
                n % 12 + 1
            ),
            "COMPLIANCE until 2031-01-01 00:00:00 UTC; 7 years are required, until 2032-03-14 10:22:01 UTC",
        )
    }));

    ScanResult {
        started: at(240),
        finished: at(268),
        scope: "s3://audit-records/ledger/".to_owned(),
        requirement: RequirementText {
            mode: Some("COMPLIANCE".to_owned()),
            min_retention: Some("7 years".to_owned()),
            ..RequirementText::default()
        },
        versions: 1_204_331,
        markers: 17,
        keys: 1_198_202,
        pages: 1_205,
        lookups: 1_204_331,
        totals: [("COMPLIANCE", 1_204_301), ("GOVERNANCE", 27), ("no lock", 3)]
            .map(|(k, v)| (k.to_owned(), v))
            .into(),
        protected: Some(1_204_288),
        findings: [("unprotected", 3), ("too-short", 40), ("hidden", 17)]
            .map(|(k, v)| (k.to_owned(), v))
            .into(),
        by_override: BTreeMap::new(),
        held: Some(0),
        sample: None,
        first,
        waived_rules: Vec::new(),
        earliest_until: Some(at(86_400)),
        latest_until: Some(at(86_400 * 2_555)),
        left_out: BTreeMap::from([("01JD6ZP4K7Q8V9W2X3Y4Z5A6B7".to_owned(), 214)]),
        population_sha256: digest("population"),
        complete: true,
        incomplete_reason: None,
    }
}
