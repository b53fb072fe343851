//! The made-up record's analysis: a finding of each state, and who may do what.

use crate::record::Verdict;
use crate::record::analysis::{
    Analysis, AnalysisFinding, AnalysisRule, AnalysisState, Answer, Confirmation, Identities, Question,
    ReadPolicy, Role, Severity, Standing, StatementPlace, Who,
};
use crate::report::sample::HOSTILE;

fn place() -> StatementPlace {
    StatementPlace {
        document: "bucket policy".to_owned(),
        number: 2,
        sid: Some("Everybody".to_owned()),
        line: None,
    }
}

fn finding(
    rule: AnalysisRule,
    severity: Severity,
    state: AnalysisState,
    about: &str,
    sentence: &str,
) -> AnalysisFinding {
    AnalysisFinding {
        rule,
        severity,
        sentence: sentence.to_owned(),
        statement: None,
        about: about.to_owned(),
        remedy: "name those who are allowed with Principal".to_owned(),
        state,
        confirm: Vec::new(),
        proven_by: None,
        proven_as: None,
        waived: None,
    }
}

pub(super) fn analysis() -> Analysis {
    let confirm = |scenario: &str| {
        let scenario = scenario.to_owned();
        vec![Confirmation { scenario, verdict: Verdict::Fail, role: None, arn: None }]
    };
    let findings = vec![
        AnalysisFinding {
            statement: Some(place()),
            confirm: confirm("WORM-302"),
            proven_by: Some("WORM-302".to_owned()),
            proven_as: Some(Role::Anonymous),
            ..finding(
                AnalysisRule::Public,
                Severity::Critical,
                AnalysisState::Proven,
                "bucket policy",
                "anybody may remove or shorten GOVERNANCE retention on arn:aws:s3:::audit-records/ledger/sample \
                 without a signature",
            )
        },
        AnalysisFinding {
            confirm: confirm("WORM-305"),
            ..finding(
                AnalysisRule::MinioHole,
                Severity::Critical,
                AnalysisState::Analysed,
                &format!("MinIO user {HOSTILE} (readwrite)"),
                "with s3:PutObject the holder may replace the bytes of a locked version by a multipart upload",
            )
        },
        AnalysisFinding {
            waived: Some("read by the public on purpose (A. Auditor, until 2027-01-31)".to_owned()),
            ..finding(
                AnalysisRule::MayChangePolicy,
                Severity::Medium,
                AnalysisState::Analysed,
                "bucket policy",
                "arn:aws:iam::123456789012:role/deploy may change or delete the bucket policy",
            )
        },
        finding(
            AnalysisRule::NotReadable,
            Severity::Medium,
            AnalysisState::NotAssessed,
            "lifecycle",
            "the lifecycle could not be read: 403 AccessDenied",
        ),
        finding(
            AnalysisRule::NoNotification,
            Severity::Info,
            AnalysisState::Analysed,
            "notifications",
            "nobody is told when an object is removed or a delete marker is made",
        ),
    ];
    Analysis {
        server: "minio".to_owned(),
        findings,
        answers: Question::ALL.iter().map(|question| answer(*question)).collect(),
        policies: vec![ReadPolicy::new(&format!("MinIO user {HOSTILE} (readwrite)"), "{}")],
        identities: Identities::default(),
    }
}

fn answer(question: Question) -> Answer {
    let who = |principal: &str, standing, statement: Option<StatementPlace>| Who {
        principal: principal.to_owned(),
        standing,
        on: "arn:aws:s3:::audit-records/ledger/sample".to_owned(),
        statement,
        keys: if standing == Standing::Conditional { vec!["aws:SourceIp".to_owned()] } else { Vec::new() },
    };
    let all = match question {
        Question::HideObjects => Vec::new(),
        Question::ClearHolds => vec![
            who("arn:aws:iam::123456789012:role/legal", Standing::Conditional, Some(place())),
            who("anybody of the account whose own policies allow it", Standing::Denied, Some(place())),
        ],
        _ => vec![
            who("anonymous", Standing::Granted, Some(place())),
            who(&format!("MinIO user {HOSTILE}"), Standing::Granted, Some(place())),
            who("the root key of the server", Standing::Root, None),
        ],
    };
    Answer {
        bucket: "audit-records".to_owned(),
        question,
        who: all,
        not_assessed: Some("session policies that were not given here are not assessed".to_owned()),
    }
}
