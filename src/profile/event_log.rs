//! Where an event log keeps its numbers, its fencing tokens and their holders.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The word that turns a path off: the log has no such thing, and nothing is said of it.
pub const NONE: &str = "none";

/// How an event log is laid out. Plain texts, so that a profile can carry them; the check reads them.
///
/// A path names a value in the event's body (`meta.fencing_token`, names of JSON objects with dots between) or a
/// header of its user metadata (`metadata:fencing-token`). Several paths with `|` between are tried in order, and the
/// first that leads to a usable value counts. `none` turns the path off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct EventLogRules {
    /// The keys of events, relative to the audited prefix; `{sequence}` stands for the decimal number, zero padded or not.
    pub key_pattern: String,
    /// Where the fencing token is: a whole number, or a text of digits.
    pub token_path: String,
    /// Where the identity of the token's holder is.
    pub holder_path: String,
}

impl Default for EventLogRules {
    /// Keys `events/0000000001.json`; a token that is a number at `meta.fencing_token`, or an object there with `epoch`
    /// and `holder_identity`; the same where the writer wraps the event in a field `event`.
    fn default() -> Self {
        Self {
            key_pattern: "events/{sequence}.json".to_owned(),
            token_path: "meta.fencing_token.epoch|meta.fencing_token\
                         |event.meta.fencing_token.epoch|event.meta.fencing_token"
                .to_owned(),
            holder_path: "meta.fencing_token.holder_identity|meta.holder_identity\
                          |event.meta.fencing_token.holder_identity|event.meta.holder_identity"
                .to_owned(),
        }
    }
}
