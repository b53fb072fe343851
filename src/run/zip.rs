//! A zip archive without compression: texts for administration interfaces that take one.
//!
//! Format: PKWARE APPNOTE 6.3.3, local headers (4.3.7), central directory (4.3.12) and its end (4.3.16).

/// 1980-01-01, the first day that the format knows.
const DAY: u16 = 0x21;
const VERSION: u16 = 20;

fn u16s(out: &mut Vec<u8>, values: &[u16]) {
    for value in values {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn u32s(out: &mut Vec<u8>, values: &[u32]) {
    for value in values {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn size(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn name_length(path: &str) -> u16 {
    u16::try_from(path.len()).unwrap_or(u16::MAX)
}

/// The archive of these paths and contents. Scenario texts are far below the format's limits (4 GiB).
pub(super) fn stored(entries: &[(String, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (path, content) in entries {
        let offset = size(out.len());
        let mut common = Vec::new();
        // Version, flags, method (stored), time, date.
        u16s(&mut common, &[VERSION, 0, 0, 0, DAY]);
        let length = size(content.len());
        u32s(&mut common, &[crc32fast::hash(content.as_bytes()), length, length]);
        u16s(&mut common, &[name_length(path), 0]);

        u32s(&mut out, &[0x0403_4b50]);
        out.extend_from_slice(&common);
        out.extend_from_slice(path.as_bytes());
        out.extend_from_slice(content.as_bytes());

        u32s(&mut directory, &[0x0201_4b50]);
        u16s(&mut directory, &[VERSION]);
        directory.extend_from_slice(&common);
        // Comment length, disk, internal attributes; external attributes and offset.
        u16s(&mut directory, &[0, 0, 0]);
        u32s(&mut directory, &[0, offset]);
        directory.extend_from_slice(path.as_bytes());
    }
    let (start, length) = (size(out.len()), size(directory.len()));
    out.append(&mut directory);
    u32s(&mut out, &[0x0605_4b50]);
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    u16s(&mut out, &[0, 0, count, count]);
    u32s(&mut out, &[length, start]);
    u16s(&mut out, &[0]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_points_at_each_entry() {
        let zip = stored(&[("b/a.xml".into(), "<a/>".into()), ("b/c.xml".into(), "<c/>".into())]);
        let word = |at: usize| u32::from_le_bytes(zip[at..at + 4].try_into().expect("four bytes"));
        let end = zip.len() - 22;
        assert_eq!(word(end), 0x0605_4b50);
        let directory = word(end + 16) as usize;
        assert_eq!(word(directory), 0x0201_4b50);
        let second = directory + 46 + "b/a.xml".len();
        let entry = word(second + 42) as usize;
        assert_eq!(word(entry), 0x0403_4b50);
        assert_eq!(&zip[entry + 30..entry + 41], b"b/c.xml<c/>");
        assert_eq!(word(entry + 14), crc32fast::hash(b"<c/>"));
    }
}
