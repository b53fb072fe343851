//! Releases of a server: the time that a release's name carries, and what a profile asks of it.

use chrono::{DateTime, NaiveDateTime, Utc};

/// A release of MinIO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// As it was written.
    pub name: String,
    /// The time in its name (UTC).
    pub at: DateTime<Utc>,
    /// Whether the name says that it is a release; a bare time (`2025-09-07T16:13:09Z`, as the administrator's interface
    /// writes it) may also be that of a build of one's own.
    pub is_named: bool,
}

impl Release {
    /// Reads a release tag (`RELEASE.2025-09-07T16-13-09Z`, also with what an image's tag or a hotfix adds), or the bare
    /// time of the administrator's interface. `None`: it names no release (`DEVELOPMENT.GOGET`, `latest`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const LENGTH: usize = "2025-09-07T16-13-09Z".len();
        let (rest, is_named, form) = match text.strip_prefix("RELEASE.") {
            Some(rest) => (rest, true, "%Y-%m-%dT%H-%M-%SZ"),
            None => (text, false, "%Y-%m-%dT%H:%M:%SZ"),
        };
        let (time, more) = rest.split_at_checked(LENGTH)?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_more = more.is_empty() || (more.starts_with(['.', '-']) && more.chars().all(is_word));
        let at = NaiveDateTime::parse_from_str(time, form).ok()?.and_utc();
        is_more.then(|| Self { name: text.to_owned(), at, is_named })
    }
}

/// Which releases of a server are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseDemand {
    /// The server that it is about; another one's releases are not judged.
    pub server: String,
    /// The oldest release that will do.
    pub not_before: Release,
}

impl std::fmt::Display for ReleaseDemand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, a release not before {}", self.server, self.not_before.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_has_a_time_and_what_has_none_is_no_release() {
        let time = |text: &str| Release::parse(text).map(|r| (r.at.to_rfc3339(), r.is_named));
        let at = "2025-09-07T16:13:09+00:00".to_owned();
        for more in ["", "-cpuv1", ".hotfix.7aa24e772", ".fips"] {
            assert_eq!(time(&format!("RELEASE.2025-09-07T16-13-09Z{more}")), Some((at.clone(), true)));
        }
        assert_eq!(time("2025-09-07T16:13:09Z"), Some((at, false)));
        for other in [
            "DEVELOPMENT.GOGET",
            "DEVELOPMENT.2025-09-07T16-13-09Z",
            "latest",
            "local",
            "",
            "RELEASE.2025-13-07T16-13-09Z",
            "RELEASE.2025-09-07",
            "RELEASE.2025-09-07T16-13-09Zé",
            "RELEASE.2025-09-07T16:13:09Z",
        ] {
            assert_eq!(Release::parse(other), None, "{other}");
        }
    }
}
