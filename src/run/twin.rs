//! Buckets that the tool makes: with what a scenario specifies, or as a twin of the audited bucket.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::lock::{Mode, Reading};
use crate::record::evidence::{EventNumber, Made};
use crate::run::session::Session;
use crate::run::{AUDITED_TAG, FOLDER_TAG, RUN_TAG};
use crate::scenario::{BucketSpec, DefaultRetention, Versioning};
use crate::store::ops::{
    BucketConfig, DefaultPeriod, create_bucket, head_bucket, put_bucket_config, put_bucket_policy,
    put_bucket_tagging, put_bucket_versioning, put_object_lock_configuration,
};
use crate::store::request::S3Request;
use crate::time::Span;

/// A span as a default retention states it. Exact spans are cut to whole days, at least one.
pub(super) fn period(span: Span) -> DefaultPeriod {
    match span {
        Span::Months(months) => DefaultPeriod::Years((months / 12).max(1)),
        Span::Exact(delta) => DefaultPeriod::Days(u32::try_from(delta.num_days()).unwrap_or(1).max(1)),
    }
}

pub(super) fn default_of(default: DefaultRetention) -> (Mode, DefaultPeriod) {
    (default.mode, period(default.period))
}

/// Whether plain uploads into a bucket of the scenario are locked by a default.
pub(super) fn has_default(session: &Session<'_>, spec: &BucketSpec) -> bool {
    if spec.twin { session.audited.may_have_default() } else { spec.default_retention.is_some() }
}

impl Session<'_> {
    /// Makes a bucket. Its first exchange asks whether the name is free. An error is why the run cannot go on.
    pub(super) async fn make_bucket(
        &mut self,
        spec: &BucketSpec,
        name: &str,
    ) -> Result<Made, (Made, String)> {
        let mut made =
            Made { name: spec.name.clone(), bucket: name.to_owned(), twin: spec.twin, exchanges: Vec::new() };
        let (reply, number) = self.as_administrator(&head_bucket(name)).await;
        made.exchanges.push(number);
        if reply.status() != Some(404) {
            let said = reply.trouble().unwrap_or_else(|| "it exists".to_owned());
            return Err((made, format!("the name {name} is not shown to be free: {said}")));
        }
        if spec.absent {
            self.handles.buckets.insert(spec.name.clone(), name.to_owned());
            return Ok(made);
        }
        let region = self.env.client.endpoint().region.clone();
        let locked =
            if spec.twin { self.audited.object_lock == Reading::Known(true) } else { spec.object_lock };
        let mut requests = vec![create_bucket(name, locked, &region)];
        if spec.twin {
            self.twin_requests(name, locked, &mut requests);
        } else {
            let bound =
                self.audited.policy().map(|text| bound(text, &self.env.bucket, name)).unwrap_or_default();
            own_requests(spec, name, &bound, &mut requests);
        }
        for (i, request) in requests.iter().enumerate() {
            let (reply, number) = self.as_administrator(request).await;
            made.exchanges.push(number);
            if let Some(trouble) = reply.trouble() {
                return Err((made, format!("the bucket {} could not be set up: {trouble}", spec.name)));
            }
            if i == 0 {
                self.handles.buckets.insert(spec.name.clone(), name.to_owned());
                made.exchanges.extend(self.tag(name).await);
            }
        }
        Ok(made)
    }

    /// Says by a tag whose bucket it is. A store without bucket tags is no worse a store: the journal knows the
    /// bucket, too.
    pub(super) async fn tag(&mut self, name: &str) -> Option<EventNumber> {
        let run_id = self.env.run_id.as_str();
        let root = self.env.prefix.strip_suffix('/').and_then(|p| p.strip_suffix(run_id));
        let folder = folder_tag(root.unwrap_or(&self.env.prefix));
        let tags = [(RUN_TAG, run_id), (AUDITED_TAG, &self.env.bucket), (FOLDER_TAG, &folder)];
        let (reply, number) = self.as_administrator(&put_bucket_tagging(name, &tags)).await;
        match reply.trouble() {
            None => Some(number),
            Some(trouble) => {
                self.note(format!("the bucket {name} could not be tagged: {trouble}"));
                None
            }
        }
    }

    fn twin_requests(&self, name: &str, locked: bool, requests: &mut Vec<S3Request>) {
        if let (true, Reading::Known(Some(default))) = (locked, &self.audited.default_retention) {
            requests.push(put_object_lock_configuration(name, Some((default.mode, DefaultPeriod::Days(1)))));
        }
        match &self.audited.versioning {
            Reading::Known(status) if status == "Suspended" => {
                requests.push(put_bucket_versioning(name, false));
            }
            Reading::Known(status) if status == "Enabled" && !locked => {
                requests.push(put_bucket_versioning(name, true));
            }
            _ => {}
        }
        for (which, document) in &self.audited.documents {
            requests.push(match which {
                BucketConfig::Policy => {
                    put_bucket_policy(name, &rewrite_arns(document, &self.env.bucket, name))
                }
                which => put_bucket_config(name, *which, document),
            });
        }
        if !self.audited.unread.is_empty() {
            self.note(format!(
                "the twin {name} lacks what could not be read: {}",
                self.audited.unread.join("; ")
            ));
        }
    }
}

/// The folder of an audit's canaries as a tag says it: as it is where a tag can hold it, else its digest.
pub(super) fn folder_tag(root: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+-=._:/@".contains(c);
    if root.len() <= 256 && root.chars().all(fits) {
        return root.to_owned();
    }
    format!("sha256:{}", hex::encode(Sha256::digest(root.as_bytes())))
}

fn own_requests(spec: &BucketSpec, name: &str, bound: &[Value], requests: &mut Vec<S3Request>) {
    match spec.versioning {
        Versioning::Enabled if !spec.object_lock => requests.push(put_bucket_versioning(name, true)),
        Versioning::Suspended => requests.push(put_bucket_versioning(name, false)),
        Versioning::Enabled | Versioning::Unset => {}
    }
    if let Some(default) = spec.default_retention {
        requests.push(put_object_lock_configuration(name, Some(default_of(default))));
    }
    let policy = spec.policy.as_ref().map(|policy| policy.replace("{BUCKET}", name));
    match (policy, bound) {
        (None, []) => {}
        (Some(policy), []) => requests.push(put_bucket_policy(name, &policy)),
        (policy, bound) => {
            let none = || json!({"Version": "2012-10-17", "Statement": []});
            let parsed = policy.as_deref().and_then(|p| serde_json::from_str(p).ok());
            let mut document: Value = parsed.unwrap_or_else(none);
            if let Some(statements) = document["Statement"].as_array_mut() {
                statements.extend_from_slice(bound);
            }
            requests.push(put_bucket_policy(name, &document.to_string()));
        }
    }
}

/// What the audited bucket's policy allows to principals that it names, said of another bucket. Where users have their
/// rights from the bucket alone (versitygw), nobody could do anything in a bucket without it.
fn bound(policy: &str, from: &str, to: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(&rewrite_arns(policy, from, to)).unwrap_or_default();
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    statements.into_iter().filter(|s| s["Effect"] == "Allow" && names_somebody(&s["Principal"])).collect()
}

/// Whether a `Principal` names accounts or users, and not everybody.
fn names_somebody(principal: &Value) -> bool {
    match principal {
        Value::String(text) => text != "*",
        Value::Array(all) => !all.is_empty() && all.iter().all(names_somebody),
        Value::Object(map) => !map.is_empty() && map.values().all(names_somebody),
        _ => false,
    }
}

/// A policy with every ARN of one bucket rewritten to another. Text that is no JSON stays as it is.
pub(super) fn rewrite_arns(policy: &str, from: &str, to: &str) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(policy) else { return policy.to_owned() };
    rewrite(&mut document, from, to);
    document.to_string()
}

fn rewrite(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) => {
            let mut parts = text.splitn(6, ':');
            let is_s3 = parts.next() == Some("arn") && parts.nth(1) == Some("s3");
            if is_s3
                && let Some(resource) = parts.nth(2)
                && let Some(rest) = resource.strip_prefix(from)
                && (rest.is_empty() || rest.starts_with('/'))
            {
                let head = text.len() - resource.len();
                *text = format!("{}{to}{rest}", &text[..head]);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|v| rewrite(v, from, to)),
        Value::Object(map) => map.values_mut().for_each(|v| rewrite(v, from, to)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twins_policy_names_the_twin_and_nobody_elses_bucket() {
        let policy = r#"{"Statement":[{"Resource":["arn:aws:s3:::records","arn:aws:s3:::records/*",
            "arn:aws:s3:::records-backup/*","arn:aws:iam::1:user/records"]}]}"#;
        let text = rewrite_arns(policy, "records", "wormproof-t");
        assert_eq!(
            text,
            r#"{"Statement":[{"Resource":["arn:aws:s3:::wormproof-t","arn:aws:s3:::wormproof-t/*","arn:aws:s3:::records-backup/*","arn:aws:iam::1:user/records"]}]}"#
        );
    }

    #[test]
    fn a_bucket_of_its_own_gets_what_is_allowed_to_somebody_and_nothing_else() {
        let policy = r#"{"Statement":[
            {"Effect":"Allow","Principal":{"AWS":["writer"]},"Resource":["arn:aws:s3:::records/*"]},
            {"Effect":"Allow","Principal":"*","Resource":["arn:aws:s3:::records/*"]},
            {"Effect":"Allow","Principal":{"AWS":["*","writer"]},"Resource":["arn:aws:s3:::records/*"]},
            {"Effect":"Deny","Principal":{"AWS":["writer"]},"Resource":["arn:aws:s3:::records/*"]}]}"#;
        let found = Value::from(bound(policy, "records", "wormproof-o")).to_string();
        assert_eq!(
            found,
            r#"[{"Effect":"Allow","Principal":{"AWS":["writer"]},"Resource":["arn:aws:s3:::wormproof-o/*"]}]"#
        );
        assert!(bound("no policy", "records", "wormproof-o").is_empty());
    }

    #[test]
    fn a_default_of_less_than_a_day_is_a_day() {
        assert_eq!(period(Span::Exact(chrono::TimeDelta::hours(1))), DefaultPeriod::Days(1));
        assert_eq!(period(Span::Months(24)), DefaultPeriod::Years(2));
    }
}
