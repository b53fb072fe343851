//! A live endpoint: whose credentials, which region, and whether the bucket can be reached at all.

use crate::exchange::Answer;
use crate::store::client::{Backoff, Client, Reply};
use crate::store::credentials::{Credentials, chain};
use crate::store::endpoint::{Endpoint, Location};
use crate::store::hyper_wire::NO_TLS;
use crate::store::listing::parse_versions;
use crate::store::ops::{VersionsQuery, list_object_versions};
use crate::target::{Kind, OpenOptions, Opened, Refresh, TargetError, Teardown};
use crate::time::Clock;

/// A live bucket.
#[derive(Debug, Clone)]
pub struct EndpointSpec {
    /// The bucket and the prefix that is audited.
    pub location: Location,
    /// The endpoint, with or without scheme; without one the AWS configuration's, else AWS itself.
    pub endpoint_url: Option<String>,
    /// The region; without one the AWS configuration's, else `us-east-1`.
    pub region: Option<String>,
    /// The administrator's keys and where they came from (`MINIO_ACCESS_KEY`, `wormproof.toml`);
    /// without them the chain of the AWS tools is asked.
    pub keys: Option<(Credentials, String)>,
    /// The profile of the shared AWS configuration, for the chain.
    pub profile: Option<String>,
}

/// Finds credentials and checks that the bucket's versions can be listed. A region that the server
/// names is tried once.
pub(super) async fn open(spec: EndpointSpec, options: &OpenOptions) -> Result<Opened, TargetError> {
    let EndpointSpec { location, mut endpoint_url, mut region, keys, profile } = spec;
    let (administrator, source, refresh) = if let Some((keys, source)) = keys {
        (keys, source, None)
    } else {
        let found = chain(profile.as_deref(), region.as_deref()).await?;
        region = region.or(found.region);
        endpoint_url = endpoint_url.or(found.endpoint_url);
        let source = profile
            .map_or_else(|| "the AWS credential chain".to_owned(), |name| format!("the AWS profile {name}"));
        let refresh = Refresh { source: found.source, expires: found.expires };
        (found.credentials, source, Some(refresh))
    };
    let mut endpoint = Endpoint::choose(endpoint_url.as_deref(), region.as_deref())?;
    let mut notice = None;
    let client = loop {
        let wire = (options.connect)(&endpoint)?;
        let client =
            Client::with_limits(wire, endpoint.clone(), Clock::Real, &options.user_agent, options.limits);
        let look = list_object_versions(
            &location.bucket,
            &VersionsQuery { max_keys: Some(1), ..VersionsQuery::of_prefix(&location.prefix) },
        );
        let reply = client.exchange_retrying(Some(&administrator), &look, Backoff::default()).await.last;
        if let Some(elsewhere) = other_region(&reply)
            && notice.is_none()
            && elsewhere != endpoint.region
        {
            notice = Some(format!("the bucket is in region {elsewhere}"));
            endpoint = Endpoint::choose(endpoint_url.as_deref(), Some(&elsewhere))?;
            continue;
        }
        check(&reply, &client, &administrator, &location.bucket)?;
        break client;
    };
    let url = endpoint.url().to_owned();
    let what = if endpoint.aws { "AWS, region ".to_owned() + &endpoint.region } else { url.clone() };
    Ok(Opened {
        client,
        administrator,
        refresh,
        administrator_source: source,
        kind: Kind::Endpoint,
        description: format!("the bucket {location} at {what}"),
        version: None,
        image: None,
        endpoint: url,
        clock: Clock::Real,
        own_server: false,
        location,
        notice,
        machine: None,
        access_log: Err(
            "only a server that this tool started shows its log; how this one logs is not to be seen by requests".to_owned(),
        ),
        teardown: Teardown::Nothing,
    })
}

/// The region in which the server says that the bucket is.
fn other_region(reply: &Reply) -> Option<String> {
    let answer = reply.answer()?;
    let code = answer.error()?.code;
    let redirected = matches!(answer.status, 301 | 307)
        || matches!(code.as_str(), "AuthorizationHeaderMalformed" | "PermanentRedirect" | "InvalidRegion");
    let named = || answer.header("x-amz-bucket-region").map(ToOwned::to_owned);
    redirected.then(|| named().or_else(|| answer.element("Region"))).flatten().filter(|r| !r.is_empty())
}

/// Whether the first listing came through; if not, why.
fn check(reply: &Reply, client: &Client, who: &Credentials, bucket: &str) -> Result<(), TargetError> {
    let endpoint = client.endpoint().url().to_owned();
    let bucket = bucket.to_owned();
    let access_key = who.access_key.clone();
    let Some(answered) = reply.answer() else {
        let cause = reply.trouble().unwrap_or_default();
        let cause = cause.strip_prefix("no answer: ").unwrap_or(&cause).to_owned();
        // The exchange keeps the wire's error as words; these are their beginnings.
        return Err(if cause.contains(NO_TLS) {
            TargetError::Scheme { endpoint, speaks: "plain HTTP", answer: "its answer is no TLS".to_owned() }
        } else if cause.contains("invalid HTTP version") && endpoint.starts_with("http:") {
            // An alert of TLS is no HTTP.
            TargetError::Scheme { endpoint, speaks: "no HTTP, TLS perhaps", answer: cause }
        } else if cause.starts_with("TLS with") {
            TargetError::Tls { endpoint, cause }
        } else if cause.starts_with("cannot connect") {
            TargetError::Unreachable { endpoint, cause }
        } else {
            TargetError::Broken { endpoint, cause }
        });
    };
    let Some(error) = answered.error() else {
        let text = String::from_utf8_lossy(&reply.body);
        return if text.contains("<ListVersionsResult") || parse_versions(&reply.body).is_ok() {
            Ok(())
        } else {
            Err(TargetError::NotS3 { endpoint, answer: first_words(answered) })
        };
    };
    let answer = reply.trouble().unwrap_or_default();
    let text = answered.body.text.as_deref().unwrap_or_default();
    Err(match error.code.as_str() {
        "NoSuchBucket" => TargetError::NoBucket { bucket, endpoint },
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "ExpiredToken"
        | "InvalidClientTokenId"
        | "TokenRefreshRequired" => TargetError::Credentials { endpoint, access_key, answer },
        "RequestTimeTooSkewed" => {
            TargetError::ClockSkew { here: reply.exchange.sent_at, server: answered.server_date() }
        }
        "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" | "InvalidRegion" => {
            TargetError::Region { bucket, region: client.endpoint().region.clone(), answer }
        }
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "MethodNotAllowed" => {
            TargetError::NoPermission { access_key, bucket, answer }
        }
        "" if text.contains("HTTP request to an HTTPS server") || text.contains("sent to HTTPS port") => {
            TargetError::Scheme { endpoint, speaks: "TLS", answer: first_words(answered) }
        }
        _ if matches!(answered.status, 429 | 500 | 502..=599) => {
            let answer = if error.code.is_empty() { first_words(answered) } else { answer };
            TargetError::Failing { endpoint, answer }
        }
        "" => TargetError::NotS3 { endpoint, answer: first_words(answered) },
        _ => TargetError::Refused { endpoint, bucket, answer },
    })
}

/// Status and the beginning of a body that is not S3's, as it was redacted: it may echo the request.
fn first_words(answer: &Answer) -> String {
    let text = answer.body.text.as_deref().unwrap_or_default();
    let line: String = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(80)
        .collect();
    match answer.body.size {
        0 => format!("{} without a body", answer.status),
        size if line.is_empty() => {
            let kind = answer.header("content-type").unwrap_or("unknown type");
            format!("{} with {size} bytes of {kind}", answer.status)
        }
        _ => format!("{} {line}", answer.status),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;

    use super::*;
    use crate::store::client::Limits;
    use crate::store::wire::{BoxFuture, Wire, WireError};

    /// Answers with what it is given, in order; the last answer again and again.
    #[derive(Debug)]
    struct Script(Mutex<Vec<Result<http::Response<Bytes>, WireError>>>);

    impl Wire for Script {
        fn send(&self, _: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
            let mut script = self.0.lock().expect("the script");
            let next = if script.len() > 1 { script.remove(0) } else { script[0].clone() };
            Box::pin(async move { next })
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "a script holds answers and failures")]
    fn said(status: u16, headers: &[(&str, &str)], body: &str) -> Result<http::Response<Bytes>, WireError> {
        let mut builder = http::Response::builder().status(status);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        Ok(builder.body(Bytes::copy_from_slice(body.as_bytes())).expect("an answer"))
    }

    fn fault(status: u16, code: &str) -> Result<http::Response<Bytes>, WireError> {
        let body = format!("<Error><Code>{code}</Code><Message>words</Message></Error>");
        said(status, &[("date", "Wed, 25 Nov 2026 08:00:00 GMT")], &body)
    }

    async fn opened(script: Vec<Result<http::Response<Bytes>, WireError>>) -> Result<Opened, TargetError> {
        let wire = Arc::new(Script(Mutex::new(script)));
        let options = OpenOptions {
            user_agent: "test".to_owned(),
            limits: Limits::default(),
            connect: Arc::new(move |_| Ok(wire.clone())),
        };
        let spec = EndpointSpec {
            location: Location::parse("s3://books/2024/").expect("a location"),
            endpoint_url: Some("store.example:9000".to_owned()),
            region: None,
            keys: Some((Credentials::new("AKIDEXAMPLE", "the-secret-key"), "a test".to_owned())),
            profile: None,
        };
        open(spec, &options).await
    }

    #[tokio::test]
    async fn every_failure_has_words_of_its_own() {
        let tls = WireError::Tls { endpoint: "store.example:9000".to_owned(), cause: NO_TLS.to_owned() };
        let cases = vec![
            (fault(404, "NoSuchBucket"), "the bucket `books` does not exist at http://store.example:9000"),
            (
                fault(403, "InvalidAccessKeyId"),
                "http://store.example:9000 does not accept the credentials of access key AKIDEXAMPLE: 403 InvalidAccessKeyId words",
            ),
            (
                fault(403, "AccessDenied"),
                "access key AKIDEXAMPLE may not list the versions of `books`: 403 AccessDenied words",
            ),
            (
                said(400, &[], "Client sent an HTTP request to an HTTPS server.\n"),
                "http://store.example:9000 speaks TLS: 400 Client sent an HTTP request to an HTTPS server.",
            ),
            (Err(tls), "http://store.example:9000 speaks plain HTTP: its answer is no TLS"),
            (fault(503, "SlowDown"), "http://store.example:9000 fails: 503 SlowDown words"),
            (
                fault(400, "KeyTooLong"),
                "http://store.example:9000 does not list the versions of `books`: 400 KeyTooLong words",
            ),
            (
                said(200, &[], "<!doctype html>\n<html>"),
                "http://store.example:9000 does not answer as S3 does: 200 <!doctype html> <html>",
            ),
        ];
        for (answer, words) in cases {
            let error = opened(vec![answer]).await.expect_err(words);
            assert_eq!(error.to_string(), words);
            assert!(error.hint().is_some(), "{words}");
            assert!(!format!("{error:?}").contains("the-secret-key"));
        }
    }

    #[tokio::test]
    async fn a_wrong_clock_is_shown_with_both_times() {
        let error = opened(vec![fault(403, "RequestTimeTooSkewed")]).await.expect_err("skewed");
        assert!(error.to_string().ends_with(", at the server 2026-11-25 08:00:00 UTC"), "{error}");
    }

    #[tokio::test]
    async fn the_region_that_the_server_names_is_tried_once() {
        let listing = || said(200, &[], "<ListVersionsResult></ListVersionsResult>");
        let elsewhere = || {
            said(
                400,
                &[],
                "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-south-9</Region></Error>",
            )
        };
        let found = opened(vec![elsewhere(), listing()]).await.expect("found");
        assert_eq!(found.client.endpoint().region, "eu-south-9");
        assert!(!found.own_server);
        let lost = opened(vec![elsewhere()]).await.expect_err("lost");
        assert!(matches!(lost, TargetError::Region { region, .. } if region == "eu-south-9"));
        let moved = said(301, &[("x-amz-bucket-region", "eu-west-1")], "");
        assert_eq!(
            opened(vec![moved, listing()]).await.expect("moved").client.endpoint().region,
            "eu-west-1"
        );
    }
}
