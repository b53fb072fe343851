//! `profiles`: the built-in profiles, one as it is written, and the check of profile files.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::cli::args::ListFormat;
use crate::cli::args::profiles::ProfilesCommand;
use crate::cli::setup::words;
use crate::cli::small::suite_failure;
use crate::cli::{Failure, note, out, out_text};
use crate::lock::Mode;
use crate::profile::{ClockStart, Override, Profile, ProfileError, Requirement};
use crate::record::vocabulary;
use crate::scenario::{Controls, Suite};
use crate::time::{Clock, Span};

/// Runs one of the commands.
pub(super) fn profiles(command: &ProfilesCommand) -> Result<u8, Failure> {
    match command {
        ProfilesCommand::List { format: ListFormat::Json } => {
            json_out(&Profile::builtin().iter().map(row).collect())?;
        }
        ProfilesCommand::List { format: ListFormat::Table } => {
            let width = Profile::builtin().iter().map(|p| p.name.len()).max().unwrap_or(0);
            for p in Profile::builtin() {
                out_text(&format!("{:<width$}  {}\n", p.name, p.title))?;
            }
        }
        ProfilesCommand::Show { name, format } => {
            let profile = Profile::load(name).map_err(|error| failure(&error))?;
            let now = Clock::Real.now();
            match format {
                ListFormat::Json => {
                    let mut whole = row(&profile);
                    whole["source"] = json!(profile.source);
                    whole["dates"] = dates(&profile.requirement, now).iter().map(Dates::json).collect();
                    json_out(&whole)?;
                }
                // What follows the text is a comment, so that the output is a profile file again.
                ListFormat::Table => {
                    out_text(&format!("{}\n\n{}", profile.source.trim_end(), notes(&profile, now)))?;
                }
            }
        }
        ProfilesCommand::Check { path, scenarios } => check(path, scenarios.as_deref())?,
    }
    Ok(0)
}

/// A profile that cannot be used, with every mistake drawn.
pub(super) fn failure(error: &ProfileError) -> Failure {
    if let ProfileError::Mistakes { mistakes, .. } = error {
        for mistake in mistakes {
            note(&format!("{mistake}\n"));
        }
    }
    Failure { message: error.to_string(), hint: error.hint(), code: 2 }
}

fn json_out(value: &Value) -> Result<(), Failure> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    out(&text)
}

fn row(profile: &Profile) -> Value {
    json!({
        "name": profile.name, "title": profile.title, "summary": profile.summary, "from": profile.from,
        "verified-on": profile.verified_on, "digest": profile.digest, "bucket": profile.bucket,
        "variables": profile.variables.iter()
            .map(|(name, v)| json!({"name": name, "text": v.text, "default": v.default}))
            .collect::<Vec<_>>(),
        "controls": profile.controls.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(),
        "items": profile.items.len(), "claims": profile.claims.len(),
    })
}

/// What is owed for a version that is made now.
struct Dates {
    /// The override's name; `None` for all other versions.
    name: Option<String>,
    what: String,
    clock: ClockStart,
    made: DateTime<Utc>,
    floor: Option<Span>,
    ceiling: Option<Span>,
}

impl Dates {
    fn of(all: &Requirement, own: Option<&Override>, made: DateTime<Utc>) -> Self {
        let mode = own.and_then(|o| o.mode).or(all.mode);
        let hold = own.and_then(|o| o.hold).unwrap_or(all.hold);
        let what = match (mode, hold) {
            (Some(mode), true) => format!("{}, with a legal hold", mode.as_str()),
            (Some(Mode::Governance), false) => "GOVERNANCE or COMPLIANCE".to_owned(),
            (Some(mode), false) => mode.as_str().to_owned(),
            (None, true) => "a legal hold".to_owned(),
            (None, false) => "any lock".to_owned(),
        };
        Self {
            name: own.map(|o| o.name.clone()),
            what,
            clock: own.and_then(|o| o.clock).unwrap_or(all.clock),
            made,
            floor: own.and_then(|o| o.min_retention).or(all.min_retention),
            ceiling: own.and_then(|o| o.max_retention).or(all.max_retention),
        }
    }

    /// The day until which a length keeps it, and the days until then.
    fn end(&self, length: Span) -> String {
        let end = self.clock.owed(self.made, length);
        format!(
            "{} ({length} from {}; {} days)",
            end.format("%Y-%m-%d"),
            self.clock,
            (end.date_naive() - self.made.date_naive()).num_days()
        )
    }

    fn text(&self) -> String {
        let who =
            self.name.as_ref().map_or_else(|| "every version".to_owned(), |name| format!("override {name}"));
        let mut text = format!("{who}: {}", self.what);
        if let Some(floor) = self.floor {
            text += &format!("; owed until {}", self.end(floor));
        }
        if let Some(ceiling) = self.ceiling {
            text += &format!("; kept at most until {}", self.end(ceiling));
        }
        text
    }

    fn json(&self) -> Value {
        let day = |length: Option<Span>| length.map(|l| self.clock.owed(self.made, l).date_naive());
        json!({
            "override": self.name, "made": self.made.date_naive(), "clock": self.clock.to_string(),
            "owed-until": day(self.floor), "at-most-until": day(self.ceiling),
        })
    }
}

fn dates(requirement: &Requirement, now: DateTime<Utc>) -> Vec<Dates> {
    let others = requirement.overrides.iter().map(|o| Dates::of(requirement, Some(o), now));
    std::iter::once(Dates::of(requirement, None, now)).chain(others).collect()
}

/// Comments for people: dates that can be checked by hand, and how far each citation was checked.
fn notes(profile: &Profile, now: DateTime<Utc>) -> String {
    let mut text = format!("# A version made today ({}, all dates in UTC):\n", now.format("%Y-%m-%d"));
    for dates in dates(&profile.requirement, now) {
        text += &format!("#   {}\n", dates.text());
    }
    let Ok(controls) = Controls::builtin() else { return text };
    if !profile.controls.is_empty() {
        text += "# Clauses (V: read; S: secondary text; M: not verified; X: shown by a tool), and the day of the check:\n";
    }
    for control in profile.controls.iter().filter_map(|claim| controls.get(&claim.id)) {
        text +=
            &format!("#   [{} {}] {}: {}\n", control.trust, control.verified_on, control.id, control.source);
    }
    text
}

fn check(path: &Path, scenarios: Option<&Path>) -> Result<(), Failure> {
    let mut suite = Suite::builtin().map_err(|e| suite_failure(&e))?;
    if let Some(dir) = scenarios {
        suite = suite.with(dir, &[]).map_err(|e| suite_failure(&e))?;
    }
    let known = vocabulary(&suite);
    let files = files(path)?;
    let (mut good, mut mistakes) = (0, 0);
    for file in &files {
        let text = std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?;
        match Profile::check(&file.display().to_string(), &text, &known) {
            Ok(_) => good += 1,
            Err(found) => {
                mistakes += found.len();
                for mistake in found {
                    note(&format!("{mistake}\n"));
                }
            }
        }
    }
    if mistakes > 0 {
        let count = if mistakes == 1 { "a mistake".to_owned() } else { format!("{mistakes} mistakes") };
        return Err(Failure::usage(
            format!("{count} in the profile files"),
            "the format is in docs/profiles.md",
        ));
    }
    let plural = if good == 1 { "profile" } else { "profiles" };
    note(&format!("{good} {plural}, no mistakes"));
    Ok(())
}

/// The file itself, or the profile files of a directory.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| unreadable(path, &e))? {
        let file = entry.map_err(|e| unreadable(path, &e))?.path();
        if file.extension().is_some_and(|e| e == "toml") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::usage(
            format!("{} holds no profile file", path.display()),
            "a profile file ends in .toml",
        ));
    }
    Ok(files)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(
        format!("cannot read {}: {}", path.display(), words(error)),
        "name a profile file (TOML), or a directory of them",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn the_dates_that_are_shown_are_those_of_the_calendar() {
        let made = Utc.with_ymd_and_hms(2026, 11, 25, 13, 0, 0).single().expect("a date");
        let text = "name = \"x\"\ntitle = \"x\"\nsummary = \"x\"\nfrom = \"x\"\nverified-on = \"2026-11-25\"\n\
                    [require]\nmode = \"compliance\"\nmin-retention = \"10 years\"\n\
                    [[override]]\nname = \"DE\"\ntag = \"country=DE\"\nmin-retention = \"8 years\"\n\
                    max-retention = \"9 years\"\nclock = \"end of calendar year\"\nwhy = \"x\"\n\
                    [[control]]\nid = \"x\"\norganisational = \"x\"\n";
        let profile = Profile::parse("x", text).expect("a profile");
        let shown: Vec<String> = dates(&profile.requirement, made).iter().map(Dates::text).collect();
        assert_eq!(
            shown,
            [
                "every version: COMPLIANCE; owed until 2036-11-25 (10 years from creation; 3653 days)",
                "override DE: COMPLIANCE; owed until 2035-01-01 (8 years from the end of the calendar year of its \
                 creation; 2959 days); kept at most until 2036-01-01 (9 years from the end of the calendar year of its \
                 creation; 3324 days)",
            ]
        );
    }
}
