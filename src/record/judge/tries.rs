//! What a number of tries says about a race: a window that nobody hit may still be there.

use crate::record::verdict::{Judgement, Verdict};
use crate::scenario::{Role, Scenario};

/// The confidence that is stated, as the share of unlucky observers: one in twenty sees nothing of a window of the
/// stated width.
const UNLUCKY: f64 = 0.05;

/// The narrowest window that so many tries would have shown with 95 % confidence, as a share of tries in whole per
/// cent, rounded up: `1 - 0.05^(1/n)`, since a window that is hit with probability p stays unseen in n tries with
/// `(1 - p)^n`.
#[must_use]
pub fn window_percent(tries: usize) -> u32 {
    let exponent = 1.0 / f64::from(u32::try_from(tries.max(1)).unwrap_or(u32::MAX));
    let percent = (100.0 * (1.0 - UNLUCKY.powf(exponent))).ceil();
    (1..=100).rev().find(|whole| f64::from(*whole) <= percent).unwrap_or(1)
}

/// Whether the outcome of a scenario can depend on which of several requests is first.
fn races(scenario: &Scenario) -> bool {
    scenario.repeat > 1 || scenario.steps.iter().any(|s| s.copies > 1 || s.together.is_some())
}

/// Of a scenario with a race: how many tries held, and what that shows. `None` for any other scenario, and where
/// nothing was tried.
#[must_use]
pub fn tries(scenario: &Scenario, runs: &[(Option<Role>, Judgement)]) -> Option<String> {
    if !races(scenario) {
        return None;
    }
    let count = |verdict| runs.iter().filter(|(_, j)| j.verdict() == verdict).count();
    let (all, held, failed) =
        (runs.len() - count(Verdict::Skipped), count(Verdict::Pass), count(Verdict::Fail));
    let word = if all == 1 { "try" } else { "tries" };
    if all == 0 {
        None
    } else if failed > 0 {
        Some(format!("{failed} of {all} {word} failed"))
    } else if held < all {
        Some(format!("{held} of {all} {word} held, and the others showed nothing"))
    } else {
        Some(format!(
            "{held} of {all} {word} held: a window that is hit in at least {} % of tries would have been seen with 95 % \
             confidence",
            window_percent(all)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::verdict::Cause;
    use crate::scenario::Suite;

    #[test]
    fn the_window_narrows_with_the_tries_and_is_never_said_too_narrow() {
        assert_eq!([1, 2, 5, 10, 20, 50, 58, 300].map(window_percent), [95, 78, 46, 26, 14, 6, 6, 1]);
        for tries in 1..400_i32 {
            let unseen =
                (1.0 - f64::from(window_percent(usize::try_from(tries).unwrap_or(0))) / 100.0).powi(tries);
            assert!(unseen <= UNLUCKY + 1e-9, "{tries}: {unseen}");
        }
    }

    #[test]
    fn only_races_state_it_and_only_where_all_tries_held() {
        let suite = Suite::builtin().expect("a suite");
        let race = suite.scenarios.iter().find(|s| s.repeat > 1).expect("a scenario that repeats");
        let plain = suite.get("WORM-101").expect("a scenario");
        let run = |verdict| (None, Judgement::other(verdict, Cause::NoWinner, "why"));
        let held = || (None, Judgement::pass(Cause::Held, "held".to_owned(), vec![witness()]));
        assert_eq!(tries(plain, &[held()]), None);
        let text = tries(race, &(0..20).map(|_| held()).collect::<Vec<_>>()).expect("a text");
        assert!(text.starts_with("20 of 20 tries held: ") && text.contains("at least 14 %"), "{text}");
        let mixed = [held(), run(Verdict::Inconclusive)];
        assert_eq!(tries(race, &mixed).as_deref(), Some("1 of 2 tries held, and the others showed nothing"));
        let broken = [held(), run(Verdict::Fail), run(Verdict::Inconclusive)];
        assert_eq!(tries(race, &broken).as_deref(), Some("1 of 3 tries failed"));
        assert_eq!(tries(race, &[run(Verdict::Skipped)]), None);
    }

    fn witness() -> crate::record::verdict::Witness {
        crate::record::verdict::Witness::new(crate::record::verdict::WitnessKind::Intact, vec![1])
    }
}
