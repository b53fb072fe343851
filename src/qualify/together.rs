//! Two defects at once: a second one must not hide the first.
//!
//! Servers are seldom wrong in one place only. A sample of pairs is switched on together, and the scenarios that
//! catch either of the two alone run against both. A pair is *caught* if one of them fails. Where only the scenarios
//! of one defect fail, the other is *masked*: it is seen as soon as the first is mended, and is listed. A pair on
//! which nothing fails is *hidden*: an error, because an audit of that server would end well.

use serde::{Deserialize, Serialize};

use crate::qualify::matrix::shared;
use crate::qualify::{Qualification, QualifyError, Stand};
use crate::record::Verdict;
use crate::scenario::{Dialects, Suite};
use crate::target::Defect;

/// The sample of pairs and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together {
    /// The seed of the sample.
    pub seed: u64,
    /// How many pairs of useful defects there are.
    pub of: usize,
    /// How many of them ran.
    pub sampled: usize,
    /// On how many at least one scenario failed.
    pub caught: usize,
    /// Pairs on which nothing failed.
    pub hidden: Vec<[String; 2]>,
    /// Pairs of which only the second was seen: the first is masked by it.
    pub masked: Vec<[String; 2]>,
}

impl Together {
    /// In a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!(
            "{} of {} sampled pairs of defects are caught (of {} pairs, seed {}); in {} of them one masks the other",
            self.caught,
            self.sampled,
            self.of,
            self.seed,
            self.masked.len()
        )
    }
}

/// How many scenarios of each defect are tried before the rest of those that catch it.
const FIRST: usize = 6;

/// The `place`th of all pairs of `n` things, in order.
fn pair_at(place: usize, n: usize) -> Option<(usize, usize)> {
    let mut left = place;
    for first in 0..n {
        let row = n - first - 1;
        if left < row {
            return Some((first, first + 1 + left));
        }
        left -= row;
    }
    None
}

/// Distinct places below `of`, by a seed; all of them if there are no more. SplitMix64: the sample has to be the same
/// with every version of every library.
fn sample(of: usize, wanted: usize, seed: u64) -> Vec<usize> {
    if wanted >= of {
        return (0..of).collect();
    }
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let mut chosen = std::collections::BTreeSet::new();
    while chosen.len() < wanted {
        if let Ok(place) = usize::try_from(next() % of as u64) {
            chosen.insert(place);
        }
    }
    chosen.into_iter().collect()
}

/// Runs a sample of pairs. `single` is the qualification of each defect alone, which says what catches it.
///
/// # Errors
/// A server that cannot be made ready, a worker that cannot be started, a qualification of another suite.
pub fn together(
    suite: &Suite,
    dialects: &Dialects,
    single: &Qualification,
    (wanted, seed): (usize, u64),
    workers: usize,
) -> Result<Together, QualifyError> {
    let breadth =
        |id: &str| single.scenarios.iter().find(|s| s.id == id).map_or(usize::MAX, |s| s.fails_on.len());
    // What catches it: those that fail on few defects first, because they say most.
    let useful: Vec<(&str, Vec<&str>)> = single
        .defects
        .iter()
        .filter(|d| !d.useless && !d.by.is_empty())
        .map(|d| {
            let mut by: Vec<&str> = d.by.iter().map(String::as_str).collect();
            by.sort_by_key(|id| (breadth(id), *id));
            (d.name.as_str(), by)
        })
        .collect();
    let of = useful.len() * useful.len().saturating_sub(1) / 2;
    let work: Vec<(usize, usize)> =
        sample(of, wanted, seed).into_iter().filter_map(|place| pair_at(place, useful.len())).collect();
    let seen = shared(&work, workers, async |_: &mut Option<Stand>, (a, b): &(usize, usize)| {
        let pair = [a, b].map(|place| useful.get(*place));
        let [Some(first), Some(second)] = pair else {
            return Err(QualifyError::Unknown(format!("pair {a}, {b}")));
        };
        let defect = |name: &str| Defect::parse(name).ok_or_else(|| QualifyError::Unknown(name.to_owned()));
        let stand = Stand::new(&[defect(first.0)?, defect(second.0)?], dialects).await?;
        let fails = async |ids: &[&str]| -> Result<bool, QualifyError> {
            for id in ids {
                let scenario = suite.get(id).ok_or_else(|| QualifyError::Unknown((*id).to_owned()))?;
                if stand.run(scenario).await?.result.verdict == Verdict::Fail {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let mut found = [false; 2];
        for (found, (_, by)) in found.iter_mut().zip([first, second]) {
            let (few, rest) = by.split_at(by.len().min(FIRST));
            *found = fails(few).await? || fails(rest).await?;
        }
        Ok(([first.0, second.0], found))
    })?;
    let named = |[a, b]: [&str; 2]| [a.to_owned(), b.to_owned()];
    let mut result = Together {
        seed,
        of,
        sampled: seen.len(),
        caught: seen.iter().filter(|(_, found)| found.contains(&true)).count(),
        hidden: Vec::new(),
        masked: Vec::new(),
    };
    for (pair, found) in seen {
        match found {
            [false, false] => result.hidden.push(named(pair)),
            [false, true] => result.masked.push(named(pair)),
            [true, false] => result.masked.push(named([pair[1], pair[0]])),
            [true, true] => {}
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_one_place() {
        let all: std::collections::BTreeSet<_> = (0..10).filter_map(|place| pair_at(place, 5)).collect();
        assert_eq!(all.len(), 10);
        assert!(all.iter().all(|(a, b)| a < b && *b < 5));
        assert_eq!(pair_at(10, 5), None);
    }

    #[test]
    fn a_sample_is_the_same_with_its_seed_and_another_with_another() {
        let one = sample(9000, 50, 1);
        assert_eq!(one, sample(9000, 50, 1));
        assert_ne!(one, sample(9000, 50, 2));
        assert_eq!(one.len(), 50);
        assert_eq!(sample(3, 50, 1), [0, 1, 2]);
    }
}
