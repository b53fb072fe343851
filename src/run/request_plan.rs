//! What a plan would send, before anything is sent: every request, the rights that it takes, what stays
//! behind at worst.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::policy::allow_document;
use crate::run::BUCKET_PREFIX;
use crate::run::execute::{key_base, short_id};
use crate::run::plan::{Decision, PlanInput, Planned, Worst, worst_lock};
use crate::scenario::{
    Action, AskRetention, ObjectSetup, ObjectSpec, On, Right, Role, Scenario, Step, VersionRef, rights,
};
use crate::store::canary::lease_key;

/// What one scenario leaves behind at worst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedResidue {
    /// The scenario.
    pub id: String,
    /// In words.
    pub text: String,
    /// When the last of its locks ends, if that can be reckoned.
    pub until: Option<DateTime<Utc>>,
}

/// Everything that would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPlan {
    /// One line a request: scenario, who, method and target, why. Read-backs are summed up.
    pub lines: Vec<String>,
    /// The rights that each role needs.
    pub rights: BTreeMap<Role, BTreeSet<Right>>,
    /// The same as policy documents (JSON), with the resources they are needed on.
    pub policies: BTreeMap<Role, String>,
    /// What stays behind at worst.
    pub residue: Vec<PlannedResidue>,
    /// When the last lock of all ends.
    pub until: Option<DateTime<Utc>>,
    /// The number of requests, read-backs included; repeated reads are not in it.
    pub requests: u64,
}

/// Lists what a plan would send. The run id in the keys is the one of `input.prefix`.
#[must_use]
pub fn request_plan(suite: &[Scenario], planned: &[Planned], input: &PlanInput, run_id: &str) -> RequestPlan {
    let mut plan = RequestPlan {
        lines: Vec::new(),
        rights: BTreeMap::new(),
        policies: BTreeMap::new(),
        residue: Vec::new(),
        until: None,
        requests: 0,
    };
    let buckets = format!("{BUCKET_PREFIX}{}-*", short_id(run_id));
    let mut makes_buckets = false;
    for entry in planned {
        let (Some(scenario), Decision::Run { principals, .. }) = (suite.get(entry.place), &entry.decision)
        else {
            continue;
        };
        makes_buckets |= !scenario.buckets.is_empty();
        for each in principals {
            for attempt in 1..=scenario.repeat.max(1) {
                one_run(&mut plan, scenario, *each, attempt, input, &buckets);
            }
        }
        if let Some(residue) = residue(scenario, input.now) {
            plan.until = plan.until.max(residue.until);
            plan.residue.push(residue);
        }
    }
    if !input.own_server && plan.requests > 0 {
        let rights = plan.rights.entry(Role::Administrator).or_default();
        rights.insert(Right::PutObject);
        rights.extend(input.default_retention.map(|_| Right::PutObjectRetention));
        let target = format!("/{}/{}", input.bucket, lease_key(&input.prefix));
        let why = "says every two minutes that the run is under way; then it is removed";
        plan.lines.push(format!("lease {}: PUT {target}  ({why})", Role::Administrator));
        plan.requests += 1;
    }
    let resources = |rights: &BTreeSet<Right>, of_bucket: bool| -> Vec<&'static str> {
        rights.iter().filter(|r| r.is_of_bucket() == of_bucket).map(|r| r.word()).collect()
    };
    let mut of_buckets = vec![format!("arn:aws:s3:::{}", input.bucket)];
    let mut of_objects = vec![format!("arn:aws:s3:::{}/{}*", input.bucket, input.prefix)];
    if makes_buckets {
        of_buckets.push(format!("arn:aws:s3:::{buckets}"));
        of_objects.push(format!("arn:aws:s3:::{buckets}/*"));
    }
    for (role, rights) in &plan.rights {
        let document = allow_document(&[
            (&resources(rights, false), of_objects.as_slice()),
            (&resources(rights, true), of_buckets.as_slice()),
        ]);
        plan.policies.insert(*role, document);
    }
    plan
}

fn one_run(
    plan: &mut RequestPlan,
    scenario: &Scenario,
    each: Option<Role>,
    attempt: u32,
    input: &PlanInput,
    buckets: &str,
) {
    use Right as R;
    let base = key_base(&input.prefix, &scenario.id, each, attempt, "*");
    let line = |plan: &mut RequestPlan, role: Role, request: String, why: &str, rights: &[Right]| {
        plan.lines.push(format!("{} {role}: {request}  ({why})", scenario.id));
        plan.rights.entry(role).or_default().extend(rights);
        plan.requests += 1;
    };
    let admin = Role::Administrator;
    for bucket in &scenario.buckets {
        if bucket.absent {
            line(
                plan,
                admin,
                format!("HEAD /{buckets}"),
                "reserves a name",
                &[R::ListBucket, R::DeleteBucket],
            );
            continue;
        }
        let why = if bucket.twin { "makes a twin" } else { "makes a bucket" };
        let rights = [
            R::CreateBucket,
            R::DeleteBucket,
            R::PutBucketVersioning,
            R::PutBucketObjectLockConfiguration,
            R::PutBucketPolicy,
            R::DeleteBucketPolicy,
        ];
        line(plan, admin, format!("PUT /{buckets}"), why, &rights);
    }
    let path = |object: &ObjectSpec| {
        let bucket = if object.bucket.is_some() { buckets } else { input.bucket.as_str() };
        format!("/{bucket}/{base}{}{}", object.name, object.key_suffix)
    };
    for object in scenario.objects.iter().filter(|o| o.setup != ObjectSetup::Absent) {
        let mut rights = vec![R::PutObject];
        rights.extend(object.retention.as_ref().map(|_| R::PutObjectRetention));
        rights.extend(object.hold.map(|_| R::PutObjectLegalHold));
        if input.default_retention.is_some() && object.bucket.is_none() {
            rights.push(R::PutObjectRetention);
        }
        line(plan, admin, format!("PUT {}", path(object)), &setup_text(object), &rights);
        if object.setup == ObjectSetup::Hidden {
            line(plan, admin, format!("DELETE {}", path(object)), "lays a delete marker", &[R::DeleteObject]);
        }
    }
    for step in &scenario.steps {
        let Some(role) = step.role(each) else { continue };
        if step.action.of_machine().is_some() {
            plan.lines.push(format!("{} the tool: {}  ({})", scenario.id, step.action, step.text));
            continue;
        }
        let target = match step.object.as_deref().and_then(|o| scenario.object(o)) {
            Some(object) => format!("{}{}", path(object), version_text(step)),
            None if step.on == Some(On::Server) => "/".to_owned(),
            None if step.bucket.is_some() || !scenario.buckets.is_empty() => format!("/{buckets}"),
            None => format!("/{}", input.bucket),
        };
        for copy in 1..=step.copies.max(1) {
            let why = if step.copies > 1 {
                format!("{}, copy {copy}: {}", step.purpose, step.text)
            } else {
                format!("{}: {}", step.purpose, step.text)
            };
            let request = format!("{} {target}", method(step));
            line(plan, role, request, &why, &rights::needed(step));
        }
    }
    // A read-back lists once and reads every version thrice; the last clean-up lists and deletes.
    let objects = scenario.objects.len() as u64;
    let read_backs = 1 + scenario.groups().len() as u64;
    let reader = if input.principals.contains_key(&Role::Auditor) { Role::Auditor } else { admin };
    plan.rights.entry(reader).or_default().extend([
        R::GetObjectVersion,
        R::GetObject,
        R::GetObjectRetention,
        R::GetObjectLegalHold,
        R::ListBucketVersions,
        R::GetBucketObjectLockConfiguration,
    ]);
    plan.rights.entry(admin).or_default().extend([
        R::DeleteObject,
        R::DeleteObjectVersion,
        R::AbortMultipartUpload,
        R::ListBucketVersions,
        R::GetObjectVersion,
        R::BypassGovernanceRetention,
        R::PutObjectLegalHold,
    ]);
    plan.requests += read_backs * (1 + 3 * objects) + 4 * objects;
    plan.lines.push(format!(
        "{} {reader}: reads back {objects} objects {read_backs} times; then what can be removed is removed",
        scenario.id
    ));
}

fn setup_text(object: &ObjectSpec) -> String {
    let lock = match &object.retention {
        Some(AskRetention::Set { mode: Some(mode), .. }) => format!("a canary under {mode}"),
        _ => "a canary".to_owned(),
    };
    if object.hold.is_some() { format!("{lock}, with a legal hold") } else { lock }
}

fn version_text(step: &Step) -> String {
    match step.version_ref() {
        VersionRef::Latest => String::new(),
        VersionRef::Own => "?versionId=<own>".to_owned(),
        VersionRef::Marker => "?versionId=<marker>".to_owned(),
        VersionRef::Null => "?versionId=null".to_owned(),
        VersionRef::Unknown => "?versionId=<unknown>".to_owned(),
        VersionRef::Step(name) => format!("?versionId=<{name}>"),
        VersionRef::Literal(text) => format!("?versionId={text}"),
    }
}

fn method(step: &Step) -> String {
    match step.action {
        Action::PutObject
        | Action::CopyObject
        | Action::UploadPart
        | Action::PutRetention
        | Action::PutLegalHold
        | Action::PutTagging
        | Action::PutBucketVersioning
        | Action::PutObjectLockConfiguration
        | Action::CreateBucket
        | Action::PutBucketPolicy => "PUT",
        Action::CreateMultipartUpload
        | Action::CompleteMultipartUpload
        | Action::PostForm
        | Action::DeleteObjects => "POST",
        Action::GetObject | Action::GetRetention | Action::GetLegalHold | Action::ListVersions => "GET",
        Action::HeadObject => "HEAD",
        Action::DeleteObject
        | Action::DeleteVersion
        | Action::DeleteTagging
        | Action::DeleteBucketPolicy
        | Action::DeleteBucket
        | Action::AbortMultipartUpload => "DELETE",
        Action::RestartServer | Action::MoveClock => return step.action.word().to_owned(),
        Action::Raw => return step.method.clone().unwrap_or_else(|| "GET".to_owned()),
    }
    .to_owned()
}

fn residue(scenario: &Scenario, now: DateTime<Utc>) -> Option<PlannedResidue> {
    let (text, until) = match worst_lock(scenario, now) {
        Worst::None => return None,
        Worst::Until(until) => (format!("locked canaries until {}", crate::time::human(until)), Some(until)),
        Worst::Unknown(text) => {
            (format!("a canary under a lock until `{text}`, if a server takes that"), None)
        }
    };
    Some(PlannedResidue { id: scenario.id.clone(), text, until })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::environment::PrincipalAccess;
    use crate::run::plan::{Filter, plan};
    use crate::scenario::{Capability, Reach, Suite};
    use crate::store::credentials::Credentials;

    #[test]
    fn the_plan_names_every_request_and_no_right_too_many() {
        let suite = Suite::builtin().expect("a suite");
        let known = PrincipalAccess::Credentials(Some(Credentials::new("a", "b")));
        let input = PlanInput {
            bucket: "records".into(),
            prefix: "trades/.wormproof/r1/".into(),
            now: DateTime::<Utc>::UNIX_EPOCH,
            own_server: false,
            allow: Reach::Object,
            max_residue: chrono::TimeDelta::days(1),
            consent_residue: true,
            capabilities: Capability::ALL.iter().copied().collect(),
            principals: Role::ALL.iter().map(|r| (*r, known.clone())).collect(),
            default_retention: None,
        };
        let filter = Filter { only: vec!["WORM-101".into()], ..Filter::default() };
        let planned = plan(&suite.scenarios, &input, &filter);
        let requests = request_plan(&suite.scenarios, &planned, &input, "r1");
        let sent = |line: &&String| line.contains(": PUT /") || line.contains(": DELETE /");
        assert!(requests.lines.iter().filter(sent).count() >= 3, "{:#?}", requests.lines);
        assert!(requests.lines.iter().all(|l| l.starts_with("WORM-101 ") || l.starts_with("lease ")));
        let lease = "lease administrator: PUT /records/trades/.wormproof/r1/under-way  (";
        assert!(requests.lines.iter().any(|l| l.starts_with(lease)), "{:#?}", requests.lines);
        let deleter = &requests.rights[&Role::Deleter];
        assert!(deleter.contains(&Right::DeleteObjectVersion) && !deleter.contains(&Right::PutBucketPolicy));
        assert!(requests.policies[&Role::Deleter].contains("arn:aws:s3:::records/trades/.wormproof/r1/*"));
        assert!(requests.until.is_some());
        assert!(requests.requests > requests.lines.len() as u64);
    }
}
