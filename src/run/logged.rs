//! Reading what the server's own log says of the requests of a group.

use crate::lock::Reading;
use crate::record::evidence::{LogEvidence, StepEvidence};
use crate::run::session::Session;
use crate::scenario::Step;
use crate::store::access_log::without_secrets;

/// How a note in the record's log begins that holds an entry of the server's.
const NOTE: &str = "the server's own log: ";

/// The header that numbers S3's answers, and by which the entry of a request is found.
const REQUEST_ID: &str = "x-amz-request-id";

impl Session<'_> {
    /// How far the log has come, if one of the steps asks anything of it.
    pub(super) fn log_mark(&self, steps: &[Step]) -> Option<u64> {
        let asked = steps.iter().any(|s| !s.logged.is_empty());
        self.env.access_log.as_ref().filter(|_| asked).map(|log| log.mark())
    }

    /// Reads the log for the steps that ask for it.
    pub(super) async fn read_log(&self, steps: &mut [StepEvidence], mark: Option<u64>) {
        for evidence in steps {
            let step = usize::try_from(evidence.step).ok().and_then(|i| self.scenario.steps.get(i));
            if step.is_none_or(|s| s.logged.is_empty()) {
                continue;
            }
            let who = self.env.principal(evidence.role).flatten();
            for sent in &mut evidence.sent {
                let mut found = LogEvidence {
                    sender: who.map(|w| w.access_key.clone()),
                    reading: Reading::Unread("the tool cannot read this server's log".to_owned()),
                    others: 0,
                    waited_ms: 0,
                    events: Vec::new(),
                };
                if let (Some(log), Some(mark)) = (&self.env.access_log, mark) {
                    match self.env.log.answer_header(sent.exchange, REQUEST_ID) {
                        None => {
                            found.reading = Reading::Unread("the answer carried no request id".to_owned());
                        }
                        Some(id) => match log.of_request(&id, mark).await {
                            Err(why) => found.reading = Reading::Unread(why),
                            Ok(shown) => {
                                for written in &shown.entries {
                                    let text = without_secrets(&written.text, who);
                                    let event = self.env.log.note(
                                        self.env.clock.now(),
                                        &self.about,
                                        format!("{NOTE}{text}"),
                                    );
                                    found.events.push(event);
                                }
                                found.others = shown.others;
                                found.waited_ms = shown.waited_ms;
                                found.reading =
                                    Reading::Known(shown.entries.into_iter().map(|w| w.entry).collect());
                            }
                        },
                    }
                }
                sent.logged = Some(found);
            }
        }
    }
}
