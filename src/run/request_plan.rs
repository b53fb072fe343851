//! What a plan would send, before anything is sent: every request, the rights that it takes, what stays
//! behind at worst.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::policy::allow_document;
use crate::run::BUCKET_PREFIX;
use crate::run::execute::{key_base, short_id};
use crate::run::plan::{Decision, PlanInput, Planned, Worst, worst_lock};
use crate::run::probe::uses_hold;
use crate::run::request_kind::{is_to_bucket, of_step, request_kind};
use crate::scenario::{
    AskRetention, ObjectSetup, ObjectSpec, On, Right, Role, Scenario, Step, VersionRef, rights,
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

/// A read that is sent beside the scenarios: of the bucket's configuration, of its versions, of an event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRead {
    /// Who sends it.
    pub role: Role,
    /// Method and target: `GET /books?policy`.
    pub request: String,
    /// What for.
    pub why: String,
    /// The IAM actions that it takes, as policies spell them.
    pub rights: Vec<&'static str>,
    /// What they are needed on, as an ARN.
    pub resource: String,
    /// How often it is sent; `None` where that depends on what lies in the bucket.
    pub times: Option<u64>,
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
    /// The number of requests, read-backs included; repeated reads, and those whose number depends on what lies in the
    /// bucket, are not in it.
    pub requests: u64,
    /// Every kind of request ([`request_kind`]) in it.
    pub kinds: BTreeSet<String>,
}

/// Lists what a plan would send, and the reads beside it. The run id in the keys is the one of `input.prefix`.
#[must_use]
pub fn request_plan(
    suite: &[Scenario],
    planned: &[Planned],
    input: &PlanInput,
    run_id: &str,
    reads: &[PlannedRead],
) -> RequestPlan {
    let mut plan = RequestPlan {
        lines: Vec::new(),
        rights: BTreeMap::new(),
        policies: BTreeMap::new(),
        residue: Vec::new(),
        until: None,
        requests: 0,
        kinds: BTreeSet::new(),
    };
    let buckets = format!("{BUCKET_PREFIX}{}-*", short_id(run_id));
    let mut makes_buckets = false;
    let mut is_held = false;
    for read in reads {
        plan.read(read);
    }
    for entry in planned {
        let (Some(scenario), Decision::Run { principals, .. }) = (suite.get(entry.place), &entry.decision)
        else {
            continue;
        };
        makes_buckets |= !scenario.buckets.is_empty();
        is_held |= uses_hold(scenario);
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
    if !plan.residue.is_empty() || makes_buckets || is_held {
        plan.around(input, &buckets, makes_buckets, is_held && !input.own_server);
    }
    let resources = |rights: &BTreeSet<Right>, of_bucket: bool| -> Vec<&'static str> {
        rights.iter().filter(|r| r.is_of_bucket() == of_bucket).map(|r| r.word()).collect()
    };
    // A policy is made once and has to fit every run; of the buckets the short id is the run's, too.
    let folder = input.prefix.strip_suffix(&format!("{run_id}/")).unwrap_or(&input.prefix);
    let mut of_buckets = vec![format!("arn:aws:s3:::{}", input.bucket)];
    let mut of_objects = vec![format!("arn:aws:s3:::{}/{folder}*", input.bucket)];
    if makes_buckets {
        of_buckets.push(format!("arn:aws:s3:::{BUCKET_PREFIX}*"));
        of_objects.push(format!("arn:aws:s3:::{BUCKET_PREFIX}*/*"));
    }
    let none = BTreeSet::new();
    let roles: BTreeSet<Role> = plan.rights.keys().copied().chain(reads.iter().map(|r| r.role)).collect();
    for role in roles.into_iter().filter(|role| *role != Role::Anonymous) {
        // An attack without its right has to stay without it, or a store that lets it through is blamed for the grant.
        let held = |right: &&Right| role.holds(**right);
        let rights = plan.rights.get(&role).unwrap_or(&none).iter().filter(held).copied().collect();
        let (objects, buckets) = (resources(&rights, false), resources(&rights, true));
        let mut statements: Vec<(&[&str], &[String])> =
            vec![(&objects, of_objects.as_slice()), (&buckets, of_buckets.as_slice())];
        let own = reads.iter().filter(|r| r.role == role);
        statements.extend(own.map(|r| (r.rights.as_slice(), std::slice::from_ref(&r.resource))));
        plan.policies.insert(role, allow_document(&statements));
    }
    plan
}

impl RequestPlan {
    /// Notes the kinds of requests, written as `GET /bucket/key?retention`.
    fn note(&mut self, requests: &[&str]) {
        for request in requests {
            let (method, target) = request.split_once(' ').unwrap_or((request, "/"));
            self.kinds.insert(request_kind(method, target));
        }
    }

    fn read(&mut self, read: &PlannedRead) {
        let often = match read.times {
            None => "; as often as there are versions, keys or pages".to_owned(),
            Some(1) => String::new(),
            Some(n) => format!("; {n} times"),
        };
        self.lines.push(format!("{}: {}  ({}{often})", read.role, read.request, read.why));
        self.requests += read.times.unwrap_or(0);
        self.note(&[&read.request]);
    }

    /// What is sent once around the scenarios: the probe of a legal hold, and the removal of what can be removed.
    fn around(&mut self, input: &PlanInput, buckets: &str, makes_buckets: bool, probes: bool) {
        let admin = Role::Administrator;
        let own = format!("/{}/{}*", input.bucket, input.prefix);
        let mut say = |requests: &[String], why: &str| {
            for request in requests {
                self.lines.push(format!("{admin}: {request}  ({why})"));
                self.note(&[request]);
            }
        };
        if probes {
            let requests = ["PUT {}", "PUT {}?legal-hold", "GET {}?legal-hold", "DELETE {}"]
                .map(|request| request.replace("{}", &own));
            say(&requests, "whether a legal hold can be removed");
        }
        if input.own_server {
            return;
        }
        let requests = ["GET {}", "GET {}?retention", "GET {}?legal-hold", "PUT {}?legal-hold", "DELETE {}"]
            .map(|request| request.replace("{}", &own));
        say(&requests, "removes canaries whose lock has ended");
        let requests = [
            format!("GET /{}?versions", input.bucket),
            format!("GET /{}?uploads", input.bucket),
            format!("DELETE {own}?uploadId"),
        ];
        say(&requests, "looks for what is left, and ends uploads");
        if makes_buckets {
            let requests =
                ["HEAD /{}", "GET /{}?versions", "GET /{}?uploads", "DELETE /{}?policy", "DELETE /{}"]
                    .map(|request| request.replace("{}", buckets));
            say(&requests, "removes the buckets that it made");
        }
    }
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
        plan.note(&[&request]);
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
        let copied: &[&str] =
            if bucket.twin { &["ownershipControls", "encryption", "publicAccessBlock"] } else { &[] };
        let reads = copied.iter().chain(&["object-lock", "versioning", "policy"]).filter(|_| bucket.twin);
        for part in reads {
            let request = format!("GET /{}?{part}", input.bucket);
            line(plan, admin, request, "what a twin copies", &[]);
        }
        let rights = [
            R::CreateBucket,
            R::DeleteBucket,
            R::PutBucketVersioning,
            R::PutBucketObjectLockConfiguration,
            R::PutBucketPolicy,
            R::DeleteBucketPolicy,
        ];
        line(plan, admin, format!("HEAD /{buckets}"), "the name is free", &[R::ListBucket]);
        line(plan, admin, format!("PUT /{buckets}"), why, &rights);
        for part in copied.iter().chain(&["versioning", "object-lock", "policy", "tagging"]) {
            line(plan, admin, format!("PUT /{buckets}?{part}"), why, &[]);
        }
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
        let (method, sub) = of_step(step);
        let object = step.object.as_deref().and_then(|o| scenario.object(o));
        let place = match object.filter(|_| !is_to_bucket(step, scenario)) {
            Some(object) => path(object),
            None if step.path.is_some() => step.path.clone().unwrap_or_default(),
            None if step.on == Some(On::Server) => "/".to_owned(),
            None if step.bucket.is_some() || !scenario.buckets.is_empty() => format!("/{buckets}"),
            None => format!("/{}", input.bucket),
        };
        let query: Vec<String> = sub.into_iter().chain(version_text(step)).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let target = format!("{place}{mark}{}", query.join("&"));
        for copy in 1..=step.copies.max(1) {
            let why = if step.copies > 1 {
                format!("{}, copy {copy}: {}", step.purpose, step.text)
            } else {
                format!("{}: {}", step.purpose, step.text)
            };
            let request = format!("{method} {target}");
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
    let bucket = if scenario.buckets.is_empty() { input.bucket.as_str() } else { buckets };
    let read_back =
        ["GET /{}?versions", "GET /{}/{key}", "GET /{}/{key}?retention", "GET /{}/{key}?legal-hold"]
            .map(|request| request.replace("{key}", &format!("{base}*")).replace("{}", bucket));
    plan.note(&read_back.each_ref().map(String::as_str));
    plan.lines.push(format!(
        "{} {reader}: {}  (reads back {objects} objects {read_backs} times; then what can be removed is removed)",
        scenario.id,
        read_back.join(", "),
    ));
}

fn setup_text(object: &ObjectSpec) -> String {
    let lock = match &object.retention {
        Some(AskRetention::Set { mode: Some(mode), .. }) => format!("a canary under {mode}"),
        _ => "a canary".to_owned(),
    };
    if object.hold.is_some() { format!("{lock}, with a legal hold") } else { lock }
}

fn version_text(step: &Step) -> Option<String> {
    Some(match step.version_ref() {
        VersionRef::Latest => return None,
        VersionRef::Own => "versionId=<own>".to_owned(),
        VersionRef::Marker => "versionId=<marker>".to_owned(),
        VersionRef::Null => "versionId=null".to_owned(),
        VersionRef::Unknown => "versionId=<unknown>".to_owned(),
        VersionRef::Step(name) => format!("versionId=<{name}>"),
        VersionRef::Literal(text) => format!("versionId={text}"),
    })
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
        let requests = request_plan(&suite.scenarios, &planned, &input, "r1", &[]);
        let sent = |line: &&String| line.contains(": PUT /") || line.contains(": DELETE /");
        assert!(requests.lines.iter().filter(sent).count() >= 3, "{:#?}", requests.lines);
        let lease = "lease administrator: PUT /records/trades/.wormproof/r1/under-way  (";
        assert!(requests.lines.iter().any(|l| l.starts_with(lease)), "{:#?}", requests.lines);
        let of_scenario = |line: &&String| line.starts_with("WORM-101 ");
        assert!(requests.lines.iter().filter(of_scenario).count() > 5, "{:#?}", requests.lines);
        assert!(requests.kinds.contains("GET object?retention"), "{:?}", requests.kinds);
        let deleter = &requests.rights[&Role::Deleter];
        assert!(deleter.contains(&Right::DeleteObjectVersion) && !deleter.contains(&Right::PutBucketPolicy));
        let policy = &requests.policies[&Role::Deleter];
        assert!(policy.contains("arn:aws:s3:::records/trades/.wormproof/*"), "of every run: {policy}");
        assert!(requests.until.is_some());
        assert!(requests.requests > requests.lines.len() as u64);
        // What an attack asks for and its sender must lack is not granted.
        let filter = Filter { only: vec!["WORM-414".into()], ..Filter::default() };
        let planned = plan(&suite.scenarios, &input, &filter);
        let requests = request_plan(&suite.scenarios, &planned, &input, "r1", &[]);
        assert!(requests.rights[&Role::Writer].contains(&Right::PutObjectRetention));
        let policy = &requests.policies[&Role::Writer];
        assert!(policy.contains("s3:PutObject\"") && !policy.contains("PutObjectRetention"), "{policy}");
        assert!(!requests.policies.contains_key(&Role::Anonymous));
    }
}
