//! Requests through the whole server, signed by an independent signer (`aws-sigv4`).

use std::fmt::Write as _;
use std::time::SystemTime;

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use http::{Request, Response};
use md5::{Digest, Md5};

use super::{Config, Defect, Server};
use crate::time::{Clock, wire};

struct Client {
    server: Server,
    key: String,
    secret: String,
    token: Option<String>,
}

struct Said {
    status: u16,
    body: String,
    answer: Response<Bytes>,
}

impl Said {
    fn header(&self, name: &str) -> &str {
        self.answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    fn element(&self, name: &str) -> &str {
        let open = format!("<{name}>");
        let rest = self.body.split(&open).nth(1).unwrap_or("");
        rest.split("</").next().unwrap_or("")
    }

    fn version(&self) -> String {
        self.header("x-amz-version-id").to_owned()
    }

    #[track_caller]
    fn is(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.element("Code")), (status, code), "{}", self.body);
        self
    }
}

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2019, 3, 1, 12, 0, 0).single().expect("an instant")
}

fn client(defects: &[Defect]) -> Client {
    let config = Config {
        access_key: "AKIAROOT".to_owned(),
        secret_key: "root secret".to_owned(),
        region: "us-east-1".to_owned(),
        clock: Clock::virtual_at(start()),
        defects: defects.to_vec(),
    };
    Client {
        server: Server::new(config),
        key: "AKIAROOT".to_owned(),
        secret: "root secret".to_owned(),
        token: None,
    }
}

impl Client {
    fn signed(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        settings: SigningSettings,
        service: &str,
    ) -> Request<Bytes> {
        let mut request = Request::builder().method(method).uri(format!("http://127.0.0.1:9000{target}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Bytes::copy_from_slice(body)).expect("a request");
        let credentials = aws_credential_types::Credentials::new(
            self.key.clone(),
            self.secret.clone(),
            self.token.clone(),
            None,
            "test",
        );
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(service)
            .time(SystemTime::from(self.server.clock().now()))
            .settings(settings)
            .build()
            .expect("parameters")
            .into();
        let pairs: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
            .collect();
        let uri = request.uri().to_string();
        let signable = SignableRequest::new(
            method,
            uri,
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            SignableBody::Bytes(body),
        )
        .expect("signable");
        let (instructions, _) = sign(signable, &parameters).expect("a signature").into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request
    }

    async fn send(&self, request: Request<Bytes>) -> Said {
        let answer = self.server.handle(request).await;
        let body = String::from_utf8_lossy(answer.body()).into_owned();
        Said { status: answer.status().as_u16(), body, answer }
    }

    async fn call(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Said {
        let md5 = STANDARD.encode(Md5::digest(body.as_bytes()));
        let mut headers = headers.to_vec();
        if !body.is_empty() || method == "PUT" {
            headers.push(("content-md5", &md5));
        }
        self.send(self.signed(method, target, &headers, body.as_bytes(), settings(), "s3")).await
    }

    async fn lock_bucket(&self, default: &str) {
        let headers = [("x-amz-bucket-object-lock-enabled", "true")];
        self.call("PUT", "/vault", &headers, "").await.is(200, "");
        if !default.is_empty() {
            let document = format!(
                "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>{default}</DefaultRetention></Rule></ObjectLockConfiguration>"
            );
            self.call("PUT", "/vault?object-lock", &[], &document).await.is(200, "");
        }
    }

    async fn put_locked(&self, key: &str, mode: &str, minutes: i64) -> String {
        let until = wire(self.server.clock().now() + TimeDelta::minutes(minutes));
        let headers =
            [("x-amz-object-lock-mode", mode), ("x-amz-object-lock-retain-until-date", until.as_str())];
        self.call("PUT", &format!("/vault/{key}"), &headers, "content").await.is(200, "").version()
    }

    /// A form policy for any key below `up/`, good for an hour, and its signature.
    fn form_policy(&self) -> (String, String) {
        let credential = format!("{}/20190301/us-east-1/s3/aws4_request", self.key);
        let policy = STANDARD.encode(format!(
            r#"{{"expiration":"2019-03-01T13:00:00Z","conditions":[{{"bucket":"vault"}},["starts-with","$key","up/"],["starts-with","$x-amz-object-lock-mode",""],["starts-with","$x-amz-object-lock-retain-until-date",""],["starts-with","$x-amz-security-token",""],{{"x-amz-algorithm":"AWS4-HMAC-SHA256"}},{{"x-amz-credential":"{credential}"}},{{"x-amz-date":"20190301T120000Z"}}]}}"#
        ));
        let signature = super::sigv4::sign(&self.secret, "20190301/us-east-1/s3/aws4_request", &policy);
        (policy, signature)
    }

    fn form(
        &self,
        target: &str,
        key: &str,
        policy: &str,
        signature: &str,
        more: &[(&str, &str)],
    ) -> Request<Bytes> {
        let credential = format!("{}/20190301/us-east-1/s3/aws4_request", self.key);
        let mut fields = vec![
            ("key", key),
            ("policy", policy),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", credential.as_str()),
            ("x-amz-date", "20190301T120000Z"),
            ("x-amz-signature", signature),
        ];
        fields.extend(more);
        fields.extend(self.token.as_deref().map(|token| ("x-amz-security-token", token)));
        let mut body = String::new();
        for (name, value) in fields {
            let _ = write!(body, "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        body.push_str("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhello\r\n--b--\r\n");
        Request::builder()
            .method("POST")
            .uri(format!("http://127.0.0.1:9000{target}"))
            .header("content-type", "multipart/form-data; boundary=b")
            .body(Bytes::from(body))
            .expect("a request")
    }

    async fn assume(&self, policy: &str) -> Client {
        let policy = percent_encoding::utf8_percent_encode(policy, percent_encoding::NON_ALPHANUMERIC);
        let body = format!(
            "Action=AssumeRole&Version=2011-06-15&DurationSeconds=900&RoleSessionName=writer&Policy={policy}"
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let request = self.signed("POST", "/", &headers, body.as_bytes(), settings(), "sts");
        let said = self.send(request).await.is(200, "");
        Client {
            server: self.server.clone(),
            key: said.element("AccessKeyId").to_owned(),
            secret: said.element("SecretAccessKey").to_owned(),
            token: Some(said.element("SessionToken").to_owned()),
        }
    }
}

fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings
}

const BYPASS: (&str, &str) = ("x-amz-bypass-governance-retention", "true");
const LOCKED: &str = "Access Denied because object protected by object lock.";

#[tokio::test]
async fn a_compliance_version_outlives_root_and_ends_on_time() {
    let root = client(&[]);
    root.lock_bucket("").await;
    let id = root.put_locked("a%20b%2Bc/%C3%BC", "COMPLIANCE", 5).await;
    let target = format!("/vault/a%20b%2Bc/%C3%BC?versionId={id}");
    let head = root.call("HEAD", &target, &[], "").await.is(200, "");
    assert_eq!(head.header("x-amz-object-lock-mode"), "COMPLIANCE");
    assert_eq!(head.header("x-amz-object-lock-retain-until-date"), "2019-03-01T12:05:00.000Z");
    assert_eq!(head.header("content-length"), "7");
    for headers in [&[][..], &[BYPASS][..]] {
        let said = root.call("DELETE", &target, headers, "").await.is(403, "AccessDenied");
        assert_eq!(said.element("Message"), LOCKED);
        assert_eq!(said.element("RequestId"), said.header("x-amz-request-id"));
    }
    root.server.clock().advance_to(start() + TimeDelta::seconds(299));
    root.call("DELETE", &target, &[], "").await.is(403, "AccessDenied");
    root.server.clock().advance_to(start() + TimeDelta::seconds(300));
    assert_eq!(root.call("DELETE", &target, &[], "").await.is(204, "").version(), id);
    root.call("GET", &target, &[], "").await.is(404, "NoSuchVersion");
}

#[tokio::test]
async fn governance_gives_way_to_the_right_and_to_nothing_less() {
    let root = client(&[]);
    root.lock_bucket("").await;
    let id = root.put_locked("k", "GOVERNANCE", 60).await;
    let rights = |actions: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}]}}"#
        )
    };
    let deleter = root.assume(&rights(r#""s3:DeleteObject","s3:DeleteObjectVersion""#)).await;
    let plain = root.assume(&rights(r#""s3:DeleteObject""#)).await;
    let target = format!("/vault/k?versionId={id}");
    let said = deleter.call("DELETE", &target, &[], "").await.is(403, "AccessDenied");
    assert_eq!(said.element("Message"), LOCKED);
    let said = deleter.call("DELETE", &target, &[BYPASS], "").await.is(403, "AccessDenied");
    assert_eq!(said.element("Message"), "Access Denied", "a missing right, not the lock");
    plain.call("DELETE", &target, &[BYPASS], "").await.is(403, "AccessDenied");
    let marker = deleter.call("DELETE", "/vault/k", &[], "").await.is(204, "");
    assert_eq!(marker.header("x-amz-delete-marker"), "true");
    let gone = root.call("GET", "/vault/k", &[], "").await.is(404, "NoSuchKey");
    assert_eq!(gone.header("x-amz-delete-marker"), "true");
    let on_marker = format!("/vault/k?versionId={}", marker.version());
    let said = root.call("GET", &on_marker, &[], "").await.is(405, "MethodNotAllowed");
    assert_eq!(said.header("allow"), "DELETE");
    deleter.call("DELETE", &on_marker, &[], "").await.is(204, "");
    root.call("GET", "/vault/k", &[], "").await.is(200, "");
    root.call("DELETE", &target, &[BYPASS], "").await.is(204, "");
    let stale = Client {
        token: None,
        server: root.server.clone(),
        key: plain.key.clone(),
        secret: plain.secret.clone(),
    };
    stale.call("GET", "/vault/k", &[], "").await.is(403, "InvalidAccessKeyId");
    root.server.clock().advance_to(start() + TimeDelta::seconds(901));
    plain.call("GET", "/vault/k", &[], "").await.is(400, "ExpiredToken");
}

#[tokio::test]
async fn holds_defaults_and_bucket_configuration_by_behaviour_id() {
    let root = client(&[]);
    root.lock_bucket("<Mode>COMPLIANCE</Mode><Days>1</Days>").await;
    // DEF-01, DEF-04: the default is stamped, whatever the hold header says.
    let hold = [("x-amz-object-lock-legal-hold", "OFF")];
    let id = root.call("PUT", "/vault/d", &hold, "x").await.is(200, "").version();
    let head = root.call("HEAD", &format!("/vault/d?versionId={id}"), &[], "").await;
    assert_eq!(head.header("x-amz-object-lock-retain-until-date"), "2019-03-02T12:00:00.000Z");
    assert_eq!(head.header("x-amz-object-lock-legal-hold"), "OFF");
    // PUT-12: under a default an upload carries a digest.
    let bare = root.signed("PUT", "/vault/d", &[], b"x", settings(), "s3");
    root.send(bare).await.is(400, "InvalidRequest");
    // SHR-05, SHR-07, EXT-02, SHR-11 on the wire.
    let retention = |body: &str| {
        format!("<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{body}</Retention>")
    };
    let target = format!("/vault/d?retention&versionId={id}");
    let until =
        |time: &str| retention(&format!("<Mode>COMPLIANCE</Mode><RetainUntilDate>{time}</RetainUntilDate>"));
    root.call("PUT", &target, &[], &until("2019-03-02T11:59:59Z")).await.is(403, "AccessDenied");
    root.call("PUT", &target, &[BYPASS], &retention("")).await.is(403, "AccessDenied");
    root.call("PUT", &target, &[], &until("2018-01-01T00:00:00Z")).await.is(400, "InvalidArgument");
    root.call("PUT", &target, &[], &until("2019-03-03T14:00:00+02:00")).await.is(200, "");
    let kept = root.call("GET", &target, &[], "").await.is(200, "");
    assert_eq!(kept.element("RetainUntilDate"), "2019-03-03T12:00:00.000Z");
    // LHD, DEL-09: the hold outlives the retention.
    let on = "<LegalHold><Status>ON</Status></LegalHold>";
    root.call("PUT", &format!("/vault/d?legal-hold&versionId={id}"), &[], on).await.is(200, "");
    root.server.clock().advance_to(start() + TimeDelta::days(10));
    root.call("DELETE", &format!("/vault/d?versionId={id}"), &[BYPASS], "").await.is(403, "AccessDenied");
    // BKT-08, BKT-09, BKT-11, BKT-17, BKT-04.
    let empty = "<ObjectLockConfiguration></ObjectLockConfiguration>";
    root.call("PUT", "/vault?object-lock", &[], empty).await.is(400, "MalformedXML");
    let suspended = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    root.call("PUT", "/vault?versioning", &[], suspended).await.is(409, "InvalidBucketState");
    root.call("DELETE", "/vault", &[], "").await.is(409, "BucketNotEmpty");
    root.call("PUT", "/plain", &[], "").await.is(200, "");
    let enabled =
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
    root.call("PUT", "/plain?object-lock", &[], enabled).await.is(409, "InvalidBucketState");
    root.call("GET", "/plain?object-lock", &[], "").await.is(404, "ObjectLockConfigurationNotFoundError");
    let lock = [("x-amz-object-lock-mode", "COMPLIANCE")];
    let said = root.call("PUT", "/vault/d", &lock, "x").await.is(400, "InvalidArgument");
    assert_eq!(said.element("ArgumentName"), "x-amz-object-lock-retain-until-date");
}

#[tokio::test]
async fn what_s3s_lets_through_is_refused() {
    let root = client(&[]);
    root.lock_bucket("").await;
    let id = root.put_locked("k", "GOVERNANCE", 60).await;
    let target = format!("/vault/k?versionId={id}");
    // A header that the signature does not cover.
    let mut request = root.signed("DELETE", &target, &[], b"", settings(), "s3");
    request.headers_mut().insert("x-amz-bypass-governance-retention", "true".parse().expect("a header"));
    let said = root.send(request).await.is(403, "AccessDenied");
    assert_eq!(said.element("HeadersNotSigned"), "x-amz-bypass-governance-retention");
    // A write aimed at a version, with and without the replication header.
    for headers in [&[][..], &[("x-amz-replication-status", "REPLICA")][..]] {
        let said = root.call("PUT", &target, headers, "other").await.is(400, "InvalidArgument");
        assert_eq!(said.element("Message"), "This operation does not accept a version-id.");
    }
    // Digests that do not fit, and those that must be there.
    let wrong = [("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
    let request = root.signed("PUT", "/vault/k", &wrong, b"x", settings(), "s3");
    root.send(request).await.is(400, "BadDigest");
    let on = b"<LegalHold><Status>ON</Status></LegalHold>";
    let request = root.signed("PUT", "/vault/k?legal-hold", &[], on, settings(), "s3");
    root.send(request).await.is(400, "InvalidRequest");
    // Event holds are refused, not ignored.
    root.call("PUT", "/vault/k", &[("x-amz-object-lock-event-hold", "ON")], "x")
        .await
        .is(501, "NotImplemented");
    // The server's clock judges a request's date; a wrong secret is no signature.
    let late = root.signed("GET", "/vault/k", &[], b"", settings(), "s3");
    root.server.clock().advance_to(start() + TimeDelta::minutes(16));
    root.send(late).await.is(403, "RequestTimeTooSkewed");
    let forger =
        Client { server: root.server.clone(), key: "AKIAROOT".into(), secret: "x".into(), token: None };
    forger.call("GET", "/vault/k", &[], "").await.is(403, "SignatureDoesNotMatch");
    let nobody = Request::builder().uri("/vault/k").body(Bytes::new()).expect("a request");
    root.send(nobody).await.is(403, "AccessDenied");
    root.call("GET", &target, &[], "").await.is(200, "");
}

#[tokio::test]
async fn presigned_urls_go_by_the_servers_clock() {
    let root = client(&[]);
    root.lock_bucket("").await;
    let id = root.put_locked("k%20e", "COMPLIANCE", 60).await;
    let mut settings = settings();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(std::time::Duration::from_mins(5));
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    let target = format!("/vault/k%20e?versionId={id}");
    // The signer hashes the body it is given; a presigned URL says UNSIGNED-PAYLOAD.
    let presign = |method: &str, client: &Client| {
        let request = Request::builder().method(method).uri(format!("http://127.0.0.1:9000{target}"));
        let mut request = request.body(Bytes::new()).expect("a request");
        let identity = aws_credential_types::Credentials::new(
            &client.key,
            &client.secret,
            client.token.clone(),
            None,
            "t",
        )
        .into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("s3")
            .time(SystemTime::from(root.server.clock().now()))
            .settings(settings.clone())
            .build()
            .expect("parameters")
            .into();
        let signable = SignableRequest::new(
            method,
            request.uri().to_string(),
            std::iter::empty(),
            SignableBody::UnsignedPayload,
        );
        let (instructions, _) = sign(signable.expect("signable"), &parameters).expect("signed").into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request
    };
    let got = root.send(presign("GET", &root)).await.is(200, "");
    assert_eq!(got.body, "content");
    let said = root.send(presign("DELETE", &root)).await.is(403, "AccessDenied");
    assert_eq!(said.element("Message"), LOCKED);
    let reader = root.assume(r#"{"Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#).await;
    root.send(presign("GET", &reader)).await.is(200, "");
    let old = presign("GET", &root);
    let tampered = old.uri().to_string().replace("k%20e", "other");
    let forged = Request::builder().uri(tampered).body(Bytes::new()).expect("a request");
    root.send(forged).await.is(403, "SignatureDoesNotMatch");
    root.server.clock().advance_to(start() + TimeDelta::seconds(301));
    let said = root.send(old).await.is(403, "AccessDenied");
    assert_eq!(said.element("Message"), "Request has expired");
}

#[tokio::test]
async fn a_form_gets_the_default_lock() {
    for (defects, locked) in [(&[][..], true), (&[Defect::DefaultNotOnForm][..], false)] {
        let root = client(defects);
        root.lock_bucket("<Mode>COMPLIANCE</Mode><Years>1</Years>").await;
        let (policy, signature) = root.form_policy();
        let post = |key: &str, signature: &str| root.form("/vault", key, &policy, signature, &[]);
        root.send(post("up/${filename}", &signature)).await.is(204, "");
        let head = root.call("HEAD", "/vault/up/a.txt", &[], "").await.is(200, "");
        assert_eq!(head.header("x-amz-object-lock-mode") == "COMPLIANCE", locked);
        root.send(post("elsewhere", &signature)).await.is(403, "AccessDenied");
        root.send(post("up/x", "00")).await.is(403, "SignatureDoesNotMatch");
        root.server.clock().advance_to(start() + TimeDelta::hours(2));
        root.send(post("up/x", &signature)).await.is(403, "AccessDenied");
    }
}

#[tokio::test]
async fn multipart_copy_and_conditions() {
    let root = client(&[]);
    root.lock_bucket("").await;
    let until = wire(start() + TimeDelta::hours(1));
    let lock =
        [("x-amz-object-lock-mode", "COMPLIANCE"), ("x-amz-object-lock-retain-until-date", until.as_str())];
    let begun = root.call("POST", "/vault/m?uploads", &lock, "").await.is(200, "");
    let upload = begun.element("UploadId").to_owned();
    let part =
        root.call("PUT", &format!("/vault/m?partNumber=1&uploadId={upload}"), &[], "part").await.is(200, "");
    let list = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        part.header("etag").replace('"', "&quot;")
    );
    let target = format!("/vault/m?uploadId={upload}");
    // CND-13 needs a deletion after the beginning; CND-12: the upload survives a 412.
    let none = [("if-none-match", "*")];
    root.call("PUT", "/vault/m", &none, "first").await.is(200, "");
    root.call("POST", &target, &none, &list).await.is(412, "PreconditionFailed");
    root.call("DELETE", "/vault/m", &[], "").await.is(204, "");
    root.call("POST", &target, &none, &list).await.is(409, "ConditionalRequestConflict");
    let done = root.call("POST", &target, &[], &list).await.is(200, "");
    let id = done.version();
    let gone = root.call("DELETE", &format!("/vault/m?versionId={id}"), &[BYPASS], "").await;
    gone.is(403, "AccessDenied");
    // CPY-01: a copy inherits no lock; OVR-04; CND-03, CND-08, CND-09.
    let source = format!("/vault/m?versionId={id}");
    root.call("PUT", "/vault/copy", &[("x-amz-copy-source", &source)], "").await.is(200, "");
    assert_eq!(root.call("HEAD", "/vault/copy", &[], "").await.header("x-amz-object-lock-mode"), "");
    let itself = [("x-amz-copy-source", "/vault/copy")];
    root.call("PUT", "/vault/copy", &itself, "").await.is(400, "InvalidRequest");
    let etag = [("if-none-match", "\"abc\"")];
    root.call("PUT", "/vault/copy", &etag, "x").await.is(501, "NotImplemented");
    root.call("PUT", "/vault/copy", &[("if-match", "*")], "x").await.is(501, "NotImplemented");
    let said =
        root.call("PUT", "/vault/copy", &[("if-match", "abc")], "x").await.is(412, "PreconditionFailed");
    assert_eq!(said.element("Condition"), "If-Match");
    root.call("DELETE", "/vault/copy", &[("if-match", "\"abc\"")], "").await.is(412, "PreconditionFailed");
    root.call("DELETE", "/vault/none", &[("if-match", "\"abc\"")], "").await.is(404, "NoSuchKey");
}

#[tokio::test]
async fn listings_interleave_and_page_without_loss() {
    let root = client(&[]);
    root.lock_bucket("").await;
    for key in ["a/1", "a/2", "b", "c+d e"] {
        let target = format!("/vault/{}", key.replace('+', "%2B").replace(' ', "%20"));
        root.call("PUT", &target, &[], "1").await.is(200, "");
        root.call("PUT", &target, &[], "2").await.is(200, "");
        root.call("DELETE", &target, &[], "").await.is(204, "");
    }
    let all = root.call("GET", "/vault?versions&encoding-type=url", &[], "").await.is(200, "").body;
    assert!(all.contains("<Key>c%2Bd%20e</Key>"), "{all}");
    let first = all.find("<DeleteMarker>").expect("a marker");
    assert!(first < all.find("<Version>").expect("a version"), "markers stand where they belong");
    let (mut seen, mut key, mut id) = (Vec::new(), String::new(), String::new());
    loop {
        let page = root
            .call(
                "GET",
                &format!("/vault?versions&max-keys=5&key-marker={key}&version-id-marker={id}"),
                &[],
                "",
            )
            .await
            .is(200, "");
        let ids = page.body.split("<VersionId>").skip(1).filter_map(|rest| rest.split('<').next());
        seen.extend(ids.map(str::to_owned));
        if page.element("IsTruncated") != "true" {
            break;
        }
        key = page.element("NextKeyMarker").replace('+', "%2B").replace(' ', "%20");
        id = page.element("NextVersionIdMarker").to_owned();
    }
    let expected: Vec<&str> =
        all.split("<VersionId>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!(seen, expected);
    assert_eq!(seen.len(), 12);
    let folded = root.call("GET", "/vault?versions&delimiter=/&max-keys=1", &[], "").await;
    assert_eq!((folded.element("Prefix"), folded.element("NextKeyMarker")), ("", "a/"));
    let rest = root.call("GET", "/vault?versions&delimiter=/&key-marker=a/", &[], "").await;
    assert!(!rest.body.contains("a/1") && rest.body.contains("<Key>b</Key>"));
    let objects = root.call("GET", "/vault?list-type=2", &[], "").await.is(200, "");
    assert_eq!(objects.element("KeyCount"), "0");
}

#[tokio::test]
async fn each_key_of_a_batch_is_judged_for_itself() {
    for (defects, survives) in [(&[][..], true), (&[Defect::BatchFirstExpiredFreesAll][..], false)] {
        let root = client(defects);
        root.lock_bucket("").await;
        let short = root.put_locked("short", "COMPLIANCE", 1).await;
        let long = root.put_locked("long", "COMPLIANCE", 60).await;
        root.server.clock().advance_to(start() + TimeDelta::minutes(2));
        let list = format!(
            "<Delete><Object><Key>short</Key><VersionId>{short}</VersionId></Object><Object><Key>long</Key><VersionId>{long}</VersionId></Object><Object><Key>long</Key></Object><Object><Key>x</Key><VersionId>bad</VersionId></Object></Delete>"
        );
        let said = root.call("POST", "/vault?delete", &[], &list).await;
        assert_eq!(said.status, 200);
        assert_eq!(said.body.contains(LOCKED), survives, "{}", said.body);
        assert!(said.body.contains("<DeleteMarkerVersionId>") && said.body.contains("NoSuchVersion"));
        let left = root.call("GET", &format!("/vault/long?versionId={long}"), &[], "").await;
        assert_eq!(left.status == 200, survives);
    }
}

#[tokio::test]
async fn bucket_policies_bind_sessions_and_the_public() {
    let root = client(&[]);
    root.lock_bucket("").await;
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:GetObjectVersion"],"Resource":"arn:aws:s3:::vault/*"},
        {"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::vault/once/*",
         "Condition":{"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}}},
        {"Effect":"Deny","Principal":"*","Action":"s3:PutObjectRetention","Resource":"arn:aws:s3:::vault/*",
         "Condition":{"NumericGreaterThan":{"s3:object-lock-remaining-retention-days":"10"}}}]}"#;
    root.call("PUT", "/vault?policy", &[], policy).await.is(204, "");
    root.call("PUT", "/vault/once/a", &[], "x").await.is(403, "AccessDenied");
    root.call("PUT", "/vault/once/a", &[("if-none-match", "*")], "x").await.is(200, "");
    root.call("PUT", "/vault/once/a", &[("if-none-match", "*")], "x").await.is(412, "PreconditionFailed");
    root.call("POST", "/vault/once/b?uploads", &[], "").await.is(200, "");
    let retention = |days: i64| {
        let until = wire(start() + TimeDelta::days(days));
        format!("<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>")
    };
    root.call("PUT", "/vault/once/a?retention", &[], &retention(11)).await.is(403, "AccessDenied");
    root.call("PUT", "/vault/once/a?retention", &[], &retention(9)).await.is(200, "");
    let public = Request::builder().uri("/vault/once/a").body(Bytes::new()).expect("a request");
    let said = root.send(public).await.is(200, "");
    assert_eq!(said.header("x-amz-object-lock-mode"), "", "who may not read the lock does not see it");
}

/// Sent in chunks with the checksum behind them, as current SDKs do.
#[tokio::test]
async fn chunks_and_trailing_checksums_are_verified() {
    let root = client(&[]);
    root.lock_bucket("<Mode>GOVERNANCE</Mode><Days>1</Days>").await;
    let send = |declared: &'static str, crc: &'static str| {
        let body = format!("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n");
        let request = Request::builder()
            .method("PUT")
            .uri("http://127.0.0.1:9000/vault/k")
            .header("content-encoding", "aws-chunked")
            .header("x-amz-decoded-content-length", declared)
            .header("x-amz-trailer", "x-amz-checksum-crc32");
        let mut request = request.body(Bytes::from(body)).expect("a request");
        let identity =
            aws_credential_types::Credentials::new("AKIAROOT", "root secret", None, None, "t").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("s3")
            .time(SystemTime::from(start()))
            .settings(settings())
            .build()
            .expect("parameters")
            .into();
        let pairs: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
            .collect();
        let signable = SignableRequest::new(
            "PUT",
            request.uri().to_string(),
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            SignableBody::StreamingUnsignedPayloadTrailer,
        );
        let (instructions, _) = sign(signable.expect("signable"), &parameters).expect("signed").into_parts();
        instructions.apply_to_request_http1x(&mut request);
        root.send(request)
    };
    let said = send("5", "NhCmhg==").await.is(200, "");
    assert_eq!(said.header("x-amz-checksum-crc32"), "NhCmhg==");
    send("5", "AAAAAA==").await.is(400, "BadDigest");
    send("30", "NhCmhg==").await.is(400, "IncompleteBody");
    let got = root.call("GET", "/vault/k", &[("x-amz-checksum-mode", "ENABLED")], "").await.is(200, "");
    assert_eq!((got.body.as_str(), got.header("x-amz-checksum-crc32")), ("hello", "NhCmhg=="));
    assert_eq!(got.header("content-encoding"), "");
    assert_eq!(got.version(), said.version(), "the refused uploads made no version");
}

#[tokio::test]
async fn one_of_many_conditional_writers_wins_unless_the_race_is_on() {
    for (defects, winners) in [(&[][..], 1..=1), (&[Defect::IfNoneMatchRace][..], 2..=16)] {
        let root = client(defects);
        root.lock_bucket("").await;
        let one = [("if-none-match", "*")];
        let calls = (0..16).map(|_| root.call("PUT", "/vault/race", &one, "x"));
        let said = futures_util::future::join_all(calls).await;
        let won = said.iter().filter(|said| said.status == 200).count();
        assert!(winners.contains(&won), "{won} winners");
        assert!(said.iter().all(|said| matches!(said.status, 200 | 412)));
    }
}

/// Each loophole does what its summary says, and the locked version is lost or changed by it.
#[tokio::test]
async fn seeded_defects_reach_the_locked_version() {
    type Attack = (&'static [(&'static str, &'static str)], &'static str, &'static str);
    let replica: &[(&str, &str)] = &[("x-amz-replication-status", "REPLICA")];
    let cases: [(Defect, Attack, u16); 9] = [
        (Defect::RefusesAndDeletes, (&[], "DELETE", "?versionId="), 403),
        (Defect::DeletedStillReadable, (&[], "DELETE", "?versionId="), 403),
        (Defect::AcceptsAndKeeps, (&[], "DELETE", "?versionId="), 204),
        (Defect::ReplicaHeaderDelete, (replica, "DELETE", "?versionId="), 204),
        (Defect::ComplianceBypass, (&[BYPASS], "DELETE", "?versionId="), 204),
        (Defect::ReplicaHeaderPut, (replica, "PUT", "?versionId="), 200),
        (Defect::PutVersionIdReplaces, (&[], "PUT", "?versionId="), 200),
        (Defect::PutReplacesLockedVersion, (&[], "PUT", ""), 200),
        (Defect::DirectoryKeyDeleted, (&[], "DELETE", ""), 204),
    ];
    for (defect, (headers, method, query), status) in cases {
        let root = client(&[defect]);
        root.lock_bucket("").await;
        let id = root.put_locked("dir/", "COMPLIANCE", 60).await;
        let target = match query {
            "" => "/vault/dir/".to_owned(),
            query => format!("/vault/dir/{query}{id}"),
        };
        let body = if method == "PUT" { "swapped" } else { "" };
        let said = root.call(method, &target, headers, body).await;
        assert_eq!(said.status, status, "{}: {}", defect.name(), said.body);
        let read = root.call("GET", &format!("/vault/dir/?versionId={id}"), &[], "").await;
        let listed = root.call("GET", "/vault?versions", &[], "").await.body.contains(&id);
        let intact = read.status == 200 && read.body == "content" && listed;
        assert_eq!(intact, defect == Defect::AcceptsAndKeeps, "{}: {}", defect.name(), read.body);
        assert_eq!(read.status == 200 && !listed, defect == Defect::DeletedStillReadable);
        // The same attack on a sound server does no harm.
        let root = client(&[]);
        root.lock_bucket("").await;
        let id = root.put_locked("dir/", "COMPLIANCE", 60).await;
        let target = match query {
            "" => target,
            query => format!("/vault/dir/{query}{id}"),
        };
        root.call(method, &target, headers, body).await;
        let read = root.call("GET", &format!("/vault/dir/?versionId={id}"), &[], "").await.is(200, "");
        assert_eq!(read.body, "content");
    }
}

#[tokio::test]
async fn a_socket_shows_the_same_server() {
    use http_body_util::{BodyExt as _, Full};
    use hyper_util::client::legacy::Client as Http;
    use hyper_util::rt::TokioExecutor;
    let root = client(&[]);
    root.lock_bucket("").await;
    root.put_locked("k", "COMPLIANCE", 60).await;
    #[expect(clippy::disallowed_methods, reason = "the server's own test of its socket")]
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = root.server.clone();
    let task = tokio::spawn(async move {
        let ended = async move {
            let _ = stopped.await;
        };
        server.serve(listener, ended).await
    });
    let http: Http<_, Full<Bytes>> = Http::builder(TokioExecutor::new()).build_http();
    for method in ["HEAD", "GET"] {
        let request = root.signed(method, "/vault/k", &[], b"", settings(), "s3");
        let inside = root.send(request.clone()).await;
        // The signature is for port 9000: the Host header says so, the socket is another.
        let (mut parts, body) = request.into_parts();
        parts.uri = format!("http://127.0.0.1:{port}/vault/k").parse().expect("a URI");
        parts.headers.insert("host", "127.0.0.1:9000".parse().expect("a header"));
        let answer = http.request(Request::from_parts(parts, Full::new(body))).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        for name in ["content-length", "etag", "x-amz-object-lock-mode", "date", "last-modified"] {
            assert_eq!(answer.headers()[name], inside.answer.headers()[name], "{name}");
        }
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(body, inside.body.as_bytes());
    }
    stop.send(()).expect("a server");
    task.await.expect("a task").expect("an end");
}

#[test]
fn a_server_is_shared_between_threads() {
    fn shared<T: Send>(_: T) {}
    let root = client(&[]);
    shared(root.server.handle(Request::new(Bytes::new())));
}
