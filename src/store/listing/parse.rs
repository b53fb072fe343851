//! The pull parser for one page.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::{Entry, ListedLock, ListingError, VersionsPage};
use crate::lock::{LegalHold, Mode, Reading, Retention};
use crate::time::parse_wire;

/// The root of a listing of objects.
const PLAIN_ROOT: &[u8] = b"ListBucketResult";

fn plain() -> ListingError {
    ListingError::WrongRoot { root: String::from_utf8_lossy(PLAIN_ROOT).into_owned() }
}

/// The deepest nesting that is followed; a page has five levels.
const DEEPEST: usize = 32;

/// Reads one page of ListObjectVersions.
///
/// # Errors
/// Whatever keeps the page from being read whole; see [`ListingError`].
pub fn parse_versions(body: &[u8]) -> Result<VersionsPage, ListingError> {
    Parser::new(body).run()
}

/// Where the parser is. Names at one level only; what is not known is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the root.
    Outside,
    /// In the root.
    Root,
    /// In `<Version>` or `<DeleteMarker>`.
    Entry,
    /// In `<UserMetadata>`.
    Metadata,
    /// In `<Owner>`.
    Owner,
    /// In a leaf whose text is wanted.
    Leaf(Leaf),
    /// In something of no interest.
    Skipped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaf {
    Truncated,
    NextKey,
    NextVersion,
    Encoding,
    Key,
    VersionId,
    Latest,
    Modified,
    ETag,
    Size,
    Replication,
    OwnerId,
    LockMode,
    LockUntil,
    LockHold,
}

/// An entry while it is read.
#[derive(Default)]
struct Draft {
    marker: bool,
    key: Option<String>,
    version_id: Option<String>,
    latest: Option<bool>,
    modified: Option<chrono::DateTime<chrono::Utc>>,
    etag: Option<String>,
    size: Option<u64>,
    owner: Option<String>,
    replication: Option<String>,
    /// `<Internal>`: the server delivered the metadata.
    delivered: bool,
    mode: Option<String>,
    until: Option<String>,
    hold: Option<String>,
}

struct Parser<'a> {
    reader: Reader<&'a [u8]>,
    stack: Vec<At>,
    text: String,
    draft: Draft,
    page: VersionsPage,
    truncated: Option<bool>,
    encoded: bool,
    closed: bool,
    /// The root is the one of a listing of objects. `S3Mock` lists versions under it; a server that does not know
    /// `?versions` lists objects under it.
    plain_root: bool,
}

impl<'a> Parser<'a> {
    fn new(body: &'a [u8]) -> Self {
        Self {
            reader: Reader::from_reader(body),
            stack: Vec::with_capacity(8),
            text: String::with_capacity(128),
            draft: Draft::default(),
            page: VersionsPage::default(),
            truncated: None,
            encoded: false,
            closed: false,
            plain_root: false,
        }
    }

    fn malformed(&self, cause: &(impl ToString + ?Sized)) -> ListingError {
        ListingError::Malformed { position: self.reader.buffer_position(), cause: cause.to_string() }
    }

    fn run(mut self) -> Result<VersionsPage, ListingError> {
        loop {
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(self.malformed(&error)),
            };
            match event {
                Event::Start(tag) => {
                    let at = self.enter(tag.local_name().as_ref())?;
                    self.stack.push(at);
                    if self.stack.len() > DEEPEST {
                        return Err(self.malformed("nested too deeply"));
                    }
                    self.text.clear();
                }
                Event::Empty(tag) => {
                    let at = self.enter(tag.local_name().as_ref())?;
                    self.text.clear();
                    self.leave(at)?;
                }
                Event::End(_) => {
                    let Some(at) = self.stack.pop() else {
                        return Err(self.malformed("an end without a beginning"));
                    };
                    self.leave(at)?;
                }
                Event::Text(text) => {
                    if let Some(At::Leaf(_)) = self.stack.last() {
                        let piece = text.xml10_content();
                        let piece = piece.map_err(|error| self.malformed(&error))?;
                        self.text.push_str(&piece);
                    } else if self.stack.is_empty() && !text.iter().all(u8::is_ascii_whitespace) {
                        return Err(self.malformed("text outside of the document"));
                    }
                }
                Event::CData(text) => {
                    let piece = text.decode().map_err(|error| self.malformed(&error))?;
                    self.text.push_str(&piece);
                }
                Event::GeneralRef(reference) => {
                    if let Ok(Some(c)) = reference.resolve_char_ref() {
                        self.text.push(c);
                        continue;
                    }
                    let name = reference.decode().map_err(|error| self.malformed(&error))?;
                    match quick_xml::escape::resolve_predefined_entity(&name) {
                        Some(text) => self.text.push_str(text),
                        None => return Err(self.malformed(&format!("the entity `{name}` is not known"))),
                    }
                }
                Event::Eof => break,
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::DocType(_) => return Err(self.malformed("a document type has no place here")),
            }
        }
        if !self.closed || !self.stack.is_empty() {
            return Err(self.malformed("the page breaks off"));
        }
        self.finish()
    }

    /// What an element of this name means here.
    fn enter(&mut self, name: &[u8]) -> Result<At, ListingError> {
        Ok(match self.stack.last().copied().unwrap_or(At::Outside) {
            At::Outside if self.closed => return Err(self.malformed("a second root")),
            At::Outside if name == b"ListVersionsResult" => At::Root,
            At::Outside if name == PLAIN_ROOT => {
                self.plain_root = true;
                At::Root
            }
            At::Outside => {
                return Err(ListingError::WrongRoot { root: String::from_utf8_lossy(name).into_owned() });
            }
            At::Root => match name {
                b"Version" | b"DeleteMarker" => {
                    self.draft = Draft { marker: name == b"DeleteMarker", ..Draft::default() };
                    At::Entry
                }
                b"IsTruncated" => At::Leaf(Leaf::Truncated),
                b"NextKeyMarker" => At::Leaf(Leaf::NextKey),
                b"NextVersionIdMarker" => At::Leaf(Leaf::NextVersion),
                b"EncodingType" => At::Leaf(Leaf::Encoding),
                b"Contents" if self.plain_root => return Err(plain()),
                _ => At::Skipped,
            },
            At::Entry => match name {
                b"Key" => At::Leaf(Leaf::Key),
                b"VersionId" => At::Leaf(Leaf::VersionId),
                b"IsLatest" => At::Leaf(Leaf::Latest),
                b"LastModified" => At::Leaf(Leaf::Modified),
                b"ETag" => At::Leaf(Leaf::ETag),
                b"Size" => At::Leaf(Leaf::Size),
                b"ReplicationStatus" => At::Leaf(Leaf::Replication),
                b"Owner" => At::Owner,
                b"UserMetadata" => At::Metadata,
                b"Internal" => {
                    self.draft.delivered = true;
                    At::Skipped
                }
                _ => At::Skipped,
            },
            At::Metadata => {
                let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
                if is("x-amz-object-lock-mode") {
                    At::Leaf(Leaf::LockMode)
                } else if is("x-amz-object-lock-retain-until-date") {
                    At::Leaf(Leaf::LockUntil)
                } else if is("x-amz-object-lock-legal-hold") {
                    At::Leaf(Leaf::LockHold)
                } else if is("x-amz-replication-status") {
                    At::Leaf(Leaf::Replication)
                } else {
                    At::Skipped
                }
            }
            At::Owner if name == b"ID" => At::Leaf(Leaf::OwnerId),
            At::Owner | At::Leaf(_) | At::Skipped => At::Skipped,
        })
    }

    fn leave(&mut self, at: At) -> Result<(), ListingError> {
        match at {
            At::Leaf(leaf) => self.take(leaf),
            At::Entry => self.keep(),
            At::Root => {
                self.closed = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn unreadable(&self, element: &'static str) -> ListingError {
        ListingError::Unreadable { element, key: self.draft.key.clone() }
    }

    fn take(&mut self, leaf: Leaf) -> Result<(), ListingError> {
        let text = self.text.as_str();
        match leaf {
            Leaf::Truncated => {
                self.truncated = Some(flag(text).ok_or_else(|| self.unreadable("IsTruncated"))?);
            }
            Leaf::NextKey => self.page.next_key_marker = Some(text.to_owned()),
            Leaf::NextVersion => self.page.next_version_id_marker = Some(text.to_owned()),
            Leaf::Encoding => self.encoded = text.trim().eq_ignore_ascii_case("url"),
            Leaf::Key => self.draft.key = Some(text.to_owned()),
            Leaf::VersionId => self.draft.version_id = Some(text.to_owned()),
            Leaf::Latest => {
                self.draft.latest = Some(flag(text).ok_or_else(|| self.unreadable("IsLatest"))?);
            }
            Leaf::Modified => self.draft.modified = parse_wire(text),
            Leaf::ETag => self.draft.etag = Some(text.trim_matches('"').to_owned()),
            Leaf::Size => {
                let size = text.trim().parse();
                self.draft.size = Some(size.map_err(|_| self.unreadable("Size"))?);
            }
            Leaf::Replication if !text.is_empty() => self.draft.replication = Some(text.to_owned()),
            Leaf::OwnerId if !text.is_empty() => self.draft.owner = Some(text.to_owned()),
            Leaf::LockMode => self.draft.mode = Some(text.to_owned()),
            Leaf::LockUntil => self.draft.until = Some(text.to_owned()),
            Leaf::LockHold => self.draft.hold = Some(text.to_owned()),
            Leaf::Replication | Leaf::OwnerId => {}
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), ListingError> {
        let draft = std::mem::take(&mut self.draft);
        let Some(key) = draft.key.filter(|k| !k.is_empty()) else {
            return Err(ListingError::Unreadable { element: "Key", key: None });
        };
        let missing = |element| ListingError::Unreadable { element, key: Some(key.clone()) };
        let size = match draft.size {
            Some(size) => size,
            None if draft.marker => 0,
            None => return Err(missing("Size")),
        };
        let is_latest = draft.latest.ok_or_else(|| missing("IsLatest"))?;
        // A bucket without versioning has only null versions; some servers then write nothing.
        let version_id = draft.version_id.filter(|id| !id.is_empty()).unwrap_or_else(|| "null".to_owned());
        let lock = draft.delivered.then(|| ListedLock {
            retention: retention(draft.mode.as_deref(), draft.until.as_deref()),
            hold: hold(draft.hold.as_deref()),
        });
        self.page.entries.push(Entry {
            version_id,
            is_latest,
            is_marker: draft.marker,
            size,
            last_modified: draft.modified,
            etag: draft.etag,
            lock,
            owner: draft.owner,
            replication: draft.replication,
            key,
        });
        Ok(())
    }

    fn finish(mut self) -> Result<VersionsPage, ListingError> {
        // Without an entry it cannot be told which of the two listings it is.
        if self.plain_root && self.page.entries.is_empty() {
            return Err(plain());
        }
        self.page.truncated =
            self.truncated.ok_or(ListingError::Unreadable { element: "IsTruncated", key: None })?;
        if self.encoded {
            for entry in &mut self.page.entries {
                if let Cow::Owned(decoded) = decode(&entry.key)? {
                    entry.key = decoded;
                }
            }
            if let Some(marker) = &mut self.page.next_key_marker
                && let Cow::Owned(decoded) = decode(marker)?
            {
                *marker = decoded;
            }
        }
        if self.page.truncated && self.page.next_key_marker.as_deref().is_none_or(str::is_empty) {
            return Err(ListingError::NoMarker);
        }
        Ok(self.page)
    }
}

/// `application/x-www-form-urlencoded`: `+` is a space, as MinIO and AWS write it.
fn decode(text: &str) -> Result<Cow<'_, str>, ListingError> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    match decoded {
        Ok(decoded) => Ok(Cow::Owned(decoded.into_owned())),
        Err(_) => Err(ListingError::Unreadable { element: "Key", key: Some(text.to_owned()) }),
    }
}

fn flag(text: &str) -> Option<bool> {
    match text.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Two empty elements are what MinIO leaves of a removed retention.
fn retention(mode: Option<&str>, until: Option<&str>) -> Reading<Option<Retention>> {
    match (mode.unwrap_or_default(), until.unwrap_or_default()) {
        ("", "") => Reading::Known(None),
        (mode, until) => match (Mode::parse(mode), parse_wire(until)) {
            (Some(mode), Some(until)) => Reading::Known(Some(Retention { mode, until })),
            _ => Reading::Unread(format!("the listing shows the mode `{mode}` and the date `{until}`")),
        },
    }
}

fn hold(text: Option<&str>) -> Reading<LegalHold> {
    match text.unwrap_or_default() {
        "" => Reading::Known(LegalHold::Off),
        text => LegalHold::parse(text)
            .map_or_else(|| Reading::Unread(format!("the listing shows the hold `{text}`")), Reading::Known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};

    fn page(inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Name>b</Name><EncodingType>url</EncodingType>{inner}</ListVersionsResult>"
        )
    }

    const REST: &str = "<IsTruncated>false</IsTruncated>";

    #[test]
    fn versions_and_markers_may_interleave() {
        let text = page(&format!(
            "{REST}<Version><Key>a</Key><VersionId>1</VersionId><IsLatest>false</IsLatest><ETag>&quot;e&quot;</ETag><Size>5</Size></Version>\
             <DeleteMarker><Key>a</Key><VersionId>2</VersionId><IsLatest>true</IsLatest></DeleteMarker>\
             <Version><Key>b+c%2Bd%01/%C3%A9</Key><VersionId>null</VersionId><IsLatest>true</IsLatest><Size>0</Size>\
             <LastModified>2024-01-01T00:00:00.000Z</LastModified><Owner><ID>o</ID></Owner></Version>"
        ));
        let page = parse_versions(text.as_bytes()).expect("a page");
        let short: Vec<_> =
            page.entries.iter().map(|e| (e.key.as_str(), e.version_id.as_str(), e.is_marker)).collect();
        assert_eq!(short, [("a", "1", false), ("a", "2", true), ("b c+d\u{1}/\u{e9}", "null", false)]);
        assert_eq!(page.entries[0].etag.as_deref(), Some("e"));
        assert_eq!(page.entries[2].owner.as_deref(), Some("o"));
        assert!(page.entries.iter().all(|e| e.lock.is_none()));
    }

    #[test]
    fn metadata_counts_only_where_it_was_delivered() {
        let text = page(&format!(
            "{REST}<Version><Key>k1</Key><Size>2</Size><UserMetadata><X-Amz-Meta-Foo>b&lt;a</X-Amz-Meta-Foo>\
             <x-amz-object-lock-mode>COMPLIANCE</x-amz-object-lock-mode>\
             <x-amz-object-lock-retain-until-date>2033-01-01T00:00:00.000Z</x-amz-object-lock-retain-until-date>\
             <content-type>text/plain</content-type></UserMetadata><Internal><K>1</K><M>0</M></Internal>\
             <IsLatest>true</IsLatest><VersionId>v</VersionId></Version>\
             <Version><Key>k2</Key><Size>2</Size><UserMetadata><x-amz-object-lock-mode/>\
             <x-amz-object-lock-retain-until-date></x-amz-object-lock-retain-until-date>\
             <x-amz-object-lock-legal-hold>ON</x-amz-object-lock-legal-hold></UserMetadata>\
             <Internal/><IsLatest>true</IsLatest><VersionId>v</VersionId></Version>\
             <Version><Key>k3</Key><Size>2</Size><IsLatest>true</IsLatest><VersionId>v</VersionId></Version>\
             <Version><Key>k4</Key><Size>2</Size><UserMetadata><x-amz-object-lock-mode>STRICT</x-amz-object-lock-mode></UserMetadata>\
             <Internal/><IsLatest>true</IsLatest><VersionId>v</VersionId></Version>"
        ));
        let page = parse_versions(text.as_bytes()).expect("a page");
        let lock = |i: usize| page.entries[i].lock.clone();
        let until = Utc.with_ymd_and_hms(2033, 1, 1, 0, 0, 0).single().expect("a date");
        assert_eq!(
            lock(0),
            Some(ListedLock {
                retention: Reading::Known(Some(Retention { mode: Mode::Compliance, until })),
                hold: Reading::Known(LegalHold::Off),
            })
        );
        assert_eq!(
            lock(1),
            Some(ListedLock { retention: Reading::Known(None), hold: Reading::Known(LegalHold::On) })
        );
        assert_eq!(lock(2), None);
        assert!(matches!(lock(3).map(|l| l.retention), Some(Reading::Unread(_))));
    }

    #[test]
    fn a_page_that_cannot_be_read_whole_is_an_error() {
        let entry =
            "<Version><Key>k</Key><VersionId>1</VersionId><IsLatest>true</IsLatest><Size>5</Size></Version>";
        let whole = page(&format!("{REST}{entry}"));
        assert_eq!(parse_versions(whole.as_bytes()).expect("a page").entries.len(), 1);
        for end in [0, 20, whole.len() / 2, whole.len() - 1] {
            assert!(parse_versions(&whole.as_bytes()[..end]).is_err(), "cut at {end}");
        }
        let fails = |text: &str| parse_versions(text.as_bytes()).expect_err("an error");
        assert!(matches!(fails("hello"), ListingError::Malformed { .. }));
        assert!(matches!(fails("<html></html>"), ListingError::WrongRoot { .. }));
        let plain = |text: &str| text.replace("ListVersionsResult", "ListBucketResult");
        assert_eq!(parse_versions(plain(&whole).as_bytes()).expect("a page").entries.len(), 1);
        let objects = format!("{REST}<Contents><Key>k</Key></Contents>");
        for text in [page(REST), page(&objects), page(&format!("{objects}{entry}"))] {
            assert!(matches!(fails(&plain(&text)), ListingError::WrongRoot { .. }), "{text}");
        }
        assert!(matches!(fails(&format!("{whole}{whole}")), ListingError::Malformed { .. }));
        assert_eq!(fails(&page("<IsTruncated>true</IsTruncated>")), ListingError::NoMarker);
        assert!(matches!(fails(&page(entry)), ListingError::Unreadable { element: "IsTruncated", .. }));
        let keyless = entry.replace("<Key>k</Key>", "");
        assert!(matches!(
            fails(&page(&format!("{REST}{keyless}"))),
            ListingError::Unreadable { element: "Key", .. }
        ));
        let broken = entry.replace("<Size>", "<x-amz-meta-a!b></x-amz-meta-a!b><Size>");
        let broken = broken.replace("</Size>", "");
        assert!(matches!(fails(&page(&format!("{REST}{broken}"))), ListingError::Malformed { .. }));
        assert!(matches!(
            fails(&page(&format!("{REST}{}", entry.replace(">k<", ">%FF<")))),
            ListingError::Unreadable { .. }
        ));
        let deep = "<a>".repeat(100_000);
        assert!(matches!(fails(&page(&deep)), ListingError::Malformed { .. }));
    }
}
