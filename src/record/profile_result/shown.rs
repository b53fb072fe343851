//! One piece of evidence after the other: what the record shows of each.

use crate::profile::{Evidence, HoldRule, Override, Profile};
use crate::record::analysis::{AnalysisFinding, AnalysisRule, AnalysisState, Identities};
use crate::record::event_log::{EventLogRule, PropertyState};
use crate::record::profile_result::assess::flat;
use crate::record::profile_result::terms::versions;
use crate::record::profile_result::{DemandState, EvidenceKind, Piece, Seen, Shown};
use crate::record::trail::{TrailResult, TrailRule};
use crate::record::{Cause, Finding, FindingRule, ScanResult, Verdict};
use crate::time::human;

/// Every piece that the evidence names, in the order in which it names them.
pub(super) fn pieces(evidence: &Evidence, profile: &Profile, seen: &Seen<'_>) -> Vec<Piece> {
    let mut all: Vec<Piece> = evidence.scenarios.iter().map(|id| scenario(id, seen)).collect();
    all.extend(evidence.scan.iter().map(|word| found(EvidenceKind::Finding, word, profile, seen)));
    all.extend(evidence.analysis.iter().map(|word| found(EvidenceKind::Analysis, word, profile, seen)));
    all.extend(evidence.configuration.iter().map(|word| demand(word, seen)));
    all.extend(evidence.event_log.iter().map(|word| event_log(word, seen)));
    all.extend(evidence.trail.iter().map(|word| trail(word, seen)));
    all.extend(evidence.present.iter().map(|word| present(word, seen)));
    all.extend(evidence.attachment.iter().map(|name| attachment(name, seen)));
    if evidence.pack {
        all.push(pack(seen));
    }
    if evidence.previous {
        all.push(previous(seen));
    }
    all.extend(
        evidence
            .organisational
            .iter()
            .map(|why| piece(EvidenceKind::Organisational, "", Shown::NotAssessed, flat(why))),
    );
    all
}

fn piece(kind: EvidenceKind, name: &str, state: Shown, saw: impl Into<String>) -> Piece {
    Piece { kind, name: name.to_owned(), state, saw: saw.into(), count: None, waived: None }
}

/// What broke a clause beside its listed evidence: every scenario of this run that names the clause and failed.
pub(super) fn broken_of(control: &str, listed: &[Piece], seen: &Seen<'_>) -> Vec<Piece> {
    let is_listed = |id: &str| listed.iter().any(|p| p.kind == EvidenceKind::Scenario && p.name == id);
    seen.scenarios
        .iter()
        .filter(|s| {
            s.verdict == Verdict::Fail && s.controls.iter().any(|c| c == control) && !is_listed(&s.id)
        })
        .map(|s| scenario(&s.id, seen))
        .collect()
}

/// A clause that overrides answer to is about the versions that were judged by them: without one there is no case.
pub(super) fn judged_by(control: &str, profile: &Profile, seen: &Seen<'_>) -> Option<Piece> {
    let own = |o: &&Override| o.control.as_deref() == Some(control);
    let overrides: Vec<&Override> = profile.requirement.overrides.iter().filter(own).collect();
    let first = overrides.first()?;
    let of = |state, saw: String| Some(piece(EvidenceKind::Versions, &first.name, state, saw));
    let Some(scan) = seen.scan else { return of(Shown::NotAssessed, "no scan was made".to_owned()) };
    let count: u64 = overrides.iter().filter_map(|o| scan.by_override.get(&o.name)).sum();
    let which = overrides.iter().map(|o| versions(&o.matching)).collect::<Vec<_>>().join(" or ");
    if count == 0 {
        return of(Shown::NotAssessed, format!("no version with {which} in this scan"));
    }
    of(Shown::Satisfied, format!("{count} {} with {which} judged by these terms", plural(count, "version")))
}

fn scenario(id: &str, seen: &Seen<'_>) -> Piece {
    let of = |state, saw: String| piece(EvidenceKind::Scenario, id, state, saw);
    let Some(result) = seen.scenarios.iter().find(|s| s.id == id) else {
        return of(Shown::NotAssessed, "not part of the suite of this run".to_owned());
    };
    match result.verdict {
        Verdict::Pass if result.cause == Cause::NoSuchDoor => {
            of(Shown::Satisfied, "pass: the server does not have this way around the lock".to_owned())
        }
        Verdict::Pass => of(Shown::Satisfied, "pass".to_owned()),
        Verdict::Fail => Piece {
            waived: result.waived.clone(),
            ..of(Shown::NotSatisfied, format!("fail: {}", result.reason))
        },
        verdict => of(Shown::NotAssessed, format!("{verdict}: {}", result.reason)),
    }
}

/// Findings of a word. A word may stand in the scan, among the findings about the bucket, or in the analysis, and is
/// looked for in all of them; that there is none counts only where it could have been seen.
fn found(kind: EvidenceKind, word: &str, profile: &Profile, seen: &Seen<'_>) -> Piece {
    let about_bucket: Vec<&Finding> = seen.findings.iter().filter(|f| f.rule.word() == word).collect();
    let versions = seen.scan.and_then(|s| s.findings.get(word)).copied().unwrap_or(0);
    let analysed: Vec<&AnalysisFinding> =
        seen.analysis.iter().flat_map(|a| &a.findings).filter(|f| f.rule.word() == word).collect();
    let assessed = |f: &&&AnalysisFinding| f.state != AnalysisState::NotAssessed;
    let count = versions + about_bucket.len() as u64 + analysed.iter().filter(assessed).count() as u64;
    if count > 0 {
        let of_scan = || {
            let scan = seen.scan.filter(|_| versions > 0)?;
            if !scan.waived_rules.iter().any(|w| w == word) {
                return None;
            }
            let named = scan.first.iter().filter(|f| f.rule.word() == word).find_map(|f| f.waived.clone());
            Some(named.unwrap_or_else(|| "accepted by a waiver".to_owned()))
        };
        let waived = about_bucket
            .iter()
            .find_map(|f| f.waived.clone())
            .or_else(|| analysed.iter().find_map(|f| f.waived.clone()))
            .or_else(of_scan);
        let saw = if versions > 0 {
            format!("{versions} {} {word}", plural(versions, "version"))
        } else if let Some(finding) = about_bucket.first() {
            format!("{word}: {}", finding.detail)
        } else {
            analysed.iter().find(assessed).map_or_else(String::new, |f| analysed_words(f))
        };
        return Piece { count: Some(count), waived, ..piece(kind, word, Shown::NotSatisfied, saw) };
    }
    if let Some(finding) = analysed.first() {
        return piece(kind, word, Shown::NotAssessed, format!("{word}: {}", finding.sentence));
    }
    if word == FindingRule::TooLong.word()
        && let Some((state, why)) = held(profile, seen)
    {
        return piece(kind, word, state, why);
    }
    match unseen(word, profile, seen) {
        Some(why) => piece(kind, word, Shown::NotAssessed, why),
        None => Piece { count: Some(0), ..piece(kind, word, Shown::Satisfied, none_words(word, seen)) },
    }
}

/// A hold has no end: whatever its date says, a held version has no ceiling.
fn held(profile: &Profile, seen: &Seen<'_>) -> Option<(Shown, String)> {
    let scan = seen.scan?;
    let all = &profile.requirement;
    let required = all.hold || all.overrides.iter().any(|o| o.hold == Some(true));
    let reported = scan.findings.get(FindingRule::HeldWithoutEnd.word()).copied().unwrap_or(0);
    let count = scan.held.unwrap_or(0).max(reported);
    if count > 0 {
        // One that nobody asked for may be there for a dispute: whether it has to be is not seen.
        let known = required || all.hold_rule == HoldRule::Report;
        let state = if known { Shown::NotSatisfied } else { Shown::NotAssessed };
        let versions = plural(count, "version");
        return Some((state, format!("{count} {versions} under a legal hold, which has no end")));
    }
    if required {
        let why =
            "the profile requires a legal hold, which has no end: no ceiling holds until it is released";
        return Some((Shown::NotAssessed, why.to_owned()));
    }
    scan.held.is_none().then(|| (Shown::NotAssessed, "the legal holds were not counted".to_owned()))
}

fn analysed_words(finding: &AnalysisFinding) -> String {
    let place = finding.statement.as_ref().map_or_else(|| finding.about.clone(), ToString::to_string);
    let how = match &finding.proven_by {
        Some(scenario) => format!("proven by {scenario}"),
        None => "analysed, not tried".to_owned(),
    };
    format!("{} ({place}; {how}): {}", finding.rule, finding.sentence)
}

fn none_words(word: &str, seen: &Seen<'_>) -> String {
    if let Some(scan) = seen.scan.filter(|_| of_version(word)) {
        return format!("no finding `{word}` in {} {}", scan.versions, plural(scan.versions, "version"));
    }
    let rule = AnalysisRule::parse(word).filter(|rule| of_identities(*rule));
    match (rule, seen.analysis.map(|a| &a.identities)) {
        (Some(_), Some(all)) if all.read.is_empty() => {
            format!("no finding `{word}`; nobody but the root user is known to the server")
        }
        (Some(_), Some(all)) => format!("no finding `{word}`; identity policies: {}", all.read.join(", ")),
        _ => format!("no finding `{word}`"),
    }
}

/// Whether a word is of a rule about object versions.
fn of_version(word: &str) -> bool {
    FindingRule::parse(word).is_some() && !of_bucket(word)
}

/// Whether a word is of a rule of `FindingRule` about the bucket.
fn of_bucket(word: &str) -> bool {
    matches!(
        word,
        "no-versioning"
            | "no-object-lock"
            | "no-default-retention"
            | "configuration-changed"
            | "demand-not-met"
    )
}

/// Why nothing can be said of a word of which there is no finding; `None` if it would have been seen.
fn unseen(word: &str, profile: &Profile, seen: &Seen<'_>) -> Option<String> {
    if of_version(word) {
        return match seen.scan {
            None => Some("no scan was made".to_owned()),
            Some(scan) => {
                unscanned(scan).or_else(|| unsampled(word, scan)).or_else(|| unasked(word, profile))
            }
        };
    }
    if of_bucket(word) {
        return unread_setting(word, seen);
    }
    match AnalysisRule::parse(word) {
        Some(rule) => unanalysed(rule, seen),
        None => Some(format!("there is no rule `{word}`")),
    }
}

fn unscanned(scan: &ScanResult) -> Option<String> {
    if !scan.complete {
        let why = scan.incomplete_reason.as_deref().unwrap_or("reason unknown");
        return Some(format!("the scan is not complete: {why}"));
    }
    let unread = scan.findings.get("unreadable").copied().unwrap_or(0);
    if unread > 0 {
        return Some(format!("the locks of {unread} {} could not be read", plural(unread, "version")));
    }
    (scan.versions == 0).then(|| "the scan saw no version".to_owned())
}

/// Only records that were all read whole, and compared with something, say that none is altered.
fn unsampled(word: &str, scan: &ScanResult) -> Option<String> {
    if !matches!(word, "altered" | "sample-unreadable") {
        return None;
    }
    match &scan.sample {
        None => Some("no record was read whole (--sample)".to_owned()),
        Some(sample) if sample.read == 0 => Some("no record could be read whole".to_owned()),
        Some(sample) if !sample.complete => Some("not every record that was chosen was tried".to_owned()),
        Some(sample) if word == "altered" && sample.unreadable > 0 => {
            Some(format!("{} records could not be read whole", sample.unreadable))
        }
        Some(sample) if word == "altered" && sample.compared.get("nothing").is_some_and(|n| *n > 0) => {
            Some("there was nothing to compare some of the records with".to_owned())
        }
        Some(_) => None,
    }
}

/// A rule that the requirement never sets off shows nothing by being silent.
fn unasked(word: &str, profile: &Profile) -> Option<String> {
    let all = &profile.requirement;
    let any =
        |own: bool, other: fn(&crate::profile::Override) -> bool| own || all.overrides.iter().any(other);
    let (is_asked, what) = match word {
        "too-short" => (any(all.min_retention.is_some(), |o| o.min_retention.is_some()), "least retention"),
        "too-long" => (any(all.max_retention.is_some(), |o| o.max_retention.is_some()), "longest retention"),
        "wrong-mode" => (any(all.mode.is_some(), |o| o.mode.is_some()), "mode"),
        "held-without-end" => (all.hold_rule == HoldRule::Report, "report of legal holds"),
        "ends-soon" => (all.horizon.is_some(), "horizon"),
        "no-hold" => (any(all.hold, |o| o.hold == Some(true)), "legal hold"),
        _ => (true, ""),
    };
    (!is_asked).then(|| format!("the profile requires no {what}"))
}

fn unread_setting(word: &str, seen: &Seen<'_>) -> Option<String> {
    let part = match word {
        "no-versioning" => "versioning",
        "no-object-lock" | "no-default-retention" => "object_lock",
        "demand-not-met" => {
            let open = seen.demands.iter().any(|d| d.state == DemandState::NotAssessed);
            let why = if open {
                "a demand on the configuration could not be assessed"
            } else {
                "nothing is demanded"
            };
            return (open || seen.demands.is_empty()).then(|| why.to_owned());
        }
        // What changed is known only from two readings.
        _ => {
            let [start, end] = seen.configuration;
            return (!start.is_object() || !end.is_object())
                .then(|| "the configuration was not read twice".to_owned());
        }
    };
    let Some(known) = seen.configuration[0].get(part).and_then(|p| p.get("known")) else {
        return Some("the bucket's configuration could not be read".to_owned());
    };
    // Where no lock is required nothing is said of one that is missing, nor of its default.
    (part == "object_lock" && known["enabled"] != true).then(|| "the bucket has no Object Lock".to_owned())
}

/// The settings that an analysis reads beside policies, as its findings name them.
const SETTINGS: [&str; 9] = [
    "versioning",
    "Object Lock configuration",
    "Block Public Access",
    "object ownership",
    "default encryption",
    "lifecycle",
    "replication",
    "access logging",
    "notifications",
];

/// Why a rule is never broken on a server of this kind: it is not looked for there, and its silence says nothing.
fn unlooked(rule: AnalysisRule, server: &str) -> Option<&'static str> {
    use AnalysisRule as Rule;
    match (rule, server) {
        (Rule::NoAccessLog, "aws") => None,
        (Rule::NoAccessLog, "minio") => {
            Some("MinIO logs for the server as a whole: its log was not looked for")
        }
        (Rule::NoAccessLog, _) => Some("whether this server writes an access log is not known"),
        (Rule::PublicAccessNotBlocked | Rule::AclsInForce, "minio") => {
            Some("MinIO has neither Block Public Access nor object ownership")
        }
        (Rule::AllowRestrictsNothing | Rule::InsecureTransport | Rule::NotPrincipal, "minio") => {
            Some("on MinIO a bucket policy binds only requests without a signature, and is not read for this")
        }
        _ => None,
    }
}

/// Why an analysis could not have seen a rule broken.
fn unanalysed(rule: AnalysisRule, seen: &Seen<'_>) -> Option<String> {
    use AnalysisRule as Rule;
    let Some(analysis) = seen.analysis else { return Some("no analysis was made".to_owned()) };
    if let Some(why) = unlooked(rule, &analysis.server) {
        return Some(why.to_owned());
    }
    let open = |rule: Rule| analysis.findings.iter().filter(move |f| f.rule == rule);
    let about = match rule {
        Rule::DefaultTooWeak => {
            let lock = &seen.configuration[0]["object_lock"]["known"];
            return lock["default_mode"]
                .is_null()
                .then(|| "the bucket has no default retention that could be read".to_owned());
        }
        Rule::PublicAccessNotBlocked => Some("Block Public Access"),
        Rule::AclsInForce => Some("object ownership"),
        Rule::KmsKey => Some("default encryption"),
        Rule::LifecycleExpiresVersions | Rule::LifecycleExpiresCurrent | Rule::LifecycleArchives => {
            Some("lifecycle")
        }
        Rule::Replicates | Rule::ReplicatesDeleteMarkers => Some("replication"),
        Rule::NoAccessLog => Some("access logging"),
        Rule::NoNotification => Some("notifications"),
        Rule::NotReadable | Rule::MinioUsersNotRead => return None,
        // The others are about policies.
        _ => None,
    };
    if let Some(about) = about {
        return open(Rule::NotReadable).find(|f| f.about == about).map(|f| f.sentence.clone());
    }
    // A policy that was not read could say anything.
    if let Some(finding) = open(Rule::NotReadable).find(|f| !SETTINGS.contains(&f.about.as_str())) {
        return Some(finding.sentence.clone());
    }
    if let Some(finding) = open(Rule::MinioUsersNotRead).next() {
        return Some(finding.sentence.clone());
    }
    if let Some(why) = unread_identities(rule, &analysis.identities) {
        return Some(why);
    }
    let who = matches!(
        rule,
        Rule::MayBypassGovernance
            | Rule::MayChangeLock
            | Rule::MayChangePolicy
            | Rule::MayChangeLifecycle
            | Rule::MayClearHolds
            | Rule::MayWriteWeakerLock
            | Rule::MayWriteWithoutLock
            | Rule::MinioHole
    );
    if !who {
        return None;
    }
    match analysis.answers.iter().find_map(|a| a.not_assessed.as_ref()) {
        Some(why) => Some(format!("nobody among those who were read; {why}")),
        None if analysis.answers.is_empty() => Some("the analysis asked about no bucket".to_owned()),
        None => None,
    }
}

/// Whether a rule is about uploads, which an identity policy may stop.
fn of_uploads(rule: AnalysisRule) -> bool {
    use AnalysisRule as Rule;
    matches!(
        rule,
        Rule::UploadImpossible
            | Rule::RetentionDeniedToWriter
            | Rule::HoldDeniedToWriter
            | Rule::MultipartBlocked
    )
}

/// Whether an identity policy may set a rule off.
fn of_identities(rule: AnalysisRule) -> bool {
    use AnalysisRule as Rule;
    of_uploads(rule)
        || matches!(
            rule,
            Rule::DenyWrongAction
                | Rule::DenyPresenceOnly
                | Rule::DenyMissesAbsentKey
                | Rule::DenyExemptsWrites
                | Rule::DenyWithoutEffect
                | Rule::KeyNotOfAction
                | Rule::AllowHoldsWithoutKey
                | Rule::AllowEverythingBut
                | Rule::ForgeableCondition
                | Rule::UnknownAction
                | Rule::UnknownKey
                | Rule::DeadGrant
                | Rule::MayBypassGovernance
                | Rule::MayChangeLock
                | Rule::MayChangePolicy
                | Rule::MayChangeLifecycle
                | Rule::MayClearHolds
                | Rule::MayWriteWeakerLock
                | Rule::MayWriteWithoutLock
        )
}

/// What hangs on identity policies is not known without them: one that was not read may stop the upload, or grant what
/// the bucket's policy does not. Of uploads only somebody who may upload at all shows anything.
fn unread_identities(rule: AnalysisRule, identities: &Identities) -> Option<String> {
    const HINT: &str = "give the application's, --policy FILE";
    if !of_identities(rule) {
        return None;
    }
    if identities.read.is_empty() {
        // Whoever could be asked about was read, and there is nobody beside the root user.
        return (!identities.whole)
            .then(|| format!("no identity policy was read, and `{rule}` hangs on them: {HINT}"));
    }
    (of_uploads(rule) && identities.uploaders.is_empty()).then(|| {
        let read = identities.read.join(", ");
        format!("none of the identity policies that were read ({read}) lets its holder upload here: {HINT}")
    })
}

fn demand(word: &str, seen: &Seen<'_>) -> Piece {
    let of = |state, saw: String| piece(EvidenceKind::Configuration, word, state, saw);
    let Some(demand) = seen.demands.iter().find(|d| d.word == word) else {
        return of(Shown::NotAssessed, "the profile does not demand it, or nothing was read".to_owned());
    };
    let saw = format!("{}: {}", demand.state, demand.found);
    match demand.state {
        DemandState::Met => of(Shown::Satisfied, saw),
        DemandState::NotMet => {
            // The finding of a demand begins with its word.
            let begins = format!("{word}: ");
            let finding = |f: &&Finding| f.rule.word() == "demand-not-met" && f.detail.starts_with(&begins);
            let waived = seen.findings.iter().find(finding).and_then(|f| f.waived.clone());
            Piece { waived, ..of(Shown::NotSatisfied, saw) }
        }
        DemandState::NotApplicable | DemandState::NotAssessed => of(Shown::NotAssessed, saw),
    }
}

/// A word of the event log: none of it counts only where its property was assessed for every event.
fn event_log(word: &str, seen: &Seen<'_>) -> Piece {
    let of = |state, saw: String| piece(EvidenceKind::EventLog, word, state, saw);
    let Some(log) = seen.event_log else {
        return of(Shown::NotAssessed, "the event log was not checked".to_owned());
    };
    let count = log.findings.get(word).copied().unwrap_or(0);
    if count > 0 {
        let saw = format!("{count} {} `{word}` in {} events", plural(count, "finding"), log.events);
        let waived = log.waived.get(word).cloned();
        return Piece { count: Some(count), waived, ..of(Shown::NotSatisfied, saw) };
    }
    if !log.complete {
        let why = log.incomplete_reason.as_deref().unwrap_or("reason unknown");
        return of(Shown::NotAssessed, format!("the event log was not read whole: {why}"));
    }
    if log.events == 0 {
        return of(Shown::NotAssessed, "there was no event to check".to_owned());
    }
    match EventLogRule::parse(word).and_then(|rule| log.check(rule.property())) {
        None => of(Shown::NotAssessed, format!("the event log was not checked for `{word}`")),
        Some(check) if check.state == PropertyState::NotAssessed || check.unassessed > 0 => {
            of(Shown::NotAssessed, check.reason.clone())
        }
        Some(_) => Piece {
            count: Some(0),
            ..of(Shown::Satisfied, format!("no finding `{word}` in {} events", log.events))
        },
    }
}

/// A word of trails: none of it counts only where trails were read, and all of each.
fn trail(word: &str, seen: &Seen<'_>) -> Piece {
    let of = |state, saw: String| piece(EvidenceKind::Trail, word, state, saw);
    let trails = seen.trails;
    let count: u64 = trails.iter().filter_map(|t| t.findings.get(word)).sum();
    if count > 0 {
        let first = trails.iter().flat_map(|t| &t.found).find(|f| f.rule.word() == word);
        let detail = first.map_or_else(String::new, |f| format!(": {}", f.detail));
        let saw = format!("{count} {} `{word}` in the trails{detail}", plural(count, "finding"));
        let with = trails.iter().filter(|t| t.findings.contains_key(word));
        let waived: Vec<Option<&String>> = with.map(|t| t.waived.get(word)).collect();
        let waived =
            if waived.iter().all(Option::is_some) { waived.into_iter().flatten().next() } else { None };
        return Piece { count: Some(count), waived: waived.cloned(), ..of(Shown::NotSatisfied, saw) };
    }
    if trails.is_empty() {
        return of(Shown::NotAssessed, "no trail was read (--trail ID)".to_owned());
    }
    if let Some(open) = trails.iter().find(|t| !t.complete) {
        let why = open.incomplete_reason.as_deref().unwrap_or("reason unknown");
        return of(Shown::NotAssessed, format!("the trail of {} is not complete: {why}", open.id));
    }
    if let Some(empty) = trails.iter().find(|t| t.entries.is_empty()) {
        return of(Shown::NotAssessed, format!("nothing is stored under the keys of {}", empty.id));
    }
    if word == TrailRule::Altered.word() && trails.iter().any(|t| !compared(t)) {
        return of(Shown::NotAssessed, "the versions were not all read whole and compared".to_owned());
    }
    let ids: Vec<&str> = trails.iter().map(|t| t.id.as_str()).collect();
    let saw = format!("no finding `{word}` in {} of {}", plural(ids.len() as u64, "trail"), ids.join(", "));
    Piece { count: Some(0), ..of(Shown::Satisfied, saw) }
}

/// Whether every version was read whole and compared with something.
fn compared(trail: &TrailResult) -> bool {
    let mut versions = trail.entries.iter().filter(|e| !e.is_marker);
    versions.all(|e| e.whole.as_ref().is_some_and(|w| w.sha256.is_some() && !w.compared.is_empty()))
}

fn attachment(name: &str, seen: &Seen<'_>) -> Piece {
    let wanted = name.to_lowercase();
    match seen.attachments.iter().find(|a| a.name.to_lowercase().contains(&wanted)) {
        Some(found) => piece(
            EvidenceKind::Attachment,
            name,
            Shown::Satisfied,
            format!("attached: {} (SHA-256 {}); its content was not judged", found.name, found.sha256),
        ),
        None => piece(
            EvidenceKind::Attachment,
            name,
            Shown::NotAssessed,
            format!("no document named `{name}` was attached"),
        ),
    }
}

/// Something that is there: what it says is for other evidence to show.
fn present(word: &str, seen: &Seen<'_>) -> Piece {
    let of = |state, saw: String| piece(EvidenceKind::Present, word, state, saw);
    let what = match word {
        "policy" => "bucket policy",
        "lifecycle" => "lifecycle rule",
        "notification" => "notification",
        "replication" => "replication rule",
        "logging" => "access log",
        _ => "default encryption",
    };
    let document = match seen.configuration[0].get(word).and_then(|part| part.get("known")) {
        None => {
            return of(Shown::NotAssessed, format!("{what}: the bucket's configuration could not be read"));
        }
        Some(document) => document.as_str().unwrap_or_default(),
    };
    // Rules that are switched off do nothing.
    let rules = matches!(word, "lifecycle" | "replication");
    if document.is_empty() {
        of(Shown::NotSatisfied, format!("the bucket has no {what}"))
    } else if rules && !document.contains("<Status>Enabled</Status>") {
        of(Shown::NotSatisfied, format!("no {what} of the bucket is enabled"))
    } else {
        of(Shown::Satisfied, format!("the bucket has a {what}"))
    }
}

fn pack(seen: &Seen<'_>) -> Piece {
    if !seen.complete {
        let why = "the record is not complete: not everything that was planned was assessed";
        return piece(EvidenceKind::Pack, "", Shown::NotAssessed, why);
    }
    if seen.signer.ephemeral {
        return piece(
            EvidenceKind::Pack,
            "",
            Shown::NotAssessed,
            "signed with a key made for this run alone: integrity, not who signed",
        );
    }
    let saw = format!("signed by {}, events chained by SHA-256", seen.signer.subject);
    piece(EvidenceKind::Pack, "", Shown::Satisfied, saw)
}

/// The run before: of the same place, over before this one began, and signed by somebody.
fn previous(seen: &Seen<'_>) -> Piece {
    let of = |state, saw: String| piece(EvidenceKind::Previous, "", state, saw);
    let Some(before) = seen.previous else {
        let why = "the record names no run before it; give the last one with --previous DIR";
        return of(Shown::NotAssessed, why.to_owned());
    };
    let run = format!("run {} of {}", before.run_id, human(before.finished));
    let Some(signer) = &before.signer else {
        let why = before.unverified.as_deref().unwrap_or("it was not read");
        return of(Shown::NotSatisfied, format!("the signature of {run} does not hold: {why}"));
    };
    if [before.endpoint.as_str(), &before.bucket, &before.prefix] != seen.place {
        let why =
            format!("{run} is of another place: {}, {}/{}", before.endpoint, before.bucket, before.prefix);
        return of(Shown::NotAssessed, why);
    }
    if before.finished > seen.started {
        return of(Shown::NotAssessed, format!("{run} was not over when this one began"));
    }
    if signer.ephemeral {
        let why = format!("{run} is signed with a key made for it alone: integrity, not who signed");
        return of(Shown::NotAssessed, why);
    }
    let saw = format!(
        "names {run} (SHA-256 {}), whose signature by {} holds",
        before.results_sha256, signer.subject
    );
    of(Shown::Satisfied, saw)
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}
