//! The environment, read once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// What the environment says. The AWS variables are read by the AWS chain itself.
#[derive(Clone, Default)]
pub struct Environment {
    /// `MINIO_ENDPOINT`.
    pub minio_endpoint: Option<String>,
    /// `MINIO_ACCESS_KEY` and `MINIO_SECRET_KEY`, else `MINIO_ROOT_USER` and `MINIO_ROOT_PASSWORD`;
    /// only as a pair.
    pub minio_keys: Option<(String, Zeroizing<String>)>,
    /// The variable that the access key came from.
    pub minio_keys_source: Option<&'static str>,
    /// `WORMPROOF_MINIO_BINARY`.
    pub minio_binary: Option<PathBuf>,
    /// Of a pair of keys only one half is set: the variable that is missing.
    pub minio_keys_missing: Option<&'static str>,
    /// `WORMPROOF_KEY_PASSWORD`: of the signer's key, where that is encrypted.
    pub key_password: Option<Zeroizing<String>>,
    /// The directory for temporary files.
    pub temporary: PathBuf,
    /// The first `minio` on `PATH`.
    pub minio_on_path: Option<PathBuf>,
    /// The address or the name of the CI job, if this runs in one.
    pub ci_job: Option<String>,
    /// The user's name.
    pub user: Option<String>,
    /// The host's name.
    pub host: Option<String>,
    /// Whether `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `COLUMNS`: the width of the terminal.
    pub columns: Option<u16>,
    /// `DOCKER_HOST`, for messages only: the container engine's client reads it itself.
    pub docker_host: Option<String>,
    variables: BTreeMap<String, Zeroizing<String>>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("minio_endpoint", &self.minio_endpoint)
            .field("minio_access_key", &self.minio_keys.as_ref().map(|(access_key, _)| access_key))
            .field("ci_job", &self.ci_job)
            .finish_non_exhaustive()
    }
}

impl Environment {
    /// Reads the process's environment. Variables that are not UTF-8 are passed over.
    #[must_use]
    pub fn read() -> Self {
        let all =
            std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)));
        let mut found = Self::of(all);
        if found.host.is_none() {
            found.host = std::fs::read_to_string("/proc/sys/kernel/hostname")
                .ok()
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty());
        }
        found
    }

    /// The same from given variables.
    #[must_use]
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: BTreeMap<String, Zeroizing<String>> =
            variables.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect();
        let get = |name: &str| variables.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let keys = [("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"), ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")]
            .into_iter()
            .find_map(|(access, secret)| Some((access, (get(access)?, Zeroizing::new(get(secret)?)))));
        let missing = [("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"), ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")]
            .into_iter()
            .find_map(|(access, secret)| match (get(access), get(secret)) {
                (Some(_), None) => Some(secret),
                (None, Some(_)) => Some(access),
                _ => None,
            });
        Self {
            minio_endpoint: get("MINIO_ENDPOINT"),
            minio_keys_missing: missing.filter(|_| keys.is_none()),
            // As it is: a password may begin or end with a space.
            key_password: variables.get("WORMPROOF_KEY_PASSWORD").filter(|v| !v.is_empty()).cloned(),
            temporary: std::env::temp_dir(),
            minio_keys_source: keys.as_ref().map(|(source, _)| *source),
            minio_keys: keys.map(|(_, keys)| keys),
            minio_binary: get("WORMPROOF_MINIO_BINARY").map(PathBuf::from),
            minio_on_path: get("PATH").and_then(|path| find(&path, "minio")),
            ci_job: ci_job(&get),
            user: ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(get),
            host: ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(get),
            no_color: get("NO_COLOR").is_some(),
            columns: get("COLUMNS").and_then(|n| n.parse().ok()),
            docker_host: get("DOCKER_HOST"),
            variables,
        }
    }

    /// A variable that the configuration names.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| value.to_string())
    }
}

/// The first file of this name in the directories of a `PATH`.
fn find(path: &str, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|directory| directory.join(name)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    let Ok(metadata) = file.metadata() else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    metadata.is_file()
}

/// The address of the CI job, by the variables of the well-known systems; else only that there is one.
fn ci_job(get: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    if let (Some(repository), Some(run)) = (get("GITHUB_REPOSITORY"), get("GITHUB_RUN_ID")) {
        let server = get("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
        let attempt = get("GITHUB_RUN_ATTEMPT").map_or_else(String::new, |n| format!("/attempts/{n}"));
        return Some(format!("{server}/{repository}/actions/runs/{run}{attempt}"));
    }
    [
        "CI_JOB_URL",
        "BUILD_URL",
        "CIRCLE_BUILD_URL",
        "BUILDKITE_BUILD_URL",
        "TRAVIS_JOB_WEB_URL",
        "DRONE_BUILD_LINK",
    ]
    .into_iter()
    .find_map(get)
    .or_else(|| {
        get("CI").filter(|v| v != "false" && v != "0").map(|_| "a CI job of unknown address".to_owned())
    })
}
