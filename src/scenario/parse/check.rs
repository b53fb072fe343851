//! What the parser enforces beyond words and names: reach, safety, reasons, controls.

use chrono::TimeDelta;

use crate::lock::Mode;
use crate::scenario::model::{
    Action, As, AskRetention, Because, Expect, On, Purpose, Reach, Safety, Scenario, Step, Until,
};
use crate::scenario::parse::convert::Reader;
use crate::scenario::parse::mistake::nearest;
use crate::scenario::parse::raw::RawScenario;
use crate::scenario::rights::{Role, needed};
use crate::time::Span;

/// Checks one converted scenario.
pub(super) fn check(reader: &mut Reader<'_>, raw: &RawScenario, scenario: &Scenario, controls: &[&str]) {
    for control in &raw.controls {
        if !controls.contains(&control.get_ref().as_str()) {
            let hint = nearest(control.get_ref(), controls.iter().copied()).map_or_else(
                || "scenarios/controls.toml lists them".to_owned(),
                |n| format!("did you mean `{n}`?"),
            );
            reader.wrong(&control.span(), format!("there is no control `{}`", control.get_ref()), hint);
        }
    }
    if scenario.steps.is_empty() {
        reader.wrong(
            &raw.id.span(),
            "the scenario has no steps",
            "a scenario that sends nothing proves nothing",
        );
    }
    let mut seen: Vec<&str> = Vec::new();
    for (step, raw) in scenario.steps.iter().zip(&raw.step) {
        if let (Some(name), Some(word)) = (step.name.as_deref(), &raw.name) {
            if seen.contains(&name) {
                reader.wrong(
                    &word.span(),
                    format!("the name `{name}` is taken"),
                    "a handle belongs to one step",
                );
            }
            seen.push(name);
        }
        if step.who == As::Each && scenario.for_each.is_empty() {
            reader.wrong(&raw.who.span(), "`each` without `for-each`", "name the roles in `for-each`");
        }
        let reasons = !step.because.is_empty();
        match (step.purpose, step.expect) {
            (Purpose::Attack, Expect::Accepted) => {
                let hint = "an attack may do no harm: `refused`, `either` or `one accepted`; a legal act is a promise";
                reader.wrong(&raw.expect.span(), "an attack cannot expect `accepted`", hint);
            }
            (purpose, Expect::Either) if purpose != Purpose::Attack => {
                reader.wrong(
                    &raw.expect.span(),
                    "only an attack can expect `either`",
                    "say what the store owes",
                );
            }
            (Purpose::Setup | Purpose::Control, expect) if expect != Expect::Accepted => {
                reader.wrong(&raw.expect.span(), format!("a {} expects `accepted`", step.purpose), "");
            }
            _ => {}
        }
        if matches!(step.expect, Expect::Refused | Expect::OneAccepted) && !reasons {
            reader.wrong(
                &raw.expect.span(),
                format!("`{}` needs `because`", step.expect),
                "name the reasons that count",
            );
        }
        if matches!(step.expect, Expect::Accepted | Expect::Either) && reasons {
            reader.wrong(
                &raw.expect.span(),
                format!("`because` has no meaning with `{}`", step.expect),
                "leave it out",
            );
        }
        aim(reader, step, &raw.action);
    }
    reach_and_safety(reader, raw, scenario);
    for object in &scenario.objects {
        let locked = object.retention.is_some() || object.hold.is_some() || object.inherit;
        let rows = scenario.after.iter().chain(scenario.steps.iter().flat_map(|s| &s.after));
        if locked && !rows.into_iter().any(|a| a.object == object.name) {
            let at =
                raw.object.keys().find(|k| *k.get_ref() == object.name).map_or(0..0, toml::Spanned::span);
            let hint = format!("add [scenario.after.{}]", object.name);
            reader.wrong(&at, format!("the locked object `{}` has no `after`", object.name), hint);
        }
    }
    for (index, raw_step) in raw.step.iter().enumerate() {
        if let Some(missing) = missing_control(scenario, index) {
            reader.wrong(
                &raw_step.purpose.span(),
                missing,
                "docs/scenario-format.md, “Controls”, says what proves a right",
            );
        }
    }
}

/// Whether a step names what its action needs.
fn aim(reader: &mut Reader<'_>, step: &Step, at: &toml::Spanned<String>) {
    let mut need = |there: bool, what: &str| {
        if !there {
            reader.wrong(
                &at.span(),
                format!("`{}` needs `{what}`", step.action),
                "docs/scenario-format.md lists every key",
            );
        }
    };
    match step.action {
        Action::Raw => {
            need(step.method.is_some(), "method");
            need(step.object.is_some() || step.on.is_some(), "object` or `on");
        }
        Action::PutBucketVersioning => {
            need(step.bucket.is_some() && step.versioning.is_some(), "bucket` and `versioning");
        }
        Action::PutObjectLockConfiguration => {
            need(step.bucket.is_some() && step.default_retention.is_some(), "bucket` and `default-retention");
        }
        Action::PutBucketPolicy => {
            need(step.bucket.is_some() && step.policy.is_some(), "bucket` and `policy");
        }
        Action::DeleteBucketPolicy | Action::DeleteBucket => need(step.bucket.is_some(), "bucket"),
        Action::DeleteObjects => need(step.body.is_some(), "body"),
        Action::CopyObject => need(step.object.is_some() && step.source.is_some(), "object` and `source"),
        Action::UploadPart | Action::CompleteMultipartUpload | Action::AbortMultipartUpload => {
            need(step.object.is_some() && step.upload.is_some(), "object` and `upload");
        }
        Action::CreateMultipartUpload => {
            need(step.object.is_some() && step.name.is_some(), "object` and `name");
        }
        Action::PutRetention => {
            need(step.object.is_some() && step.retention.is_some(), "object` and `retention");
        }
        Action::PutLegalHold => need(step.object.is_some() && step.hold.is_some(), "object` and `hold"),
        Action::PutObject if step.body.is_some() => need(step.object.is_some(), "object"),
        Action::PutObject => need(step.object.is_some() && step.content.is_some(), "object` and `content"),
        _ => need(step.object.is_some(), "object"),
    }
    for (name, value) in step.headers.iter().chain(&step.unsigned_headers) {
        let names = name.eq_ignore_ascii_case("x-amz-copy-source") || name.eq_ignore_ascii_case("host");
        if names && !value.contains('{') {
            let hint =
                "a header that names a resource takes placeholders only, so that no record can be aimed at";
            reader.wrong(&at.span(), format!("the header `{name}` names a resource"), hint);
        }
    }
}

fn reach_and_safety(reader: &mut Reader<'_>, raw: &RawScenario, scenario: &Scenario) {
    let on = |what: On| scenario.steps.iter().any(|s| s.on == Some(what));
    let least = if on(On::Server) {
        Reach::Server
    } else if !scenario.buckets.is_empty() || on(On::Bucket) {
        Reach::Bucket
    } else {
        Reach::Object
    };
    if scenario.reach < least {
        reader.wrong(
            &raw.reach.span(),
            format!("its steps and buckets reach `{least}`"),
            format!("write reach = \"{least}\""),
        );
    }
    let asked = scenario
        .objects
        .iter()
        .filter_map(|o| o.retention.as_ref())
        .chain(scenario.steps.iter().filter_map(|s| s.retention.as_ref()));
    let mut least = Safety::Canary;
    for retention in asked {
        let AskRetention::Set { mode, until } = retention else { continue };
        if *mode == Some(Mode::Compliance) {
            least = least.max(Safety::CleanupAfterExpiry);
        }
        if let Some(Until::Lasts(span)) = until {
            let long = match span {
                Span::Exact(delta) => *delta > TimeDelta::days(1),
                Span::Months(months) => *months > 0,
            };
            if long {
                least = Safety::LeavesResidue;
            }
        }
    }
    let compliance_default =
        scenario.buckets.iter().filter_map(|b| b.default_retention).any(|d| d.mode == Mode::Compliance);
    if compliance_default {
        least = least.max(Safety::CleanupAfterExpiry);
    }
    if scenario.safety < least {
        reader.wrong(
            &raw.safety.span(),
            format!("at worst it leaves `{least}`"),
            format!("write safety = \"{least}\""),
        );
    }
}

/// What control an attack lacks, in words.
fn missing_control(scenario: &Scenario, index: usize) -> Option<String> {
    let step = scenario.steps.get(index)?;
    if !matches!(step.expect, Expect::Refused | Expect::Either) {
        return None;
    }
    let shows = |other: &&Step| {
        matches!(other.purpose, Purpose::Control | Purpose::Promise) && other.expect == Expect::Accepted
    };
    let mut others =
        scenario.steps.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, s)| s).filter(shows);
    let locked = step.expect == Expect::Either || step.because.contains(&Because::ObjectLocked);
    if locked {
        let rights: Vec<_> = needed(step);
        let proven = others.clone().filter(|o| o.who == step.who).flat_map(needed).collect::<Vec<_>>();
        // A bypass is shown where governance is bypassed for real; a refusal for a lock needs the plain right only.
        let lacks: Vec<&str> = rights
            .iter()
            .filter(|r| **r != crate::scenario::Right::BypassGovernanceRetention && !proven.contains(r))
            .filter(|r| {
                !matches!(r, crate::scenario::Right::GetObject | crate::scenario::Right::GetObjectVersion)
            })
            .map(|r| r.word())
            .collect();
        return (!lacks.is_empty())
            .then(|| format!("no accepted step of the same principal shows the right {}", lacks.join(", ")));
    }
    if step.because == [Because::NotPermitted] {
        let twin = others.clone().any(|o| o.who != step.who && o.action == step.action);
        let alive = step.who == As::Role(Role::Anonymous)
            || step.who == As::Each
            || others.any(|o| o.who == step.who);
        return match (twin, alive) {
            (false, _) => Some("no principal who holds the right is shown doing the same".to_owned()),
            (_, false) => Some("the refused principal is not shown alive".to_owned()),
            _ => None,
        };
    }
    let alive = step.who == As::Role(Role::Anonymous) || others.any(|o| o.who == step.who);
    (!alive).then(|| "no accepted step of the same principal shows it alive".to_owned())
}
