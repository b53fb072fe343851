//! The identity policies that `harden --server minio` prints, in a real MinIO: it takes them, ordinary work goes on under
//! them, and what they are to stop is stopped.

use chrono::TimeDelta;
use http::Method;
use serde_json::json;
use wormproof::harden::{Demand, Hardening, Person, Server};
use wormproof::lock::{LegalHold, Mode, Retention};
use wormproof::store::client::Reply;
use wormproof::store::credentials::Credentials;
use wormproof::store::ops::{self, CopySource, DefaultPeriod, LockHeaders};
use wormproof::store::request::{Auth, S3Request};
use wormproof::time::{Clock, Span};

use crate::analyse::Minio;
use crate::live::not_run;

const NONE: LockHeaders = LockHeaders::NONE;

/// A MinIO with a bucket `books`, if there is one to start.
fn minio(name: &str, home: &std::path::Path, default: Option<Mode>) -> Option<Minio> {
    #[expect(clippy::disallowed_methods, reason = "the test set-up hands its parts over by variables")]
    let Ok(binary) = std::env::var("WORMPROOF_TEST_MINIO") else {
        not_run(&format!("{name} (WORMPROOF_TEST_MINIO)"));
        return None;
    };
    let minio = Minio::start(&binary, home);
    minio.send(&ops::create_bucket("books", true, "us-east-1"));
    let default = default.map(|mode| (mode, DefaultPeriod::Days(1)));
    minio.send(&ops::put_object_lock_configuration("books", default));
    Some(minio)
}

fn works(minio: &Minio, who: &Credentials, what: &str, request: &S3Request) -> Reply {
    let reply = minio.exchange(who, request);
    assert!(reply.is_success(), "{what}: {:?} {}", reply.trouble(), String::from_utf8_lossy(&reply.body));
    reply
}

fn denied(minio: &Minio, who: &Credentials, what: &str, request: &S3Request) {
    let reply = minio.exchange(who, request);
    assert_eq!(reply.status(), Some(403), "{what}: {:?}", reply.trouble());
}

fn header(reply: &Reply, name: &str) -> String {
    reply.answer().and_then(|a| a.header(name)).expect(name).to_owned()
}

/// A multipart upload, up to its completion.
fn multipart(minio: &Minio, who: &Credentials, key: &str, lock: &LockHeaders) -> Reply {
    let begun = works(minio, who, "the beginning", &ops::create_multipart_upload("books", key, lock));
    let text = String::from_utf8_lossy(&begun.body).into_owned();
    let upload = text.split("<UploadId>").nth(1).and_then(|t| t.split('<').next()).expect("an id").to_owned();
    let part = works(minio, who, "a part", &ops::upload_part("books", key, &upload, 1, "the only part"));
    let parts = [(1, header(&part, "etag"))];
    works(minio, who, "the completion", &ops::complete_multipart_upload("books", key, &upload, &parts))
}

/// Why the policies can deny that right to an application that sends no lock.
#[test]
fn minio_locks_by_the_default_what_a_writer_without_the_right_to_retain_uploads() {
    let name = "minio_locks_by_the_default_what_a_writer_without_the_right_to_retain_uploads";
    let home = tempfile::tempdir().expect("a directory");
    let Some(minio) = minio(name, home.path(), Some(Mode::Compliance)) else { return };
    let policy = |actions: &[&str]| {
        let statement = json!({"Effect": "Allow", "Action": actions, "Resource": ["arn:aws:s3:::*"]});
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    let writer = minio.user("writer", &policy(&["s3:PutObject"]));
    let reader = minio.user("reader", &policy(&["s3:GetObject*"]));
    works(&minio, &writer, "an upload", &ops::put_object("books", "a", "one", &NONE));
    multipart(&minio, &writer, "b", &NONE);
    for key in ["a", "b"] {
        let read = works(&minio, &reader, key, &ops::get_object_retention("books", key, None));
        assert!(String::from_utf8_lossy(&read.body).contains("COMPLIANCE"), "{key} has no lock");
    }
    // The right is asked for as soon as the request carries a lock.
    let until = Clock::Real.now() + TimeDelta::days(2);
    let own = LockHeaders::retained(Retention { mode: Mode::Compliance, until });
    denied(&minio, &writer, "a lock of its own", &ops::put_object("books", "a", "two", &own));
}

#[test]
fn ordinary_work_goes_on_under_the_printed_policies_in_a_real_minio() {
    let name = "ordinary_work_goes_on_under_the_printed_policies_in_a_real_minio";
    let home = tempfile::tempdir().expect("a directory");
    let Some(minio) = minio(name, home.path(), Some(Mode::Compliance)) else { return };
    let version_of = |who: &Credentials, key: &str, lock: &LockHeaders| {
        header(&works(&minio, who, key, &ops::put_object("books", key, "one", lock)), "x-amz-version-id")
    };
    for (sends, copies) in [(false, true), (true, true), (false, false)] {
        let demand = Demand {
            sends_lock_headers: sends,
            copies,
            ..Demand::new(Server::Minio, "books", "", Mode::Compliance, Span::parse("1d").expect("a span"))
        };
        let hardening = Hardening::of(&demand).expect("it can be met");
        // MinIO takes every one of them.
        let [application, deleter, auditor, administrator] = Person::ALL.map(|person| {
            let policy = hardening.identity(person).expect("a policy").json().to_string();
            minio.user(&format!("{}-{sends}-{copies}", person.word()), &policy)
        });
        let who = &application;
        let day = TimeDelta::days(1);
        let retained = |until| LockHeaders::retained(Retention { mode: Mode::Compliance, until });
        let strong = retained(Clock::Real.now() + day + TimeDelta::minutes(5));

        let id = version_of(who, "a", &NONE);
        multipart(&minio, who, "large", &NONE);
        let presigned = Auth::Presigned { expires_s: 60 };
        works(
            &minio,
            who,
            "a presigned upload",
            &ops::put_object("books", "p", "one", &NONE).auth(presigned),
        );
        let get = ops::get_object("books", "p", None).auth(presigned);
        assert_eq!(works(&minio, who, "a presigned read", &get).body.as_ref(), b"one");
        works(&minio, who, "a listing", &ops::list_objects_v2("books", "", None));
        let source = CopySource { bucket: "books", key: "a", version_id: Some(&id) };
        let copy = ops::copy_object("books", "copy", &source, &NONE, false);
        let mut locked = vec!["a", "large", "p"];
        if copies {
            works(&minio, who, "a copy", &copy);
            locked.push("copy");
        } else {
            denied(&minio, who, "a copy", &copy);
        }
        // What the default was to give is there.
        for key in locked {
            let read = works(&minio, &auditor, key, &ops::get_object_retention("books", key, None));
            assert!(String::from_utf8_lossy(&read.body).contains("COMPLIANCE"), "{key} has no lock");
        }
        // Locks of its own: as demanded.
        if sends {
            version_of(who, "own", &strong);
            multipart(&minio, who, "own-large", &strong);
        } else {
            denied(&minio, who, "a lock of its own", &ops::put_object("books", "own", "one", &strong));
            let begin = ops::create_multipart_upload("books", "own", &strong);
            denied(&minio, who, "a lock of its own", &begin);
            // A14: a date in the past. No header answers for the right (A18).
            let past = retained(Clock::Real.now() - day);
            let put =
                ops::put_object("books", "own", "one", &past).header("x-amz-replication-status", "REPLICA");
            denied(&minio, who, "a past date", &put);
            let forged =
                ops::put_object("books", "own", "one", &strong).header("object-lock-retain-until-date", "");
            denied(&minio, who, "a forged header", &forged);
        }
        // What is to be stopped.
        denied(&minio, who, "a deletion", &ops::delete_object("books", "a", None));
        denied(&minio, who, "of a version", &ops::delete_object("books", "a", Some(&id)));
        let replica = ops::put_object("books", "a", "two", &NONE)
            .query("versionId", &id)
            .header("x-minio-source-replication-request", "true");
        let answer = minio.exchange(who, &replica).status();
        assert!(answer != Some(200), "a replica: {answer:?}");
        denied(&minio, who, "a hold", &ops::put_object_legal_hold("books", "a", Some(&id), LegalHold::On));
        let none = ops::put_object_lock_configuration("books", None);
        for other in [who, &deleter, &auditor] {
            denied(&minio, other, "the lock configuration", &none);
        }
        let put = ops::put_object("books", "b", "one", &NONE);
        for other in [&deleter, &auditor, &administrator] {
            denied(&minio, other, "an upload", &put);
        }
        let again = S3Request::to_bucket(Method::PUT, "books").header("x-minio-force-create", "true");
        denied(&minio, who, "the bucket made again", &again);
        // The others' own work.
        works(&minio, &deleter, "a delete marker", &ops::delete_object("books", "a", None));
        let locked = minio.exchange(&deleter, &ops::delete_object("books", "a", Some(&id)));
        assert!(!locked.is_success(), "the lock holds against the deleter");
        let longer = Retention { mode: Mode::Compliance, until: Clock::Real.now() + day * 2 };
        let extension = ops::put_object_retention("books", "a", Some(&id), Some(longer));
        works(&minio, &administrator, "an extension", &extension);
        works(&minio, &auditor, "a read", &ops::get_object("books", "a", Some(&id)));
    }
}

/// What the printed text names as open (GOV-03): the right to lock is also that of the bypass.
#[test]
fn under_governance_no_policy_of_minio_keeps_who_sends_locks_from_shortening() {
    let name = "under_governance_no_policy_of_minio_keeps_who_sends_locks_from_shortening";
    let home = tempfile::tempdir().expect("a directory");
    let Some(minio) = minio(name, home.path(), Some(Mode::Governance)) else { return };
    let day = Span::parse("1d").expect("a span");
    let demand =
        Demand { sends_lock_headers: true, ..Demand::new(Server::Minio, "books", "", Mode::Governance, day) };
    let hardening = Hardening::of(&demand).expect("it can be met");
    let policy = hardening.identity(Person::Application).expect("a policy").json().to_string();
    let who = minio.user("application", &policy);
    let put = works(&minio, &who, "an upload", &ops::put_object("books", "a", "one", &NONE));
    let id = header(&put, "x-amz-version-id");
    let sooner = Retention { mode: Mode::Governance, until: Clock::Real.now() + TimeDelta::minutes(5) };
    let shorter = ops::put_object_retention("books", "a", Some(&id), Some(sooner));
    assert!(!minio.exchange(&who, &shorter).is_success(), "a nearer date");
    let bypass = shorter.header("x-amz-bypass-governance-retention", "true");
    works(&minio, &who, "a nearer date with the bypass that it is denied", &bypass);
    // The text says so, and that the proxy refuses it.
    let open = wormproof::harden::OPEN.iter().find(|o| o.id == "GOV-03").expect("it is named");
    assert!(open.proxy);
}
