//! What a profile demands of a bucket, as far as the documents can bring it.

use chrono::{DateTime, TimeDelta, Utc};

use super::demand::{Demand, DemandError, Hold, Server};
use crate::lock::Mode;
use crate::profile::{ClockStart, Matching, Need, Override, Profile};
use crate::time::Span;

/// Mode and least retention that a profile asks for, as far as it says. Of what it asks of every version and of the
/// bucket's default the stronger one.
#[must_use]
pub fn terms(profile: &Profile) -> (Option<Mode>, Option<Span>) {
    let requirement = &profile.requirement;
    let default = profile.configuration.default_retention;
    let modes = [requirement.mode, default.map(|d| d.mode)];
    let mode =
        if modes.contains(&Some(Mode::Compliance)) { Some(Mode::Compliance) } else { modes[0].or(modes[1]) };
    let owed = requirement.min_retention.map(|least| most(requirement.clock, least));
    let retention = match (owed, default.map(|d| d.lasts)) {
        (Some(owed), Some(lasts)) => Some(if length(lasts) > length(owed) { lasts } else { owed }),
        (owed, lasts) => owed.or(lasts),
    };
    (mode, retention)
}

/// The longest that something made at any time is owed under this clock: a year more where it starts with a year's
/// end, because a default retention starts with the creation.
fn most(clock: ClockStart, least: Span) -> Span {
    match (clock, least) {
        (ClockStart::Creation, least) => least,
        (_, Span::Months(months)) => Span::Months(months.saturating_add(12)),
        (_, Span::Exact(delta)) => Span::Exact(delta.checked_add(&TimeDelta::days(366)).unwrap_or(delta)),
    }
}

/// For comparing spans: how long it is from one and the same day.
fn length(span: Span) -> TimeDelta {
    span.after(DateTime::<Utc>::UNIX_EPOCH) - DateTime::<Utc>::UNIX_EPOCH
}

impl Demand {
    /// What a profile demands of this place. `otherwise` says mode and retention where the profile does not.
    ///
    /// # Errors
    /// [`DemandError::NoTerms`] where neither says them.
    pub fn of(
        profile: &Profile,
        server: Server,
        (bucket, prefix): (&str, &str),
        otherwise: (Option<Mode>, Option<Span>),
    ) -> Result<Self, DemandError> {
        let (mode, retention) = terms(profile);
        let (Some(mode), Some(retention)) = (mode.or(otherwise.0), retention.or(otherwise.1)) else {
            return Err(DemandError::NoTerms { profile: profile.name.clone() });
        };
        let mut demand = Self::new(server, bucket, prefix, mode, retention);
        if profile.requirement.hold || profile.upload.hold {
            demand.hold = Hold::Required;
        }
        demand.sends_lock_headers = profile.upload.retention;
        demand.conditional_writes = profile.configuration.conditional_writes != Need::No;
        demand.require_lock_headers = profile.configuration.retain_until_required != Need::No;
        demand.notes = notes(profile, &demand);
        Ok(demand)
    }
}

/// What the profile asks for beside, and these documents do not bring.
fn notes(profile: &Profile, demand: &Demand) -> Vec<String> {
    let requirement = &profile.requirement;
    let mut notes: Vec<String> =
        requirement.overrides.iter().filter_map(|o| of_override(profile, o, demand)).collect();
    if requirement.clock != ClockStart::Creation {
        notes.push(format!(
            "the clock starts with {}; a default starts with the creation, so it is a year longer than the {} asked for",
            requirement.clock,
            requirement.min_retention.map_or_else(String::new, |s| s.to_string())
        ));
    }
    if let Some(most) = requirement.max_retention {
        notes.push(format!(
            "a ceiling of {most}: no statement refuses longer locks, because overrides may need them; a scan finds them"
        ));
    }
    let configuration = &profile.configuration;
    for (need, what) in [
        (
            configuration.mfa_delete,
            "MFA delete: only the account's root user can switch it on, and not where lifecycle rules exist; MinIO has none",
        ),
        (
            configuration.replication,
            "a replica: it needs a bucket and a role elsewhere, and locks of its own",
        ),
        (configuration.logging, "access logging: it needs a bucket of its own, and MinIO has none"),
    ] {
        match need {
            Need::No => {}
            Need::WherePossible => notes.push(format!("{what} (asked for where possible)")),
            Need::Yes => notes.push(what.to_owned()),
        }
    }
    if demand.server == Server::Minio {
        notes.extend(configuration.server_release.as_ref().map(|asked| {
            format!(
                "a release not before {}: no document brings it; pin the image by its digest",
                asked.not_before.name
            )
        }));
        for (need, what) in [
            (
                configuration.tls_only,
                "requests without TLS refused by a bucket policy: on MinIO the proxy does that",
            ),
            (
                configuration.conditional_writes,
                "conditional writes demanded by a bucket policy: MinIO refuses such a policy, the proxy asks for them",
            ),
            (
                configuration.retain_until_required,
                "uploads without a date refused by a bucket policy: on MinIO it binds only requests without a signature, the proxy refuses them",
            ),
        ] {
            if need != Need::No {
                notes.push(what.to_owned());
            }
        }
    }
    notes
}

/// What an override asks for beyond the default.
fn of_override(profile: &Profile, other: &Override, demand: &Demand) -> Option<String> {
    let requirement = &profile.requirement;
    let least = other.min_retention.or(requirement.min_retention)?;
    let owed = most(other.clock.unwrap_or(requirement.clock), least);
    let mut more = Vec::new();
    if length(owed) > length(demand.retention) {
        more.push(format!("up to {owed} from the creation"));
    }
    if other.mode == Some(Mode::Compliance) && demand.mode == Mode::Governance {
        more.push("COMPLIANCE".to_owned());
    }
    if other.hold == Some(true) && demand.hold == Hold::NotUsed {
        more.push("a legal hold".to_owned());
    }
    (!more.is_empty()).then(|| {
        format!(
            "{} ({}) needs {}, which the bucket's default does not give: the upload has to send it",
            other.name,
            place(&other.matching),
            more.join(" and ")
        )
    })
}

fn place(matching: &Matching) -> String {
    let parts = [
        matching.prefix.as_ref().map(|p| format!("below {p}")),
        matching.contains.as_ref().map(|c| format!("keys with {c}")),
        matching.tag.as_ref().map(|(name, value)| format!("tag {name}={value}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harden::{Hardening, Part};

    fn demand(name: &str, server: Server) -> Demand {
        let profile = Profile::find(name).expect("a profile");
        Demand::of(profile, server, ("books", ""), (None, None)).expect("it says its terms")
    }

    #[test]
    fn a_profiles_words_become_the_demand() {
        let of = |name| {
            let d = demand(name, Server::Aws);
            (
                d.mode,
                d.retention.to_string(),
                d.hold == Hold::Required,
                d.sends_lock_headers,
                d.conditional_writes,
            )
        };
        let years = |n: u32| Span::Months(n * 12).to_string();
        assert_eq!(of("sec-17a-4"), (Mode::Compliance, years(6), false, false, false));
        assert_eq!(of("eu-einvoicing"), (Mode::Compliance, years(10), true, true, false));
        assert_eq!(of("event-log-worm"), (Mode::Compliance, years(7), false, true, true));
        let day = Span::Exact(TimeDelta::days(1)).to_string();
        assert_eq!(of("finos-ccc-objstor"), (Mode::Governance, day, false, false, false));
        let log = Profile::find("event-log").expect("a profile");
        let error =
            Demand::of(log, Server::Aws, ("books", ""), (None, None)).expect_err("it demands no lock");
        assert!(error.to_string().contains("event-log") && error.hint().contains("--mode"));
        let given = (Some(Mode::Governance), Some(Span::Months(12)));
        let demand = Demand::of(log, Server::Aws, ("books", ""), given).expect("terms");
        assert_eq!((demand.mode, demand.retention), (Mode::Governance, Span::Months(12)));
    }

    #[test]
    fn what_the_documents_do_not_bring_is_said() {
        let invoices = demand("eu-einvoicing", Server::Aws);
        let text = Hardening::of(&invoices).and_then(|h| h.part(Part::Text)).expect("text");
        // Ten years from the end of a year, or of its creation: the longer is not in a default of ten years.
        assert!(text.contains("DE-finance (tag retention-class=DE-finance) needs up to"), "{text}");
        assert!(!text.contains("DE (tag country=DE)"), "eight years and the rest of one are less than ten");
        assert!(text.contains("MFA delete") && text.contains("a ceiling of"), "{text}");
        assert!(demand("iosco-snapshots", Server::Aws).notes.is_empty());
        assert!(
            demand("event-log-worm", Server::Minio).notes.iter().any(|n| n.contains("conditional writes"))
        );
    }

    #[test]
    fn a_clock_that_starts_later_makes_the_default_longer() {
        let mut profile = Profile::find("sec-17a-4").expect("a profile").clone();
        profile.requirement.clock = ClockStart::CalendarYearEnd;
        assert_eq!(terms(&profile), (Some(Mode::Compliance), Some(Span::Months(84))));
    }
}
