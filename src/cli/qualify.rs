//! `qualify`: the suite against every seeded defect.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use crate::cli::args::{QualifyArgs, QualifyFormat};
use crate::cli::small::suite_failure;
use crate::cli::{Failure, out};
use crate::qualify::{MatrixOptions, Pairs, Qualification, matrix, together};
use crate::record::Verdict;
use crate::scenario::{Dialects, Suite};
use crate::time::Clock;

/// Runs the matrix. Exit code 0: every defect is caught, no sampled pair of defects is hidden, and every scenario can
/// fail; else 1.
pub(super) fn qualify(args: &QualifyArgs, quiet: bool) -> Result<u8, Failure> {
    let suite = Suite::builtin().map_err(|e| suite_failure(&e))?;
    let dialects = Dialects::builtin().map_err(|e| Failure::new(e, None::<String>))?;
    let workers = args.jobs.map_or_else(
        || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        usize::from,
    );
    let shown = !quiet && std::io::stderr().is_terminal();
    let progress = |done: usize, of: usize| {
        if shown {
            // Nobody is left to be told when stderr is gone.
            let _ = write!(std::io::stderr(), "\r{done} of {of} servers");
        }
    };
    let began = Clock::Real.now();
    let options = MatrixOptions { workers, exhaustive: args.exhaustive, progress: &progress };
    let matrix = matrix(&suite, &dialects, &options)
        .map_err(|e| Failure::new(e, Some("this is a mistake of the tool: please report it")))?;
    if shown {
        let _ = writeln!(std::io::stderr());
    }
    let mut result = Qualification::of(&matrix);
    if args.together > 0 {
        let sample = (usize::from(args.together), args.seed);
        let pairs = together(&suite, &dialects, &result, sample, workers)
            .map_err(|e| Failure::new(e, Some("this is a mistake of the tool: please report it")))?;
        result.together = Some(pairs);
    }
    let took = Clock::Real.now() - began;
    let bytes = match args.format {
        QualifyFormat::Table => {
            let mut text = table(&result);
            let _ = writeln!(
                text,
                "{} cells, {} of them run, in {} s",
                matrix.cells(),
                matrix.ran,
                took.num_seconds()
            );
            text.into_bytes()
        }
        QualifyFormat::Json => {
            let mut json = serde_json::to_vec_pretty(&result).map_err(|e| Failure::new(e, None::<String>))?;
            json.push(b'\n');
            json
        }
    };
    match &args.output {
        None => out(&bytes)?,
        Some(path) => write(path, &bytes)?,
    }
    if let Some(path) = &args.pairs {
        write(path, Pairs::choose(&result).text().as_bytes())?;
    }
    let hidden = result.together.as_ref().is_some_and(|t| !t.hidden.is_empty());
    Ok(u8::from(hidden || !result.score.is_full()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes)
        .map_err(|e| Failure::new(format!("cannot write {}: {e}", path.display()), None::<String>))
}

/// What is missing first, then how well each defect is covered.
fn table(result: &Qualification) -> String {
    let mut text = String::new();
    let mut line = |s: String| {
        text.push_str(&s);
        text.push('\n');
    };
    for defect in &result.defects {
        let by = match defect.by.as_slice() {
            [] if defect.useless && defect.caught => format!("no pass, exit code {}", defect.exit_code),
            [] => "NOT CAUGHT".to_owned(),
            ids if ids.len() <= 6 => ids.join(" "),
            ids => format!("{} and {} more", ids[..5].join(" "), ids.len() - 5),
        };
        line(format!("{:<36} {by}", defect.name));
    }
    for scenario in &result.scenarios {
        if let Some(why) = &scenario.reason {
            line(format!("{:<10} is {} on the sound server: {why}", scenario.id, scenario.sound.word()));
        }
        if scenario.sound == Verdict::Pass && scenario.fails_on.is_empty() {
            line(format!("{:<10} NO DEFECT FAILS IT", scenario.id));
        }
    }
    line(result.score.sentence());
    if let Some(pairs) = &result.together {
        for [first, second] in &pairs.hidden {
            line(format!("{first} and {second} together: NOT CAUGHT"));
        }
        line(pairs.sentence());
    }
    line(format!("suite {}\nmatrix {}", result.suite, result.matrix));
    text
}
