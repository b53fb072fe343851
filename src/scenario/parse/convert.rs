//! From the raw file to the model: words become values, names are looked up.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::TimeDelta;
use toml::Spanned;

use crate::lock::{LegalHold, Mode};
use crate::scenario::model::{
    Action, After, AfterContent, AfterRetention, AfterVersion, ArchiveEntry, As, AskRetention, Because,
    BodySpec, BucketSpec, Capability, DefaultRetention, Expect, Integrity, Moment, ObjectSetup, ObjectSpec,
    On, Purpose, Reach, Safety, Scenario, Severity, Step, Until, VersionRef, Versioning,
};
use crate::scenario::parse::mistake::{Mistake, nearest};
use crate::scenario::parse::raw::{
    RawAfter, RawAfterRetention, RawBucket, RawDefault, RawObject, RawRetention, RawScenario, RawStep, Word,
    Words,
};
use crate::scenario::rights::Role;
use crate::time::{Span, parse_wire};

/// Collects the mistakes of one file.
pub(super) struct Reader<'a> {
    pub file: &'a str,
    pub text: &'a str,
    pub mistakes: Vec<Mistake>,
    pub policies: &'a dyn Fn(&str) -> Option<String>,
}

/// What a name may refer to, for the messages.
const NAME_HINT: &str = "names match [a-z][a-z0-9-]{0,30}";

impl Reader<'_> {
    pub(super) fn wrong(&mut self, span: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.mistakes.push(Mistake::at(self.file, self.text, span, message.into(), hint.into()));
    }

    /// A word of a fixed set; a slip gets the nearest word as a hint.
    fn word<T: Copy>(&mut self, word: &Word, what: &str, all: &[T], of: fn(T) -> &'static str) -> Option<T> {
        let found = all.iter().copied().find(|v| of(*v) == word.get_ref());
        if found.is_none() {
            let words: Vec<&str> = all.iter().map(|v| of(*v)).collect();
            let hint = nearest(word.get_ref(), words.iter().copied()).map_or_else(
                || format!("one of: {}", words.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.wrong(&word.span(), format!("`{}` is no {what}", word.get_ref()), hint);
        }
        found
    }

    fn name(&mut self, word: &Word) -> String {
        let text = word.get_ref();
        let good = text.len() <= 31
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !good || matches!(text.as_str(), "own" | "marker" | "latest" | "null" | "unknown" | "each") {
            self.wrong(&word.span(), format!("`{text}` is no name"), NAME_HINT);
        }
        text.clone()
    }

    fn known<'b>(&mut self, word: &Word, what: &str, names: impl Iterator<Item = &'b str> + Clone) -> String {
        if !names.clone().any(|n| n == word.get_ref()) {
            let hint = nearest(word.get_ref(), names.clone()).map_or_else(
                || format!("this scenario has: {}", names.collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.wrong(&word.span(), format!("there is no {what} `{}`", word.get_ref()), hint);
        }
        word.get_ref().clone()
    }

    fn span_of(&mut self, text: &str, at: &Range<usize>) -> Span {
        Span::parse(text).unwrap_or_else(|error| {
            self.wrong(at, error.to_string(), error.hint());
            Span::Exact(TimeDelta::zero())
        })
    }

    fn mode(&mut self, text: &str, at: &Range<usize>) -> Option<Mode> {
        let mode = match text {
            "compliance" => Some(Mode::Compliance),
            "governance" => Some(Mode::Governance),
            _ => None,
        };
        if mode.is_none() {
            self.wrong(at, format!("`{text}` is no retention mode"), "`compliance` or `governance`");
        }
        mode
    }

    fn hold(&mut self, word: &Word) -> Option<LegalHold> {
        let hold = match word.get_ref().as_str() {
            "on" => Some(LegalHold::On),
            "off" => Some(LegalHold::Off),
            _ => None,
        };
        if hold.is_none() {
            self.wrong(&word.span(), format!("`{}` is no legal hold", word.get_ref()), "`on` or `off`");
        }
        hold
    }

    fn moment(&mut self, text: &str, at: &Range<usize>, objects: &[&str]) -> Option<Moment> {
        let parts: Vec<&str> = text.splitn(3, ' ').collect();
        let moment = match parts.as_slice() {
            [object, "expires"] => Some((*object, TimeDelta::zero())),
            [object, "expires", rest] => {
                let (sign, length) = match rest.split_at_checked(2) {
                    Some(("+ ", length)) => (1, length),
                    Some(("- ", length)) => (-1, length),
                    _ => (0, ""),
                };
                match Span::parse(length) {
                    Ok(Span::Exact(delta)) if sign != 0 => Some((*object, delta * sign)),
                    _ => None,
                }
            }
            _ => None,
        };
        let Some((object, offset)) = moment else {
            self.wrong(at, format!("`{text}` is no moment"), "write `ledger expires - 1 second`");
            return None;
        };
        if !objects.contains(&object) {
            self.wrong(
                at,
                format!("there is no object `{object}`"),
                format!("this scenario has: {}", objects.join(", ")),
            );
        }
        Some(Moment { object: object.to_owned(), offset })
    }

    fn retention(&mut self, raw: &Spanned<RawRetention>, objects: &[&str]) -> Option<AskRetention> {
        let at = raw.span();
        match raw.get_ref() {
            RawRetention::Word(word) if word == "empty" => Some(AskRetention::Empty),
            RawRetention::Word(word) => {
                self.wrong(&at, format!("`{word}` is no retention"), "a table { mode, lasts }, or \"empty\"");
                None
            }
            RawRetention::Table(table) => {
                let mode = table.mode.as_deref().and_then(|m| self.mode(m, &at));
                let ends: Vec<Until> = [
                    table.lasts.as_deref().map(|t| Until::Lasts(self.span_of(t, &at))),
                    table.until.as_deref().and_then(|t| {
                        let parsed = parse_wire(t).map(Until::At);
                        if parsed.is_none() {
                            self.wrong(
                                &at,
                                format!("`{t}` is no instant"),
                                "write 2030-01-01T00:00:00Z, or use `literal`",
                            );
                        }
                        parsed
                    }),
                    table.relative.as_deref().and_then(|t| self.moment(t, &at, objects)).map(Until::Relative),
                    table.literal.clone().map(Until::Literal),
                ]
                .into_iter()
                .flatten()
                .collect();
                if ends.len() > 1 {
                    self.wrong(&at, "a retention has one end", "give one of lasts, until, relative, literal");
                }
                Some(AskRetention::Set { mode, until: ends.into_iter().next() })
            }
        }
    }

    fn default_retention(&mut self, raw: &Spanned<RawDefault>) -> Option<DefaultRetention> {
        let at = raw.span();
        match raw.get_ref() {
            RawDefault::Word(word) if word == "none" => None,
            RawDefault::Word(word) => {
                self.wrong(
                    &at,
                    format!("`{word}` is no default retention"),
                    "a table { mode, days }, or \"none\"",
                );
                None
            }
            RawDefault::Table(table) => {
                let mode = self.mode(&table.mode, &at)?;
                let period = match (table.days, table.years) {
                    (Some(days), None) => Span::Exact(TimeDelta::days(i64::from(days))),
                    (None, Some(years)) => Span::Months(years.saturating_mul(12)),
                    _ => {
                        self.wrong(&at, "a default retention has either days or years", "give exactly one");
                        return None;
                    }
                };
                Some(DefaultRetention { mode, period })
            }
        }
    }

    fn policy(&mut self, word: &Word) -> Option<String> {
        let found = (self.policies)(word.get_ref());
        if found.is_none() {
            self.wrong(
                &word.span(),
                format!("there is no policy file `{}`", word.get_ref()),
                "policies lie in fixtures/policies",
            );
        }
        found
    }

    fn version(&mut self, word: &Word, names: &Names) -> VersionRef {
        match word.get_ref().as_str() {
            "latest" => VersionRef::Latest,
            "own" => VersionRef::Own,
            "marker" => VersionRef::Marker,
            "null" => VersionRef::Null,
            "unknown" => VersionRef::Unknown,
            text => {
                if let Some(literal) = text.strip_prefix('=') {
                    return VersionRef::Literal(literal.to_owned());
                }
                VersionRef::Step(self.known(word, "step of the name", names.handles()))
            }
        }
    }
}

/// The names that a scenario declares.
pub(super) struct Names {
    pub objects: Vec<String>,
    pub buckets: Vec<String>,
    pub bodies: Vec<String>,
    pub handles: Vec<String>,
}

impl Names {
    fn objects(&self) -> impl Iterator<Item = &str> + Clone {
        self.objects.iter().map(String::as_str)
    }

    fn handles(&self) -> impl Iterator<Item = &str> + Clone {
        self.handles.iter().map(String::as_str)
    }
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<(String, String)> {
    map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

impl Reader<'_> {
    /// One scenario; `None` only if a word without which nothing can be built is wrong.
    pub(super) fn scenario(&mut self, raw: &RawScenario, group: &str) -> Option<Scenario> {
        let names = Names {
            objects: raw.object.keys().map(|n| self.name(n)).collect(),
            buckets: raw.bucket.keys().map(|n| self.name(n)).collect(),
            bodies: raw
                .archive
                .keys()
                .chain(raw.form.keys())
                .chain(raw.delete_list.keys())
                .map(|n| self.name(n))
                .collect(),
            handles: raw.step.iter().filter_map(|s| s.name.as_ref()).map(|n| self.name(n)).collect(),
        };
        let severity = self.word(&raw.severity, "severity", Severity::ALL, Severity::word);
        let reach = self.word(&raw.reach, "reach", Reach::ALL, Reach::word);
        let safety = self.word(&raw.safety, "safety class", Safety::ALL, Safety::word);
        let requires = raw
            .requires
            .iter()
            .filter_map(|w| self.word(w, "capability", Capability::ALL, Capability::word))
            .collect();
        let for_each =
            raw.for_each.iter().filter_map(|w| self.word(w, "role", Role::ALL, Role::word)).collect();
        let buckets = raw.bucket.iter().map(|(name, b)| self.bucket(name, b)).collect();
        let objects = raw.object.iter().map(|(name, o)| self.object(name, o, &names)).collect();
        let bodies = self.bodies(raw, &names);
        let steps: Vec<Option<Step>> = raw.step.iter().map(|s| self.step(s, &names)).collect();
        let mut after = Vec::new();
        for (object, rows) in &raw.after {
            let object = self.known(object, "object", names.objects());
            for row in rows.as_slice() {
                if let Some(named) = &row.object {
                    self.wrong(
                        &named.span(),
                        "the object stands in the table's name already",
                        "leave `object` out",
                    );
                }
                after.extend(self.after(row, object.clone(), &names));
            }
        }
        Some(Scenario {
            id: raw.id.get_ref().clone(),
            title: raw.title.get_ref().clone(),
            severity: severity?,
            reach: reach?,
            safety: safety?,
            requires,
            controls: raw.controls.iter().map(|c| c.get_ref().clone()).collect(),
            threat: raw.threat.clone(),
            note: raw.note.clone(),
            covers: raw.covers.clone(),
            group: group.to_owned(),
            for_each,
            repeat: raw.repeat.unwrap_or(1).max(1),
            buckets,
            objects,
            bodies,
            steps: steps.into_iter().collect::<Option<Vec<_>>>()?,
            after,
            source: String::new(),
            digest: String::new(),
        })
    }

    fn bucket(&mut self, name: &Word, raw: &RawBucket) -> BucketSpec {
        let versioning = raw
            .versioning
            .as_ref()
            .and_then(|w| self.word(w, "versioning state", Versioning::ALL, Versioning::word))
            .unwrap_or(if raw.object_lock { Versioning::Enabled } else { Versioning::Unset });
        BucketSpec {
            name: name.get_ref().clone(),
            twin: raw.twin,
            object_lock: raw.object_lock,
            versioning,
            default_retention: raw.default_retention.as_ref().and_then(|d| self.default_retention(d)),
            policy: raw.policy.as_ref().and_then(|p| self.policy(p)),
        }
    }

    fn object(&mut self, name: &Word, raw: &RawObject, names: &Names) -> ObjectSpec {
        let setup = raw
            .state
            .as_ref()
            .and_then(|w| self.word(w, "object state", ObjectSetup::ALL, ObjectSetup::word))
            .unwrap_or(ObjectSetup::Present);
        if raw.content.is_none() && setup != ObjectSetup::Absent {
            self.wrong(
                &name.span(),
                format!("the object `{}` has no content", name.get_ref()),
                "give `content`, or `state = \"absent\"`",
            );
        }
        let bucket =
            raw.bucket.as_ref().map(|b| self.known(b, "bucket", names.buckets.iter().map(String::as_str)));
        if raw.inherit && bucket.is_none() {
            self.wrong(&name.span(), "only an object in a bucket of the scenario may inherit", "give `in`");
        }
        ObjectSpec {
            name: name.get_ref().clone(),
            bucket,
            content: raw.content.clone().unwrap_or_default(),
            setup,
            retention: raw.retention.as_ref().and_then(|r| self.retention(r, &[])),
            hold: raw.hold.as_ref().and_then(|h| self.hold(h)),
            key_suffix: raw.key_suffix.clone(),
            inherit: raw.inherit,
        }
    }

    fn bodies(&mut self, raw: &RawScenario, names: &Names) -> Vec<(String, BodySpec)> {
        let mut bodies = Vec::new();
        for (name, archive) in &raw.archive {
            let entries = archive
                .entries
                .iter()
                .map(|e| ArchiveEntry {
                    object: self.known(&e.object, "object", names.objects()),
                    content: e.content.clone(),
                    pax: pairs(&e.pax),
                })
                .collect();
            bodies.push((name.get_ref().clone(), BodySpec::Archive { entries }));
        }
        for (name, form) in &raw.form {
            bodies.push((name.get_ref().clone(), BodySpec::Form { fields: pairs(&form.fields) }));
        }
        for (name, list) in &raw.delete_list {
            let entries = list
                .entries
                .iter()
                .map(|e| {
                    let object = self.known(&e.object, "object", names.objects());
                    let version = e.version.as_ref().map_or(VersionRef::Latest, |v| self.version(v, names));
                    (object, version)
                })
                .collect();
            bodies.push((name.get_ref().clone(), BodySpec::DeleteList { entries }));
        }
        bodies
    }

    fn step(&mut self, raw: &RawStep, names: &Names) -> Option<Step> {
        let objects: Vec<&str> = names.objects().collect();
        let purpose = self.word(&raw.purpose, "purpose", Purpose::ALL, Purpose::word);
        let action = self.word(&raw.action, "action", Action::ALL, Action::word);
        let expect = self.word(&raw.expect, "expected answer", Expect::ALL, Expect::word);
        let who = if raw.who.get_ref() == "each" {
            Some(As::Each)
        } else {
            self.word(&raw.who, "role", Role::ALL, Role::word).map(As::Role)
        };
        let because = raw.because.as_ref().map_or_else(Vec::new, |because| {
            let words = match because.get_ref() {
                Words::One(word) => std::slice::from_ref(word),
                Words::Many(words) => words.as_slice(),
            };
            words
                .iter()
                .filter_map(|w| {
                    self.word(&Spanned::new(because.span(), w.clone()), "reason", Because::ALL, Because::word)
                })
                .collect()
        });
        let mut after = Vec::new();
        for row in raw.after.as_ref().map_or(&[][..], |a| a.get_ref().as_slice()) {
            if let Some(object) = &row.object {
                let object = self.known(object, "object", names.objects());
                after.extend(self.after(row, object, names));
            } else {
                self.wrong(&raw.text.span(), "a row of this step's `after` names no object", "give `object`");
            }
        }
        let by_name = |names: &[String]| names.to_vec();
        let (buckets, bodies, handles) =
            (by_name(&names.buckets), by_name(&names.bodies), by_name(&names.handles));
        let look = |this: &mut Self, word: &Option<Word>, what: &str, all: &[String]| {
            word.as_ref().map(|w| this.known(w, what, all.iter().map(String::as_str)))
        };
        Some(Step {
            text: raw.text.get_ref().clone(),
            object: look(self, &raw.object, "object", &names.objects),
            bucket: look(self, &raw.bucket, "bucket", &buckets),
            on: raw.on.as_ref().and_then(|w| self.word(w, "aim", On::ALL, On::word)),
            version: raw.version.as_ref().map(|v| self.version(v, names)),
            because,
            name: raw.name.as_ref().map(|n| n.get_ref().clone()),
            upload: look(self, &raw.upload, "upload", &handles),
            part: raw.part,
            content: raw.content.clone(),
            body: look(self, &raw.body, "body", &bodies),
            retention: raw.retention.as_ref().and_then(|r| self.retention(r, &objects)),
            hold: raw.hold.as_ref().and_then(|h| self.hold(h)),
            versioning: raw
                .versioning
                .as_ref()
                .and_then(|w| self.word(w, "versioning state", Versioning::ALL, Versioning::word)),
            default_retention: raw.default_retention.as_ref().map(|d| self.default_retention(d)),
            policy: raw.policy.as_ref().and_then(|p| self.policy(p)),
            source: look(self, &raw.source, "object", &names.objects),
            source_version: raw.source_version.as_ref().map(|v| self.version(v, names)),
            replace_metadata: raw.replace_metadata,
            bypass_governance: raw.bypass_governance,
            if_none_match: raw.if_none_match.clone(),
            if_match: raw.if_match.clone(),
            method: raw.method.as_ref().map(|m| m.get_ref().clone()),
            query: pairs(&raw.query),
            headers: pairs(&raw.headers),
            unsigned_headers: pairs(&raw.unsigned_headers),
            presigned: raw.presigned,
            integrity: raw
                .integrity
                .as_ref()
                .and_then(|w| self.word(w, "integrity", Integrity::ALL, Integrity::word)),
            quiet: raw.quiet,
            at: raw.at.as_ref().and_then(|w| self.moment(w.get_ref(), &w.span(), &objects)),
            together: raw.together.clone(),
            copies: raw.copies.unwrap_or(1).max(1),
            after,
            line: u32::try_from(self.text[..raw.purpose.span().start].matches('\n').count() + 1).unwrap_or(0),
            purpose: purpose?,
            who: who?,
            action: action?,
            expect: expect?,
        })
    }

    fn after(&mut self, raw: &RawAfter, object: String, names: &Names) -> Option<After> {
        let version = raw.version.as_ref().and_then(|w| match w.get_ref().as_str() {
            "present" => Some(AfterVersion::Present),
            "gone" => Some(AfterVersion::Gone),
            "never-made" => Some(AfterVersion::NeverMade),
            other => {
                self.wrong(
                    &w.span(),
                    format!("`{other}` is no state of a version"),
                    "present, gone or never-made",
                );
                None
            }
        });
        let content = raw.content.as_ref().map(|w| match w.get_ref().as_str() {
            "unchanged" => AfterContent::Unchanged,
            _ => AfterContent::Of(self.known(w, "step of the name", names.handles())),
        });
        let retention = raw.retention.as_ref().and_then(|r| {
            let at = r.span();
            match r.get_ref() {
                RawAfterRetention::Word(word) => Some(match word.as_str() {
                    "unchanged" => AfterRetention::Unchanged,
                    "none" => AfterRetention::None,
                    "default" => AfterRetention::Default,
                    name => {
                        if !names.handles.iter().any(|h| h == name) {
                            self.wrong(
                                &at,
                                format!("there is no step of the name `{name}`"),
                                "unchanged, none, default, or a step's name",
                            );
                        }
                        AfterRetention::Of(name.to_owned())
                    }
                }),
                RawAfterRetention::Table(table) => {
                    let mode = self.mode(&table.mode, &at)?;
                    Some(AfterRetention::AtLeast(mode, self.span_of(&table.at_least, &at)))
                }
            }
        });
        Some(After {
            object,
            of: raw.of.as_ref().map_or(VersionRef::Own, |w| self.version(w, names)),
            version,
            content,
            retention,
            hold: raw.hold.as_ref().and_then(|h| self.hold(h)),
            versions: raw.versions,
            markers: raw.markers,
            if_accepted: raw.if_accepted.as_ref().map(|w| self.known(w, "step of the name", names.handles())),
            line: 0,
        })
    }
}
