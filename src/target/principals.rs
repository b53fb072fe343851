//! Credentials for every role: sessions under a policy, a role to assume, a profile, or explicit keys.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::scenario::Role;
use crate::store::client::{Backoff, Reply};
use crate::store::credentials::{Credentials, chain};
use crate::store::ops::{sts_assume_role, sts_get_caller_identity, sts_get_federation_token};
use crate::store::request::S3Request;
use crate::target::session_policy::{SESSION_POLICY_LIMIT, Scope, session_policy};
use crate::target::{Kind, Opened};

/// How long a session lives, in seconds. A clock that jumps needs the longest.
const SESSION_S: u32 = 3_600;
pub(super) const LONGEST_S: u32 = 43_200;

/// What the configuration names for a role.
#[derive(Debug, Clone)]
pub enum Named {
    /// Keys. The session policy cannot bind them: they are what their owner says they are.
    Keys {
        /// The keys.
        credentials: Credentials,
        /// Where they stand (`wormproof.toml`).
        source: String,
    },
    /// A profile of the shared AWS configuration.
    Profile(String),
    /// A role that the administrator assumes under the session policy.
    RoleArn(String),
}

/// What there is for a role.
#[derive(Debug, Clone)]
pub enum Access {
    /// The role can be played; `None` is nobody (anonymous).
    Has(Option<Credentials>),
    /// It cannot, and why.
    Missing(String),
}

/// One principal, as far as the record says it. No secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalFacts {
    /// The role.
    pub role: Role,
    /// How it was had; `None` if it could not.
    pub source: Option<String>,
    /// Why it could not be had.
    pub missing: Option<String>,
    /// The ARN, if known.
    pub arn: Option<String>,
    /// The account, if known.
    pub account: Option<String>,
    /// The session's name.
    pub session: Option<String>,
    /// SHA-256 of the session policy.
    pub policy_sha256: Option<String>,
}

/// All roles.
#[derive(Debug, Clone)]
pub struct Principals {
    /// Every role, with its credentials or the reason why it has none.
    pub map: BTreeMap<Role, Access>,
    /// The same for the record, in the order of the roles.
    pub facts: Vec<PrincipalFacts>,
    /// When the first session ends, by the server's clock. After that, ask [`principals`] again.
    pub expires: Option<DateTime<Utc>>,
}

impl Principals {
    /// The credentials of a role: `None` if it cannot be played, `Some(None)` for anonymous.
    #[must_use]
    pub fn of(&self, role: Role) -> Option<Option<&Credentials>> {
        match self.map.get(&role)? {
            Access::Has(credentials) => Some(credentials.as_ref()),
            Access::Missing(_) => None,
        }
    }

    /// Whether there is anybody beside administrator and anonymous.
    #[must_use]
    pub fn has_others(&self) -> bool {
        self.map.iter().any(|(role, access)| {
            !matches!(role, Role::Administrator | Role::Anonymous) && matches!(access, Access::Has(_))
        })
    }
}

/// What one role came to, before it is sorted into map and facts.
struct Found {
    credentials: Option<Credentials>,
    facts: PrincipalFacts,
    expires: Option<DateTime<Utc>>,
}

/// Why a role could not be had, and whether the others need not ask.
struct Refused {
    why: String,
    for_all: bool,
}

/// Finds credentials for every role. What `named` says comes first; else, on a server of one's own
/// and on other servers that have STS, a session of the administrator under the role's session policy;
/// on AWS a federation token, which an IAM user may ask for. Sends nothing but requests to STS.
pub async fn principals(
    opened: &Opened,
    scope: &Scope,
    run_id: &str,
    named: &BTreeMap<Role, Named>,
) -> Principals {
    let mut all = Principals { map: BTreeMap::new(), facts: Vec::new(), expires: None };
    let mut given_up: Option<String> = None;
    for &role in Role::ALL {
        let found = match (named.get(&role), &given_up) {
            (Some(how), _) => named_one(opened, &opened.administrator, scope, run_id, role, how).await,
            (None, _) if role == Role::Anonymous => Ok(plain(role, None, "no credentials")),
            (None, _) if role == Role::Administrator => {
                let keys = opened.administrator.clone();
                let mut found = plain(role, Some(keys), &opened.administrator_source);
                identify(opened, &mut found).await;
                Ok(found)
            }
            (None, Some(why)) => Err(Refused { why: why.clone(), for_all: true }),
            (None, None) => session(opened, &opened.administrator, scope, run_id, role, None).await,
        };
        let access = match found {
            Ok(found) => {
                all.expires = [all.expires, found.expires].into_iter().flatten().min();
                all.facts.push(found.facts);
                Access::Has(found.credentials)
            }
            Err(refused) => {
                if refused.for_all {
                    given_up = Some(refused.why.clone());
                }
                let mut facts = blank(role);
                facts.missing = Some(refused.why.clone());
                all.facts.push(facts);
                Access::Missing(refused.why)
            }
        };
        all.map.insert(role, access);
    }
    all
}

fn blank(role: Role) -> PrincipalFacts {
    PrincipalFacts {
        role,
        source: None,
        missing: None,
        arn: None,
        account: None,
        session: None,
        policy_sha256: None,
    }
}

fn plain(role: Role, credentials: Option<Credentials>, source: &str) -> Found {
    let facts = PrincipalFacts { source: Some(source.to_owned()), ..blank(role) };
    Found { credentials, facts, expires: None }
}

/// Credentials of one role again, because those that it has will end; with their end, if they have one.
///
/// # Errors
/// Why there are none, in words.
pub(super) async fn again(
    opened: &Opened,
    scope: &Scope,
    run_id: &str,
    role: Role,
    named: &BTreeMap<Role, Named>,
) -> Result<(Credentials, Option<DateTime<Utc>>), String> {
    // The administrator makes the sessions: its own credentials may have ended meanwhile.
    let (administrator, expires) = match &opened.refresh {
        Some(refresh) => refresh.source.current().await.map_err(|e| e.to_string())?,
        None => (opened.administrator.clone(), None),
    };
    let found = match named.get(&role) {
        _ if role == Role::Administrator => return Ok((administrator, expires)),
        Some(how) => named_one(opened, &administrator, scope, run_id, role, how).await,
        None => session(opened, &administrator, scope, run_id, role, None).await,
    };
    let found = found.map_err(|refused| refused.why)?;
    let credentials = found.credentials.ok_or("nobody has no session")?;
    Ok((credentials, found.expires))
}

async fn named_one(
    opened: &Opened,
    administrator: &Credentials,
    scope: &Scope,
    run_id: &str,
    role: Role,
    how: &Named,
) -> Result<Found, Refused> {
    let mut found = match how {
        Named::Keys { credentials, source } => plain(role, Some(credentials.clone()), source),
        Named::Profile(name) => match chain(Some(name), Some(&opened.client.endpoint().region)).await {
            Ok(resolved) => Found {
                expires: resolved.expires,
                ..plain(role, Some(resolved.credentials), &format!("the AWS profile {name}"))
            },
            Err(error) => {
                return Err(Refused { why: format!("the AWS profile {name}: {error}"), for_all: false });
            }
        },
        Named::RoleArn(arn) => {
            return session(opened, administrator, scope, run_id, role, Some(arn)).await;
        }
    };
    identify(opened, &mut found).await;
    Ok(found)
}

/// Asks AWS who this is. Other servers mostly do not know the call.
async fn identify(opened: &Opened, found: &mut Found) {
    if opened.client.endpoint().aws
        && let Some(who) = &found.credentials
    {
        let reply = opened.client.exchange(Some(who), &sts_get_caller_identity()).await;
        found.facts.arn = element(&reply, "Arn");
        found.facts.account = element(&reply, "Account");
    }
}

/// A session under the role's policy.
async fn session(
    opened: &Opened,
    administrator: &Credentials,
    scope: &Scope,
    run_id: &str,
    role: Role,
    role_arn: Option<&str>,
) -> Result<Found, Refused> {
    let refuse = |why: String, for_all: bool| Err(Refused { why, for_all });
    let Some(policy) = session_policy(role, scope) else {
        return refuse("nobody has no session".to_owned(), false);
    };
    if policy.len() > SESSION_POLICY_LIMIT {
        return refuse(
            format!("its session policy has {} of at most {SESSION_POLICY_LIMIT} characters", policy.len()),
            false,
        );
    }
    let endpoint = opened.client.endpoint();
    let seconds = if opened.clock.is_virtual() { LONGEST_S } else { SESSION_S };
    let federated = endpoint.aws && role_arn.is_none();
    if federated && administrator.session_token.is_some() {
        return refuse(
            "temporary credentials of AWS cannot make sessions without a role: name a role-arn, a profile or keys in \
             [principals.ROLE] of wormproof.toml"
                .to_owned(),
            true,
        );
    }
    let name = session_name(run_id, role, if federated { 32 } else { 64 });
    let (request, call): (S3Request, &str) = if federated {
        (sts_get_federation_token(&name, Some(&policy), seconds), "GetFederationToken")
    } else {
        (sts_assume_role(Some(&policy), seconds, role_arn, Some(&name)), "AssumeRole")
    };
    let reply = opened.client.exchange_retrying(Some(administrator), &request, Backoff::default()).await.last;
    let keys = [element(&reply, "AccessKeyId"), element(&reply, "SecretAccessKey")];
    let ([Some(access), Some(secret)], None) = (keys, reply.error()) else {
        let code = reply.error().map(|e| e.code).unwrap_or_default();
        let of_this_one = role_arn.is_some() || code.contains("Policy");
        let trouble = reply.trouble().unwrap_or_else(|| "an answer without credentials".to_owned());
        let way = if opened.kind == Kind::Endpoint && role_arn.is_none() {
            "; a profile, a role-arn or keys may be named in [principals.ROLE] of wormproof.toml"
        } else {
            ""
        };
        return refuse(format!("STS {call}: {trouble}{way}"), !of_this_one);
    };
    let mut credentials = Credentials::new(&access, &secret);
    if let Some(token) = element(&reply, "SessionToken") {
        credentials = credentials.with_token(&token);
    }
    let arn = element(&reply, "Arn");
    let source = match role_arn {
        Some(arn) => format!("STS {call} of {arn} with a session policy"),
        None => format!("STS {call} with a session policy"),
    };
    Ok(Found {
        credentials: Some(credentials),
        expires: element(&reply, "Expiration").and_then(|text| crate::time::parse_wire(&text)),
        facts: PrincipalFacts {
            role,
            source: Some(source),
            missing: None,
            account: arn
                .as_deref()
                .and_then(|a| a.split(':').nth(4))
                .filter(|a| !a.is_empty())
                .map(Into::into),
            arn,
            session: Some(name),
            policy_sha256: Some(hex::encode(Sha256::digest(policy.as_bytes()))),
        },
    })
}

/// The run id first, because names are cut; only characters that STS takes.
fn session_name(run_id: &str, role: Role, limit: usize) -> String {
    let legal = |c: &char| c.is_ascii_alphanumeric() || "_=,.@-".contains(*c);
    format!("{run_id}-{role}").chars().filter(legal).take(limit).collect()
}

/// An element of the answer as it came: the recorded one is redacted.
pub(super) fn element(reply: &Reply, name: &str) -> Option<String> {
    let mut answer = reply.answer()?.clone();
    answer.body.text = Some(String::from_utf8_lossy(&reply.body).into_owned());
    answer.element(name).filter(|text| !text.is_empty())
}
