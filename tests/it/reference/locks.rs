//! SHR, EXT, LHD: changing the retention and the legal hold of a version.

use super::*;

rows! {
    r_shr_01_governance_is_not_shortened_without_bypass
    r_shr_04_governance_is_removed_with_bypass
    r_shr_05_compliance_is_not_shortened
    r_shr_06_compliance_is_not_downgraded
    r_shr_11_a_past_date_is_refused_first
    r_shr_12_mode_needs_a_date
    r_shr_13_modes_are_exact
    r_shr_15_not_by_one_second
    r_shr_16_without_version_id_the_current_version_is_meant
    r_ext_01_governance_is_extended_without_bypass
    r_ext_05_a_delete_marker_has_no_retention
    r_ext_07_no_such_key
    r_ext_09_no_lock_on_the_bucket
    r_ext_10_never_set
    r_lhd_01_a_hold_is_set
    r_lhd_02_never_set
    r_lhd_03_a_hold_is_lifted_and_still_shown
    r_lhd_04_the_body_is_checked_first
    r_lhd_06_no_lock_on_the_bucket
    r_lhd_07_no_such_key
    r_lhd_08_each_version_has_its_own_hold
    r_lhd_13_a_copy_is_not_held
}

/// A version retained for an hour, a change that must be refused by the lock, and the version unchanged.
async fn refused(s: &Stage, mode: Mode, change: Retention) {
    let id = s.retained("k", mode, 60).await;
    let seal = s.seal(VAULT, "k", &id).await;
    s.retain("k", &id, Some(change)).await.is(403, "AccessDenied", LOCKED);
    s.kept(VAULT, &seal).await;
}

async fn r_shr_01_governance_is_not_shortened_without_bypass(s: Stage) {
    s.vault().await;
    refused(&s, Mode::Governance, s.lasting(Mode::Governance, 30)).await;
}

async fn r_shr_04_governance_is_removed_with_bypass(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    let empty = ops::put_object_retention(VAULT, "k", Some(&id), None).bypass_governance();
    s.send(empty).await.ok(200);
    assert_eq!(s.retention(VAULT, "k", &id).await, None);
    let shorter = s.lasting(Mode::Governance, 5);
    s.retain("k", &id, Some(shorter)).await.ok(200);
    assert_eq!(s.retention(VAULT, "k", &id).await, Some(shorter));
}

async fn r_shr_05_compliance_is_not_shortened(s: Stage) {
    s.vault().await;
    refused(&s, Mode::Compliance, s.lasting(Mode::Compliance, 30)).await;
}

async fn r_shr_06_compliance_is_not_downgraded(s: Stage) {
    s.vault().await;
    refused(&s, Mode::Compliance, s.lasting(Mode::Governance, 120)).await;
}

/// The value is echoed as Java writes a date in US Pacific time: recorded for 2020-01-01T00:00:00Z.
async fn r_shr_11_a_past_date_is_refused_first(s: Stage) {
    s.vault().await;
    for (mode, new) in [(Mode::Governance, "GOVERNANCE"), (Mode::Compliance, "COMPLIANCE")] {
        let id = s.retained("k", mode, 60).await;
        let seal = s.seal(VAULT, "k", &id).await;
        for (until, echoed) in [
            ("2020-01-01T00:00:00Z", "Tue Dec 31 16:00:00 PST 2019"),
            ("2025-07-04T00:00:00Z", "Thu Jul 03 17:00:00 PDT 2025"),
        ] {
            let body = format!(
                "<Retention><Mode>{new}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
            );
            s.send(raw(Method::PUT, VAULT, "k", "retention", &body))
                .await
                .is(400, "InvalidArgument", "The retain until date must be in the future!")
                .names(&[("ArgumentName", "RetainUntilDate"), ("ArgumentValue", echoed)]);
        }
        s.kept(VAULT, &seal).await;
    }
}

async fn r_shr_12_mode_needs_a_date(s: Stage) {
    s.vault().await;
    let id = s.put(VAULT, "k", "x").await;
    let body = "<Retention><Mode>GOVERNANCE</Mode></Retention>";
    let request = raw(Method::PUT, VAULT, "k", "retention", body);
    s.send(request.clone()).await.is(400, "MalformedXML", MALFORMED);
    s.send(request.bypass_governance()).await.is(400, "MalformedXML", MALFORMED);
    assert_eq!(s.retention(VAULT, "k", &id).await, None);
}

/// Recorded for BAD-VALUE; lower case by s3-tests.
async fn r_shr_13_modes_are_exact(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let until = shown(s.lasting(Mode::Governance, 120).until);
    for mode in ["BAD-VALUE", "governance", "compliance"] {
        let body =
            format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>");
        s.send(raw(Method::PUT, VAULT, "k", "retention", &body)).await.is(400, "MalformedXML", MALFORMED);
    }
    s.kept(VAULT, &seal).await;
}

/// The recording shortens by a second; a millisecond is as much of a shortening.
async fn r_shr_15_not_by_one_second(s: Stage) {
    s.vault().await;
    for less in [TimeDelta::seconds(1), TimeDelta::milliseconds(1)] {
        let until = s.lasting(Mode::Compliance, 60).until - less;
        refused(&s, Mode::Compliance, Retention { mode: Mode::Compliance, until }).await;
    }
}

async fn r_shr_16_without_version_id_the_current_version_is_meant(s: Stage) {
    s.vault().await;
    let old = s.retained("k", Mode::Compliance, 60).await;
    let seal = s.seal(VAULT, "k", &old).await;
    let new = s.put(VAULT, "k", "new").await;
    let short = s.lasting(Mode::Governance, 5);
    s.send(ops::put_object_retention(VAULT, "k", None, Some(short))).await.ok(200);
    assert_eq!(s.retention(VAULT, "k", &new).await, Some(short));
    s.kept(VAULT, &seal).await;
}

async fn r_ext_01_governance_is_extended_without_bypass(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    let mut seal = s.seal(VAULT, "k", &id).await;
    s.clock.advance_to(s.clock.now() + TimeDelta::minutes(10));
    let longer = s.lasting(Mode::Governance, 120);
    s.retain("k", &id, Some(longer)).await.ok(200);
    // Nothing but the date is different: neither the ETag nor Last-Modified.
    seal.state.retention = Reading::Known(Some(longer));
    seal.headers.insert(UNTIL.to_owned(), shown(longer.until));
    s.kept(VAULT, &seal).await;
}

async fn r_ext_05_a_delete_marker_has_no_retention(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let marker = s.delete(VAULT, "k", None).await.ok(204).version();
    let retention = Some(s.lasting(Mode::Governance, 90));
    s.send(ops::put_object_retention(VAULT, "k", Some(&marker), retention))
        .await
        .is(405, "MethodNotAllowed", NOT_ALLOWED)
        .names(&[("Method", "PUT"), ("ResourceType", "DeleteMarker")]);
    s.send(ops::get_object_retention(VAULT, "k", Some(&marker)))
        .await
        .is(405, "MethodNotAllowed", NOT_ALLOWED)
        .names(&[("Method", "GET"), ("ResourceType", "DeleteMarker")]);
    s.kept(VAULT, &seal).await;
}

async fn r_ext_07_no_such_key(s: Stage) {
    s.vault().await;
    let retention = Some(s.lasting(Mode::Governance, 60));
    s.send(ops::put_object_retention(VAULT, "missing", None, retention))
        .await
        .is(404, "NoSuchKey", NO_KEY)
        .names(&[("Key", "missing")]);
}

/// The sub-resources say "Object Lock Configuration" in three words, uploads in one: both recorded.
async fn r_ext_09_no_lock_on_the_bucket(s: Stage) {
    s.plain().await;
    s.books().await;
    let retention = Some(s.lasting(Mode::Governance, 60));
    for bucket in [PLAIN, BOOKS] {
        s.put(bucket, "k", "x").await;
        for request in [
            ops::put_object_retention(bucket, "k", None, retention),
            ops::get_object_retention(bucket, "k", None),
        ] {
            s.send(request).await.is(400, "InvalidRequest", NO_LOCK);
        }
    }
}

/// 404 is recorded; MinIO and versitygw answer 400.
async fn r_ext_10_never_set(s: Stage) {
    s.vault().await;
    let id = s.put(VAULT, "k", "x").await;
    for version in [None, Some(id.as_str())] {
        s.send(ops::get_object_retention(VAULT, "k", version)).await.is(
            404,
            "NoSuchObjectLockConfiguration",
            NEVER_SET,
        );
    }
}

async fn r_lhd_01_a_hold_is_set(s: Stage) {
    s.vault().await;
    let id = s.put(VAULT, "k", "x").await;
    s.send(ops::put_object_legal_hold(VAULT, "k", None, LegalHold::On)).await.ok(200);
    s.send(ops::get_object_legal_hold(VAULT, "k", None)).await.ok(200).names(&[("Status", "ON")]);
    s.head(VAULT, "k", &id).await.shows(&[(HOLD, "ON")]).hides(&[MODE, UNTIL]);
}

async fn r_lhd_02_never_set(s: Stage) {
    s.vault().await;
    s.put(VAULT, "k", "x").await;
    s.send(ops::get_object_legal_hold(VAULT, "k", None)).await.is(
        404,
        "NoSuchObjectLockConfiguration",
        NEVER_SET,
    );
}

async fn r_lhd_03_a_hold_is_lifted_and_still_shown(s: Stage) {
    s.vault().await;
    let id = s.held("k").await;
    s.delete(VAULT, "k", Some(&id)).await.is(403, "AccessDenied", LOCKED);
    s.send(ops::put_object_legal_hold(VAULT, "k", Some(&id), LegalHold::Off)).await.ok(200);
    s.send(ops::get_object_legal_hold(VAULT, "k", Some(&id))).await.ok(200).names(&[("Status", "OFF")]);
    s.head(VAULT, "k", &id).await.shows(&[(HOLD, "OFF")]);
    s.delete(VAULT, "k", Some(&id)).await.ok(204);
    s.gone(VAULT, "k", &id).await;
}

/// Whether the bucket has a lock is asked after the document was read.
async fn r_lhd_04_the_body_is_checked_first(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "x").await;
    for body in ["", "<LegalHold/>", "<LegalHold></LegalHold>"] {
        let said = s.send(raw(Method::PUT, PLAIN, "k", "legal-hold", body)).await;
        said.is(400, "MalformedXML", MALFORMED);
    }
}

async fn r_lhd_06_no_lock_on_the_bucket(s: Stage) {
    s.plain().await;
    s.books().await;
    for bucket in [PLAIN, BOOKS] {
        s.put(bucket, "k", "x").await;
        for request in [
            ops::put_object_legal_hold(bucket, "k", None, LegalHold::On),
            ops::get_object_legal_hold(bucket, "k", None),
        ] {
            s.send(request).await.is(400, "InvalidRequest", NO_LOCK);
        }
    }
}

async fn r_lhd_07_no_such_key(s: Stage) {
    s.vault().await;
    s.send(ops::put_object_legal_hold(VAULT, "missing", None, LegalHold::On))
        .await
        .is(404, "NoSuchKey", NO_KEY)
        .names(&[("Key", "missing")]);
}

async fn r_lhd_08_each_version_has_its_own_hold(s: Stage) {
    s.vault().await;
    let one = s.held("k").await;
    let two = s.held("k").await;
    let seal = s.seal(VAULT, "k", &two).await;
    s.send(ops::put_object_legal_hold(VAULT, "k", Some(&one), LegalHold::Off)).await.ok(200);
    s.delete(VAULT, "k", Some(&one)).await.ok(204);
    s.gone(VAULT, "k", &one).await;
    s.delete(VAULT, "k", Some(&two)).await.is(403, "AccessDenied", LOCKED);
    s.kept(VAULT, &seal).await;
}

async fn r_lhd_13_a_copy_is_not_held(s: Stage) {
    s.vault().await;
    let id = s.held("k").await;
    let seal = s.seal(VAULT, "k", &id).await;
    let source = ops::CopySource { bucket: VAULT, key: "k", version_id: None };
    let said = s.send(ops::copy_object(VAULT, "copy", &source, &LockHeaders::NONE, false)).await.ok(200);
    s.send(ops::get_object_legal_hold(VAULT, "copy", None)).await.is(
        404,
        "NoSuchObjectLockConfiguration",
        NEVER_SET,
    );
    s.delete(VAULT, "copy", Some(&said.version())).await.ok(204);
    s.kept(VAULT, &seal).await;
}
