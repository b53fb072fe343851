//! The environment, read once. The only module that asks for environment variables.

use std::path::PathBuf;

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `USER`.
    pub user: Option<String>,
    /// `HOSTNAME`.
    pub host: Option<String>,
    /// What names the CI job, if there is one.
    pub ci_job: Option<String>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `COLUMNS`.
    pub columns: Option<u16>,
    /// `WORMPROOF_MINIO_BINARY`.
    pub minio_binary: Option<PathBuf>,
    /// The `minio` of the search path.
    pub minio_on_path: Option<PathBuf>,
    /// `MINIO_ENDPOINT`.
    pub minio_endpoint: Option<String>,
    /// `MINIO_ACCESS_KEY` (or `MINIO_ROOT_USER`) and `MINIO_SECRET_KEY` (or `MINIO_ROOT_PASSWORD`).
    pub minio_keys: Option<(String, String)>,
}

impl Environment {
    /// Reads it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn read() -> Self {
        let get = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let on_path = std::env::var_os("PATH")
            .and_then(|path| std::env::split_paths(&path).map(|dir| dir.join("minio")).find(|p| p.is_file()));
        let keys = [("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"), ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")]
            .into_iter()
            .find_map(|(id, secret)| get(id).zip(get(secret)));
        Self {
            user: get("USER"),
            host: get("HOSTNAME"),
            ci_job: ["CI_JOB_URL", "BUILD_URL", "GITHUB_RUN_ID"].into_iter().find_map(get),
            no_color: get("NO_COLOR").is_some(),
            columns: get("COLUMNS").and_then(|c| c.parse().ok()),
            minio_binary: get("WORMPROOF_MINIO_BINARY").map(PathBuf::from),
            minio_on_path: on_path,
            minio_endpoint: get("MINIO_ENDPOINT"),
            minio_keys: keys,
        }
    }
}
