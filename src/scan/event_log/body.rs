//! What an event says of itself: its fencing token, the token's holder, its own number. Pure.

use serde_json::Value;

use crate::profile::EventLogRules;
use crate::profile::event_log::NONE;

use super::EventLogError;

/// Fields that hold an event's own number, at the top, in `event` or in `meta`.
const OWN_NUMBER: [&str; 4] = ["sequence", "sequence_number", "seq", "sequenceNumber"];

/// A place in an event.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Names of JSON objects, from the outermost.
    Body(Vec<String>),
    /// A header of user metadata, without its prefix.
    Metadata(String),
}

/// The places at which one thing may be; none where it is not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places(Vec<Place>);

impl Places {
    fn parse(text: &str) -> Result<Self, EventLogError> {
        if text.trim() == NONE {
            return Ok(Self(Vec::new()));
        }
        let fail = |why: &'static str| EventLogError::Path { path: text.to_owned(), why };
        text.split('|')
            .map(|path| {
                let path = path.trim();
                if let Some(name) = path.strip_prefix("metadata:") {
                    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
                    if name.is_empty() || !name.bytes().all(legal) {
                        return Err(fail("`metadata:` is followed by the name of a header"));
                    }
                    return Ok(Place::Metadata(name.to_ascii_lowercase()));
                }
                let names: Vec<String> = path.split('.').map(ToOwned::to_owned).collect();
                if names.iter().any(String::is_empty) {
                    return Err(fail("a name is missing; names stand with single dots between"));
                }
                Ok(Place::Body(names))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether it is asked for at all.
    pub(super) fn is_asked(&self) -> bool {
        !self.0.is_empty()
    }

    /// The first place that leads to something readable; else what stands in the way.
    fn find<T>(&self, event: &Parts<'_>, what: &str, read: impl Fn(&Value) -> Option<T>) -> Field<T> {
        let mut why = None;
        for place in &self.0 {
            let value = match place {
                Place::Metadata(name) => (event.metadata)(name).map(Value::String),
                Place::Body(names) => {
                    let Some(json) = &event.json else {
                        why.get_or_insert_with(|| "the body is no JSON".to_owned());
                        continue;
                    };
                    names.iter().try_fold(json, |at, name| at.get(name)).cloned()
                }
            };
            match value {
                None | Some(Value::Null) => {}
                Some(value) => match read(&value) {
                    Some(found) => return Field::Is(found),
                    None => {
                        why.get_or_insert_with(|| format!("its {what} cannot be read"));
                    }
                },
            }
        }
        why.map_or(Field::Absent, Field::Unread)
    }
}

/// A value of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field<T> {
    /// It is there.
    Is(T),
    /// It is not there.
    Absent,
    /// Something is there that cannot be read.
    Unread(String),
}

/// What a check looks for in events.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) token: Places,
    pub(super) holder: Places,
}

struct Parts<'e> {
    /// `None` if the body is no JSON.
    json: Option<Value>,
    metadata: &'e dyn Fn(&str) -> Option<String>,
}

/// An event that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// SHA-256 of its body, lower-case hexadecimal.
    pub(super) sha256: String,
    pub(super) token: Field<u64>,
    pub(super) holder: Field<String>,
    pub(super) own_number: Field<u64>,
}

impl Wanted {
    /// Reads the paths.
    pub(super) fn new(rules: &EventLogRules) -> Result<Self, EventLogError> {
        Ok(Self { token: Places::parse(&rules.token_path)?, holder: Places::parse(&rules.holder_path)? })
    }

    /// Reads an event. `metadata` gives a header of user metadata.
    pub(super) fn read(&self, body: &[u8], sha256: &str, metadata: &dyn Fn(&str) -> Option<String>) -> Event {
        let parts = Parts { json: serde_json::from_slice(body).ok(), metadata };
        Event {
            sha256: sha256.to_owned(),
            token: self.token.find(&parts, "fencing token", number),
            holder: self.holder.find(&parts, "holder", name),
            own_number: if parts.json.is_none() && !self.needs_json() {
                Field::Absent
            } else {
                own_number(&parts)
            },
        }
    }

    /// Whether an event has to be JSON.
    fn needs_json(&self) -> bool {
        let in_body = |places: &Places| places.0.iter().any(|p| matches!(p, Place::Body(_)));
        in_body(&self.token) || in_body(&self.holder)
    }
}

/// A whole number, or a text of digits.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            text.parse().ok()
        }
        _ => None,
    }
}

/// An identity.
fn name(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The number that the event itself says. A body that is no JSON says none that could be read.
fn own_number(event: &Parts<'_>) -> Field<u64> {
    let Some(json) = &event.json else { return Field::Unread("the body is no JSON".to_owned()) };
    for part in [Some(json), json.get("event"), json.get("meta")].into_iter().flatten() {
        for field in OWN_NUMBER {
            match part.get(field) {
                None | Some(Value::Null) => {}
                Some(value) => {
                    let unread = || Field::Unread(format!("its `{field}` is no whole number"));
                    return number(value).map_or_else(unread, Field::Is);
                }
            }
        }
    }
    Field::Absent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rules: &EventLogRules, body: &str) -> Event {
        let metadata = |name: &str| (name == "token").then(|| "9".to_owned());
        Wanted::new(rules).expect("paths").read(body.as_bytes(), "", &metadata)
    }

    #[test]
    fn tokens_are_read_as_a_number_as_digits_and_as_an_object() {
        let rules = EventLogRules::default();
        for (body, token, holder) in [
            (r#"{"meta":{"fencing_token":7,"holder_identity":"a"}}"#, 7, "a"),
            (r#"{"meta":{"fencing_token":"0007","holder_identity":"a"}}"#, 7, "a"),
            (r#"{"meta":{"fencing_token":{"epoch":7,"holder_identity":"b"}}}"#, 7, "b"),
            (r#"{"event":{"seq":3,"meta":{"fencing_token":{"epoch":7,"holder_identity":"b"}}}}"#, 7, "b"),
        ] {
            let event = read(&rules, body);
            assert_eq!(event.token, Field::Is(token), "{body}");
            assert_eq!(event.holder, Field::Is(holder.to_owned()), "{body}");
        }
        for body in [r#"{"meta":{"fencing_token":-1}}"#, r#"{"meta":{"fencing_token":{"n":1}}}"#, "no json"] {
            assert!(matches!(read(&rules, body).token, Field::Unread(_)), "{body}");
        }
        assert_eq!(read(&rules, r#"{"meta":{"fencing_token":null}}"#).token, Field::Absent);
        let from_metadata = EventLogRules { token_path: "metadata:token".to_owned(), ..rules.clone() };
        assert_eq!(read(&from_metadata, "no json").token, Field::Is(9));
        let none = EventLogRules { token_path: "none".to_owned(), ..rules };
        assert_eq!(read(&none, "no json").token, Field::Absent);
    }

    #[test]
    fn the_own_number_is_found_where_writers_put_it() {
        let rules = EventLogRules::default();
        assert_eq!(read(&rules, r#"{"seq":3}"#).own_number, Field::Is(3));
        assert_eq!(read(&rules, r#"{"event":{"seq":"4"}}"#).own_number, Field::Is(4));
        assert_eq!(read(&rules, r#"{"meta":{"sequence":5}}"#).own_number, Field::Is(5));
        assert_eq!(read(&rules, "{}").own_number, Field::Absent);
        assert!(matches!(read(&rules, r#"{"seq":"x"}"#).own_number, Field::Unread(_)));
    }

    #[test]
    fn paths_that_lead_nowhere_are_refused() {
        for wrong in ["", "a..b", "metadata:", "metadata:a b", "a|"] {
            assert!(Places::parse(wrong).is_err(), "{wrong}");
        }
    }
}
