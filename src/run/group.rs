//! Sending the steps of a group at once, and taking handles from the answers.

use futures_util::future::join_all;

use crate::record::evidence::{SentStep, StepEvidence};
use crate::run::handles::{Absent, MadeVersion, Upload};
use crate::run::journal::JournalEntry;
use crate::run::send::Outgoing;
use crate::run::session::Session;
use crate::run::write::makes_version;
use crate::scenario::{Action, ObjectSetup, Role, Step};
use crate::store::client::Reply;
use crate::store::ops::abort_multipart_upload;

/// One request of a group.
struct Flight {
    index: usize,
    role: Role,
    copy: u32,
    outgoing: Outgoing,
}

impl Session<'_> {
    /// Sends a group. Also names `absent` objects whose version only the listing can tell.
    pub(super) async fn group(
        &mut self,
        group: std::ops::Range<usize>,
    ) -> Result<(Vec<StepEvidence>, Vec<String>), String> {
        let scenario = self.scenario;
        let mut steps = Vec::new();
        let mut flights = Vec::new();
        let mut entries = Vec::new();
        for index in group {
            let Some(step) = scenario.steps.get(index) else { continue };
            let role = step.role(self.each).ok_or("the step has no role in this run")?;
            let number = u32::try_from(index).map_err(|_| "too many steps")?;
            let mut evidence = StepEvidence {
                step: number,
                role,
                sent: Vec::new(),
                not_sent: None,
                done: None,
                at: self.server_now(),
            };
            if step.action.of_machine().is_some() {
                match self.act(step).await {
                    Ok(what) => evidence.done = Some(what),
                    Err(why) => evidence.not_sent = Some(why),
                }
                steps.push(evidence);
                continue;
            }
            if self.env.principal(role).is_none() {
                evidence.not_sent = Some(format!("there is no {role}"));
                steps.push(evidence);
                continue;
            }
            for copy in 1..=step.copies.max(1) {
                match self.outgoing(index, step, role, copy) {
                    Ok(outgoing) => {
                        entries.extend(self.journal_of_write(step, &outgoing));
                        flights.push(Flight { index, role, copy, outgoing });
                    }
                    Err(Absent(why)) => {
                        evidence.not_sent = Some(why);
                        break;
                    }
                }
            }
            steps.push(evidence);
        }
        self.env.journal.write(&entries, false).map_err(|e| e.to_string())?;
        let env = self.env;
        let replies = join_all(flights.iter().map(|flight| {
            let who = env.principal(flight.role).flatten();
            env.client.exchange(who, &flight.outgoing.request)
        }))
        .await;
        let mut adopt = Vec::new();
        for (flight, reply) in flights.iter().zip(&replies) {
            let Some(step) = scenario.steps.get(flight.index) else { continue };
            let exchange = self.logged(&reply.exchange);
            let sent = self.learn_answer(step, flight, reply, exchange, &mut adopt);
            if let Some(evidence) = steps.iter_mut().find(|s| usize::try_from(s.step) == Ok(flight.index)) {
                evidence.sent.push(sent);
            }
            if step.action == Action::CreateBucket
                && reply.is_success()
                && let Some(name) = self.bucket_name(step.bucket.as_deref())
            {
                self.tag(&name).await;
            }
        }
        Ok((steps, adopt))
    }

    /// What the tool does to the server itself.
    async fn act(&mut self, step: &Step) -> Result<String, String> {
        let Some(machine) = self.env.machine.clone() else {
            return Err("the tool did not start this server".to_owned());
        };
        let what = match (step.action, step.by) {
            (Action::RestartServer, _) => machine.restart(step.crash).await,
            (Action::MoveClock, Some(by)) => {
                let moved = machine.move_clock(by).await;
                if moved.is_ok() {
                    self.moved += by;
                }
                moved
            }
            _ => Err("the step is no act of the tool".to_owned()),
        };
        match &what {
            Ok(text) | Err(text) => self.note(text.clone()),
        }
        what
    }

    /// Sets a clock that the run moved right again.
    pub(super) async fn set_clock_right(&mut self) -> Result<(), String> {
        if self.moved.is_zero() {
            return Ok(());
        }
        let back = -std::mem::take(&mut self.moved);
        match &self.env.machine {
            Some(machine) => {
                let said = machine.move_clock(back).await?;
                self.note(said);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn journal_of_write(&self, step: &Step, outgoing: &Outgoing) -> Option<JournalEntry> {
        let object = step.object.as_deref().filter(|_| makes_version(step))?;
        Some(JournalEntry::Object {
            run_id: self.env.run_id.clone(),
            bucket: self.handles.bucket_of_step(step).ok()?,
            key: self.handles.key(object),
            sha256: outgoing.sha256.clone(),
            until: outgoing.asked.map(|r| r.until),
        })
    }

    /// Takes handles from an answer.
    fn learn_answer(
        &mut self,
        step: &Step,
        flight: &Flight,
        reply: &Reply,
        exchange: u64,
        adopt: &mut Vec<String>,
    ) -> SentStep {
        let outgoing = &flight.outgoing;
        let mut sent = SentStep {
            copy: flight.copy,
            exchange,
            asked: outgoing.asked,
            sha256: outgoing.sha256.clone(),
            version_id: None,
            upload_id: None,
            logged: None,
        };
        let Some(answer) = reply.answer().filter(|_| reply.is_success()) else { return sent };
        let header = |name| answer.header(name).filter(|v| !v.is_empty()).map(ToOwned::to_owned);
        let data = makes_version(step);
        match step.action {
            Action::CreateMultipartUpload => {
                sent.upload_id = answer.element("UploadId").filter(|id| !id.is_empty());
                if let (Some(id), Ok(bucket), Some(object)) =
                    (&sent.upload_id, self.handles.bucket_of_step(step), step.object.as_deref())
                {
                    let key = self.handles.key(object);
                    // An upload without a name must be aborted, too.
                    let name = step.name.clone().unwrap_or_else(|| format!("#{exchange}"));
                    let upload = Upload { bucket, key, id: id.clone(), parts: Vec::new(), open: true };
                    self.handles.uploads.insert(name, upload);
                }
            }
            Action::UploadPart => {
                let etag = header("etag").unwrap_or_default();
                if let (Some(part), Some(upload)) =
                    (&outgoing.part, step.upload.as_deref().and_then(|u| self.handles.uploads.get_mut(u)))
                {
                    let mut part = part.clone();
                    part.etag = etag;
                    upload.parts.retain(|p| p.number != part.number);
                    upload.parts.push(part);
                    upload.parts.sort_by_key(|p| p.number);
                }
            }
            Action::CompleteMultipartUpload | Action::AbortMultipartUpload => {
                if let Some(upload) = step.upload.as_deref().and_then(|u| self.handles.uploads.get_mut(u)) {
                    upload.open = false;
                }
            }
            Action::DeleteObjects => sent.version_id = answer.element("DeleteMarkerVersionId"),
            _ => {}
        }
        if data || step.action == Action::DeleteObject {
            sent.version_id = header("x-amz-version-id");
        }
        let Some(object) = step.object.as_deref() else { return sent };
        let archive = step.body.is_some() && step.action != Action::PostForm;
        if data && !archive {
            self.own(object, sent.version_id.as_ref(), adopt);
        } else if data {
            adopt.push(object.to_owned());
        }
        if let Some(name) = &step.name
            && (data || step.action == Action::DeleteObject)
        {
            let made = MadeVersion {
                object: object.to_owned(),
                version_id: sent.version_id.clone(),
                sha256: sent.sha256.clone(),
            };
            self.handles.made.entry(name.clone()).or_insert(made);
        }
        sent
    }

    /// The first version that an accepted step makes of an `absent` object is its own.
    fn own(&mut self, object: &str, version_id: Option<&String>, adopt: &mut Vec<String>) {
        let absent = self.scenario.object(object).is_some_and(|o| o.setup == ObjectSetup::Absent);
        if !absent || self.handles.own_made.contains(object) {
            return;
        }
        self.handles.own_made.insert(object.to_owned());
        match version_id {
            Some(id) => {
                if let Some(placed) = self.handles.placed.iter_mut().find(|p| p.object == object) {
                    placed.version_id = Some(id.clone());
                }
            }
            None => adopt.push(object.to_owned()),
        }
    }

    /// Ends uploads that are still open.
    pub(super) async fn abort_uploads(&mut self) {
        let open: Vec<Upload> = self.handles.uploads.values().filter(|u| u.open).cloned().collect();
        for upload in open {
            let request = abort_multipart_upload(&upload.bucket, &upload.key, &upload.id);
            let (reply, _) = self.as_administrator(&request).await;
            if let Some(trouble) = reply.trouble().filter(|_| reply.status() != Some(404)) {
                self.note(format!("an upload to {} could not be aborted: {trouble}", upload.key));
            }
        }
    }
}
