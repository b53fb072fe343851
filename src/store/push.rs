//! Pushing metrics to a Prometheus Pushgateway: one PUT, which replaces what was pushed for the same labels before.
//!
//! A user and password in the address are sent as Basic authentication and shown nowhere.

use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::store::StoreError;
use crate::store::hyper_wire::{HyperOptions, HyperWire};
use crate::store::wire::{Wire as _, WireError};

/// The media type of the text exposition format.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The job under which everything is pushed.
pub const JOB: &str = "wormproof";

/// The longest part of a refusal that is shown, in characters.
const SHOWN: usize = 300;

/// Why metrics were not pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The address cannot be read. It is not shown, for it may hold a password.
    #[error("the address of the Pushgateway cannot be read: {why}")]
    Url {
        /// What is wrong.
        why: &'static str,
    },
    /// The certificates to trust cannot be used.
    #[error(transparent)]
    Trust(#[from] StoreError),
    /// No answer.
    #[error("the metrics were not pushed to {url}: {cause}")]
    Wire {
        /// The gateway, without user and password.
        url: String,
        /// Why.
        cause: WireError,
    },
    /// The gateway refused.
    #[error("{url} did not take the metrics: {status} {text}")]
    Refused {
        /// The gateway, without user and password.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it answered, cut short.
        text: String,
    },
}

impl PushError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Url { .. } => {
                "write `http://HOST:9091` or `https://USER:PASSWORD@HOST`; the path /metrics/job/… is added"
            }
            Self::Trust(error) => error.hint(),
            Self::Wire { .. } => {
                "does the Pushgateway run, and are host and port right? the evidence is written; `wormproof report --format prometheus` makes the metrics again"
            }
            Self::Refused { status: 401 | 403, .. } => {
                "write user and password into the address: `https://USER:PASSWORD@HOST`"
            }
            Self::Refused { .. } => {
                "is this a Prometheus Pushgateway? `wormproof report --format prometheus` shows what was sent"
            }
        }
    }
}

/// A Pushgateway. `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Gateway {
    /// `scheme://host[:port][/path]`, without a slash at its end.
    base: String,
    user: Option<(String, Zeroizing<String>)>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Reads the address of a gateway.
    ///
    /// # Errors
    /// [`PushError::Url`] if it is no `http` or `https` address.
    pub fn parse(url: &str) -> Result<Self, PushError> {
        let fail = |why: &'static str| PushError::Url { why };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| fail("it has no scheme"))?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err(fail("only http and https are spoken"));
        }
        if rest.contains(['?', '#']) {
            return Err(fail("it must not have a query or a fragment"));
        }
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (user, host) = match authority.rsplit_once('@') {
            None => (None, authority),
            Some((user, host)) => {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                (Some((decoded(name), Zeroizing::new(decoded(password)))), host)
            }
        };
        let base = format!("{scheme}://{host}{}", path.trim_end_matches('/'));
        let uri: http::Uri = base.parse().map_err(|_| fail("it is no URL"))?;
        if uri.host().unwrap_or_default().is_empty() {
            return Err(fail("it names no host"));
        }
        if path.contains("/metrics/job") {
            return Err(fail("the path /metrics/job/… is added by the tool"));
        }
        Ok(Self { base, user })
    }

    /// The address without user and password.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.base
    }

    /// Where metrics with these labels are pushed: `/metrics/job/wormproof/NAME/VALUE…`. A value that is empty or has
    /// other characters than letters, digits, `.`, `_` and `-` is written in Base64, as the gateway's interface wants it.
    #[must_use]
    pub fn address(&self, labels: &[(String, String)]) -> String {
        let mut address = format!("{}/metrics/job/{JOB}", self.base);
        for (name, value) in labels {
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            // A lone dot or two would be taken for a step in the path.
            if value.chars().all(plain) && !value.trim_matches('.').is_empty() {
                address += &format!("/{name}/{value}");
            } else if value.is_empty() {
                address += &format!("/{name}@base64/=");
            } else {
                let coded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value);
                address += &format!("/{name}@base64/{coded}");
            }
        }
        address
    }

    /// Pushes a text exposition; what was pushed with the same labels before is replaced. Sent once, and given up after
    /// 15 seconds.
    ///
    /// # Errors
    /// [`PushError`]: no answer, or not 2xx.
    pub async fn push(
        &self,
        labels: &[(String, String)],
        exposition: Vec<u8>,
        ca_bundle: Option<Vec<u8>>,
    ) -> Result<(), PushError> {
        let wire = HyperWire::with(&HyperOptions {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(15),
            ca_bundle,
        })?;
        let mut request = http::Request::put(self.address(labels)).header("content-type", TEXT_FORMAT);
        if let Some((name, password)) = &self.user {
            let plain = Zeroizing::new(format!("{name}:{}", password.as_str()));
            let coded = base64::engine::general_purpose::STANDARD.encode(plain.as_bytes());
            request = request.header("authorization", format!("Basic {coded}"));
        }
        let request = request
            .header("user-agent", concat!("wormproof/", env!("CARGO_PKG_VERSION")))
            .body(Bytes::from(exposition))
            .map_err(|_| PushError::Url { why: "it cannot be sent" })?;
        let url = || self.base.clone();
        let answer = wire.send(request).await.map_err(|cause| PushError::Wire { url: url(), cause })?;
        if answer.status().is_success() {
            return Ok(());
        }
        let text: String = String::from_utf8_lossy(answer.body()).trim().chars().take(SHOWN).collect();
        Err(PushError::Refused { url: url(), status: answer.status().as_u16(), text })
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A text without user and password in the address that it may hold (`--metrics=http://u:p@host` becomes
/// `--metrics=http://***@host`).
#[must_use]
pub fn without_user(text: &str) -> String {
    let Some((before, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{before}://***@{host}{after}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_taken_out_and_shown_nowhere() {
        let gateway = Gateway::parse("https://me:p%40ss@metrics.example:9091/base/").expect("a gateway");
        assert_eq!(gateway.shown(), "https://metrics.example:9091/base");
        assert_eq!(gateway.user.as_ref().map(|(u, p)| (u.as_str(), p.as_str())), Some(("me", "p@ss")));
        assert!(!format!("{gateway:?}").contains("p@ss"));
        assert_eq!(without_user("--metrics=http://u:p@h:1/x"), "--metrics=http://***@h:1/x");
        assert_eq!(without_user("s3://books/a@b"), "s3://books/a@b");
        assert_eq!(without_user("http://u:p@ss@h"), "http://***@h");
    }

    #[test]
    fn what_is_no_address_of_a_gateway_is_refused_without_showing_it() {
        for wrong in [
            "host:9091",
            "ftp://host",
            "http://",
            "http://u:secret@",
            "http://h/?token=secret",
            "http://h/metrics/job/x",
            "http://u:secret@a b",
        ] {
            let error = Gateway::parse(wrong).expect_err(wrong).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn labels_become_a_path_that_the_gateway_reads_back() {
        let gateway = Gateway::parse("http://h:9091").expect("a gateway");
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let labels =
            [label("bucket", "my.books-1"), label("prefix", "a/b"), label("x", ""), label("y", "..")];
        assert_eq!(
            gateway.address(&labels),
            "http://h:9091/metrics/job/wormproof/bucket/my.books-1/prefix@base64/YS9i/x@base64/=/y@base64/Li4"
        );
    }
}
