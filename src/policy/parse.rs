//! Reading and checking a policy document.

use serde_json::{Map, Value};

use super::condition::{Condition, Operator};
use super::error::{Place, PolicyError, Problem};
use super::pattern::Pattern;
use super::principal::{PrincipalClause, PrincipalName};
use super::statement::{Clause, Effect, Kind, Policy, Statement};

/// The largest bucket policy that S3 takes, in bytes (S3 user guide, bucket policies).
const BUCKET_POLICY_LIMIT: usize = 20 * 1024;

impl Policy {
    /// Reads a document and checks it as a service does when it is put.
    ///
    /// A document without a `Version` is one of 2008-10-17, which has no policy variables.
    pub fn parse(json: &str, kind: Kind) -> Result<Self, PolicyError> {
        let document = strict::parse(json).map_err(|text| at_document(Problem::NotJson(text)))?;
        let root = document.as_object().ok_or_else(|| {
            at_document(Problem::WrongType { element: "the document".to_owned(), expected: "an object" })
        })?;
        let variables = check_root(root).map_err(at_document)?;
        let list = match root.get("Statement") {
            None => return Err(at_document(Problem::Missing("Statement"))),
            Some(Value::Array(list)) if list.is_empty() => {
                return Err(at_document(Problem::Missing("Statement")));
            }
            Some(Value::Array(list)) => list.as_slice(),
            Some(single) => std::slice::from_ref(single),
        };
        let mut statements: Vec<Statement> = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let sid = value.get("Sid").and_then(Value::as_str).filter(|sid| !sid.is_empty());
            let place = || Place { statement: Some(index), sid: sid.map(str::to_owned) };
            let fail = |problem| PolicyError { place: place(), problem };
            if let Some(sid) = sid
                && statements.iter().any(|earlier| earlier.sid.as_deref() == Some(sid))
            {
                return Err(fail(Problem::DuplicateSid(sid.to_owned())));
            }
            statements.push(statement(value, kind, variables).map_err(fail)?);
        }
        Ok(Self { kind, statements, document })
    }

    /// Checks what S3 checks only when the policy is put on a bucket: that every resource lies in it, and
    /// the size of the document.
    pub fn check_for_bucket(&self, bucket: &str) -> Result<(), PolicyError> {
        let size = self.to_json().len();
        if size > BUCKET_POLICY_LIMIT {
            return Err(at_document(Problem::TooLarge { size, limit: BUCKET_POLICY_LIMIT }));
        }
        for (index, statement) in self.statements.iter().enumerate() {
            for resource in &statement.resources.written {
                let name = resource.splitn(6, ':').nth(5).unwrap_or(resource);
                let name = name.split('/').next().unwrap_or(name);
                let covers = Pattern::parse(name, true, false)
                    .is_some_and(|pattern| pattern.matches(bucket, &NoContext));
                if !covers {
                    return Err(PolicyError {
                        place: Place { statement: Some(index), sid: statement.sid.clone() },
                        problem: Problem::ForeignResource {
                            resource: resource.clone(),
                            bucket: bucket.to_owned(),
                        },
                    });
                }
            }
        }
        Ok(())
    }
}

/// A look-up for patterns without variables.
struct NoContext;

impl super::pattern::Lookup for NoContext {
    fn values(&self, _: &str) -> Option<Vec<String>> {
        None
    }
}

fn at_document(problem: Problem) -> PolicyError {
    PolicyError { place: Place::default(), problem }
}

/// Checks the document's own elements; returns whether its version has policy variables.
fn check_root(root: &Map<String, Value>) -> Result<bool, Problem> {
    if let Some(name) = root.keys().find(|name| !["Version", "Id", "Statement"].contains(&name.as_str())) {
        return Err(Problem::UnknownElement(name.clone()));
    }
    if let Some(id) = root.get("Id") {
        text(id, "Id")?;
    }
    match root.get("Version") {
        None => Ok(false),
        Some(version) => match text(version, "Version")? {
            "2012-10-17" => Ok(true),
            "2008-10-17" => Ok(false),
            other => Err(Problem::Version(other.to_owned())),
        },
    }
}

fn statement(value: &Value, kind: Kind, variables: bool) -> Result<Statement, Problem> {
    const ELEMENTS: [&str; 9] = [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    let object = value
        .as_object()
        .ok_or_else(|| Problem::WrongType { element: "Statement".to_owned(), expected: "an object" })?;
    if let Some(name) = object.keys().find(|name| !ELEMENTS.contains(&name.as_str())) {
        return Err(Problem::UnknownElement(name.clone()));
    }
    let sid = match object.get("Sid") {
        None => None,
        Some(sid) => {
            let sid = text(sid, "Sid")?;
            // Bucket policies may have spaces and signs in it; IAM takes letters and digits.
            if kind != Kind::Bucket && !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(Problem::Sid(sid.to_owned()));
            }
            Some(sid.to_owned()).filter(|sid| !sid.is_empty())
        }
    };
    let effect = match text(object.get("Effect").ok_or(Problem::Missing("Effect"))?, "Effect")? {
        "Allow" => Effect::Allow,
        "Deny" => Effect::Deny,
        other => return Err(Problem::Effect(other.to_owned())),
    };
    let principals = principals(object, kind)?;
    let actions = clause(object, "Action", "NotAction", |written| {
        if !is_action(written, kind) {
            return Err(Problem::Action(written.to_owned()));
        }
        Pattern::parse(&written.to_lowercase(), true, false).ok_or(Problem::Action(written.to_owned()))
    })?;
    let resources = clause(object, "Resource", "NotResource", |written| {
        if !is_resource(written, kind) {
            return Err(Problem::Resource(written.to_owned()));
        }
        Pattern::parse(written, true, variables).ok_or(Problem::Variable(written.to_owned()))
    })?;
    let conditions = conditions(object.get("Condition"), variables)?;
    Ok(Statement { sid, effect, principals, actions, resources, conditions })
}

fn principals(object: &Map<String, Value>, kind: Kind) -> Result<Option<PrincipalClause>, Problem> {
    let (value, not) = match (object.get("Principal"), object.get("NotPrincipal")) {
        (Some(_), Some(_)) => return Err(Problem::Both("Principal", "NotPrincipal")),
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) if kind == Kind::Bucket => return Err(Problem::Missing("Principal")),
        (None, None) => return Ok(None),
    };
    if kind != Kind::Bucket {
        return Err(Problem::NotHere(if not { "NotPrincipal" } else { "Principal" }));
    }
    let invalid = |value: &Value| Problem::Principal(value.to_string());
    let mut names = Vec::new();
    match value {
        Value::String(text) if text == "*" => names.push(PrincipalName::Everybody),
        Value::Object(lists) => {
            for (kind, list) in lists {
                for name in texts(list, "Principal")? {
                    names.push(match kind.as_str() {
                        "AWS" => PrincipalName::parse_aws(&name)
                            .ok_or_else(|| Problem::Principal(format!("\"{name}\"")))?,
                        "Service" | "Federated" | "CanonicalUser" if !name.is_empty() => {
                            PrincipalName::Other { kind: kind.clone(), name }
                        }
                        _ => return Err(invalid(value)),
                    });
                }
            }
        }
        _ => return Err(invalid(value)),
    }
    // An empty NotPrincipal would name everybody, an empty Principal nobody.
    if names.is_empty() {
        return Err(invalid(value));
    }
    Ok(Some(PrincipalClause { not, names }))
}

fn clause(
    object: &Map<String, Value>,
    plain: &'static str,
    negated: &'static str,
    compile: impl Fn(&str) -> Result<Pattern, Problem>,
) -> Result<Clause, Problem> {
    let (value, name, not) = match (object.get(plain), object.get(negated)) {
        (Some(_), Some(_)) => return Err(Problem::Both(plain, negated)),
        (Some(value), None) => (value, plain, false),
        (None, Some(value)) => (value, negated, true),
        (None, None) => return Err(Problem::Missing(plain)),
    };
    let written = texts(value, name)?;
    if written.is_empty() {
        return Err(Problem::Missing(name));
    }
    let patterns = written.iter().map(|text| compile(text)).collect::<Result<_, _>>()?;
    Ok(Clause { not, written, patterns })
}

/// `*`, or a service and a name with wildcards; in a bucket policy the service is S3.
fn is_action(text: &str, kind: Kind) -> bool {
    if text == "*" {
        return true;
    }
    let Some((service, name)) = text.split_once(':') else { return false };
    let name_fits = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'?'));
    let service_fits = if kind == Kind::Bucket {
        service.eq_ignore_ascii_case("s3")
    } else {
        service == "*"
            || (!service.is_empty()
                && service.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
    };
    name_fits && service_fits
}

/// `*`, or an ARN of six parts; in a bucket policy one of S3 with a bucket and without region and account.
fn is_resource(text: &str, kind: Kind) -> bool {
    if text == "*" {
        return true;
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, name] = parts[..] else { return false };
    let is_arn = arn == "arn" && !partition.is_empty() && !service.is_empty() && !name.is_empty();
    is_arn
        && (kind != Kind::Bucket
            || (service == "s3" && region.is_empty() && account.is_empty() && !name.starts_with('/')))
}

fn conditions(value: Option<&Value>, variables: bool) -> Result<Vec<Condition>, Problem> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let wrong_type =
        |element: &str| Problem::WrongType { element: element.to_owned(), expected: "an object" };
    let mut conditions = Vec::new();
    for (name, block) in value.as_object().ok_or_else(|| wrong_type("Condition"))? {
        let operator = Operator::parse(name).ok_or_else(|| Problem::Operator(name.clone()))?;
        for (key, values) in block.as_object().ok_or_else(|| wrong_type(name))? {
            let well_formed = key
                .split_once(':')
                .is_some_and(|(service, rest)| !service.is_empty() && !rest.is_empty() && key.trim() == key);
            if !well_formed {
                return Err(Problem::ConditionKey(key.clone()));
            }
            let written = scalars(values, key)?;
            let condition = Condition::new(operator.clone(), key, written, variables).map_err(|value| {
                // The text operators take every text but one with a broken variable in it.
                if name.contains("String") || name.contains("Arn") {
                    Problem::Variable(value)
                } else {
                    Problem::ConditionValue { operator: name.clone(), value }
                }
            })?;
            conditions.push(condition);
        }
    }
    Ok(conditions)
}

fn text<'a>(value: &'a Value, element: &str) -> Result<&'a str, Problem> {
    value.as_str().ok_or_else(|| Problem::WrongType { element: element.to_owned(), expected: "a string" })
}

/// A text, or a list of texts.
fn texts(value: &Value, element: &str) -> Result<Vec<String>, Problem> {
    match value {
        Value::Array(list) => list.iter().map(|item| text(item, element).map(str::to_owned)).collect(),
        single => Ok(vec![text(single, element)?.to_owned()]),
    }
}

/// A text, number or truth value, or a list of them.
fn scalars(value: &Value, element: &str) -> Result<Vec<String>, Problem> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(Problem::WrongType {
            element: element.to_owned(),
            expected: "a string, a number, true or false, or a list of them",
        }),
    };
    match value {
        Value::Array(list) => list.iter().map(scalar).collect(),
        single => Ok(vec![scalar(single)?]),
    }
}

/// JSON that refuses an object with a key named twice: of two blocks with the same operator a lenient reader
/// keeps one, and the condition of the other is gone without a word.
mod strict {
    use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
    use serde_json::{Map, Value};

    pub(super) fn parse(json: &str) -> Result<Value, String> {
        serde_json::from_str::<Strict>(json).map(|strict| strict.0).map_err(|error| error.to_string())
    }

    struct Strict(Value);

    impl<'de> Deserialize<'de> for Strict {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(StrictVisitor).map(Strict)
        }
    }

    struct StrictVisitor;

    impl<'de> Visitor<'de> for StrictVisitor {
        type Value = Value;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("JSON")
        }

        fn visit_unit<E: Error>(self) -> Result<Value, E> {
            Ok(Value::Null)
        }

        fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
            let mut values = Vec::new();
            while let Some(Strict(value)) = list.next_element()? {
                values.push(value);
            }
            Ok(Value::Array(values))
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
            let mut values = Map::new();
            while let Some((key, Strict(value))) = map.next_entry::<String, Strict>()? {
                if values.contains_key(&key) {
                    return Err(A::Error::custom(format!("{key} is named twice")));
                }
                values.insert(key, value);
            }
            Ok(Value::Object(values))
        }
    }
}
