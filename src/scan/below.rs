//! A pattern of keys below a prefix. Pure.

/// What stands before the placeholder of a pattern, joined with the prefix. A slash is put between them; where the
/// prefix already ends in the pattern's folder (`s3://bucket/events/` and `events/{sequence}.json`), the folder is not
/// repeated.
pub(super) fn below(prefix: &str, before: &str) -> String {
    let root =
        if prefix.is_empty() || prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") };
    let (folder, name) = before.rfind('/').map_or(("", before), |at| before.split_at(at + 1));
    let repeated = root == folder || root.ends_with(&format!("/{folder}"));
    if !folder.is_empty() && repeated { format!("{root}{name}") } else { format!("{root}{before}") }
}
