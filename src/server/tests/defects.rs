//! Every defect changes something: one script of requests, run against a sound server and against each
//! defect; the answers and the listing must differ.

use chrono::TimeDelta;

use super::{BYPASS, Client, Defect, client, start, wire};

/// What was answered, in order.
struct Script {
    root: Client,
    said: Vec<String>,
}

const COM: &str = "COMPLIANCE";
const GOV: &str = "GOVERNANCE";

fn retention(mode: &str, minutes: i64) -> String {
    let until = wire(start() + TimeDelta::minutes(minutes));
    format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>")
}

fn hold(status: &str) -> String {
    format!("<LegalHold><Status>{status}</Status></LegalHold>")
}

impl Script {
    async fn by(
        &mut self,
        who: &Client,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> String {
        let said = who.call(method, target, headers, body).await;
        let lock = said.header("x-amz-object-lock-mode").to_owned();
        let until = said.header("x-amz-object-lock-retain-until-date").to_owned();
        let line = format!("{method} {target} {} {} {lock}{until}", said.status, said.element("Code"));
        self.said.push(line);
        let id = said.version();
        if id.is_empty() { said.element("UploadId").to_owned() } else { id }
    }

    async fn root(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
        let root = Client {
            server: self.root.server.clone(),
            key: self.root.key.clone(),
            secret: self.root.secret.clone(),
            token: None,
        };
        self.by(&root, method, target, headers, body).await
    }

    /// A new locked version under `key`.
    async fn locked(&mut self, key: &str, mode: &str, minutes: i64) -> String {
        let until = wire(start() + TimeDelta::minutes(minutes));
        let headers =
            [("x-amz-object-lock-mode", mode), ("x-amz-object-lock-retain-until-date", until.as_str())];
        let id = self.root("PUT", &format!("/vault/{key}"), &headers, "content").await;
        format!("/vault/{key}?versionId={id}")
    }

    async fn change(&mut self, target: &str, headers: &[(&str, &str)], document: &str) {
        let target = target.replace("?versionId", "?retention&versionId");
        self.root("PUT", &target, headers, document).await;
    }

    async fn multipart(&mut self, begin: &str, key: &str, headers: &[(&str, &str)], end: &[(&str, &str)]) {
        let upload = self.root("POST", begin, headers, "").await;
        let part = format!("/vault/{key}?partNumber=1&uploadId={upload}");
        self.root("PUT", &part, &[], "part").await;
        let etag = crate::server::convert::md5_hex(b"part");
        let list = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
        );
        self.root("POST", &format!("/vault/{key}?uploadId={upload}"), end, &list).await;
    }

    async fn listing(&mut self) {
        let list = self.root.call("GET", "/vault?versions", &[], "").await;
        self.said.push(list.body);
    }
}

async fn run(defects: &[Defect]) -> Vec<String> {
    let mut s = Script { root: client(defects), said: Vec::new() };
    s.root("PUT", "/vault", &[("x-amz-bucket-object-lock-enabled", "true")], "").await;
    if s.said[0].contains(" 403 ") || s.said[0].contains(" 500 ") {
        return s.said;
    }
    let allow = |actions: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}]}}"#
        )
    };
    let writer = s.root.assume(&allow(r#""s3:PutObject""#)).await;
    let deleter = s.root.assume(&allow(r#""s3:DeleteObject","s3:DeleteObjectVersion""#)).await;
    let marker_only = s.root.assume(&allow(r#""s3:DeleteObject""#)).await;

    // Deletes of locked versions.
    let mut all = Vec::new();
    for (key, mode) in [("c", COM), ("g", GOV)] {
        let target = s.locked(key, mode, 60).await;
        s.root("DELETE", &target, &[], "").await;
        s.root("GET", &target, &[], "").await;
        s.by(&deleter, "DELETE", &target, &[BYPASS], "").await;
        all.push(target);
    }
    s.root("DELETE", &all[0], &[BYPASS], "").await;
    let replica = [("x-amz-replication-status", "REPLICA")];
    s.root("DELETE", &all[1], &replica, "").await;
    let replaced = s.locked("p", COM, 60).await;
    s.root("PUT", "/vault/p", &[], "other").await;
    s.root("PUT", &replaced, &[], "other").await;
    s.root("PUT", &replaced, &replica, "other").await;
    let dir = s.locked("dir/", COM, 60).await;
    s.root("DELETE", "/vault/dir/", &[], "").await;
    s.root("GET", &dir, &[], "").await;
    let held = s.locked("h", GOV, 60).await;
    let put_hold = held.replace("?versionId", "?legal-hold&versionId");
    s.root("PUT", &put_hold, &[], &hold("ON")).await;
    s.root("GET", &put_hold, &[], "").await;
    s.by(&writer, "PUT", &put_hold, &[], &hold("OFF")).await;
    s.root("PUT", &put_hold, &[], &hold("ON")).await;
    s.root("DELETE", &held, &[BYPASS], "").await;
    let only = s.root("PUT", "/vault/only", &[("x-amz-object-lock-legal-hold", "ON")], "x").await;
    s.root("DELETE", &format!("/vault/only?versionId={only}"), &[], "").await;
    s.listing().await;

    // Changes of a retention.
    let c = s.locked("rc", COM, 60).await;
    s.change(&c, &[], &retention(COM, 50)).await;
    s.change(&c, &[], &retention(GOV, 70)).await;
    s.change(&c, &[], "<Retention></Retention>").await;
    let c = s.locked("rx", COM, 60).await;
    s.change(&c, &[], &retention(COM, 70)).await;
    s.root("HEAD", &c, &[], "").await;
    let g = s.locked("rg", GOV, 60).await;
    s.change(&g, &[], &retention(GOV, 50)).await;
    let g = s.locked("ru", GOV, 60).await;
    s.change(&g, &[], &retention(COM, 60)).await;
    let free = s.root("PUT", "/vault/free", &[], "x").await;
    let free = format!("/vault/free?versionId={free}");
    s.by(&writer, "PUT", &free.replace("?v", "?retention&v"), &[], &retention(GOV, 5)).await;
    s.change(&free, &[], &retention(GOV, 10)).await;
    s.root("HEAD", &free, &[], "").await;
    let loose = s.root("PUT", "/vault/loose", &[], "x").await;
    s.by(&marker_only, "DELETE", &format!("/vault/loose?versionId={loose}"), &[], "").await;

    // Batches.
    let short = s.locked("short", COM, 1).await;
    let end = s.locked("end", COM, 2).await;
    let id = |target: &str| target.split("versionId=").nth(1).unwrap_or_default().to_owned();
    s.root.server.clock().advance_to(start() + TimeDelta::seconds(119));
    s.root("DELETE", &end, &[], "").await;
    let dead = s.locked("dead", COM, 3).await;
    s.root("DELETE", &dead, &[], "").await;
    let batch = format!(
        "<Delete><Object><Key>c</Key><VersionId>{}</VersionId></Object><Object><Key>p</Key></Object><Object><Key>short</Key><VersionId>{}</VersionId></Object><Object><Key>rx</Key><VersionId>{}</VersionId></Object></Delete>",
        id(&all[0]),
        id(&short),
        id(&c),
    );
    s.root("POST", "/vault?delete", &[], &batch).await;
    s.listing().await;

    // Locks of new versions.
    let until = wire(start() + TimeDelta::minutes(60));
    let lock = [("x-amz-object-lock-mode", COM), ("x-amz-object-lock-retain-until-date", until.as_str())];
    s.by(&writer, "PUT", "/vault/new", &lock, "x").await;
    s.multipart("/vault/mpl?uploads", "mpl", &lock, &[]).await;
    s.root("HEAD", "/vault/mpl", &[], "").await;
    s.root("PUT", "/vault/cpl", &[("x-amz-copy-source", "/vault/free"), lock[0], lock[1]], "").await;
    s.root("HEAD", "/vault/cpl", &[], "").await;
    let source = all[0].clone();
    let itself = [("x-amz-copy-source", source.as_str()), ("x-amz-metadata-directive", "REPLACE")];
    s.root("PUT", "/vault/c", &itself, "").await;
    let aimed = all[0].replace("?versionId", "?uploads&versionId");
    s.multipart(&aimed, "c", &[], &[]).await;
    let (policy, signature) = writer.form_policy();
    let form = writer.form("/vault", "up/lock", &policy, &signature, &lock);
    let said = s.root.send(form).await;
    s.said.push(format!("form {} {}", said.status, said.element("Code")));
    let (policy, signature) = s.root.form_policy();
    let target = format!("/vault?versionId={}", id(&all[0]));
    let form = s.root.form(&target, "up/c", &policy, &signature, &[]);
    let said = s.root.send(form).await;
    s.said.push(format!("form {} {}", said.status, said.element("Code")));
    let mut loose = s.root.signed("DELETE", &g, &[], b"", super::settings(), "s3");
    loose.headers_mut().insert(BYPASS.0, "true".parse().expect("a header"));
    let said = s.root.send(loose).await;
    s.said.push(format!("unsigned {} {}", said.status, said.element("Code")));

    // The default.
    let default = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    s.root("PUT", "/vault?object-lock", &[], default).await;
    s.root.server.clock().advance_to(start() + TimeDelta::seconds(125));
    s.root("PUT", "/vault/dp", &[], "x").await;
    s.root("PUT", "/vault/dh", &[("x-amz-object-lock-legal-hold", "OFF")], "x").await;
    s.root("PUT", "/vault/dc", &[("x-amz-copy-source", "/vault/free")], "").await;
    s.multipart("/vault/dm?uploads", "dm", &[], &[]).await;
    let form = s.root.form("/vault", "up/d", &policy, &signature, &[]);
    s.root.send(form).await;
    for key in ["dp", "dh", "dc", "dm", "up/d"] {
        s.root("HEAD", &format!("/vault/{key}"), &[], "").await;
    }

    // Conditions.
    let none = [("if-none-match", "*")];
    s.root("PUT", "/vault/dp", &none, "y").await;
    s.root("PUT", "/vault/dp", &[("if-match", "abc")], "y").await;
    s.root("PUT", "/vault/dp", &[("x-amz-copy-source", "/vault/free"), none[0]], "").await;
    s.multipart("/vault/dp?uploads", "dp", &[], &none).await;
    let both = futures_util::future::join(
        s.root.call("PUT", "/vault/race", &none, "1"),
        s.root.call("PUT", "/vault/race", &none, "2"),
    );
    let (one, two) = both.await;
    s.said.push(format!("race {}", one.status + two.status));

    // Policies.
    let policy = r#"{"Statement":[
        {"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::vault/once/*","Condition":{"Null":{"s3:if-none-match":"true"}}},
        {"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::vault/free"}]}"#;
    s.root("PUT", "/vault?policy", &[], policy).await;
    s.root("PUT", "/vault/once/a", &[], "x").await;
    s.root("GET", "/vault/free", &[], "").await;
    s.root("DELETE", "/vault?policy", &[], "").await;

    // Versions that are not on top, null versions, markers.
    let until = wire(start() + TimeDelta::minutes(60));
    let lock = [("x-amz-object-lock-mode", COM), ("x-amz-object-lock-retain-until-date", until.as_str())];
    let low = s.root("PUT", "/vault/low", &lock, "x").await;
    s.root("PUT", "/vault/low", &lock, "y").await;
    s.root("DELETE", &format!("/vault/low?versionId={low}"), &[], "").await;
    let marker = s.root("DELETE", "/vault/low", &[], "").await;
    s.root("DELETE", &format!("/vault/low?versionId={marker}"), &[], "").await;
    s.root("PUT", "/later", &[], "").await;
    s.root("PUT", "/later/n", &[], "x").await;
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    s.root("PUT", "/later?versioning", &[], enabled).await;
    let on =
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
    s.root("PUT", "/later?object-lock", &[], on).await;
    s.root("PUT", "/later/n?retention&versionId=null", &[], &retention(COM, 60)).await;
    s.root("DELETE", "/later/n?versionId=null", &[], "").await;
    let kept = s.locked("cpr", COM, 60).await;
    s.root("PUT", "/vault/cpr", &[("x-amz-copy-source", "/vault/free")], "").await;
    s.root("GET", &kept, &[], "").await;
    s.multipart("/vault/cpr?uploads", "cpr", &[], &[]).await;
    let (policy, signature) = s.root.form_policy();
    for _ in 0..2 {
        let form = s.root.form("/vault", "up/twice", &policy, &signature, &[]);
        s.root.send(form).await;
    }

    // One lock and the other; dates; the bypass header.
    let outlived = s.locked("outlived", GOV, 60).await;
    s.root("PUT", &outlived.replace("?v", "?legal-hold&v"), &[], &hold("ON")).await;
    s.change(&held, &[], &retention(GOV, 80)).await;
    s.root("GET", &put_hold, &[], "").await;
    s.root("PUT", &put_hold, &[], &hold("OFF")).await;
    s.root("HEAD", &held, &[], "").await;
    s.root("DELETE", &held, &[("x-amz-bypass-governance-retention", "false")], "").await;
    let past =
        [("x-amz-object-lock-mode", GOV), ("x-amz-object-lock-retain-until-date", "2018-01-01T00:00:00Z")];
    s.root("PUT", "/vault/past", &past, "x").await;
    let document = |until: &str| {
        format!("<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>")
    };
    let fine = s.root("PUT", "/vault/fine", &[], "x").await;
    let fine = format!("/vault/fine?versionId={fine}");
    for until in ["2018-01-01T00:00:00Z", "2019-04-01T14:00:00.500+02:00"] {
        s.change(&fine, &[], &document(until)).await;
        s.root("HEAD", &fine, &[], "").await;
    }
    let gov = s.locked("quiet", GOV, 60).await;
    let quiet = format!(
        "<Delete><Quiet>true</Quiet><Object><Key>quiet</Key><VersionId>{}</VersionId></Object></Delete>",
        id(&gov)
    );
    s.root("POST", "/vault?delete", &[], &quiet).await;
    s.by(&deleter, "POST", "/vault?delete", &[BYPASS], &quiet).await;
    s.by(&deleter, "GET", &gov, &[], "").await;
    let nobody = http::Request::builder().method("DELETE").uri("/vault/quiet").body(bytes::Bytes::new());
    let said = s.root.send(nobody.expect("a request")).await;
    s.said.push(format!("anonymous {}", said.status));
    s.root("PUT", "/vault?object-lock", &[], on).await;
    s.root("HEAD", "/vault/dp", &[], "").await;
    s.root("PUT", "/later", &[("x-minio-force-create", "true")], "").await;
    s.listing().await;

    // After the end of retentions.
    s.root.server.clock().advance_to(start() + TimeDelta::minutes(61));
    s.root("DELETE", &outlived, &[], "").await;
    s.root("DELETE", &replaced, &[], "").await;
    s.listing().await;
    let suspended = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    s.root("PUT", "/vault?versioning", &[], suspended).await;
    s.root("PUT", "/vault?object-lock", &[], "<ObjectLockConfiguration></ObjectLockConfiguration>").await;
    s.root("DELETE", "/vault", &[], "").await;
    s.said
}

#[tokio::test]
async fn every_defect_shows() {
    let sound = run(&[]).await;
    assert_eq!(sound, run(&[]).await, "a server answers the same twice");
    let mut silent = Vec::new();
    for info in Defect::all() {
        if run(&[info.defect]).await == sound {
            silent.push(info.name);
        }
    }
    assert!(silent.is_empty(), "these change nothing: {silent:?}");
}
