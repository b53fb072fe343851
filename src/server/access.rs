//! Who asks, and whether they may: keys, the caller of a request, and the rights of an action.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use http::{HeaderMap, Uri};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Request, S3Result};

use crate::policy::{Context, Kind, Policy, Principal, Request, authorize};
use crate::time::{Clock, parse_wire};

use super::defects::Defect;
use super::fault::Fault;
use super::model::Model;

/// The account that owns everything on this server.
pub const ACCOUNT: &str = "111122223333";

thread_local! {
    static RIGHTS_ASKED: RefCell<BTreeMap<String, BTreeSet<String>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The rights that servers on this thread have looked up since the last call: by the caller (the ARN of its session, or
/// of the root), the actions. What was not looked up cannot have mattered. Callers without a key are left out.
#[must_use]
pub fn rights_asked_on_this_thread() -> BTreeMap<String, BTreeSet<String>> {
    RIGHTS_ASKED.take()
}

fn note_asked(principal: &Principal, action: &str) {
    let Principal::Aws { arn, session_arn, .. } = principal else { return };
    let who = session_arn.as_deref().unwrap_or(arn);
    RIGHTS_ASKED.with_borrow_mut(|asked| {
        if asked.get(who).is_none_or(|actions| !actions.contains(action)) {
            asked.entry(who.to_owned()).or_default().insert(action.to_owned());
        }
    });
}

static EVERYTHING: LazyLock<Option<Policy>> = LazyLock::new(|| {
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    Policy::parse(all, Kind::Identity).ok()
});

/// An access key.
#[derive(Debug)]
pub struct Key {
    /// The secret.
    pub secret: String,
    /// The session token that requests must carry.
    pub token: Option<String>,
    /// When a temporary key ends.
    pub expires: Option<DateTime<Utc>>,
    /// Whose it is.
    pub principal: Principal,
    /// The policy that the session was started with.
    pub session: Option<Policy>,
}

impl Key {
    /// Whether this is the account's root key.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.token.is_none()
    }
}

/// All keys of a server.
#[derive(Debug, Clone)]
pub struct Keys {
    keys: Arc<Mutex<HashMap<String, Arc<Key>>>>,
    clock: Clock,
}

impl Keys {
    /// The keys of a new server: the root's only.
    #[must_use]
    pub fn new(access_key: &str, secret: &str, clock: Clock) -> Self {
        let root = Key {
            secret: secret.to_owned(),
            token: None,
            expires: None,
            principal: Principal::Aws {
                account: ACCOUNT.to_owned(),
                arn: format!("arn:aws:iam::{ACCOUNT}:root"),
                session_arn: None,
            },
            session: None,
        };
        let keys = HashMap::from([(access_key.to_owned(), Arc::new(root))]);
        Self { keys: Arc::new(Mutex::new(keys)), clock }
    }

    /// The same keys, apart from these, under another clock.
    #[must_use]
    pub fn fork(&self, clock: Clock) -> Self {
        Self { keys: Arc::new(Mutex::new(self.lock().clone())), clock }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Key>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a key.
    pub fn add(&self, access_key: String, key: Key) {
        self.lock().insert(access_key, Arc::new(key));
    }

    /// How many keys there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// A key that is known and has not expired.
    ///
    /// # Errors
    /// 403 `InvalidAccessKeyId`, 400 `ExpiredToken`.
    pub fn get(&self, access_key: &str) -> Result<Arc<Key>, Fault> {
        let Some(key) = self.lock().get(access_key).cloned() else {
            return Err(unknown_key(access_key));
        };
        if key.expires.is_some_and(|end| end <= self.clock.now()) {
            return Err(Fault::new(400, "ExpiredToken", "The provided token has expired."));
        }
        Ok(key)
    }

    /// A key together with the session token that came with it.
    ///
    /// # Errors
    /// As [`Keys::get`], and for a token that is missing or not this key's.
    pub fn with_token(&self, access_key: &str, token: Option<&str>) -> Result<Arc<Key>, Fault> {
        let key = self.get(access_key)?;
        match (&key.token, token) {
            (None, None) => Ok(key),
            (Some(wanted), Some(given)) if wanted == given => Ok(key),
            (Some(_), None) => Err(unknown_key(access_key)),
            _ => {
                Err(Fault::new(400, "InvalidToken", "The provided token is malformed or otherwise invalid."))
            }
        }
    }
}

fn unknown_key(access_key: &str) -> Fault {
    Fault::new(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
        .with("AWSAccessKeyId", access_key)
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let key = self.get(access_key)?;
        Ok(SecretKey::from(key.secret.as_str()))
    }
}

/// What the outer layer learned of a request.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// `s3:authType`; none for an anonymous request.
    pub auth_type: Option<&'static str>,
    /// The access key, where the outer layer has verified the signature itself (presigned).
    pub verified: Option<String>,
    /// The session token of a form or presigned URL.
    pub token: Option<String>,
    /// The version id that a write is aimed at; set only where a defect allows it.
    pub aimed: Option<String>,
    /// Whether a legal-hold header may say anything; set only where a defect allows it.
    pub any_hold: bool,
    /// The file name of a form.
    pub filename: Option<String>,
    /// The client's address.
    pub source: Option<std::net::IpAddr>,
}

/// The caller of a request, as the operations see it.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The key; none is anonymous.
    pub key: Option<Arc<Key>>,
    /// What the outer layer saw.
    pub seen: Arc<Seen>,
}

#[async_trait::async_trait]
impl S3Access for Keys {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let access_key = cx.credentials().map(|found| found.access_key.clone());
        let seen = cx.extensions_mut().get::<Arc<Seen>>().cloned().unwrap_or_default();
        let caller = self.caller(access_key.as_deref(), cx.headers(), &seen)?;
        check_lock_headers(cx.headers(), seen.any_hold)?;
        cx.extensions_mut().insert(caller);
        Ok(())
    }
}

impl Keys {
    /// The caller of a request whose signature is verified.
    ///
    /// # Errors
    /// A session token that does not fit.
    pub fn caller(
        &self,
        access_key: Option<&str>,
        headers: &HeaderMap,
        seen: &Arc<Seen>,
    ) -> Result<Caller, Fault> {
        if headers.get("x-amz-expected-bucket-owner").is_some_and(|owner| owner != ACCOUNT) {
            return Err(Fault::denied());
        }
        let header = headers.get("x-amz-security-token").and_then(|value| value.to_str().ok());
        let token = seen.token.as_deref().or(header);
        let key = match access_key.or(seen.verified.as_deref()) {
            Some(id) => Some(self.with_token(id, token)?),
            None => None,
        };
        Ok(Caller { key, seen: seen.clone() })
    }
}

/// Refuses lock headers that cannot be read, before s3s would with other words (PUT-04 to PUT-09).
fn check_lock_headers(headers: &HeaderMap, any_hold: bool) -> Result<(), Fault> {
    const MODE: &str = "x-amz-object-lock-mode";
    const DATE: &str = "x-amz-object-lock-retain-until-date";
    const HOLD: &str = "x-amz-object-lock-legal-hold";
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    check_lock_texts(text(MODE), text(DATE), text(HOLD).filter(|_| !any_hold))
}

/// The same for texts, wherever they come from.
///
/// # Errors
/// 400 `InvalidArgument`.
pub fn check_lock_texts(mode: Option<&str>, date: Option<&str>, hold: Option<&str>) -> Result<(), Fault> {
    const MODE: &str = "x-amz-object-lock-mode";
    const DATE: &str = "x-amz-object-lock-retain-until-date";
    let both = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
    match (mode, date) {
        (Some(_), None) => return Err(Fault::new(400, "InvalidArgument", both).with("ArgumentName", DATE)),
        (None, Some(_)) => return Err(Fault::new(400, "InvalidArgument", both).with("ArgumentName", MODE)),
        (Some(mode), Some(_)) if !matches!(mode, "GOVERNANCE" | "COMPLIANCE") => {
            return Err(Fault::argument("Unknown wormMode directive.", MODE, mode));
        }
        (Some(_), Some(date)) if parse_wire(date).is_none() => {
            let wrong = "The retain until date must be provided in ISO 8601 format";
            return Err(Fault::argument(wrong, DATE, date));
        }
        _ => {}
    }
    match hold {
        Some(hold) if !matches!(hold, "ON" | "OFF") => Err(Fault::argument(
            "Legal Hold must be either of 'ON' or 'OFF'",
            "x-amz-object-lock-legal-hold",
            hold,
        )),
        _ => Ok(()),
    }
}

/// A request, as far as rights depend on it.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// Who asks.
    pub caller: Caller,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The URI.
    pub uri: &'a Uri,
    /// The instant.
    pub now: DateTime<Utc>,
}

impl<'a> Call<'a> {
    /// The rights' view of a request.
    pub fn of<T>(request: &'a S3Request<T>, now: DateTime<Utc>) -> Self {
        let caller = request.extensions.get::<Caller>().cloned().unwrap_or_default();
        Self { caller, headers: &request.headers, uri: &request.uri, now }
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A query parameter, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        super::sigv4::pairs(self.uri.query().unwrap_or(""))
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// Whether the signature stands in the query.
    #[must_use]
    pub fn is_presigned(&self) -> bool {
        self.caller.seen.auth_type == Some("REST-QUERY-STRING")
    }

    /// Whether this is an upload of one object in one piece, by PUT, and no copy.
    fn is_plain_put(&self) -> bool {
        self.header("x-amz-copy-source").is_none()
            && self.caller.seen.auth_type != Some("POST")
            && self.query("uploadId").is_none()
    }

    fn context(&self, extra: &[(&str, String)]) -> Context {
        let mut context = Context::default();
        let seen = &self.caller.seen;
        if let Some(auth) = seen.auth_type {
            context.set("s3:authType", auth);
            context.set("s3:signatureversion", "AWS4-HMAC-SHA256");
        }
        // The server's own socket has no TLS. What is handed over in the process crosses no wire: whoever does it (an
        // audit, a front that ends TLS) answers for the way there.
        context.set("aws:SecureTransport", if seen.source.is_none() { "true" } else { "false" });
        context.set("aws:SourceIp", seen.source.map_or_else(|| "127.0.0.1".to_owned(), |ip| ip.to_string()));
        context.set("aws:CurrentTime", crate::time::wire(self.now));
        context.set("aws:EpochTime", self.now.timestamp().to_string());
        for (name, value) in self.headers {
            if name.as_str().starts_with("x-amz-")
                && let Ok(text) = value.to_str()
            {
                context.set(&format!("s3:{name}"), text);
            }
        }
        if let Some(id) = self.query("versionId") {
            context.set("s3:versionid", id);
        }
        for (key, value) in extra {
            context.set(key, value.clone());
        }
        context
    }
}

impl Model {
    /// Whether the bypass header is there and true.
    #[must_use]
    pub fn asks_bypass(&self, call: &Call<'_>) -> bool {
        call.header("x-amz-bypass-governance-retention")
            .is_some_and(|value| value.eq_ignore_ascii_case("true") || self.has(Defect::BypassFalseCounts))
    }

    /// Whether the caller may do `action` on a bucket or key.
    #[must_use]
    pub fn may(
        &self,
        call: &Call<'_>,
        action: &str,
        bucket: &str,
        key: Option<&str>,
        extra: &[(&str, String)],
    ) -> bool {
        if let Some(key) = &call.caller.key {
            note_asked(&key.principal, action);
        }
        let policy = self.buckets.get(bucket).and_then(|found| found.policy.clone());
        let policy = policy.as_deref().map(|found| &found.parsed);
        let root = call.caller.key.as_deref().is_some_and(Key::is_root);
        if root && (policy.is_none() || self.has(Defect::PolicyDenyIgnored)) {
            return true;
        }
        let policy = policy.filter(|_| call.caller.key.is_none() || !self.has(Defect::PolicyDenyIgnored));
        let policy = policy.filter(|_| {
            let passed_over = match action {
                "s3:PutObject" => !call.is_plain_put() && self.has(Defect::PolicyBindsPlainPutsOnly),
                "s3:DeleteObjectVersion" => self.has(Defect::PolicyDenyOfVersionsIgnored),
                _ => false,
            };
            !passed_over
        });
        if call.caller.key.is_none() && action.contains(":DeleteObject") && self.has(Defect::AnonymousDeletes)
        {
            return true;
        }
        let resource = match key {
            Some(key) => format!("arn:aws:s3:::{bucket}/{key}"),
            None => format!("arn:aws:s3:::{bucket}"),
        };
        let mut context = call.context(extra);
        if let Some(address) = call.header("x-forwarded-for")
            && self.has(Defect::ClientAddressFromHeader)
        {
            context.set("aws:SourceIp", address);
        }
        if let Some(name) = key {
            let id = extra.iter().find(|(key, _)| *key == "s3:versionid").map(|(_, id)| id.clone());
            let id = id.or_else(|| call.query("versionId"));
            let found = self.find(bucket, name, id.as_deref()).ok();
            for (tag, value) in found.map_or(&[][..], |found| found.tags.as_slice()) {
                context.set(&format!("s3:ExistingObjectTag/{tag}"), value.clone());
            }
        }
        let anonymous = Principal::Anonymous;
        let key = call.caller.key.as_deref();
        let principal = key.map_or(&anonymous, |key| &key.principal);
        let request = Request { principal, action, resource: &resource, context: &context };
        let identity: Vec<&Policy> = key.and(EVERYTHING.as_ref()).into_iter().collect();
        let session = key.and_then(|key| key.session.as_ref());
        // Without its session policy a caller may more, never less.
        authorize(&identity, session, policy, root, &request).is_allowed()
            || (session.is_some()
                && self.has(Defect::SessionPolicyIgnored)
                && authorize(&identity, None, policy, root, &request).is_allowed())
    }

    /// Refuses what the caller may not do.
    ///
    /// # Errors
    /// 403 `AccessDenied`.
    pub fn authorise(
        &self,
        call: &Call<'_>,
        action: &str,
        bucket: &str,
        key: Option<&str>,
        extra: &[(&str, String)],
    ) -> Result<(), Fault> {
        if self.may(call, action, bucket, key, extra) { Ok(()) } else { Err(Fault::denied()) }
    }
}
