//! Where a store is: its address, its addressing style, its region; and `s3://bucket/prefix`.

use std::net::IpAddr;

use http::Uri;

use crate::store::StoreError;
use crate::store::request::Service;

/// The region that is signed for where none is known.
pub const DEFAULT_REGION: &str = "us-east-1";

/// Where the bucket's name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    VirtualHost,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `scheme://host[:port]`, without a path.
    base: String,
    /// A path before the bucket, without a slash at its end; mostly empty.
    prefix: String,
    /// `scheme://host[:port]` of the token service.
    sts_base: String,
    /// Where the bucket's name stands.
    pub style: Style,
    /// The region that is signed for.
    pub region: String,
    /// Whether this is AWS itself.
    pub aws: bool,
}

impl Endpoint {
    /// Reads an `--endpoint-url`. Without a scheme, a loopback or private address and any address with
    /// a port other than 443 is `http`, everything else `https`. Addressed path-style.
    ///
    /// # Errors
    /// [`StoreError::Endpoint`] if it is no `http` or `https` URL of a host.
    pub fn parse(url: &str, region: Option<&str>) -> Result<Self, StoreError> {
        let fail = |why: &str| StoreError::Endpoint { url: url.to_owned(), why: why.to_owned() };
        let trimmed = url.trim();
        let full = if trimmed.contains("://") {
            trimmed.to_owned()
        } else {
            let probe: Uri = format!("http://{trimmed}").parse().map_err(|_| fail("it is no host"))?;
            let host = probe.host().unwrap_or_default();
            let plain = match probe.port_u16() {
                Some(443) => false,
                Some(_) => true,
                None => is_local(host),
            };
            format!("{}://{trimmed}", if plain { "http" } else { "https" })
        };
        let uri: Uri = full.parse().map_err(|_| fail("it is no URL"))?;
        let scheme = uri.scheme_str().unwrap_or_default();
        if scheme != "http" && scheme != "https" {
            return Err(fail("only http and https are spoken"));
        }
        let authority = uri.authority().map_or("", |a| a.as_str());
        if uri.host().unwrap_or_default().is_empty() {
            return Err(fail("it names no host"));
        }
        if authority.contains('@') {
            return Err(fail("credentials do not belong in it"));
        }
        if uri.query().is_some() {
            return Err(fail("it must not have a query"));
        }
        let base = format!("{scheme}://{authority}");
        Ok(Self {
            sts_base: base.clone(),
            base,
            prefix: uri.path().trim_end_matches('/').to_owned(),
            style: Style::Path,
            region: region.unwrap_or(DEFAULT_REGION).to_owned(),
            aws: false,
        })
    }

    /// The regional endpoint of AWS.
    #[must_use]
    pub fn aws(region: &str) -> Self {
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        Self {
            base: format!("https://s3.{region}.{suffix}"),
            prefix: String::new(),
            sts_base: format!("https://sts.{region}.{suffix}"),
            style: Style::VirtualHost,
            region: region.to_owned(),
            aws: true,
        }
    }

    /// The endpoint of a command line: the given URL, else AWS.
    ///
    /// # Errors
    /// As [`Endpoint::parse`].
    pub fn choose(url: Option<&str>, region: Option<&str>) -> Result<Self, StoreError> {
        match url {
            Some(url) => Self::parse(url, region),
            None => Ok(Self::aws(region.unwrap_or(DEFAULT_REGION))),
        }
    }

    /// `scheme://host[:port]` as it is printed.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Whether it is spoken to without TLS.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.base.starts_with("http://")
    }

    /// `scheme://host[:port]` and the path for a request, percent-encoded exactly once.
    pub(crate) fn address(
        &self,
        service: Service,
        bucket: Option<&str>,
        key: Option<&str>,
    ) -> (String, String) {
        if service == Service::Sts {
            return (self.sts_base.clone(), "/".to_owned());
        }
        let mut path = self.prefix.clone();
        let mut base = self.base.clone();
        if let Some(bucket) = bucket {
            // A certificate for *.s3.REGION does not cover a bucket name with dots.
            if self.style == Style::VirtualHost && !bucket.contains('.') && is_dns_label(bucket) {
                base = base.replacen("://", &format!("://{bucket}."), 1);
            } else {
                path.push('/');
                path.push_str(&encode_path(bucket));
            }
        }
        if let Some(key) = key {
            path.push('/');
            path.push_str(&encode_path(key));
        } else if path.is_empty() {
            path.push('/');
        }
        (base, path)
    }
}

fn is_dns_label(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback(),
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
}

const UNRESERVED: percent_encoding::AsciiSet =
    percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: percent_encoding::AsciiSet = UNRESERVED.remove(b'/');

/// Percent-encodes a query name or value, a form value: all but the unreserved characters.
#[must_use]
pub fn encode_query(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, &UNRESERVED).to_string()
}

/// Percent-encodes a key as a path; slashes stay.
#[must_use]
pub fn encode_path(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, &PATH).to_string()
}

/// A bucket and a prefix in it, written `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The bucket.
    pub bucket: String,
    /// The prefix, without a slash at its beginning; may be empty.
    pub prefix: String,
}

impl Location {
    /// Reads `s3://bucket`, `s3://bucket/prefix` or `bucket/prefix`.
    ///
    /// # Errors
    /// [`StoreError::Location`] if there is no bucket, another scheme or a bucket name that S3 does not allow.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let fail = |why: &str| StoreError::Location { text: text.to_owned(), why: why.to_owned() };
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("s3") => rest,
            Some((scheme, _)) => return Err(fail(&format!("the scheme is `{scheme}`, not `s3`"))),
            None if text.starts_with("arn:") => return Err(fail("an ARN is not taken here")),
            None => text,
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(fail("it names no bucket"));
        }
        if !(3..=63).contains(&bucket.len()) {
            return Err(fail("a bucket name has 3 to 63 characters"));
        }
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if !bucket.bytes().all(legal) {
            return Err(fail("a bucket name has only letters, digits, dots and hyphens"));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_get_the_scheme_that_people_mean() {
        for (given, url) in [
            ("localhost:9000", "http://localhost:9000"),
            ("localhost", "http://localhost"),
            ("10.0.0.7", "http://10.0.0.7"),
            ("[::1]:9000", "http://[::1]:9000"),
            ("s3.example.com", "https://s3.example.com"),
            ("s3.example.com:443", "https://s3.example.com:443"),
            ("https://s3.example.com/", "https://s3.example.com"),
        ] {
            assert_eq!(Endpoint::parse(given, None).expect(given).url(), url);
        }
        for bad in ["", "ftp://x", "https://", "http://ak:sk@host", "http://host?x=1", "a b"] {
            assert!(Endpoint::parse(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_encoded_once_and_never_normalised() {
        let e = Endpoint::parse("http://h:1", None).expect("an endpoint");
        for (key, path) in [
            ("a b+c", "/b/a%20b%2Bc"),
            ("//x/", "/b///x/"),
            (".", "/b/."),
            ("../up", "/b/../up"),
            ("\u{1}\u{e9}", "/b/%01%C3%A9"),
            ("100%25", "/b/100%2525"),
        ] {
            assert_eq!(e.address(Service::S3, Some("b"), Some(key)).1, path);
        }
        assert_eq!(e.address(Service::S3, None, None).1, "/");
        assert_eq!(e.address(Service::S3, Some("b"), None).1, "/b");
    }

    #[test]
    fn aws_is_addressed_by_host_unless_the_name_has_dots() {
        let e = Endpoint::aws("eu-west-1");
        let (base, path) = e.address(Service::S3, Some("books"), Some("k"));
        assert_eq!((base.as_str(), path.as_str()), ("https://books.s3.eu-west-1.amazonaws.com", "/k"));
        let (base, path) = e.address(Service::S3, Some("my.books"), None);
        assert_eq!((base.as_str(), path.as_str()), ("https://s3.eu-west-1.amazonaws.com", "/my.books"));
        assert_eq!(e.address(Service::Sts, None, None).0, "https://sts.eu-west-1.amazonaws.com");
    }

    #[test]
    fn locations_are_read_or_refused_with_a_reason() {
        let l = Location::parse("s3://trade-records/2024/").expect("a location");
        assert_eq!((l.bucket.as_str(), l.prefix.as_str()), ("trade-records", "2024/"));
        assert_eq!(Location::parse("bucket").expect("a location").prefix, "");
        for bad in ["s3://", "http://bucket/x", "s3://b", "s3://a bucket/x", "arn:aws:s3:::bucket"] {
            assert!(Location::parse(bad).is_err(), "{bad}");
        }
    }
}
