//! The AWS SDK on our wire: its requests pass the same [`Client`], are recorded and redacted there,
//! and use the same clock. Used where a typed answer is worth it: a bucket's configuration.

mod configuration;

pub use configuration::{
    BucketConfiguration, BucketFacts, LockConfiguration, PublicAccess, Versioning, bucket_facts,
    configuration,
};

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_sdk_s3::config::{BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::exchange::{Exchange, Outcome};
use crate::store::client::{Client, Reply};
use crate::store::credentials::Credentials;
use crate::store::endpoint::Style;
use crate::store::redact::Redactor;
use crate::store::sign::Prepared;
use crate::time::Clock;

/// An SDK client, and what it sent.
#[derive(Debug, Clone)]
pub struct Sdk {
    /// The SDK's own client: no retries, no timeouts of its own, checksums only where required.
    pub s3: aws_sdk_s3::Client,
    replies: Arc<Mutex<Vec<Reply>>>,
}

impl Sdk {
    /// The exchanges since the last call, in order.
    #[must_use]
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        self.take().into_iter().map(|r| r.exchange).collect()
    }

    fn take(&self) -> Vec<Reply> {
        std::mem::take(&mut *self.replies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An SDK client for `who` over the client's wire.
#[must_use]
pub fn sdk_client(client: &Client, who: &Credentials) -> Sdk {
    let replies = Arc::new(Mutex::new(Vec::new()));
    let wire = OnOurWire { client: client.clone(), who: who.clone(), replies: replies.clone() };
    let endpoint = client.endpoint();
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(endpoint.region.clone()))
        .credentials_provider(who.to_aws())
        .http_client(wire)
        .time_source(Time(client.clock().clone()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(aws_sdk_s3::config::StalledStreamProtectionConfig::disabled())
        .force_path_style(endpoint.style == Style::Path)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if !endpoint.aws {
        config = config.endpoint_url(endpoint.url());
    }
    Sdk { s3: aws_sdk_s3::Client::from_conf(config.build()), replies }
}

#[derive(Debug)]
struct Time(Clock);

impl aws_smithy_async::time::TimeSource for Time {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

/// The SDK's HTTP client and connector in one.
#[derive(Debug, Clone)]
struct OnOurWire {
    client: Client,
    who: Credentials,
    replies: Arc<Mutex<Vec<Reply>>>,
}

impl HttpClient for OnOurWire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for OnOurWire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move { this.pass(request).await })
    }
}

impl OnOurWire {
    async fn pass(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let user = |why: String| ConnectorError::user(why.into());
        let request = request.try_into_http1x().map_err(|error| user(error.to_string()))?;
        let (parts, body) = request.into_parts();
        let body = match body.bytes() {
            Some(bytes) => Bytes::copy_from_slice(bytes),
            None => return Err(user("a streamed body is not sent over this wire".to_owned())),
        };
        let uri = parts.uri;
        let base = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or("https"),
            uri.authority().map_or("", |a| a.as_str())
        );
        let headers = parts
            .headers
            .iter()
            .map(|(n, v)| (n.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
            .collect();
        let prepared = Prepared {
            method: parts.method,
            base,
            target: uri.path_and_query().map_or("/", |p| p.as_str()).to_owned(),
            headers,
            body_sha256: hex::encode(Sha256::digest(&body)),
            body,
            signature: None,
        };
        let signature = prepared.headers.iter().find(|(name, _)| name == "authorization");
        let signature = signature.and_then(|(_, value)| value.rsplit_once("Signature=")).map(|(_, s)| s);
        let redactor = Redactor::new(Some(&self.who), None, signature);
        let reply = self.client.transmit(&prepared, redactor).await;
        let response = match &reply.exchange.outcome {
            Outcome::NoAnswer(why) => Err(ConnectorError::io(why.clone().into())),
            Outcome::Answered(answer) => respond(answer.status, &answer.headers, &reply.body),
        };
        self.replies.lock().unwrap_or_else(PoisonError::into_inner).push(reply);
        response
    }
}

fn respond(status: u16, headers: &[(String, String)], body: &Bytes) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|e| ConnectorError::other(e.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body.clone()));
    for (name, value) in headers {
        // A header that the SDK cannot hold is none that it reads.
        let _ = response.headers_mut().try_append(name.clone(), value.clone());
    }
    Ok(response)
}
