//! Every scenario on every server: the sound one, and one with each defect.

use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest as _, Sha256};

use crate::qualify::{Pairs, QualifyError, Seen, Stand};
use crate::record::outcome::{Verdicts, outcome};
use crate::record::{Cause, Gate, ScenarioResult, Verdict};
use crate::scenario::{Dialects, Severity, Suite};
use crate::target::{Defect, DefectInfo, Defects};

/// What one scenario says of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The verdict over all its roles and repetitions.
    pub verdict: Verdict,
    /// Why, in one word.
    pub cause: Cause,
    /// Why, in a sentence.
    pub reason: String,
}

/// One server: what every scenario says of it.
#[derive(Debug, Clone)]
pub struct Column {
    /// The defect; `None` is the sound server.
    pub defect: Option<&'static DefectInfo>,
    /// One cell a scenario, in the order of the suite.
    pub cells: Vec<Cell>,
    /// The exit code that an audit of this server would end with.
    pub exit_code: u8,
}

/// The whole matrix.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The ids of the scenarios, in the order of the suite.
    pub scenarios: Vec<String>,
    /// The sound server.
    pub sound: Column,
    /// One column a defect, in the order of the table.
    pub defects: Vec<Column>,
    /// The suite's digest.
    pub suite: String,
    /// How many runs of a scenario on a server there were; the other cells are known from the sound one.
    pub ran: usize,
}

impl Matrix {
    /// How many runs of a scenario on a server it holds.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.scenarios.len() * (1 + self.defects.len())
    }

    /// SHA-256 (lower-case hexadecimal) over every verdict with its defect and scenario.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for column in std::iter::once(&self.sound).chain(&self.defects) {
            let name = column.defect.map_or("-", |d| d.name);
            for (id, cell) in self.scenarios.iter().zip(&column.cells) {
                hash.update(format!("{name} {id} {}\n", cell.verdict.word()));
            }
        }
        hex::encode(hash.finalize())
    }
}

impl Column {
    /// The places of the scenarios with this verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = usize> {
        self.cells.iter().enumerate().filter(move |(_, c)| c.verdict == verdict).map(|(i, _)| i)
    }
}

/// How the matrix is run.
#[derive(Clone, Copy)]
pub struct MatrixOptions<'a> {
    /// How many threads work, each with a runtime of its own; at least one.
    pub workers: usize,
    /// Run every scenario on every defect, also where its outcome is known to be the sound server's.
    pub exhaustive: bool,
    /// Told how many of how many servers are done.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// Runs the whole suite on the sound server and on every defect.
///
/// The embedded server asks for a defect only at the place where the fault lies. So where a scenario did not
/// make the sound server ask for a defect, a server with that defect does the very same, and the sound verdict
/// stands for it (`exhaustive` runs it nevertheless).
///
/// # Errors
/// A server that cannot be made ready, a worker that cannot be started.
pub fn matrix(
    suite: &Suite,
    dialects: &Dialects,
    options: &MatrixOptions<'_>,
) -> Result<Matrix, QualifyError> {
    let defects = Defect::all();
    let of = defects.len() + 1;
    let sound = suite_on(suite, dialects, &[], options.workers)?;
    (options.progress)(1, of);
    let (done, ran) = (AtomicUsize::new(1), AtomicUsize::new(0));
    let columns = shared(defects, options.workers, async |_: &mut Option<Stand>, info: &DefectInfo| {
        let stand = Stand::new(&[info.defect], dialects).await?;
        let mut results = Vec::with_capacity(sound.len());
        for (scenario, (seen, at_first)) in suite.scenarios.iter().zip(&sound) {
            let matters =
                options.exhaustive || [seen.asked, *at_first].iter().any(|a| a.contains(info.defect));
            let mut result = if matters {
                ran.fetch_add(1, Ordering::Relaxed);
                stand.run(scenario).await?.result
            } else {
                seen.result.clone()
            };
            result.runs = Vec::new();
            results.push(result);
        }
        (options.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, of);
        Ok(column(Some(info.defect.info()), results))
    })?;
    Ok(Matrix {
        scenarios: suite.scenarios.iter().map(|s| s.id.clone()).collect(),
        sound: column(None, sound.into_iter().map(|(seen, _)| seen.result).collect()),
        defects: columns,
        suite: suite.digest.clone(),
        ran: ran.into_inner() + suite.scenarios.len(),
    })
}

/// The whole suite on one server: with a defect, or the sound one.
///
/// # Errors
/// As for [`matrix`].
pub fn one_server(
    suite: &Suite,
    dialects: &Dialects,
    defect: Option<Defect>,
    workers: usize,
) -> Result<Column, QualifyError> {
    let seen = suite_on(suite, dialects, defect.as_slice(), workers)?;
    Ok(column(defect.map(Defect::info), seen.into_iter().map(|(seen, _)| seen.result).collect()))
}

/// Runs pairs of a defect and a scenario, and gives for each what the scenario says.
///
/// # Errors
/// As for [`matrix`]; [`QualifyError::Unknown`] for a pair that names what is not there.
pub fn run_pairs(
    suite: &Suite,
    dialects: &Dialects,
    pairs: &Pairs,
    workers: usize,
) -> Result<Vec<(String, String, Cell)>, QualifyError> {
    let work: Vec<(&String, &Vec<String>)> = pairs.caught.iter().collect();
    let done = shared(&work, workers, async |_: &mut Option<Stand>, (name, ids)| {
        let defect = Defect::parse(name).ok_or_else(|| QualifyError::Unknown((*name).clone()))?;
        let stand = Stand::new(&[defect], dialects).await?;
        let mut cells = Vec::new();
        for id in *ids {
            let scenario = suite.get(id).ok_or_else(|| QualifyError::Unknown(id.clone()))?;
            cells.push(((*name).clone(), id.clone(), Cell::of(stand.run(scenario).await?.result)));
        }
        Ok(cells)
    })?;
    Ok(done.into_iter().flatten().collect())
}

/// The suite on one server; with each result what the server was asked about while it was made ready.
fn suite_on(
    suite: &Suite,
    dialects: &Dialects,
    defects: &[Defect],
    workers: usize,
) -> Result<Vec<(Seen, Defects)>, QualifyError> {
    shared(&suite.scenarios, workers, async |stand: &mut Option<Stand>, scenario| {
        let stand = match stand {
            Some(stand) => stand,
            none => none.insert(Stand::new(defects, dialects).await?),
        };
        let mut seen = stand.run(scenario).await?;
        // Steps and evidence are long, and nobody looks at them again.
        seen.result.runs = Vec::new();
        Ok((seen, stand.asked))
    })
}

impl Cell {
    fn of(result: ScenarioResult) -> Self {
        Self { verdict: result.verdict, cause: result.cause, reason: result.reason }
    }
}

fn column(defect: Option<&'static DefectInfo>, results: Vec<ScenarioResult>) -> Column {
    let verdicts = Verdicts {
        scenarios: &results,
        scan: None,
        findings: &[],
        analysis: None,
        event_log: None,
        trails: &[],
        gate: Gate { fail_on: Severity::Medium, analysis_required: false },
        attacked: true,
    };
    let exit_code = outcome(&verdicts).exit_code;
    let cells = results.into_iter().map(Cell::of).collect();
    Column { defect, cells, exit_code }
}

/// Shares work among threads. Each has a runtime and a state of its own; the results are in the order of the work.
pub(super) fn shared<'w, W: Sync, S: Default, R: Send>(
    work: &'w [W],
    workers: usize,
    one: impl AsyncFn(&mut S, &'w W) -> Result<R, QualifyError> + Sync,
) -> Result<Vec<R>, QualifyError> {
    let next = AtomicUsize::new(0);
    let worker = || -> Result<Vec<(usize, R)>, QualifyError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| QualifyError::Worker(e.to_string()))?;
        let mut state = S::default();
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = work.get(place) else { return Ok(done) };
            done.push((place, runtime.block_on(one(&mut state, piece))?));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers.max(1)).map(|_| scope.spawn(worker)).collect();
        let mut done = Vec::with_capacity(work.len());
        for thread in threads {
            let part =
                thread.join().unwrap_or_else(|_| Err(QualifyError::Worker("it panicked".to_owned())))?;
            done.extend(part);
        }
        Ok::<_, QualifyError>(done)
    })?;
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}
