//! By what a canary is known, in a run's evidence, in a sweep and in a scan alike. Pure.
//!
//! A canary lies at `…/.wormproof/<run id>/<scenario>/<role>-<attempt>-<nonce>/<name>` and says twice whose it is:
//!
//! - its user metadata ([`RUN_METADATA`]) names the run;
//! - its content ends with a stamp, `<run id> [<challenge>] <nonce>…  <label>`, whose nonce begins with the one in the key.
//!
//! A request that replaces a version together with its metadata (a side door of some servers) still writes a stamp, because every
//! content that a step sends bears one. A record of somebody else that lies there has neither: its key could have been copied from
//! a canary's, its bytes would have to be altered to bear the stamp. Nothing less is taken for a proof, or the folder would be a
//! place to hide records in.

use std::borrow::Cow;

/// The folder of all canaries under the audited prefix.
pub const CANARY_FOLDER: &str = ".wormproof/";

/// The user metadata (`x-amz-meta-…`) of every canary; its value is the run id.
pub const RUN_METADATA: &str = "wormproof-run";

/// The same as a header.
pub const RUN_HEADER: &str = "x-amz-meta-wormproof-run";

/// The name of a run's lease in its folder.
const LEASE: &str = "under-way";

/// Content beyond this is not read for its stamp (bytes): no canary is so long.
pub const LARGEST: u64 = 64 * 1024;

/// Letters of the nonce that stand in the key.
pub const NONCE_IN_KEY: usize = 8;

/// Letters of the nonce in the stamp.
const NONCE: usize = 16;

/// The run id in a key `…/.wormproof/<run id>/…`.
#[must_use]
pub fn run_folder(key: &str) -> Option<&str> {
    let at = if key.starts_with(CANARY_FOLDER) {
        0
    } else {
        key.match_indices(CANARY_FOLDER).map(|(at, _)| at).find(|at| key[..*at].ends_with('/'))?
    };
    let (run, _) = key[at + CANARY_FOLDER.len()..].split_once('/')?;
    (!run.is_empty()).then_some(run)
}

/// What makes the content of a canary unlike any other: the run, the auditor's challenge, a nonce.
#[must_use]
pub fn stamp(run_id: &str, challenge: Option<&str>, nonce: &str) -> String {
    let challenge = challenge.map(|c| format!(" {c}")).unwrap_or_default();
    format!("{run_id}{challenge} {nonce}")
}

/// Content with its stamp and a label, which has no space in it.
#[must_use]
pub fn stamped(content: &str, stamp: &str, label: &str) -> String {
    format!("{content}\n{stamp} {label}")
}

/// The nonce in the key of a canary of this run.
fn nonce_of<'k>(key: &'k str, run: &str) -> Option<&'k str> {
    let (_, rest) = key.split_once(&format!("/{run}/"))?;
    let mut parts = rest.split('/');
    let (_scenario, attempt, name) = (parts.next()?, parts.next()?, parts.next()?);
    let nonce = attempt.rsplit_once('-')?.1;
    (!name.is_empty() && is_hex(nonce, NONCE_IN_KEY)).then_some(nonce)
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The key of a run's lease (`run::lease`); `base` is the folder of its canaries, with a slash at its end.
#[must_use]
pub fn lease_key(base: &str) -> String {
    format!("{base}{LEASE}")
}

/// Whether a run itself removes what lies at this key, so that it may be gone a moment after it was listed: a canary, the probe of
/// legal hold, the lease.
#[must_use]
pub fn comes_and_goes(key: &str, run: &str) -> bool {
    let rest = key.split_once(&format!("/{run}/")).map_or("", |(_, rest)| rest);
    has_form(key, run) || rest == LEASE || rest.starts_with("probe/hold-")
}

/// Whether the key has the form of a canary's of this run: only then its content can prove anything.
#[must_use]
pub fn has_form(key: &str, run: &str) -> bool {
    nonce_of(key, run).is_some()
}

/// Whether the content ends with the stamp of this run and of this very key.
#[must_use]
pub fn is_stamped(key: &str, run: &str, content: &[u8]) -> bool {
    let Some(nonce) = nonce_of(key, run) else { return false };
    let text: Cow<'_, str> = String::from_utf8_lossy(content);
    let Some((_, tail)) = text.rsplit_once(&format!("\n{run} ")) else { return false };
    let found = tail.rsplit(' ').nth(1).unwrap_or_default();
    is_hex(found, NONCE) && found.starts_with(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_folder_is_a_whole_segment_with_something_in_it() {
        assert_eq!(run_folder(".wormproof/r1/k"), Some("r1"));
        assert_eq!(run_folder("a/.wormproof/r1/k/x"), Some("r1"));
        for key in ["a.wormproof/r1/k", ".wormproof/r1", ".wormproof//k", "wormproof/r1/k", "k"] {
            assert_eq!(run_folder(key), None, "{key}");
        }
        assert_eq!(run_folder("x.wormproof/a/.wormproof/r2/k"), Some("r2"));
    }

    #[test]
    fn a_stamp_proves_its_own_key_in_its_own_run_and_nothing_else() {
        let key = "a/.wormproof/r1/WORM-307/all-1-0a1b2c3d/ledger";
        let ours = |run: &str, challenge: Option<&str>, nonce: &str| {
            stamped("2024,BUY,900", &stamp(run, challenge, nonce), "entry-ledger-1").into_bytes()
        };
        let nonce = "0a1b2c3d4e5f6071";
        assert!(is_stamped(key, "r1", &ours("r1", None, nonce)));
        assert!(is_stamped(".wormproof/r1/X/all-1-0a1b2c3d/k/", "r1", &ours("r1", Some("two words"), nonce)));
        // Two parts of an upload, each with its stamp.
        assert!(is_stamped(key, "r1", &[ours("r1", None, nonce), ours("r1", None, nonce)].concat()));
        let no = [
            (key, "r1", b"a record".to_vec()),
            (key, "r1", ours("r2", None, nonce)),
            (key, "r2", ours("r2", None, nonce)),
            (key, "r1", ours("r1", None, "ffffffff4e5f6071")),
            (key, "r1", ours("r1", None, "0a1b2c3d")),
            (key, "r1", [ours("r1", None, nonce), b"\nand a record".to_vec()].concat()),
            (".wormproof/r1/ledger", "r1", ours("r1", None, nonce)),
            (".wormproof/r1/WORM-307/all-1-0a1b2c3d/", "r1", ours("r1", None, nonce)),
        ];
        for (key, run, content) in no {
            assert!(!is_stamped(key, run, &content), "{key} {run} {}", String::from_utf8_lossy(&content));
        }
    }
}
