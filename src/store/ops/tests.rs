use base64::Engine as _;
use chrono::{TimeZone as _, Utc};

use super::*;
use crate::lock::Mode;
use crate::store::credentials::Credentials;
use crate::store::request::Auth;

fn text(request: &S3Request) -> String {
    String::from_utf8(request.body.to_vec()).expect("text")
}

#[test]
fn documents_are_escaped() {
    let entries = [DeleteEntry { key: "a<&>\"'\u{1}\n".into(), version_id: Some("v&1".into()) }];
    let body = text(&delete_objects("b", &entries, true));
    assert!(body.contains("<Quiet>true</Quiet>"));
    assert!(body.contains("<Key>a&lt;&amp;&gt;&quot;&apos;&#x1;&#xA;</Key><VersionId>v&amp;1</VersionId>"));
}

#[test]
fn locks_are_written_as_headers_and_documents() {
    let until = Utc.with_ymd_and_hms(2030, 1, 1, 0, 0, 0).single().expect("a date");
    let lock = LockHeaders {
        retention: Some(Retention { mode: Mode::Compliance, until }),
        hold: Some(LegalHold::Off),
    };
    let names: Vec<_> = put_object("b", "k", "x", &lock).headers;
    assert_eq!(names.len(), 3);
    assert!(
        names.contains(&("x-amz-object-lock-retain-until-date".into(), "2030-01-01T00:00:00.000Z".into()))
    );
    assert!(names.contains(&("x-amz-object-lock-legal-hold".into(), "OFF".into())));
    assert!(text(&put_object_retention("b", "k", None, None)).contains("></Retention>"));
    let request = get_object_retention("b", "k", Some("v"));
    assert_eq!(request.query, [("retention".into(), String::new()), ("versionId".into(), "v".into())]);
    let default = Some((Mode::Governance, DefaultPeriod::Years(7)));
    assert!(text(&put_object_lock_configuration("b", default)).contains("<Years>7</Years>"));
}

#[test]
fn a_copy_source_is_encoded_once() {
    let source = CopySource { bucket: "b", key: "a b/../+é", version_id: Some("v/1") };
    assert_eq!(source.header(), "/b/a%20b/../%2B%C3%A9?versionId=v%2F1");
}

#[test]
fn a_form_carries_a_policy_over_all_its_fields_and_a_boundary_of_its_own() {
    let now = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().expect("a date");
    let form = PostForm {
        bucket: "b".into(),
        key: "k".into(),
        content: b"x wormproof-form-00000000 y".to_vec(),
        version_id: Some("v".into()),
        fields: vec![("x-amz-object-lock-mode".into(), "COMPLIANCE".into())],
        headers: vec![("x-amz-object-lock-legal-hold".into(), "ON".into())],
    };
    let who = Credentials::new("AK", "a-secret-key").with_token("a-token");
    let request = post_form(&form, Some(&who), "us-east-1", now);
    assert_eq!(request.auth, Auth::Anonymous);
    assert_eq!(request.query, [("versionId".to_owned(), "v".to_owned())]);
    let body = text(&request);
    assert!(body.ends_with("--wormproof-form-00000001--\r\n"), "{body}");
    let policy = body.split("name=\"policy\"\r\n\r\n").nth(1).and_then(|t| t.split("\r\n").next());
    let policy = base64::engine::general_purpose::STANDARD.decode(policy.expect("a policy")).expect("base64");
    let policy: serde_json::Value = serde_json::from_slice(&policy).expect("JSON");
    let conditions = policy["conditions"].to_string();
    for part in
        ["{\"bucket\":\"b\"}", "$key", "$x-amz-object-lock-mode", "$x-amz-security-token", "$x-amz-date"]
    {
        assert!(conditions.contains(part), "{part} in {conditions}");
    }
    assert_eq!(policy["expiration"], "2026-01-01T00:10:00.000Z");
    assert_eq!(request.body_secrets.len(), 2);
    let anonymous = text(&post_form(&form, None, "us-east-1", now));
    assert!(!anonymous.contains("policy"));
}
