//! ListObjectVersions, written by hand: s3s prints all versions before all markers, AWS in key order.

use std::fmt::Write as _;

use http::Uri;

use super::access::{ACCOUNT, Call};
use super::convert::url_encoded;
use super::defects::Defect;
use super::fault::{Fault, escape};
use super::listing::{Entry, Page, Query};
use super::model::Model;
use super::sigv4::pairs;

/// The bucket of a `GET /bucket?versions`.
pub(crate) fn bucket_of(uri: &Uri) -> Option<&str> {
    let path = uri.path().trim_matches('/');
    let versions =
        uri.query().unwrap_or("").split('&').any(|pair| pair.split('=').next() == Some("versions"));
    (versions && !path.is_empty() && !path.contains('/')).then_some(path)
}

/// The answer.
///
/// # Errors
/// 403, 404, and 400 for parameters that make no sense.
pub(crate) fn list(model: &Model, call: &Call<'_>, bucket: &str) -> Result<String, Fault> {
    let found = model.bucket(bucket)?;
    let parameters: Vec<(String, String)> = pairs(call.uri.query().unwrap_or("")).collect();
    let find = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let prefix = find("prefix").unwrap_or_default();
    let max = find("max-keys").filter(|text| !text.is_empty());
    let mut context = vec![("s3:prefix", prefix.clone())];
    context.extend(max.iter().map(|text| ("s3:max-keys", text.clone())));
    model.authorise(call, "s3:ListBucketVersions", bucket, None, &context)?;
    let limit = match &max {
        None => 1000,
        Some(text) => text.parse::<usize>().map_err(|_| {
            Fault::argument(
                "Provided max-keys not an integer or within integer range",
                "max-keys",
                text.clone(),
            )
        })?,
    };
    let encode = match find("encoding-type").as_deref() {
        None | Some("") => false,
        Some("url") => true,
        Some(other) => {
            return Err(Fault::argument(
                "Invalid Encoding Method specified in Request",
                "encoding-type",
                other,
            ));
        }
    };
    let query = Query {
        prefix,
        delimiter: find("delimiter").filter(|text| !text.is_empty()),
        key_marker: find("key-marker").filter(|text| !text.is_empty()),
        version_marker: find("version-id-marker").filter(|text| !text.is_empty()),
        limit: limit.min(1000),
    };
    if query.version_marker.is_some() && query.key_marker.is_none() {
        return Err(Fault::argument(
            "A version-id marker cannot be specified without a key marker.",
            "version-id-marker",
            query.version_marker.clone().unwrap_or_default(),
        ));
    }
    let mut page = if query.limit == 0 { Page::default() } else { found.page(&query, false) };
    let hidden = |entry: &Entry<'_>| matches!(entry, Entry::Version(_, _, false));
    if page.entries.iter().any(hidden) && model.has(Defect::ListingHidesVersions) {
        page.entries.retain(|entry| !hidden(entry));
    }
    Ok(render(bucket, &query, &page, encode))
}

fn render(bucket: &str, query: &Query, page: &Page<'_>, encode: bool) -> String {
    let shown = |text: &str| {
        if encode { url_encoded(text) } else { escape(text).into_owned() }
    };
    let mut xml = String::with_capacity(512 + page.entries.len() * 360);
    xml.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    let _ = write!(
        xml,
        "<Name>{bucket}</Name><Prefix>{}</Prefix><KeyMarker>{}</KeyMarker><VersionIdMarker>{}</VersionIdMarker>",
        shown(&query.prefix),
        shown(query.key_marker.as_deref().unwrap_or("")),
        escape(query.version_marker.as_deref().unwrap_or("")),
    );
    if page.truncated {
        if let Some(key) = &page.next_key {
            let _ = write!(xml, "<NextKeyMarker>{}</NextKeyMarker>", shown(key));
        }
        if let Some(id) = &page.next_version {
            let _ = write!(xml, "<NextVersionIdMarker>{id}</NextVersionIdMarker>");
        }
    }
    let _ = write!(xml, "<MaxKeys>{}</MaxKeys>", query.limit);
    if let Some(delimiter) = &query.delimiter {
        let _ = write!(xml, "<Delimiter>{}</Delimiter>", shown(delimiter));
    }
    if encode {
        xml.push_str("<EncodingType>url</EncodingType>");
    }
    let _ = write!(xml, "<IsTruncated>{}</IsTruncated>", page.truncated);
    for entry in &page.entries {
        let Entry::Version(key, version, latest) = entry else { continue };
        let element = if version.is_marker() { "DeleteMarker" } else { "Version" };
        let _ = write!(
            xml,
            "<{element}><Key>{}</Key><VersionId>{}</VersionId><IsLatest>{latest}</IsLatest><LastModified>{}</LastModified>",
            shown(key),
            version.id,
            crate::time::wire(version.modified),
        );
        if let Some(object) = &version.object {
            let class = object.headers.iter().find(|(name, _)| *name == "x-amz-storage-class");
            let class = class.map_or("STANDARD", |(_, class)| class.as_str());
            let _ = write!(
                xml,
                "<ETag>&quot;{}&quot;</ETag><Size>{}</Size><StorageClass>{}</StorageClass>",
                object.etag,
                object.body.len(),
                escape(class),
            );
        }
        let _ = write!(xml, "<Owner><ID>{ACCOUNT}</ID></Owner></{element}>");
    }
    for entry in &page.entries {
        if let Entry::Prefix(prefix) = entry {
            let _ = write!(xml, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", shown(prefix));
        }
    }
    xml.push_str("</ListVersionsResult>");
    xml
}
