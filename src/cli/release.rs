//! What is known of the server's release, from wherever it can be had.

use crate::analyse::minio_servers;
use crate::profile::{Profile, Release};
use crate::record::Log;
use crate::record::release::{ReleaseSource, SeenRelease, ServerRelease, is_other};
use crate::target::{Kind, Opened};

/// Whether a profile asks for it.
pub(super) fn is_demanded(profile: Option<&Profile>) -> bool {
    profile.is_some_and(|p| p.configuration.server_release.is_some())
}

/// Reads it: from the program or the image that the tool started, and from the administrator's interface unless the
/// server calls itself by another product's name. Sends at most one read.
pub(super) async fn read(opened: &Opened, server: Option<&str>, log: &Log) -> ServerRelease {
    let mut release = ServerRelease { image: opened.image.clone(), ..ServerRelease::default() };
    let source = match opened.kind {
        Kind::Binary => Some(ReleaseSource::Program),
        Kind::Container => Some(ReleaseSource::ImageTag),
        Kind::Embedded | Kind::Endpoint => None,
    };
    if let (Some(source), Some(version)) = (source, opened.version.clone())
        // A tag that names no release says nothing of what runs.
        && (source == ReleaseSource::Program || Release::parse(&version).is_some())
    {
        release.seen.push(SeenRelease { server: String::new(), version, commit: None, source });
    }
    if !is_other(server) {
        minio_servers(&opened.client, &opened.administrator, log, &mut release).await;
    }
    release
}
