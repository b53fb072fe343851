//! A made-up profile with every state, assessed from the sample's own record.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::lock::Mode;
use crate::profile::{
    Attacks, ClockStart, ConfigurationDemand, ControlClaim, DocumentClaim, Evidence, Item, Matching,
    Override, Profile, Requirement, Upload, Variable,
};
use crate::record::Record;
use crate::record::attachment::Attachment;
use crate::record::profile_result::{DemandResult, DemandState, ProfileResult, Seen, assess};
use crate::time::Span;

fn ids(list: &[&str]) -> Evidence {
    Evidence { scenarios: list.iter().map(|w| (*w).to_owned()).collect(), ..Evidence::default() }
}

fn demand(word: &str, state: DemandState, asked: &str, found: &str) -> DemandResult {
    DemandResult { word: word.into(), state, asked: asked.into(), found: found.into() }
}

/// The result of the profile for a record.
pub(super) fn result(record: &Record) -> ProfileResult {
    let demands = [
        demand("versioning", DemandState::Met, "yes", "Enabled"),
        demand(
            "default-retention",
            DemandState::NotMet,
            "COMPLIANCE, at least 10 years",
            "Object Lock is enabled without a default retention",
        ),
        demand("mfa-delete", DemandState::NotApplicable, "where possible", "this server has no MFA delete"),
        demand(
            "tls-only",
            DemandState::NotAssessed,
            "yes",
            "the bucket policy could not be read: 403 AccessDenied",
        ),
    ];
    let attachments = [Attachment {
        name: "retention-policy-2026.pdf".into(),
        sha256: super::digest("retention policy"),
        size: 48_213,
        media_type: "application/pdf".into(),
    }];
    let seen = Seen {
        scenarios: &record.scenarios,
        scan: record.scan.as_ref(),
        findings: &record.findings,
        configuration: [&record.target.configuration_start, &record.target.configuration_end],
        analysis: None,
        demands: &demands,
        event_log: None,
        trails: &[],
        attachments: &attachments,
        complete: record.complete,
        place: [&record.target.endpoint, &record.target.bucket, &record.target.prefix],
        previous: None,
        signer: &record.signer,
        started: record.times.started,
    };
    assess(&profile(), &seen)
}

fn profile() -> Profile {
    let source = "name = \"eu-records\"\n".to_owned();
    Profile {
        name: "eu-records".into(),
        title: "Invoices under COMPLIANCE for ten years".into(),
        summary: "What a document asks for its invoices.\n\nIt does not show who reads them.".into(),
        from: "invoices.md".into(),
        verified_on: NaiveDate::from_ymd_opt(2026, 11, 25).expect("a date"),
        variables: BTreeMap::from([(
            "ENVIRONMENT".to_owned(),
            Variable { text: "Which of them.".into(), default: Some("prod".into()) },
        )]),
        bucket: None,
        requirement: requirement(),
        configuration: ConfigurationDemand::default(),
        upload: Upload::default(),
        attacks: Attacks::default(),
        analysis_required: false,
        event_log: None,
        trail_keys: Vec::new(),
        controls: controls(),
        items: items(),
        claims: claims(),
        digest: super::digest(&source),
        source,
    }
}

fn requirement() -> Requirement {
    Requirement {
        mode: Some(Mode::Compliance),
        min_retention: Some(Span::Months(120)),
        max_retention: Some(Span::Months(132)),
        overrides: vec![Override {
            name: "DE".into(),
            matching: Matching { tag: Some(("country".into(), "DE".into())), ..Matching::default() },
            mode: None,
            min_retention: Some(Span::Months(96)),
            max_retention: None,
            clock: Some(ClockStart::CalendarYearEnd),
            hold: None,
            why: "eight years since 2025, from the end of the calendar year (section 147 AO)".into(),
            control: None,
        }],
        ..Requirement::default()
    }
}

fn controls() -> Vec<ControlClaim> {
    let control = |id: &str, shown_by: Evidence, considerations: &str| ControlClaim {
        id: id.into(),
        shown_by,
        considerations: considerations.into(),
    };
    vec![
        control(
            "SEC 17a-4(f)(2)(i)(B)",
            Evidence { scan: vec!["unprotected".into()], ..ids(&["WORM-101", "WORM-102", "WORM-203"]) },
            "Whether the retention period that is set is the one that the rule asks for.",
        ),
        control("CCC.ObjStor.CN03.AR01", ids(&["WORM-102", "WORM-103", "WORM-104"]), ""),
        control(
            "SEC 17a-4(f)(3)(v)",
            Evidence {
                organisational: Some("A designated person and contracts.".into()),
                ..Evidence::default()
            },
            "",
        ),
    ]
}

fn items() -> Vec<Item> {
    let item = |list: &str, id: &str, text: &str, line, shown_by| Item {
        list: list.into(),
        id: id.into(),
        text: text.into(),
        line,
        shown_by,
    };
    vec![
        item(
            "Deployment checklist",
            "a-1",
            "Deletion of a locked version is refused",
            147,
            ids(&["WORM-102"]),
        ),
        item("Deployment checklist", "a-2", "A legal hold is kept", 148, ids(&["WORM-404"])),
        item(
            "Deployment checklist",
            "a-3",
            "Buckets that are made later are locked",
            149,
            ids(&["WORM-701"]),
        ),
        item(
            "Documents",
            "b-1",
            "The retention policy is on file",
            189,
            Evidence { attachment: Some("retention-policy".into()), ..Evidence::default() },
        ),
        item(
            "Documents",
            "b-2",
            "The log has no gap",
            190,
            Evidence { event_log: vec!["gap".into()], ..Evidence::default() },
        ),
    ]
}

fn claims() -> Vec<DocumentClaim> {
    let claim = |line, says: &str, is: &str, right: &str, source: &str, refuted_by| DocumentClaim {
        id: format!("line-{line}"),
        line,
        says: says.into(),
        is: is.into(),
        right: right.into(),
        source: source.into(),
        refuted_by,
        as_written: false,
    };
    vec![
        claim(
            69,
            "Locked snapshots cannot be deleted, not even by root.",
            "Whoever writes to the drives swaps the bytes of a version.",
            "Keep a copy that other people administer, and compare digests.",
            "measured on MinIO (trust X)",
            ids(&["WORM-101", "WORM-302"]),
        ),
        claim(
            104,
            "3650 days are ten years.",
            "Two or three leap days are missing.",
            "Set the default in years.",
            "arithmetic",
            Evidence::default(),
        ),
        claim(
            243,
            "A locked key cannot be overwritten.",
            "A PUT makes a new version, and the old one stays.",
            "Read the version that was locked.",
            "recorded on AWS (trust V)",
            ids(&["WORM-102"]),
        ),
        claim(
            321,
            "The policy denies deletions.",
            "It denies DeleteObject and not DeleteObjectVersion.",
            "Deny both.",
            "recorded on AWS (trust V)",
            ids(&["WORM-705"]),
        ),
    ]
}
