//! Conditions: the 27 operators, `IfExists`, and the tests over sets of values.

use std::cmp::Ordering;
use std::net::IpAddr;

use base64::Engine as _;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::pattern::{Lookup, Pattern};

/// One condition: an operator, a key, and the values to compare with.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The operator.
    pub operator: Operator,
    /// The condition key as written; keys know no case.
    pub key: String,
    /// The values as written.
    pub written: Vec<String>,
    values: Vec<Value>,
}

/// A condition operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// As written, with its prefix and suffix.
    pub name: String,
    /// The test over several values of the request.
    pub set: SetTest,
    /// Whether it ends with `IfExists`: holds when the request has no such key.
    pub if_exists: bool,
    /// Whether it is a `Not` operator: holds when no value matches.
    pub negated: bool,
    test: Test,
}

/// Which of the request's values have to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetTest {
    /// Neither prefix: any of them (none of them for a `Not` operator).
    Plain,
    /// `ForAllValues:`. It also holds for a request without the key.
    All,
    /// `ForAnyValue:`. It never holds for a request without the key.
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Text,
    TextIgnoringCase,
    TextLike,
    Number(Compare),
    Date(Compare),
    Bool,
    Binary,
    Address,
    Arn,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Compare {
    fn accepts(self, found: Ordering) -> bool {
        match self {
            Self::Equal => found.is_eq(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        }
    }
}

/// A value of a policy, read once in the type of its operator.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(Pattern),
    Number(Number),
    Date(DateTime<Utc>),
    Bool(bool),
    Binary(Vec<u8>),
    Network(IpAddr, u8),
}

impl Operator {
    /// Reads an operator; `None` if there is none of this name. The case counts.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (set, rest) = if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (SetTest::All, rest)
        } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (SetTest::Any, rest)
        } else {
            (SetTest::Plain, name)
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let (test, negated) = match base {
            "StringEquals" => (Test::Text, false),
            "StringNotEquals" => (Test::Text, true),
            "StringEqualsIgnoreCase" => (Test::TextIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => (Test::TextIgnoringCase, true),
            "StringLike" => (Test::TextLike, false),
            "StringNotLike" => (Test::TextLike, true),
            "NumericEquals" => (Test::Number(Compare::Equal), false),
            "NumericNotEquals" => (Test::Number(Compare::Equal), true),
            "NumericLessThan" => (Test::Number(Compare::Less), false),
            "NumericLessThanEquals" => (Test::Number(Compare::LessOrEqual), false),
            "NumericGreaterThan" => (Test::Number(Compare::Greater), false),
            "NumericGreaterThanEquals" => (Test::Number(Compare::GreaterOrEqual), false),
            "DateEquals" => (Test::Date(Compare::Equal), false),
            "DateNotEquals" => (Test::Date(Compare::Equal), true),
            "DateLessThan" => (Test::Date(Compare::Less), false),
            "DateLessThanEquals" => (Test::Date(Compare::LessOrEqual), false),
            "DateGreaterThan" => (Test::Date(Compare::Greater), false),
            "DateGreaterThanEquals" => (Test::Date(Compare::GreaterOrEqual), false),
            "Bool" => (Test::Bool, false),
            "BinaryEquals" => (Test::Binary, false),
            "IpAddress" => (Test::Address, false),
            "NotIpAddress" => (Test::Address, true),
            // The Equals and Like forms are the same test: both take wildcards, part by part.
            "ArnEquals" | "ArnLike" => (Test::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
            "Null" if !if_exists => (Test::Null, false),
            _ => return None,
        };
        Some(Self { name: name.to_owned(), set, if_exists, negated, test })
    }

    /// Whether it asks only if the key is there.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.test == Test::Null
    }

    fn read_value(&self, text: &str, variables: bool) -> Option<Value> {
        match self.test {
            Test::Text | Test::TextIgnoringCase => Pattern::parse(text, false, variables).map(Value::Text),
            Test::TextLike | Test::Arn => Pattern::parse(text, true, variables).map(Value::Text),
            Test::Number(_) => Number::parse(text).map(Value::Number),
            Test::Date(_) => parse_date(text).map(Value::Date),
            Test::Bool | Test::Null => parse_bool(text).map(Value::Bool),
            Test::Binary => decode(text).map(Value::Binary),
            Test::Address => parse_network(text).map(|(address, bits)| Value::Network(address, bits)),
        }
    }

    fn value_matches(&self, wanted: &Value, found: &str, lookup: &dyn Lookup) -> bool {
        match (self.test, wanted) {
            (Test::Text | Test::TextLike, Value::Text(pattern)) => pattern.matches(found, lookup),
            (Test::TextIgnoringCase, Value::Text(pattern)) => pattern.matches_ignoring_case(found, lookup),
            (Test::Arn, Value::Text(pattern)) => pattern.matches_arn(found, lookup),
            (Test::Number(compare), Value::Number(wanted)) => Number::parse(found)
                .and_then(|found| found.compare(wanted))
                .is_some_and(|order| compare.accepts(order)),
            (Test::Date(compare), Value::Date(wanted)) => {
                parse_date(found).is_some_and(|found| compare.accepts(found.cmp(wanted)))
            }
            (Test::Bool, Value::Bool(wanted)) => parse_bool(found) == Some(*wanted),
            (Test::Binary, Value::Binary(wanted)) => decode(found).as_ref() == Some(wanted),
            (Test::Address, Value::Network(network, bits)) => {
                found.parse().is_ok_and(|found: IpAddr| contains(*network, *bits, found))
            }
            _ => false,
        }
    }
}

impl Condition {
    /// Takes a condition apart; the error is the value that the operator cannot compare with.
    pub(super) fn new(
        operator: Operator,
        key: &str,
        written: Vec<String>,
        variables: bool,
    ) -> Result<Self, String> {
        let read = |text: &String| operator.read_value(text, variables).ok_or_else(|| text.clone());
        let values = written.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { operator, key: key.to_owned(), written, values })
    }

    /// Whether its outcome hangs on a key of which nothing is known.
    pub(super) fn is_unknown(&self, lookup: &dyn Lookup) -> bool {
        lookup.is_unknown(&self.key)
            || self.values.iter().any(|value| match value {
                Value::Text(pattern) => pattern.is_unknown(lookup),
                _ => false,
            })
    }

    /// The keys that it asks: its own and those of its variables.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let variables = self.values.iter().flat_map(|value| match value {
            Value::Text(pattern) => pattern.variables().collect(),
            _ => Vec::new(),
        });
        std::iter::once(self.key.as_str()).chain(variables)
    }

    /// Whether the condition holds for a request.
    pub(super) fn holds(&self, lookup: &dyn Lookup) -> bool {
        // A key without a single value is a key that is not there.
        let found = lookup.values(&self.key).filter(|values| !values.is_empty());
        if self.operator.is_null() {
            return self.values.contains(&Value::Bool(found.is_none()));
        }
        let Some(found) = found else {
            return self.operator.if_exists
                || match self.operator.set {
                    SetTest::All => true,
                    SetTest::Any => false,
                    SetTest::Plain => self.operator.negated,
                };
        };
        let hit = |value: &String| {
            self.values.iter().any(|wanted| self.operator.value_matches(wanted, value, lookup))
        };
        let negated = self.operator.negated;
        match self.operator.set {
            SetTest::Plain => found.iter().any(hit) != negated,
            // Nothing but empty texts counts as an empty set here (IAM user guide, set operators).
            SetTest::All => {
                found.iter().all(String::is_empty) || found.iter().all(|value| hit(value) != negated)
            }
            SetTest::Any => found.iter().any(|value| hit(value) != negated),
        }
    }
}

/// A number that keeps whole numbers exact.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Number {
    whole: Option<i128>,
    float: f64,
}

impl Number {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let float: f64 = text.parse().ok()?;
        float.is_finite().then(|| Self { whole: text.parse().ok(), float })
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self.whole, other.whole) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => self.float.partial_cmp(&other.float),
        }
    }
}

/// ISO 8601 down to the day, or seconds since 1970. A date without a zone is UTC.
fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return DateTime::from_timestamp(seconds, 0);
    }
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        return Some(date.to_utc());
    }
    for format in ["%Y-%m-%dT%H:%M%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"] {
        if let Ok(date) = DateTime::parse_from_str(text, format) {
            return Some(date.to_utc());
        }
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%MZ"] {
        if let Ok(date) = NaiveDateTime::parse_from_str(text, format) {
            return Some(date.and_utc());
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0).map(|date| date.and_utc())
}

fn parse_bool(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// An address (one host) or a CIDR block. IPv4 in IPv6 clothes is IPv4.
fn parse_network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => {
            if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            (address, Some(bits.parse().ok()?))
        }
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(width);
    match address.to_canonical() {
        IpAddr::V4(inner) if address.is_ipv6() && (96..=128).contains(&bits) => {
            Some((IpAddr::V4(inner), bits - 96))
        }
        _ => (bits <= width).then_some((address, bits)),
    }
}

fn contains(network: IpAddr, bits: u8, found: IpAddr) -> bool {
    match (network, found.to_canonical()) {
        (IpAddr::V4(network), IpAddr::V4(found)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            (network.to_bits() ^ found.to_bits()) & mask == 0
        }
        (IpAddr::V6(network), IpAddr::V6(found)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            (network.to_bits() ^ found.to_bits()) & mask == 0
        }
        _ => false,
    }
}
