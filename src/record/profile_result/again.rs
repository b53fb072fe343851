//! A record's profile, assessed again by the text that is in the record.

use crate::profile::{ConfigurationDemand, Need, Profile};
use crate::record::profile_result::{DemandResult, DemandState, ProfileResult, Seen, assess};
use crate::record::{FindingRule, Record, release};

impl<'a> Seen<'a> {
    /// What a record holds; the demands stand in its profile's result, or are to.
    #[must_use]
    pub fn of(record: &'a Record, demands: &'a [DemandResult]) -> Self {
        Self {
            scenarios: &record.scenarios,
            scan: record.scan.as_ref(),
            findings: &record.findings,
            configuration: [&record.target.configuration_start, &record.target.configuration_end],
            analysis: record.analysis.as_ref(),
            demands,
            event_log: record.event_log.as_ref(),
            trails: &record.trails,
            attachments: &record.attachments,
            complete: record.complete,
            place: [&record.target.endpoint, &record.target.bucket, &record.target.prefix],
            previous: record.previous.as_ref(),
            signer: &record.signer,
            started: record.times.started,
        }
    }
}

/// What does not fit between a record and what it says of its profile. Empty: it follows from the rest of the record.
#[must_use]
pub fn again(record: &Record) -> Vec<String> {
    let bound = record.digests.get("profile");
    let Some(result) = record.profile.as_deref() else {
        return match bound {
            Some(_) => vec!["the record names the digest of a profile and does not hold it".to_owned()],
            None => Vec::new(),
        };
    };
    let name = &result.name;
    let Ok(profile) = Profile::parse(name, &result.source) else {
        return vec![format!("the text of the profile {name} cannot be read")];
    };
    if profile.digest != result.digest || bound != Some(&profile.digest) {
        return vec![format!("the text of the profile {name} is not the one of its digest")];
    }
    let profile = match profile.with(&result.variables) {
        Ok(profile) => profile,
        Err(error) => return vec![error.to_string()],
    };
    let mut wrong = Vec::new();
    wrong.extend(undemanded(record, &profile.configuration, result));
    wrong.extend(released(record, &profile.configuration, result));
    for id in &profile.attacks.require {
        if record.scenarios.iter().any(|s| s.id == *id && !s.required) {
            wrong.push(format!("{id}: the profile {name} requires it, the record does not"));
        }
    }
    let assessed = assess(&profile, &Seen::of(record, &result.configuration));
    wrong.extend(differences(result, &assessed));
    wrong
}

/// Each demand has to have its result, and each that is not met its finding.
fn undemanded(record: &Record, demand: &ConfigurationDemand, result: &ProfileResult) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut asked = words(demand);
    for word in &asked {
        if !result.configuration.iter().any(|d| d.word == *word) {
            wrong.push(format!("the record says nothing of the demand {word}"));
        }
    }
    asked.retain(|word| result.configuration.iter().any(|d| d.word == *word));
    for demand in &result.configuration {
        if !asked.contains(&demand.word.as_str()) {
            wrong.push(format!("the profile makes no demand {}", demand.word));
        }
        let begins = format!("{}: ", demand.word);
        let found = record
            .findings
            .iter()
            .any(|f| f.rule == FindingRule::DemandNotMet && f.detail.starts_with(&begins));
        if found != (demand.state == DemandState::NotMet) {
            wrong.push(format!("the demand {} is {}, its finding says otherwise", demand.word, demand.state));
        }
    }
    wrong
}

/// The release is judged from what the record holds of it, and that has to follow from the log.
fn released(record: &Record, demand: &ConfigurationDemand, result: &ProfileResult) -> Vec<String> {
    let Some(asked) = &demand.server_release else { return Vec::new() };
    let mut wrong = release::disproved(record);
    let target = &record.target;
    let shown = release::demand(asked, target.release.as_ref(), target.server.as_deref());
    let said = result.configuration.iter().find(|d| d.word == shown.word);
    if said.is_some_and(|said| *said != shown) {
        wrong.push(format!(
            "the demand {}: what the record holds of it gives {} ({})",
            shown.word, shown.state, shown.found
        ));
    }
    wrong
}

/// The words of the demands that are made.
fn words(demand: &ConfigurationDemand) -> Vec<&'static str> {
    let mut words: Vec<&'static str> = [
        ("versioning", demand.versioning),
        ("object-lock", demand.object_lock),
        ("mfa-delete", demand.mfa_delete),
        ("tls-only", demand.tls_only),
        ("conditional-writes", demand.conditional_writes),
        ("retain-until-required", demand.retain_until_required),
        ("public-access-block", demand.public_access_block),
        ("replication", demand.replication),
        ("logging", demand.logging),
    ]
    .into_iter()
    .filter(|(_, need)| *need != Need::No)
    .map(|(word, _)| word)
    .collect();
    if demand.default_retention.is_some() {
        words.push("default-retention");
    }
    if demand.server_release.is_some() {
        words.push("server-release");
    }
    words
}

fn differences(said: &ProfileResult, shown: &ProfileResult) -> Vec<String> {
    if said == shown {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for clause in &shown.controls {
        match said.controls.iter().find(|c| c.id == clause.id) {
            Some(other) if other.state == clause.state => {}
            Some(other) => wrong.push(format!(
                "{}: the record says {}, its evidence gives {} ({})",
                clause.id, other.state, clause.state, clause.reason
            )),
            None => wrong.push(format!("{}: the record leaves this clause out", clause.id)),
        }
    }
    for item in &shown.items {
        match said.items.iter().find(|i| i.id == item.id) {
            Some(other) if other.state == item.state => {}
            Some(other) => wrong.push(format!(
                "{}: the record says {}, its evidence gives {} ({})",
                item.id, other.state, item.state, item.reason
            )),
            None => wrong.push(format!("{}: the record leaves this item out", item.id)),
        }
    }
    for claim in &shown.claims {
        match said.claims.iter().find(|c| c.id == claim.id) {
            Some(other) if other.state == claim.state => {}
            Some(other) => wrong.push(format!(
                "{}: the record says {}, its evidence gives {} ({})",
                claim.id, other.state, claim.state, claim.reason
            )),
            None => wrong.push(format!("{}: the record leaves this claim out", claim.id)),
        }
    }
    if wrong.is_empty() {
        wrong.push(format!(
            "what the record says of the profile {} is not what its evidence gives",
            said.name
        ));
    }
    wrong
}
