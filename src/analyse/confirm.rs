//! Which scenarios show what a finding says.
//!
//! Only those whose attack is the very thing: the same right, the same kind of sender. A scenario that the
//! administrator breaks says nothing about a lesser right, and one that runs under a policy of its own nothing about
//! the audited bucket's. Where there is none, a finding stays *analysed*.

use crate::record::Verdict;
use crate::record::analysis::{AnalysisRule as Rule, Confirmation, Question, Role};

use super::found::Found;

fn broken(scenario: &str, role: Option<Role>) -> Confirmation {
    Confirmation { scenario: scenario.to_owned(), verdict: Verdict::Fail, role, arn: None }
}

fn broken_by_any(scenarios: &[&str]) -> Vec<Confirmation> {
    scenarios.iter().map(|id| broken(id, None)).collect()
}

/// What anybody may do without a signature.
pub(super) fn public(question: Question) -> Vec<Confirmation> {
    let scenarios: &[&str] = match question {
        Question::BypassGovernance => &["WORM-508"],
        Question::ClearHolds => &["WORM-511"],
        Question::PutRetention => &["WORM-414"],
        Question::HideObjects => &["WORM-125"],
        Question::WriteUnconditionally | Question::WriteWithoutLock => &["WORM-210"],
        // The scenarios delete what is locked, write plainly, and leave the bucket's settings alone.
        Question::DeleteVersions
        | Question::WriteWeakerLock
        | Question::ChangeLock
        | Question::ChangeLifecycle
        | Question::ChangePolicy => &[],
    };
    scenarios.iter().map(|id| broken(id, Some(Role::Anonymous))).collect()
}

/// What a principal may do that is named by its ARN: shown where a role of the run had this ARN.
pub(super) fn named(question: Question, arn: &str) -> Vec<Confirmation> {
    let by = |scenario: &str, verdict, role| Confirmation {
        scenario: scenario.to_owned(),
        verdict,
        role: Some(role),
        arn: Some(arn.to_owned()),
    };
    if !arn.starts_with("arn:") {
        return Vec::new();
    }
    match question {
        Question::BypassGovernance => vec![
            by("WORM-503", Verdict::Fail, Role::Deleter),
            by("WORM-506", Verdict::Fail, Role::Application),
            by("WORM-501", Verdict::Pass, Role::Bypasser),
        ],
        Question::ClearHolds => vec![
            by("WORM-510", Verdict::Fail, Role::Application),
            by("WORM-510", Verdict::Fail, Role::Deleter),
            by("WORM-510", Verdict::Fail, Role::Bypasser),
            by("WORM-509", Verdict::Pass, Role::Custodian),
        ],
        _ => Vec::new(),
    }
}

/// A hole of MinIO, by its id in the project's facts. The scenarios' attackers hold the rights of the hole, and not
/// those of the administrator.
pub(super) fn hole(id: &str, anonymous: bool) -> Vec<Confirmation> {
    if anonymous {
        let is_upload = id.split(", ").any(|one| one == "A4");
        return if is_upload { vec![broken("MINIO-A4", Some(Role::Anonymous))] } else { Vec::new() };
    }
    let scenarios: &[&str] = match id {
        "A1" => &["MINIO-A1"],
        "A2" => &["MINIO-A2"],
        "A3" => &["WORM-303", "WORM-304", "WORM-310"],
        "A4, A5, A6, A7, A9" => &["WORM-305", "WORM-306", "WORM-307", "WORM-308", "WORM-309", "WORM-311"],
        "A9b, A14" => &["WORM-312", "WORM-316"],
        "A8" => &["WORM-708"],
        "A11" => &["WORM-314"],
        "GOV-03" => return vec![broken("WORM-506", Some(Role::Application))],
        // Here the deleter only looks whether the archive is open.
        "A10" => return vec![broken("MINIO-A10", Some(Role::Provisioner))],
        "A12" => return vec![broken("MINIO-A12", Some(Role::Operator))],
        "A13" => return ["MINIO-A13", "MINIO-A13B"].map(|id| broken(id, Some(Role::Operator))).to_vec(),
        "A16" => return vec![broken("MINIO-A16", Some(Role::Operator))],
        _ => &[],
    };
    broken_by_any(scenarios)
}

/// Rules whose findings all rest on the same behaviour of the server.
pub(super) fn of_rule(finding: &mut Found) {
    if finding.confirm.is_empty() {
        finding.confirm = match finding.rule {
            Rule::PolicyBindsAnonymousOnly => broken_by_any(&["WORM-716", "WORM-127"]),
            Rule::ConditionForgeableOnMinio => broken_by_any(&["MINIO-A18"]),
            _ => Vec::new(),
        };
    }
}
