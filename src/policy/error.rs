//! What is wrong with a policy document, and where.

/// Where in a policy document something is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Index of the statement, from 0; none for the document as a whole.
    pub statement: Option<usize>,
    /// The `Sid` of that statement, if it has one.
    pub sid: Option<String>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.statement, &self.sid) {
            (Some(index), Some(sid)) => write!(f, "statement {} ({sid}): ", index + 1),
            (Some(index), None) => write!(f, "statement {}: ", index + 1),
            (None, _) => Ok(()),
        }
    }
}

/// A policy document that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{problem}")]
pub struct PolicyError {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
}

/// What is wrong with a policy document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not JSON, or an object that names one key twice (a reader would drop one of the two silently).
    #[error("not a JSON document: {0}")]
    NotJson(String),
    /// An element of the wrong JSON type.
    #[error("{element} must be {expected}")]
    WrongType {
        /// The element.
        element: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// An element that the policy language does not have.
    #[error("unknown element {0}")]
    UnknownElement(String),
    /// An element that is required and not there (or empty).
    #[error("no {0}")]
    Missing(&'static str),
    /// Two elements that exclude each other.
    #[error("both {0} and {1}")]
    Both(&'static str, &'static str),
    /// An element that this kind of policy must not have.
    #[error("{0} is not allowed in this kind of policy")]
    NotHere(&'static str),
    /// A version of the policy language that does not exist.
    #[error("unknown policy version {0}")]
    Version(String),
    /// Neither `Allow` nor `Deny`.
    #[error("effect {0} is neither Allow nor Deny")]
    Effect(String),
    /// A statement id with characters that are not allowed.
    #[error("statement id {0} has characters other than letters and digits")]
    Sid(String),
    /// A statement id that an earlier statement has.
    #[error("statement id {0} is used twice")]
    DuplicateSid(String),
    /// A principal that cannot be one.
    #[error("invalid principal {0}")]
    Principal(String),
    /// An action that cannot be one.
    #[error("invalid action {0}")]
    Action(String),
    /// A resource that cannot be one.
    #[error("invalid resource {0}")]
    Resource(String),
    /// A resource of another bucket, in the policy of a bucket.
    #[error("resource {resource} does not lie in bucket {bucket}")]
    ForeignResource {
        /// The resource as written.
        resource: String,
        /// The bucket that the policy is for.
        bucket: String,
    },
    /// A condition operator that does not exist.
    #[error("unknown condition operator {0}")]
    Operator(String),
    /// A condition key without a service prefix.
    #[error("invalid condition key {0}")]
    ConditionKey(String),
    /// A value that the operator cannot compare with.
    #[error("{operator} cannot compare with {value}")]
    ConditionValue {
        /// The operator as written.
        operator: String,
        /// The value as written.
        value: String,
    },
    /// A policy variable that is not closed or has no name.
    #[error("malformed policy variable in {0}")]
    Variable(String),
    /// More bytes than the service takes.
    #[error("the document has {size} bytes, more than {limit}")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

impl PolicyError {
    /// The text of the `MalformedPolicy` answer. Where S3's own wording is known it is used; it names no
    /// statement.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.problem {
            Problem::NotJson(_) => "Policies must be valid JSON and the first byte must be '{'".to_owned(),
            Problem::UnknownElement(name) => format!("Unknown field {name}"),
            Problem::Missing(name) => format!("Missing required field {name}"),
            Problem::Effect(effect) => format!("Invalid effect: {effect}"),
            Problem::Principal(_) => "Invalid principal in policy".to_owned(),
            Problem::Action(_) => "Policy has invalid action".to_owned(),
            Problem::Resource(_) | Problem::ForeignResource { .. } => {
                "Policy has invalid resource".to_owned()
            }
            Problem::Operator(name) => format!("Invalid Condition type : {name}"),
            Problem::ConditionKey(_) => "Policy has an invalid condition key".to_owned(),
            other => {
                let text = other.to_string();
                let mut characters = text.chars();
                characters.next().map_or_else(String::new, |first| {
                    format!("{}{}", first.to_uppercase(), characters.as_str())
                })
            }
        }
    }

    /// What the writer of the policy can do about it, where that is not plain from the error.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match &self.problem {
            Problem::Version(_) => Some("the policy versions are 2012-10-17 and 2008-10-17"),
            Problem::Effect(_) => Some("write Allow or Deny; the case counts"),
            Problem::Principal(_) => Some(
                "write \"*\", {\"AWS\": account id or full ARN}, Service, Federated or CanonicalUser; \
                 a part of an ARN cannot be a wildcard",
            ),
            Problem::Action(_) => Some("write service:Action, as in s3:GetObject"),
            Problem::Resource(_) => Some("write an ARN, as in arn:aws:s3:::bucket/prefix/*"),
            Problem::NotHere(_) => Some("only the policy of a bucket names principals"),
            Problem::Missing("Principal") => Some("the policy of a bucket says whom it is for"),
            Problem::Operator(_) => Some("the case counts; IfExists cannot be added to Null"),
            Problem::Variable(_) => Some(
                "write ${key} or ${key, 'default'}; ${$} is a dollar sign; fill in a template's placeholders first",
            ),
            _ => None,
        }
    }
}
