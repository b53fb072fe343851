//! Sessions by AssumeRole (AWS, MinIO, the embedded server).

use chrono::{DateTime, Utc};

use crate::exchange::Exchange;
use crate::store::client::{Client, Reply};
use crate::store::credentials::Credentials;
use crate::store::ops::sts_assume_role;

/// What a session is asked for with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssumeRole {
    /// A session policy (JSON), which can only narrow. MinIO takes at most 2048 characters.
    pub policy: Option<String>,
    /// Seconds; at least 900.
    pub duration_s: u32,
    /// The role; MinIO needs none.
    pub role_arn: Option<String>,
    /// The session's name, which AWS wants and its logs show.
    pub session_name: Option<String>,
}

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its credentials.
    pub credentials: Credentials,
    /// When they end, if the server says so.
    pub expires: Option<DateTime<Utc>>,
    /// The ARN of the assumed role, if the server says so.
    pub arn: Option<String>,
    /// The exchange, without the secrets.
    pub exchange: Exchange,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum StsError {
    /// No answer, or a refusal.
    #[error("no session: {reason}")]
    Refused {
        /// Status, code and message.
        reason: String,
        /// The exchange.
        exchange: Box<Exchange>,
    },
    /// A 2xx without credentials.
    #[error("the answer to AssumeRole has no `{element}`")]
    Incomplete {
        /// What is missing.
        element: &'static str,
        /// The exchange.
        exchange: Box<Exchange>,
    },
}

impl StsError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Refused { .. } => {
                "AssumeRole needs long-lived credentials, on AWS a role that trusts them; a session cannot make sessions on MinIO"
            }
            Self::Incomplete { .. } => "does this server speak STS at all?",
        }
    }

    /// The exchange that failed.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        match self {
            Self::Refused { exchange, .. } | Self::Incomplete { exchange, .. } => exchange,
        }
    }
}

/// Asks for a session. Sent once.
///
/// # Errors
/// See [`StsError`].
pub async fn assume_role(
    client: &Client,
    who: &Credentials,
    wanted: &AssumeRole,
) -> Result<Session, StsError> {
    let request = sts_assume_role(
        wanted.policy.as_deref(),
        wanted.duration_s,
        wanted.role_arn.as_deref(),
        wanted.session_name.as_deref(),
    );
    session(client.exchange(Some(who), &request).await)
}

/// Reads the session out of an answer (AssumeRole, GetFederationToken).
///
/// # Errors
/// See [`StsError`].
pub fn session(reply: Reply) -> Result<Session, StsError> {
    if let Some(reason) = reply.trouble() {
        return Err(StsError::Refused { reason, exchange: Box::new(reply.exchange) });
    }
    // The recorded answer is redacted: the secrets are read from the body itself.
    let text = String::from_utf8_lossy(&reply.body);
    let value = |name: &str| inner(&text, name).filter(|v| !v.is_empty());
    let need = |name: &'static str| value(name).ok_or(name);
    let found = need("AccessKeyId").and_then(|key| {
        let secret = need("SecretAccessKey")?;
        Ok(Credentials::new(&key, &secret).with_token(&need("SessionToken")?))
    });
    match found {
        Ok(credentials) => Ok(Session {
            credentials,
            expires: value("Expiration").and_then(|t| crate::time::parse_wire(&t)),
            arn: value("Arn"),
            exchange: reply.exchange,
        }),
        Err(element) => Err(StsError::Incomplete { element, exchange: Box::new(reply.exchange) }),
    }
}

/// The text of the first element of this name; these values need no unescaping but `&amp;`-like ones.
fn inner(text: &str, name: &str) -> Option<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let start = text.find(&open)? + open.len();
    let end = start + text[start..].find(&close)?;
    quick_xml::escape::unescape(text[start..end].trim()).ok().map(std::borrow::Cow::into_owned)
}
