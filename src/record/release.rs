//! The server's release: what is known of it, where that was taken from, and whether it is as a profile demands.
//!
//! An S3 client sees a product's name and no version. The release comes from the program or the image where the tool
//! started the server, and from the administrator's interface of MinIO where its caller may read it. Of that answer only
//! [`kept`] goes into the record, because it also holds the server's settings; [`disproved`] compares the two.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exchange::{Exchange, Outcome};
use crate::profile::{Release, ReleaseDemand};
use crate::record::profile_result::{DemandResult, DemandState};
use crate::record::{Exchanges, Record, evidence::EventNumber};
use crate::scenario::words;

/// The word of the demand.
const WORD: &str = "server-release";
/// Where MinIO's administrator's interface tells of its servers.
pub const INTERFACE: &str = "admin/v3/info";
/// How [`kept`] is told of in the exchange.
const LEFT_OUT: &str = "answer: all but endpoint, state, version and commit of each server";

words! {
    /// Where a version was taken from.
    ReleaseSource {
        /// The program that the tool started says it of itself.
        Program = "the program's --version",
        /// The tag of the image that the tool started.
        ImageTag = "the image's tag",
        /// MinIO's administrator's interface.
        Interface = "the administrator's interface",
    }
}

/// What one source says of one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeenRelease {
    /// The server, by its endpoint in the deployment; empty where the source names none.
    pub server: String,
    /// The version as it stands there; empty where the server did not answer.
    pub version: String,
    /// The source commit, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Where it was taken from.
    pub source: ReleaseSource,
}

/// What is known of the server's release.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ServerRelease {
    /// The image that the tool started, as it was named.
    pub image: Option<String>,
    /// Every version that was seen.
    pub seen: Vec<SeenRelease>,
    /// The exchange with the administrator's interface, if it was asked.
    pub exchange: Option<EventNumber>,
    /// Why the administrator's interface says nothing.
    pub unread: Option<String>,
}

impl ServerRelease {
    /// The version, if all sources name one and the same.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        let all: BTreeSet<&str> = self.seen.iter().map(|s| s.version.as_str()).collect();
        all.first().copied().filter(|version| all.len() == 1 && !version.is_empty())
    }

    /// In a sentence, for reports.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut parts: Vec<String> = self.image.iter().map(|image| format!("image {image}")).collect();
        parts.extend(self.seen.iter().map(words_of));
        parts.extend(self.unread.clone());
        parts.join("; ")
    }
}

fn words_of(seen: &SeenRelease) -> String {
    let version = if seen.version.is_empty() { "no answer" } else { &seen.version };
    let server = if seen.server.is_empty() { String::new() } else { format!("{}: ", seen.server) };
    format!("{server}{version} (by {})", seen.source)
}

/// What is kept of the answer of the administrator's interface: who the servers are, and their versions.
#[must_use]
pub fn kept(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let servers = answer.get("servers")?.as_array()?.iter().map(|server| {
        let part = |name: &str| server.get(name).cloned().unwrap_or(Value::Null);
        json!({
            "endpoint": part("endpoint"), "state": part("state"), "version": part("version"),
            "commitID": part("commitID"),
        })
    });
    Some(json!({"servers": servers.collect::<Vec<_>>()}).to_string())
}

/// Leaves of the interface's answer in an exchange only what is kept, and says so; what it refused stays whole.
pub fn keep(exchange: &mut Exchange, kept: Option<String>) {
    if let Outcome::Answered(answer) = &mut exchange.outcome
        && answer.is_success()
    {
        answer.body.text = kept;
        exchange.sent.redacted.push(LEFT_OUT.to_owned());
    }
}

/// The versions in what is kept; one that is not told stays empty.
#[must_use]
pub fn servers(kept: &str) -> Option<Vec<SeenRelease>> {
    let kept: Value = serde_json::from_str(kept).ok()?;
    let text = |server: &Value, name: &str| server.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let seen = kept.get("servers")?.as_array()?.iter().map(|server| SeenRelease {
        server: text(server, "endpoint").unwrap_or_default(),
        version: text(server, "version").unwrap_or_default(),
        commit: text(server, "commitID").filter(|commit| !commit.is_empty()),
        source: ReleaseSource::Interface,
    });
    Some(seen.collect())
}

/// The tag of an image (`latest` without one), and whether a digest pins it.
fn image_parts(image: &str) -> (Option<&str>, bool) {
    let (named, digest) = image.split_once('@').map_or((image, false), |(named, _)| (named, true));
    let name_at = named.rfind('/').map_or(0, |slash| slash + 1);
    let tag = named.get(name_at..).and_then(|name| name.split_once(':')).map(|(_, tag)| tag);
    (tag.or((!digest).then_some("latest")), digest)
}

/// The product that stands behind a `Server` header, where it is one that tells.
fn product(server: Option<&str>) -> Option<&str> {
    let server = server?;
    let lower = server.to_lowercase();
    match lower.as_str() {
        "wormproof" => Some("the embedded server of this tool"),
        "amazons3" => Some("Amazon S3"),
        _ if lower.starts_with("minio") => Some("MinIO"),
        _ => ["seaweedfs", "versity", "ceph", "werkzeug"].iter().any(|p| lower.contains(p)).then_some(server),
    }
}

/// Whether the server calls itself by another product's name: then there is nothing to ask it.
#[must_use]
pub fn is_other(server: Option<&str>) -> bool {
    product(server).is_some_and(|product| product != "MinIO")
}

/// Judges the demand on the server's release. Pure: `verify` does it again.
#[must_use]
pub fn demand(asked: &ReleaseDemand, release: Option<&ServerRelease>, server: Option<&str>) -> DemandResult {
    let (state, found) = judged(asked, release, server);
    DemandResult { word: WORD.to_owned(), state, found, asked: asked.to_string() }
}

fn judged(
    asked: &ReleaseDemand,
    release: Option<&ServerRelease>,
    server: Option<&str>,
) -> (DemandState, String) {
    let unread = |why: &str| (DemandState::NotAssessed, why.to_owned());
    let Some(release) = release else { return unread("the server's release was not read") };
    let answered = release.seen.iter().any(|s| s.source == ReleaseSource::Interface);
    match product(server) {
        // Who answers the administrator's interface of MinIO is one, whatever stands before it.
        _ if answered => {}
        Some(product) if product == asked.server => {}
        Some(product) => {
            let text =
                format!("the server is {product}, and no {}: its release was not judged", asked.server);
            return (DemandState::NotApplicable, text);
        }
        None => {
            let name = server.map_or("no product".to_owned(), |s| format!("`{s}`"));
            let why = release.unread.as_deref().unwrap_or("the administrator's interface was not asked");
            return unread(&format!(
                "its answers name {name}, and which server stands behind is not known: {why}"
            ));
        }
    }
    of_server(asked, release)
}

fn of_server(asked: &ReleaseDemand, release: &ServerRelease) -> (DemandState, String) {
    let not_met = |why: String| (DemandState::NotMet, why);
    let all = || release.seen.iter().map(words_of).collect::<Vec<_>>().join("; ");
    let image = release.image.as_deref().map(|image| (image, image_parts(image)));
    if let Some((image, (Some("latest"), false))) = image {
        let seen = if release.seen.is_empty() { String::new() } else { format!("; now {}", all()) };
        return not_met(format!(
            "the image {image} is `latest`, which is whatever was pulled last: it cannot be pinned{seen}"
        ));
    }
    let (silent, told): (Vec<&SeenRelease>, Vec<&SeenRelease>) =
        release.seen.iter().partition(|seen| seen.version.is_empty());
    let mut releases = Vec::new();
    for seen in &told {
        match Release::parse(&seen.version) {
            Some(release) => releases.push(release),
            None => {
                return not_met(format!(
                    "{} is known, and is no release: a build that nobody can name is not pinned",
                    words_of(seen)
                ));
            }
        }
    }
    let times: BTreeSet<_> = releases.iter().map(|r| r.at).collect();
    let commits: BTreeSet<_> = told.iter().filter_map(|s| s.commit.as_deref()).collect();
    if times.len() > 1 || commits.len() > 1 {
        let commits = if times.len() > 1 { "" } else { "; their commits differ" };
        return not_met(format!("not one release but several: {}{commits}", all()));
    }
    let Some(oldest) = releases.iter().min_by_key(|r| r.at) else {
        let why = release.unread.as_deref().unwrap_or("no server told its version");
        return (DemandState::NotAssessed, format!("an S3 client sees no version: {why}"));
    };
    let floor = &asked.not_before;
    if oldest.at < floor.at {
        return not_met(format!("{} is older than {}", all(), floor.name));
    }
    if let Some(seen) = silent.first() {
        let why =
            format!("{} of {} servers told no version: {}", silent.len(), release.seen.len(), seen.server);
        return (DemandState::NotAssessed, format!("{why}; {}", all()));
    }
    let mut found = format!("{}, not older than {}", all(), floor.name);
    if !releases.iter().any(|r| r.is_named) {
        let commit = commits.first().map_or("no commit is told".to_owned(), |c| format!("commit {c}"));
        found.push_str(&format!("; a time is what a release and a build of one's own both show ({commit})"));
    }
    match image {
        Some((image, (_, true))) => found.push_str(&format!("; the image is pinned by its digest: {image}")),
        Some((image, _)) => {
            found.push_str(&format!("; the image {image} is named by a tag, which can be moved"));
        }
        None => {}
    }
    (DemandState::Met, found)
}

/// What of the release does not follow from the rest of the record.
#[must_use]
pub fn disproved(record: &Record) -> Vec<String> {
    let Some(release) = &record.target.release else { return Vec::new() };
    let mut wrong = Vec::new();
    let exchange = release.exchange.and_then(|n| Exchanges::of(&record.events).get(n));
    let answer = exchange
        .filter(|e| e.sent.method == "GET" && e.sent.target.ends_with(INTERFACE))
        .and_then(|e| e.answer());
    let shown =
        answer.filter(|a| a.status == 200).and_then(|a| servers(a.body.text.as_deref()?)).unwrap_or_default();
    let said: Vec<SeenRelease> =
        release.seen.iter().filter(|s| s.source == ReleaseSource::Interface).cloned().collect();
    if said != shown {
        wrong.push("the servers' releases are not those that the administrator's interface told".to_owned());
    }
    for seen in &release.seen {
        let tag = release.image.as_deref().and_then(|image| image_parts(image).0);
        let follows = match seen.source {
            ReleaseSource::Interface => true,
            ReleaseSource::Program => {
                record.target.kind == "binary" && record.target.description.contains(&seen.version)
            }
            ReleaseSource::ImageTag => tag == Some(&seen.version),
        };
        if !follows {
            wrong.push(format!("the release {} is not that of {}", seen.version, record.target.description));
        }
    }
    if let Some(image) = release.image.as_ref().filter(|image| !record.target.description.contains(*image)) {
        wrong.push(format!("the image {image} is not the one that was started"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "RELEASE.2020-09-17T04-49-20Z";
    const NEW: &str = "RELEASE.2025-09-07T16-13-09Z";

    fn asked() -> ReleaseDemand {
        ReleaseDemand { server: "MinIO".to_owned(), not_before: Release::parse(OLD).expect("a release") }
    }

    fn seen(source: ReleaseSource, version: &str) -> SeenRelease {
        SeenRelease { server: "a:9000".to_owned(), version: version.to_owned(), commit: None, source }
    }

    fn told(versions: &[&str]) -> ServerRelease {
        let seen = versions.iter().map(|v| seen(ReleaseSource::Interface, v)).collect();
        ServerRelease { seen, ..ServerRelease::default() }
    }

    fn judge(release: &ServerRelease, server: Option<&str>) -> (DemandState, String) {
        let result = demand(&asked(), Some(release), server);
        (result.state, result.found)
    }

    #[test]
    fn a_release_is_met_from_its_floor_on_and_a_build_without_a_name_is_not() {
        for (version, state, words) in [
            (NEW, DemandState::Met, "not older than"),
            (OLD, DemandState::Met, "not older than"),
            ("2025-09-07T16:13:09Z", DemandState::Met, "both show (no commit is told)"),
            ("RELEASE.2020-09-17T04-49-19Z", DemandState::NotMet, "is older than"),
            ("DEVELOPMENT.GOGET", DemandState::NotMet, "is no release"),
            ("", DemandState::NotAssessed, "no server told its version"),
        ] {
            let (found, text) = judge(&told(&[version]), Some("MinIO"));
            assert_eq!(found, state, "{version}: {text}");
            assert!(text.contains(words), "{version}: {text}");
        }
    }

    #[test]
    fn servers_of_several_releases_are_named_and_a_silent_one_leaves_no_conclusion() {
        let (state, text) = judge(&told(&[NEW, "RELEASE.2025-09-08T16-13-09Z"]), Some("MinIO"));
        assert_eq!(state, DemandState::NotMet);
        assert!(text.contains(NEW) && text.contains("2025-09-08"), "{text}");
        assert_eq!(judge(&told(&[NEW, ""]), Some("MinIO")).0, DemandState::NotAssessed);
        assert_eq!(judge(&told(&[NEW, NEW]), Some("MinIO")).0, DemandState::Met);
        // The program names what the interface tells as a time.
        let mut both = told(&["2025-09-07T16:13:09Z"]);
        both.seen.push(seen(ReleaseSource::Program, NEW));
        assert_eq!(judge(&both, Some("MinIO")).0, DemandState::Met);
        let mut builds = told(&[NEW, NEW]);
        for (seen, commit) in builds.seen.iter_mut().zip(["abc", "def"]) {
            seen.commit = Some(commit.to_owned());
        }
        assert_eq!(judge(&builds, Some("MinIO")).0, DemandState::NotMet);
    }

    #[test]
    fn latest_cannot_be_pinned_whatever_it_is_today() {
        let of = |image: &str| {
            let image = Some(image.to_owned());
            judge(&ServerRelease { image, ..told(&[NEW]) }, Some("MinIO"))
        };
        for image in ["minio/minio", "minio/minio:latest", "localhost:5000/minio"] {
            let (state, text) = of(image);
            assert_eq!(state, DemandState::NotMet, "{image}");
            assert!(text.contains("cannot be pinned") && text.contains(NEW), "{text}");
        }
        assert!(of(&format!("minio/minio:{NEW}@sha256:14ce")).1.contains("pinned by its digest"));
        assert!(of(&format!("minio/minio:{NEW}")).1.contains("which can be moved"));
        assert_eq!(of("minio/minio:latest@sha256:14ce").0, DemandState::Met);
        assert_eq!(of("minio/minio@sha256:14ce").0, DemandState::Met);
    }

    #[test]
    fn another_server_is_not_judged_and_an_unknown_one_is_not_assessed() {
        let silent =
            ServerRelease { unread: Some("403 AccessDenied".to_owned()), ..ServerRelease::default() };
        for server in ["wormproof", "AmazonS3", "SeaweedFS S3", "VERSITYGW"] {
            assert_eq!(judge(&silent, Some(server)).0, DemandState::NotApplicable, "{server}");
        }
        for server in [None, Some("nginx"), Some("MinIO")] {
            let (state, text) = judge(&silent, server);
            assert_eq!(state, DemandState::NotAssessed, "{server:?}");
            assert!(text.contains("403 AccessDenied"), "{text}");
        }
        assert_eq!(judge(&told(&[NEW]), Some("nginx")).0, DemandState::Met, "a MinIO behind a proxy");
        assert_eq!(demand(&asked(), None, Some("MinIO")).state, DemandState::NotAssessed);
    }

    #[test]
    fn of_the_interfaces_answer_only_servers_and_versions_are_kept() {
        let answer = json!({"mode": "online", "servers": [{"endpoint": "a:9000", "state": "online", "version": NEW,
            "commitID": "abc", "minio_env_vars": {"MINIO_AUDIT_WEBHOOK_AUTH_TOKEN": "a-secret"}}, {"endpoint": "b:9000",
            "state": "offline"}]});
        let kept = kept(answer.to_string().as_bytes()).expect("servers");
        assert!(!kept.contains("secret") && !kept.contains("mode"), "{kept}");
        let seen = servers(&kept).expect("servers");
        assert_eq!((seen[0].version.as_str(), seen[0].commit.as_deref()), (NEW, Some("abc")));
        assert_eq!((seen[1].server.as_str(), seen[1].version.as_str()), ("b:9000", ""));
        assert_eq!(super::kept(b"<Error/>"), None);
    }
}
