//! Several runs of one scenario folded into one verdict.

use crate::record::verdict::{Cause, Judgement, Verdict};
use crate::scenario::Role;

/// The verdict of a scenario over all its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// The worst verdict of the runs.
    pub verdict: Verdict,
    /// Why, in one word.
    pub cause: Cause,
    /// Why, in a sentence; names the principal where there are several.
    pub reason: String,
    /// The weakest principal that broke it, for a fail.
    pub weakest: Option<Role>,
}

/// Roles from the weakest to the strongest.
const STRENGTH: &[Role] = &[
    Role::Anonymous,
    Role::Reader,
    Role::Auditor,
    Role::Writer,
    Role::Application,
    Role::Custodian,
    Role::Deleter,
    Role::Bypasser,
    Role::Replicator,
    Role::Provisioner,
    Role::Operator,
    Role::Denied,
    Role::Administrator,
];

pub(in crate::record) fn strength(role: Role) -> usize {
    STRENGTH.iter().position(|r| *r == role).unwrap_or(STRENGTH.len())
}

/// Folds the judgements of a scenario's runs. A run that was skipped because its principal lacks the right is
/// covered by the others; if nobody answered the scenario, it is inconclusive.
#[must_use]
pub fn fold(runs: &[(Option<Role>, Judgement)]) -> Folded {
    let Some((who, worst)) = runs.iter().max_by_key(|(who, j)| {
        // Of equally bad runs the one of the weakest principal speaks.
        let breaker = j.breaker().or(*who);
        (j.verdict().weight(), std::cmp::Reverse(breaker.map_or(usize::MAX, strength)))
    }) else {
        return Folded {
            verdict: Verdict::Skipped,
            cause: Cause::NotRun,
            reason: "not run".to_owned(),
            weakest: None,
        };
    };
    if worst.verdict() == Verdict::Skipped && worst.cause() == Cause::NoRight {
        return Folded {
            verdict: Verdict::Inconclusive,
            cause: Cause::NoControl,
            reason: format!("no principal with the right could be tried: {}", worst.reason()),
            weakest: None,
        };
    }
    let weakest = (worst.verdict() == Verdict::Fail)
        .then(|| {
            runs.iter()
                .filter(|(_, j)| j.verdict() == Verdict::Fail)
                .filter_map(|(who, j)| j.breaker().or(*who))
                .min_by_key(|r| strength(*r))
        })
        .flatten();
    let reason = match who {
        Some(role) if runs.len() > 1 && worst.verdict() != Verdict::Pass => {
            format!("{role}: {}", worst.reason())
        }
        _ => worst.reason().to_owned(),
    };
    Folded { verdict: worst.verdict(), cause: worst.cause(), reason, weakest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(role: Role, verdict: Verdict, cause: Cause) -> (Option<Role>, Judgement) {
        (Some(role), Judgement::other(verdict, cause, "why"))
    }

    #[test]
    fn the_worst_run_decides_and_the_weakest_breaker_is_named() {
        let folded = fold(&[
            run(Role::Administrator, Verdict::Fail, Cause::Destroyed),
            run(Role::Writer, Verdict::Fail, Cause::Destroyed),
            run(Role::Anonymous, Verdict::Skipped, Cause::NoRight),
            run(Role::Deleter, Verdict::Inconclusive, Cause::NoAnswer),
        ]);
        assert_eq!((folded.verdict, folded.weakest), (Verdict::Fail, Some(Role::Writer)));
        assert_eq!(folded.reason, "writer: why");
    }

    #[test]
    fn if_everybody_lacks_the_right_nothing_was_shown() {
        let folded = fold(&[
            run(Role::Reader, Verdict::Skipped, Cause::NoRight),
            run(Role::Anonymous, Verdict::Skipped, Cause::NoRight),
        ]);
        assert_eq!(folded.verdict, Verdict::Inconclusive);
        assert_eq!(fold(&[]).verdict, Verdict::Skipped);
    }
}
