//! Reading back everything that a run made.

use crate::lock::Reading;
use crate::record::evidence::{GroupEvidence, Listed, Observation, Observed, ObservedKey, Placed};
use crate::run::Environment;
use crate::scenario::Scenario;
use crate::store::readback::{list_versions, read_version};

/// Every version with a name: the canaries' own, markers, and what named steps made.
fn named(scenario: &Scenario, objects: &[Placed], groups: &[GroupEvidence]) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for placed in objects {
        let mut own = placed.version_id.clone();
        for done in groups.iter().flat_map(|g| &g.steps) {
            let Some(step) = usize::try_from(done.step).ok().and_then(|i| scenario.steps.get(i)) else {
                continue;
            };
            if step.object.as_deref() != Some(placed.object.as_str()) {
                continue;
            }
            let Some(id) = done.sent.iter().find_map(|s| s.version_id.clone()) else { continue };
            if let Some(name) = &step.name {
                all.push((placed.object.clone(), name.clone(), id.clone()));
            }
            own.get_or_insert(id);
        }
        if let Some(id) = own {
            all.insert(0, (placed.object.clone(), "own".to_owned(), id));
        }
        if let Some(id) = &placed.marker_id {
            all.push((placed.object.clone(), "marker".to_owned(), id.clone()));
        }
    }
    all
}

/// Reads everything back.
pub(super) async fn observe(
    env: &Environment,
    scenario: &Scenario,
    base: &str,
    objects: &[Placed],
    groups: &[GroupEvidence],
    about: &str,
) -> Observation {
    let who = env.reader();
    let at = env.client.server_now();
    let mut versions = Vec::new();
    for (object, of, id) in named(scenario, objects, groups) {
        let Some(placed) = objects.iter().find(|p| p.object == object) else { continue };
        let read = read_version(&env.client, who, &placed.bucket, &placed.key, &id).await;
        let exchanges = read.exchanges.into_iter().map(|e| env.log.exchange(about, e)).collect();
        versions.push(Observed { object, of, state: read.state, exchanges });
    }
    let (listing, exchanges) = list_versions(&env.client, who, &env.bucket, base).await;
    let numbers: Vec<u64> = exchanges.into_iter().map(|e| env.log.exchange(about, e)).collect();
    for observed in &mut versions {
        let state = &mut observed.state;
        state.listed = match &listing {
            Reading::Known(all) => {
                Reading::Known(all.iter().any(|e| e.key == state.key && e.version_id == state.version_id))
            }
            Reading::Unread(why) => Reading::Unread(why.clone()),
        };
        observed.exchanges.extend(&numbers);
    }
    let keys = objects
        .iter()
        .map(|placed| ObservedKey {
            object: placed.object.clone(),
            listing: match &listing {
                Reading::Known(all) => Reading::Known(
                    all.iter()
                        .filter(|e| e.key == placed.key)
                        .map(|e| Listed { version_id: e.version_id.clone(), marker: e.marker })
                        .collect(),
                ),
                Reading::Unread(why) => Reading::Unread(why.clone()),
            },
            exchanges: numbers.clone(),
        })
        .collect();
    Observation { at, versions, keys }
}
