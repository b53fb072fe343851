//! Credentials: given, or found by the usual chain of the AWS tools.

use std::sync::Arc;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use crate::store::StoreError;

/// An access key and its secret, perhaps of a session. `Debug` shows the access key only.
#[derive(Clone)]
pub struct Credentials {
    /// The access key id. Not a secret.
    pub access_key: String,
    /// The secret key.
    pub secret_key: Zeroizing<String>,
    /// The session token of temporary credentials.
    pub session_token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// Long-lived credentials.
    #[must_use]
    pub fn new(access_key: &str, secret_key: &str) -> Self {
        Self {
            access_key: access_key.to_owned(),
            secret_key: Zeroizing::new(secret_key.to_owned()),
            session_token: None,
        }
    }

    /// Adds a session token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.session_token = Some(Zeroizing::new(token.to_owned()));
        self
    }

    /// The same for the AWS libraries.
    #[must_use]
    pub fn to_aws(&self) -> aws_credential_types::Credentials {
        aws_credential_types::Credentials::new(
            self.access_key.as_str(),
            self.secret_key.as_str(),
            self.session_token.as_ref().map(|t| t.as_str().to_owned()),
            None,
            "wormproof",
        )
    }

    fn from_aws(found: &aws_credential_types::Credentials) -> Self {
        Self {
            access_key: found.access_key_id().to_owned(),
            secret_key: Zeroizing::new(found.secret_access_key().to_owned()),
            session_token: found.session_token().map(|t| Zeroizing::new(t.to_owned())),
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key", &self.access_key)
            .field("session", &self.session_token.is_some())
            .finish_non_exhaustive()
    }
}

/// A source that can be asked again when temporary credentials have expired.
#[derive(Debug, Clone)]
pub struct SharedCredentials {
    provider: Arc<SharedCredentialsProvider>,
}

impl SharedCredentials {
    /// The credentials as of now, and when they end, if they do.
    ///
    /// # Errors
    /// [`StoreError::Credentials`] if the source has none.
    pub async fn current(&self) -> Result<(Credentials, Option<DateTime<Utc>>), StoreError> {
        match self.provider.provide_credentials().await {
            Ok(found) => Ok((Credentials::from_aws(&found), found.expiry().map(DateTime::from))),
            Err(error) => Err(StoreError::Credentials { cause: none_found(&chain_of(&error)) }),
        }
    }
}

/// The library lists every source that it asked, and says of each that it was not enabled.
fn none_found(text: &str) -> String {
    if text.contains("no credentials found in chain") {
        return "neither the environment nor the shared AWS configuration nor a role of this machine has any"
            .to_owned();
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What the chain found.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The credentials as of now.
    pub credentials: Credentials,
    /// When they end, if they do.
    pub expires: Option<DateTime<Utc>>,
    /// Where they came from; asked again when they expire.
    pub source: SharedCredentials,
    /// The region of the profile or environment.
    pub region: Option<String>,
    /// The endpoint of the profile or environment (`AWS_ENDPOINT_URL`).
    pub endpoint_url: Option<String>,
}

/// Finds credentials as the AWS tools do: environment, shared files, web identity, container, instance.
/// Named exception to the rule that only `config` reads the environment.
///
/// # Errors
/// [`StoreError::Credentials`] if no source has any.
pub async fn chain(profile: Option<&str>, region: Option<&str>) -> Result<Resolved, StoreError> {
    use aws_smithy_http_client::tls;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(http);
    if let Some(name) = profile {
        loader = loader.profile_name(name);
    }
    if let Some(name) = region {
        loader = loader.region(aws_config::Region::new(name.to_owned()));
    }
    let config = loader.load().await;
    let provider = config
        .credentials_provider()
        .ok_or_else(|| StoreError::Credentials { cause: "no credential source is configured".to_owned() })?;
    let source = SharedCredentials { provider: Arc::new(provider) };
    let (credentials, expires) = source.current().await.map_err(|error| match (profile, error) {
        (Some(name), StoreError::Credentials { cause }) if cause.starts_with("neither") => {
            StoreError::Credentials { cause: format!("the AWS profile `{name}` does not exist or has none") }
        }
        (_, error) => error,
    })?;
    Ok(Resolved {
        credentials,
        expires,
        source,
        region: config.region().map(ToString::to_string),
        endpoint_url: config.endpoint_url().map(ToOwned::to_owned),
    })
}

/// An error and its causes in one line.
pub(crate) fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let part = cause.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", Credentials::new("AK", "the-secret-key").with_token("the-token"));
        assert!(shown.contains("AK"));
        assert!(!shown.contains("the-"), "{shown}");
    }
}
