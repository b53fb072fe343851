use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::{TimeZone as _, Utc};

use super::*;
use crate::store::endpoint::Endpoint;
use crate::store::wire::{BoxFuture, Wire, WireError};
use crate::time::Clock;

/// Answers from a script: the first entry whose text stands in the target. Used up one by one, the last
/// stays.
#[derive(Debug)]
struct Script(Mutex<Vec<(&'static str, VecDeque<Line>)>>);

#[derive(Debug, Clone)]
struct Line {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn line(status: u16, body: &str) -> Line {
    Line { status, headers: Vec::new(), body: body.to_owned() }
}

fn error(status: u16, code: &str, message: &str) -> Line {
    line(status, &format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
}

impl Line {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

impl Wire for Script {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        let target = request.uri().to_string();
        let mut script = self.0.lock().expect("a lock");
        let lines = script.iter_mut().find(|(part, _)| target.contains(part)).map(|(_, lines)| lines);
        let answer =
            lines.and_then(|lines| if lines.len() > 1 { lines.pop_front() } else { lines.front().cloned() });
        Box::pin(async move {
            let Some(line) = answer.filter(|l| l.status != 0) else {
                return Err(WireError::Timeout { seconds: 1 });
            };
            let mut response = http::Response::builder().status(line.status);
            for (name, value) in &line.headers {
                response = response.header(*name, value);
            }
            Ok(response.body(Bytes::from(line.body)).expect("a response"))
        })
    }
}

const UNTIL: &str = "2030-01-01T00:00:00.000Z";

fn retained(mode: &str, until: &str) -> Line {
    line(
        200,
        &format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"),
    )
}

fn held(status: &str) -> Line {
    line(200, &format!("<LegalHold><Status>{status}</Status></LegalHold>"))
}

fn listing(entries: &str) -> Line {
    line(200, &format!("<ListVersionsResult><IsTruncated>false</IsTruncated>{entries}</ListVersionsResult>"))
}

fn version_entry(element: &str, id: &str) -> String {
    format!(
        "<{element}><Key>k</Key><VersionId>{id}</VersionId><IsLatest>true</IsLatest><Size>3</Size></{element}>"
    )
}

/// Reads back `k`, version `v1`, against these answers.
async fn read(get: Vec<Line>, retention: Line, hold: Line, list: Line) -> ReadBack {
    let script = vec![
        ("?retention", VecDeque::from([retention])),
        ("?legal-hold", VecDeque::from([hold])),
        ("?versions", VecDeque::from([list])),
        ("/b/k", VecDeque::from(get)),
    ];
    let endpoint = Endpoint::parse("http://127.0.0.1:1", None).expect("an endpoint");
    let clock = Clock::virtual_at(Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().expect("a date"));
    let client = Client::new(Arc::new(Script(Mutex::new(script))), endpoint, clock, "test");
    let who = Credentials::new("AK", "a-secret-key");
    read_listed_version(&client, Some(&who), "b", "k", "v1").await
}

fn whole() -> Line {
    line(200, "abc").with("x-amz-version-id", "v1")
}

#[tokio::test]
async fn a_locked_version_is_read_with_all_it_has() {
    let get = whole()
        .with("x-amz-object-lock-mode", "COMPLIANCE")
        .with("x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z");
    let list = listing(&version_entry("Version", "v1"));
    let back = read(vec![get], retained("COMPLIANCE", UNTIL), held("ON"), list).await;
    let until = parse_wire(UNTIL).expect("a date");
    assert_eq!(
        back.state,
        VersionState {
            key: "k".into(),
            version_id: "v1".into(),
            presence: Reading::Known(Presence::Present {
                sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
                size: 3
            }),
            retention: Reading::Known(Some(Retention { mode: Mode::Compliance, until })),
            hold: Reading::Known(LegalHold::On),
            listed: Reading::Known(true),
        }
    );
    assert_eq!(back.exchanges.len(), 4);
}

async fn reply(line: &Line) -> Reply {
    let script = vec![("/b/k", VecDeque::from([line.clone()]))];
    let endpoint = Endpoint::parse("http://127.0.0.1:1", None).expect("an endpoint");
    let client = Client::new(Arc::new(Script(Mutex::new(script))), endpoint, Clock::Real, "test");
    client.exchange(None, &get_object("b", "k", None)).await
}

#[tokio::test]
async fn another_root_is_read_and_headers_stand_in_for_a_request_that_is_not_known() {
    let until = parse_wire(UNTIL).expect("a date");
    let locked = Reading::Known(Some(Retention { mode: Mode::Compliance, until }));
    let gateway = retained("COMPLIANCE", UNTIL).body.replace("Retention>", "ObjectLockRetention>");
    assert_eq!(retention(&reply(&line(200, &gateway)).await), locked);
    // The request was answered with the object itself.
    let itself = reply(&whole()).await;
    let shown = whole()
        .with("x-amz-object-lock-mode", "COMPLIANCE")
        .with("x-amz-object-lock-retain-until-date", UNTIL);
    let shown = reply(&shown).await;
    assert_eq!(retention_or_shown(&itself, &shown), locked);
    // Headers that show nothing say nothing, and a refusal is no ignorance.
    assert!(matches!(retention_or_shown(&itself, &itself), Reading::Unread(_)));
    let refused = reply(&error(403, "AccessDenied", "")).await;
    assert!(matches!(retention_or_shown(&refused, &shown), Reading::Unread(_)));
}

#[tokio::test]
async fn only_the_store_s_own_word_is_gone_or_none() {
    let none = || {
        error(
            400,
            "NoSuchObjectLockConfiguration",
            "The specified object does not have a ObjectLock configuration",
        )
    };
    for (get, gone) in [
        (error(404, "NoSuchVersion", ""), true),
        (error(404, "NoSuchKey", ""), true),
        (error(404, "NoSuchBucket", ""), false),
        (line(404, ""), false),
        (line(404, "<html>not found</html>"), false),
        (error(403, "AccessDenied", ""), false),
        (error(503, "SlowDown", ""), false),
        (line(0, ""), false),
        (line(405, ""), false),
    ] {
        let back = read(vec![get.clone()], none(), none(), listing("")).await;
        assert_eq!(back.state.presence == Reading::Known(Presence::Gone), gone, "{get:?}");
        assert_eq!(matches!(back.state.presence, Reading::Unread(_)), !gone, "{get:?}");
        assert_eq!(back.state.listed, Reading::Known(false));
    }
    for (answer, known) in [
        (none(), true),
        (error(404, "NoSuchObjectLockConfiguration", ""), true),
        (error(404, "ObjectLockConfigurationNotFoundError", ""), true),
        (error(400, "InvalidRequest", "Bucket is missing Object Lock Configuration"), true),
        (error(400, "InvalidRequest", "Bucket is missing ObjectLockConfiguration"), true),
        (error(400, "InvalidRequest", "Object is WORM protected and cannot be overwritten"), false),
        (error(403, "AccessDenied", ""), false),
        (error(404, "NoSuchKey", ""), false),
        (error(501, "NotImplemented", ""), false),
        (line(200, ""), false),
        (line(200, "<html/>"), false),
        (line(0, ""), false),
    ] {
        let back = read(vec![whole()], answer.clone(), answer.clone(), listing("")).await;
        assert_eq!(back.state.retention == Reading::Known(None), known, "{answer:?}");
        assert_eq!(back.state.hold == Reading::Known(LegalHold::Off), known, "{answer:?}");
        assert_eq!(matches!(back.state.retention, Reading::Unread(_)), !known, "{answer:?}");
    }
    let back = read(vec![whole()], line(200, "<Retention/>"), line(200, "<LegalHold/>"), listing("")).await;
    assert_eq!(back.state.retention, Reading::Known(None));
    assert_eq!(back.state.hold, Reading::Known(LegalHold::Off));
}

#[tokio::test]
async fn headers_that_contradict_make_it_unread_and_headers_that_are_silent_do_not() {
    let list = || listing(&version_entry("Version", "v1"));
    let locked = || {
        whole()
            .with("x-amz-object-lock-mode", "COMPLIANCE")
            .with("x-amz-object-lock-retain-until-date", UNTIL)
            .with("x-amz-object-lock-legal-hold", "ON")
    };
    for said in [
        line(200, "<Retention/>"),
        retained("GOVERNANCE", UNTIL),
        retained("COMPLIANCE", "2029-12-31T00:00:00Z"),
    ] {
        let back = read(vec![locked()], said, held("OFF"), list()).await;
        let Reading::Unread(why) = back.state.retention else { panic!("{:?}", back.state.retention) };
        assert!(why.starts_with("contradictory"), "{why}");
        assert!(matches!(back.state.hold, Reading::Unread(_)));
    }
    let back = read(vec![whole()], retained("COMPLIANCE", UNTIL), held("ON"), list()).await;
    assert!(matches!(back.state.retention, Reading::Known(Some(_))));
    assert_eq!(back.state.hold, Reading::Known(LegalHold::On));
}

#[tokio::test]
async fn a_marker_is_known_by_the_answer_or_by_the_listing() {
    let refused = || error(405, "MethodNotAllowed", "");
    let marker = refused().with("x-amz-delete-marker", "true");
    let back = read(vec![marker], refused(), refused(), listing("")).await;
    assert_eq!(back.state.presence, Reading::Known(Presence::Marker));
    assert_eq!(back.state.retention, Reading::Known(None));
    let list = listing(&version_entry("DeleteMarker", "v1"));
    let back = read(vec![refused()], refused(), refused(), list).await;
    assert_eq!(back.state.presence, Reading::Known(Presence::Marker));
    let list = listing(&version_entry("DeleteMarker", "v2"));
    let back = read(vec![refused()], refused(), refused(), list).await;
    assert!(matches!(back.state.presence, Reading::Unread(_)));
}

#[tokio::test]
async fn another_version_is_not_this_one_and_passing_troubles_are_waited_out() {
    let other = line(200, "abc").with("x-amz-version-id", "v9");
    let back = read(vec![other], held("OFF"), held("OFF"), listing("")).await;
    assert!(matches!(back.state.presence, Reading::Unread(_)));
    let get = vec![line(0, ""), error(503, "SlowDown", ""), whole()];
    let back = read(get, line(200, "<Retention/>"), held("OFF"), listing("<")).await;
    assert!(matches!(back.state.presence, Reading::Known(Presence::Present { .. })));
    assert_eq!(back.exchanges.iter().map(|e| e.attempt).collect::<Vec<_>>(), [1, 2, 3, 1, 1, 1]);
    assert!(matches!(back.state.listed, Reading::Unread(_)), "a page that is no XML proves nothing");
}

#[tokio::test]
async fn a_silent_head_is_never_unlocked() {
    let ask = |line: Line| async move {
        let endpoint = Endpoint::parse("http://127.0.0.1:1", None).expect("an endpoint");
        let script = Script(Mutex::new(vec![("/b/k", VecDeque::from([line]))]));
        let client = Client::new(Arc::new(script), endpoint, Clock::Real, "test");
        let backoff = Backoff { attempts: 1, ..Backoff::default() };
        head_lock(&client, None, "b", "k", "v1", backoff).await
    };
    assert_eq!(ask(line(200, "")).await, HeadLock::Silent);
    assert_eq!(ask(line(404, "")).await, HeadLock::NotFound);
    assert_eq!(ask(line(405, "").with("x-amz-delete-marker", "true")).await, HeadLock::Marker);
    assert!(matches!(ask(line(403, "")).await, HeadLock::Unread(_)));
    assert!(matches!(ask(line(0, "")).await, HeadLock::Unread(_)));
    let shown = ask(line(200, "").with("x-amz-object-lock-legal-hold", "ON")).await;
    let HeadLock::Shown(shown) = shown else { panic!("{shown:?}") };
    assert_eq!((shown.retention, shown.hold), (None, Some(Reading::Known(LegalHold::On))));
    let odd = ask(line(200, "").with("x-amz-object-lock-mode", "COMPLIANCE")).await;
    let HeadLock::Shown(odd) = odd else { panic!("{odd:?}") };
    assert!(matches!(odd.retention, Some(Reading::Unread(_))), "a mode without a date is no retention");
}

#[tokio::test]
async fn what_is_not_the_whole_version_as_it_is_proves_nothing() {
    let list = || listing(&version_entry("Version", "v1"));
    let none = || line(200, "<Retention/>");
    for hostile in [
        line(206, "abc").with("content-range", "bytes 0-2/3"),
        whole().with("content-range", "bytes 0-2/30"),
        line(304, "").with("etag", "\"900150983cd24fb0d6963f7d28e17f72\""),
        line(307, "").with("location", "http://elsewhere.invalid/b/k?versionId=v1"),
        line(204, ""),
        line(202, "abc"),
        whole().with("content-length", "4"),
        error(200, "InternalError", "We encountered an internal error."),
        error(200, "NoSuchVersion", "said with 200"),
        error(404, "NoSuchBucket", ""),
        error(410, "NoSuchKey", ""),
        line(404, ""),
        line(404, "<html>not found</html>"),
    ] {
        let back = read(vec![hostile.clone()], none(), held("OFF"), list()).await;
        assert!(matches!(back.state.presence, Reading::Unread(_)), "{hostile:?}: {:?}", back.state.presence);
    }
    // Empty, with all that a HEAD would show: other bytes, by their digest.
    let empty =
        line(200, "").with("etag", "\"900150983cd24fb0d6963f7d28e17f72\"").with("x-amz-version-id", "v1");
    let back = read(vec![empty], none(), held("OFF"), list()).await;
    let Reading::Known(Presence::Present { sha256, size: 0 }) = back.state.presence else {
        panic!("present")
    };
    assert!(sha256.starts_with("e3b0c442"));
}

#[tokio::test]
async fn a_lock_that_is_said_twice_or_in_another_document_is_not_read() {
    let list = || listing(&version_entry("Version", "v1"));
    let retention = |body: &str| line(200, body);
    let date = format!("<RetainUntilDate>{UNTIL}</RetainUntilDate>");
    for hostile in [
        format!("<Retention><Mode>GOVERNANCE</Mode><Mode>COMPLIANCE</Mode>{date}</Retention>"),
        format!("<Retention><Mode>COMPLIANCE</Mode>{date}{date}</Retention>"),
        format!("<Error><Retention><Mode>COMPLIANCE</Mode>{date}</Retention></Error>"),
        format!("<Retention><Mode>COMPLIANCE</Mode></Retention>{date}x"),
        "<Retention><Mode>COMPLIANCE</Mode></Retention>".to_owned(),
        "abc".to_owned(),
        String::new(),
    ] {
        let back = read(vec![whole()], retention(&hostile), held("OFF"), list()).await;
        let trouble = matches!(back.state.retention, Reading::Unread(_));
        let as_written = back.state.retention
            == Reading::Known(Some(Retention {
                mode: Mode::Compliance,
                until: parse_wire(UNTIL).expect("a date"),
            }));
        // A date behind the document's end is read as the document's; it cannot make a lock out of none.
        assert!(trouble || as_written && hostile.ends_with('x'), "{hostile}: {:?}", back.state.retention);
    }
    for hostile in [line(206, "<LegalHold><Status>ON</Status></LegalHold>"), held("MAYBE"), line(200, "ON")] {
        let back = read(vec![whole()], line(200, "<Retention/>"), hostile.clone(), list()).await;
        assert!(matches!(back.state.hold, Reading::Unread(_)), "{hostile:?}");
    }
}

#[tokio::test]
async fn a_listing_shows_a_version_only_by_its_own_key_and_id() {
    for (entries, listed) in [
        (version_entry("Version", "v1"), true),
        (version_entry("Version", "V1"), false),
        (version_entry("Version", "v1").replace("<Key>k<", "<Key>%6B<"), false),
        (version_entry("Version", "v1").replace("<Key>k<", "<Key>/k<"), false),
        (version_entry("Version", "v1").replace("<Key>k<", "<Key>K<"), false),
        (String::new(), false),
    ] {
        let back = read(vec![whole()], line(200, "<Retention/>"), held("OFF"), listing(&entries)).await;
        assert_eq!(back.state.listed == Reading::Known(true), listed, "{entries}");
    }
}
