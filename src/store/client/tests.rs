use std::fmt::Write as _;
use std::sync::Mutex as StdMutex;

use chrono::TimeZone as _;

use super::*;
use crate::store::ops::{self, LockHeaders, PostForm};
use crate::store::request::{Auth, Service};
use crate::store::wire::{BoxFuture, Wire, WireError};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "FwoGZXIvYXdzEBYaD+token/with=signs";

/// Keeps what was sent and answers with what it was given; an answer may quote the request.
#[derive(Debug)]
struct Echo {
    status: u16,
    body: fn(&http::Request<Bytes>) -> String,
    date: Option<&'static str>,
    seen: StdMutex<Vec<http::Request<Bytes>>>,
}

impl Wire for Echo {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        let mut response = http::Response::builder().status(self.status);
        if let Some(date) = self.date {
            response = response.header("date", date);
        }
        let response = response.body(Bytes::from((self.body)(&request))).expect("a response");
        self.seen.lock().expect("a lock").push(request);
        Box::pin(async move { Ok(response) })
    }
}

fn at_new_year() -> Clock {
    Clock::virtual_at(Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().expect("a date"))
}

fn echo(status: u16, body: fn(&http::Request<Bytes>) -> String) -> (Client, Arc<Echo>) {
    let wire = Arc::new(Echo {
        status,
        body,
        date: Some("Thu, 01 Jan 2026 00:05:00 GMT"),
        seen: StdMutex::new(Vec::new()),
    });
    let endpoint = Endpoint::parse("http://127.0.0.1:9000", None).expect("an endpoint");
    (Client::new(wire.clone(), endpoint, at_new_year(), "wormproof/test"), wire)
}

fn session() -> Credentials {
    Credentials::new("AKIDEXAMPLE", SECRET).with_token(TOKEN)
}

#[tokio::test]
async fn keys_reach_the_wire_as_they_are() {
    for (key, target) in [
        ("//a/../b/./", "/b///a/../b/./?versionId=x%2By"),
        ("..", "/b/..?versionId=x%2By"),
        ("\u{1}é +%2F?#", "/b/%01%C3%A9%20%2B%252F%3F%23?versionId=x%2By"),
    ] {
        let (client, wire) = echo(200, |_| String::new());
        let reply = client.exchange(Some(&session()), &ops::get_object("b", key, Some("x+y"))).await;
        assert_eq!(reply.exchange.sent.target, target);
        let seen = wire.seen.lock().expect("a lock");
        assert_eq!(seen[0].uri().path_and_query().expect("a path").as_str(), target);
    }
}

/// No secret stands anywhere in what would be kept, even where the server quotes it.
#[tokio::test]
async fn no_secret_stands_in_an_exchange() {
    fn quoting(request: &http::Request<Bytes>) -> String {
        let mut text = "<Error><Code>SignatureDoesNotMatch</Code><Message>".to_owned();
        for (name, value) in request.headers() {
            let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
        }
        text.push_str(&request.uri().to_string().replace('&', "&amp;"));
        text.push_str(&String::from_utf8_lossy(request.body()));
        text.push_str("</Message></Error>");
        text
    }
    let who = session();
    let form =
        PostForm { bucket: "b".into(), key: "k".into(), content: b"hello".to_vec(), ..PostForm::default() };
    let now = at_new_year().now();
    let requests = [
        ops::put_object("b", "k", "content", &LockHeaders::NONE),
        ops::delete_object("b", "k", Some("v")).auth(Auth::Presigned { expires_s: 60 }),
        ops::delete_object("b", "k", Some("v")).auth(Auth::WrongSignature),
        ops::delete_object("b", "k", Some("v")).auth(Auth::WrongPresigned { expires_s: 60 }),
        ops::post_form(&form, Some(&who), "us-east-1", now),
        ops::sts_get_caller_identity(),
    ];
    // 64 hexadecimal digits after the name, in a header, query or form.
    let signatures = regex::Regex::new(r#"(?i)(?:signature=|name="x-amz-signature"\r\n\r\n)([0-9a-f]{64})"#)
        .expect("a pattern");
    for request in requests {
        let (client, wire) = echo(403, quoting);
        let reply = client.exchange(Some(&who), &request).await;
        let kept = serde_json::to_string(&reply.exchange).expect("JSON");
        let sent = wire.seen.lock().expect("a lock")[0].clone();
        let all = format!("{} {:?} {}", sent.uri(), sent.headers(), String::from_utf8_lossy(sent.body()));
        let signature = signatures.captures(&all).expect("a signature on the wire")[1].to_owned();
        assert!(!reply.exchange.sent.redacted.is_empty());
        for secret in [SECRET, TOKEN, &signature, &crate::store::endpoint::encode_query(TOKEN)] {
            assert!(!kept.contains(secret), "{request:?} keeps {secret}: {kept}");
        }
        assert!(kept.contains("SignatureDoesNotMatch"), "the rest of the answer is kept");
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, TOKEN);
        assert!(!kept.contains(&base64[..20]), "the token stands in the form's policy");
    }
}

#[tokio::test]
async fn a_session_s_secrets_are_read_but_not_kept() {
    fn answer(_: &http::Request<Bytes>) -> String {
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>\
         <SecretAccessKey>very-secret</SecretAccessKey><SessionToken>very&amp;token</SessionToken>\
         <Expiration>2026-01-01T01:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
            .to_owned()
    }
    let (client, wire) = echo(200, answer);
    let wanted = crate::store::sts::AssumeRole { duration_s: 900, ..Default::default() };
    let session = crate::store::sts::assume_role(&client, &session(), &wanted).await.expect("a session");
    assert_eq!(session.credentials.secret_key.as_str(), "very-secret");
    assert_eq!(session.credentials.session_token.as_ref().map(|t| t.as_str()), Some("very&token"));
    let kept = serde_json::to_string(&session.exchange).expect("JSON");
    assert!(kept.contains("ASIA") && !kept.contains("very"), "{kept}");
    assert!(session.exchange.sent.redacted.iter().any(|n| n == "answer body: SecretAccessKey"));
    let seen = wire.seen.lock().expect("a lock");
    let authorization = seen[0].headers()["authorization"].to_str().expect("text");
    assert!(authorization.contains("/us-east-1/sts/aws4_request"), "{authorization}");
    assert!(seen[0].uri().query().is_none());
}

#[tokio::test]
async fn what_is_signed_and_what_is_not_stays_apart() {
    let (client, wire) = echo(204, |_| String::new());
    let request = ops::delete_object("b", "k", Some("v"))
        .unsigned_header("x-amz-bypass-governance-retention", "true")
        .header("x-amz-expected-bucket-owner", "123456789012");
    client.exchange(Some(&session()), &request).await;
    let request = ops::put_object("b", "k", "x", &LockHeaders::NONE)
        .header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    client.exchange(Some(&session()), &request).await;
    client.exchange(None, &ops::list_buckets()).await;
    let seen = wire.seen.lock().expect("a lock");
    let header = |i: usize, name: &str| {
        let all: Vec<_> = seen[i].headers().get_all(name).iter().map(|v| v.to_str().expect("text")).collect();
        all.join(" | ")
    };
    let signed = header(0, "authorization");
    assert!(signed.contains("x-amz-expected-bucket-owner") && !signed.contains("bypass"), "{signed}");
    assert_eq!(header(0, "x-amz-bypass-governance-retention"), "true");
    assert_eq!(header(1, "x-amz-content-sha256"), "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert_eq!(header(1, "content-length"), "1");
    assert_eq!(header(2, "authorization"), "");
}

#[tokio::test]
async fn what_http_cannot_carry_is_not_sent_and_says_so() {
    let (client, wire) = echo(200, |_| String::new());
    for request in [
        ops::get_object("b", "k", None).header("bad name", "x"),
        ops::get_object("b", "k", None).header("x-amz-meta-a", "line\nbreak"),
        ops::get_object("b", "k", None).unsigned_header("x", "a\r\nb: c"),
    ] {
        let reply = client.exchange(Some(&session()), &request).await;
        let Outcome::NoAnswer(why) = &reply.exchange.outcome else { panic!("it was sent") };
        assert!(why.starts_with("not sent"), "{why}");
    }
    assert!(wire.seen.lock().expect("a lock").is_empty());
}

#[tokio::test]
async fn reads_are_repeated_and_the_skew_is_seen() {
    let (client, wire) = echo(503, |_| String::new());
    assert_eq!(client.skew(), None);
    let attempts = client
        .exchange_retrying(None, &ops::head_bucket("b"), Backoff { attempts: 3, ..Backoff::default() })
        .await;
    assert_eq!(attempts.into_exchanges().iter().map(|e| e.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(wire.seen.lock().expect("a lock").len(), 3);
    assert_eq!(client.skew(), Some(TimeDelta::minutes(5)));
    let (client, wire) = echo(403, |_| String::new());
    client.exchange_retrying(None, &ops::head_bucket("b"), Backoff::default()).await;
    client.exchange(None, &ops::head_bucket("b")).await;
    assert_eq!(wire.seen.lock().expect("a lock").len(), 2, "a refusal is an answer");
    let request = ops::sts_get_caller_identity();
    assert_eq!(request.service, Service::Sts);
}

#[tokio::test]
async fn limits_are_kept() {
    #[derive(Debug, Default)]
    struct Slow(StdMutex<(u32, u32)>);
    impl Wire for Slow {
        fn send(&self, _: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
            Box::pin(async move {
                {
                    let mut state = self.0.lock().expect("a lock");
                    state.0 += 1;
                    state.1 = state.1.max(state.0);
                }
                Clock::Real.sleep(Duration::from_millis(5)).await;
                self.0.lock().expect("a lock").0 -= 1;
                Ok(http::Response::new(Bytes::new()))
            })
        }
    }
    let wire = Arc::new(Slow::default());
    let endpoint = Endpoint::parse("http://127.0.0.1:9000", None).expect("an endpoint");
    let limits = Limits { max_in_flight: Some(2), per_second: Some(100.0) };
    let client = Client::with_limits(wire.clone(), endpoint, Clock::Real, "test", limits);
    let begin = Instant::now();
    let request = ops::head_bucket("b");
    futures_util::future::join_all((0..11).map(|_| client.exchange(None, &request))).await;
    assert!(begin.elapsed() >= Duration::from_millis(95), "eleven requests need a tenth of a second");
    assert!(wire.0.lock().expect("a lock").1 <= 2);
}
