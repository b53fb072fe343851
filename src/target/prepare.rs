//! A bucket to audit on a server that was started for it: a little archive in which nothing is wrong.

use chrono::TimeDelta;

use crate::lock::{LegalHold, Mode, Retention};
use crate::store::client::Reply;
use crate::store::ops::{
    BucketConfig, DefaultPeriod, LockHeaders, create_bucket, delete_object, put_bucket_config,
    put_bucket_policy, put_object, put_object_legal_hold, put_object_lock_configuration,
};
use crate::store::request::S3Request;
use crate::target::{Opened, TargetError};

/// The bucket that is audited on a server of one's own.
pub const DEMO_BUCKET: &str = "wormproof-demo";

/// The records under the bucket's default retention. The first key gets two versions.
const TRADES: [(&str, &str); 4] = [
    ("trades/2024-03-01.csv", "2024-03-01,BUY,100,ACME"),
    ("trades/2024-03-01.csv", "2024-03-01,BUY,100,ACME\n2024-03-01,SELL,40,ACME"),
    ("trades/2024-03-04.csv", "2024-03-04,BUY,25,GLOBEX"),
    ("trades/2024-03-05.csv", "2024-03-05,SELL,25,GLOBEX"),
];

/// How the bucket is made for a profile, so that in it nothing is wrong by the profile's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// The profile's name, for the description.
    pub name: String,
    /// The bucket's default retention.
    pub default: (Mode, DefaultPeriod),
    /// The lock of the records.
    pub lock: Retention,
    /// Whether every record has a legal hold.
    pub hold: bool,
    /// Whether one record may have a legal hold.
    pub holds: bool,
    /// Records under other terms.
    pub others: Vec<DemoRecord>,
    /// The events of a log: key and body, in their order.
    pub events: Vec<(String, String)>,
    /// The versions of a record whose trail is read: key and body, in their order.
    pub traced: Vec<(String, String)>,
    /// Whether Block Public Access is on.
    pub blocks_public_access: bool,
    /// The bucket policy (JSON), put when everything is written.
    pub policy: Option<String>,
}

/// A record under terms of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoRecord {
    /// Its key.
    pub key: String,
    /// Its lock.
    pub retention: Retention,
    /// Whether it has a legal hold.
    pub hold: bool,
    /// Its tag, where the terms hang on one.
    pub tag: Option<(String, String)>,
}

/// Makes [`DEMO_BUCKET`] as a profile asks: Object Lock (and with it versioning), the default retention, a few records
/// with locks of their own, events where a log is checked, and the policy.
///
/// # Errors
/// [`TargetError::Preparation`] if the target is not an own server, or refuses.
pub async fn prepare_for(opened: &Opened, demo: &Demo) -> Result<(), TargetError> {
    own(opened)?;
    let bucket = opened.location.bucket.as_str();
    let region = opened.client.endpoint().region.clone();
    send(opened, "making the bucket", &create_bucket(bucket, true, &region)).await?;
    let default = put_object_lock_configuration(bucket, Some(demo.default));
    send(opened, "setting the default retention", &default).await?;
    let hold = demo.hold.then_some(LegalHold::On);
    for (key, content) in TRADES {
        let lock = LockHeaders { retention: Some(demo.lock), hold };
        send(opened, "writing a record", &put_object(bucket, key, content, &lock)).await?;
    }
    for other in &demo.others {
        let lock =
            LockHeaders { retention: Some(other.retention), hold: other.hold.then_some(LegalHold::On) };
        let mut put = put_object(bucket, &other.key, "{\"total\": 4711}", &lock);
        if let Some((name, value)) = &other.tag {
            put = put.header("x-amz-tagging", &format!("{name}={value}"));
        }
        send(opened, "writing a record", &put).await?;
    }
    for (key, body) in &demo.traced {
        let lock = LockHeaders { retention: Some(demo.lock), hold };
        send(opened, "writing a record", &put_object(bucket, key, body.clone(), &lock)).await?;
    }
    for (key, body) in &demo.events {
        let lock = LockHeaders { retention: Some(demo.lock), hold };
        let put = put_object(bucket, key, body.clone(), &lock).header("if-none-match", "*");
        send(opened, "writing an event", &put).await?;
    }
    if demo.holds {
        let lock = LockHeaders { retention: Some(demo.lock), hold: Some(LegalHold::On) };
        let held = put_object(bucket, "legal/2024-017-correspondence.eml", "Subject: claim 17", &lock);
        send(opened, "writing a record", &held).await?;
    }
    if demo.blocks_public_access {
        let block = put_bucket_config(bucket, BucketConfig::PublicAccessBlock, PUBLIC_ACCESS_BLOCK);
        send(opened, "blocking public access", &block).await?;
    }
    if let Some(policy) = &demo.policy {
        send(opened, "putting the policy", &put_bucket_policy(bucket, policy)).await?;
    }
    Ok(())
}

/// All four switches of Block Public Access.
const PUBLIC_ACCESS_BLOCK: &str = "<PublicAccessBlockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
    <BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>\
    <BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>\
    </PublicAccessBlockConfiguration>";

fn own(opened: &Opened) -> Result<(), TargetError> {
    if opened.own_server {
        return Ok(());
    }
    Err(TargetError::Preparation {
        what: "making records",
        answer: "only on a server that was started for this run".to_owned(),
    })
}

/// Makes [`DEMO_BUCKET`] with Object Lock and a default retention of COMPLIANCE for one day, and a few
/// records in it: under the default, under an own COMPLIANCE and an own GOVERNANCE retention, under legal
/// hold, and one that a delete marker hides. Every version is protected.
///
/// # Errors
/// [`TargetError::Preparation`] if the target is not an own server, or refuses.
pub async fn prepare(opened: &Opened) -> Result<(), TargetError> {
    own(opened)?;
    let bucket = opened.location.bucket.as_str();
    let region = opened.client.endpoint().region.clone();
    let none = LockHeaders::NONE;
    send(opened, "making the bucket", &create_bucket(bucket, true, &region)).await?;
    let default = put_object_lock_configuration(bucket, Some((Mode::Compliance, DefaultPeriod::Days(1))));
    send(opened, "setting the default retention", &default).await?;
    for (key, content) in TRADES {
        send(opened, "writing a record", &put_object(bucket, key, content, &none)).await?;
    }
    for (key, mode, days) in
        [("ledgers/2024-q1.csv", Mode::Compliance, 7), ("drafts/2024-q2-forecast.csv", Mode::Governance, 2)]
    {
        let until = opened.client.server_now() + TimeDelta::days(days);
        let lock = LockHeaders::retained(Retention { mode, until });
        send(opened, "writing a record", &put_object(bucket, key, "quarter,total\n1,4711", &lock)).await?;
    }
    // The hold comes afterwards: a hold in the upload keeps MinIO's default retention away.
    let held = "legal/2024-017-correspondence.eml";
    let reply =
        send(opened, "writing a record", &put_object(bucket, held, "Subject: claim 17", &none)).await?;
    let version = reply.answer().and_then(|a| a.header("x-amz-version-id")).map(ToOwned::to_owned);
    let request = put_object_legal_hold(bucket, held, version.as_deref(), LegalHold::On);
    send(opened, "setting a legal hold", &request).await?;
    send(opened, "hiding a record", &delete_object(bucket, TRADES[3].0, None)).await?;
    Ok(())
}

async fn send(opened: &Opened, what: &'static str, request: &S3Request) -> Result<Reply, TargetError> {
    let reply = opened.client.exchange(Some(&opened.administrator), request).await;
    match reply.trouble() {
        None => Ok(reply),
        Some(answer) => Err(TargetError::Preparation { what, answer }),
    }
}
