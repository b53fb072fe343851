//! A request to a store before it is signed: what is asked, of what, and how it is authenticated.
//!
//! Pure data with a builder. Keys, query values and header values are written as they are meant;
//! percent-encoding and signing are the business of `store::client`. Nothing here is normalised: a
//! key `a/../b` or `//x` stays what it is.

use bytes::Bytes;
use http::Method;

/// How the body's integrity is promised to the store (many lock requests are refused without one).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Integrity {
    /// No checksum header of the request's own (the signature still covers the body).
    #[default]
    None,
    /// `Content-MD5`: the one that every server knows.
    ContentMd5,
    /// `x-amz-checksum-sha256`.
    Sha256Checksum,
    /// The body framed as one `aws-chunked` chunk that carries no signature, with `x-amz-checksum-sha256` as a trailer and
    /// `x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER`.
    Trailer,
}

/// How the request says who it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// SigV4 in the `Authorization` header.
    #[default]
    Header,
    /// SigV4 in the query; the body is not covered.
    Presigned {
        /// Seconds for which the signature is valid (at most 604 800).
        expires_s: u32,
    },
    /// SigV4 in the header with a signature that is wrong on purpose (only for servers that the
    /// tool started: a store that accepts it has a hole in its authentication).
    WrongSignature,
    /// The same with the signature in the query.
    WrongPresigned {
        /// Seconds for which it says to be valid.
        expires_s: u32,
    },
    /// No signature at all, whoever the caller is. Signed forms are sent like this too: their
    /// signature is in the body.
    Anonymous,
}

/// Which service the signature is scoped to, and whose endpoint is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Service {
    /// The object store.
    #[default]
    S3,
    /// The security token service.
    Sts,
}

/// A value inside the body that must not be recorded.
#[derive(Clone, PartialEq, Eq)]
pub struct BodySecret {
    /// The name under which the record lists the replacement.
    pub name: String,
    /// The text that is replaced wherever it stands in the body.
    pub value: zeroize::Zeroizing<String>,
}

impl std::fmt::Debug for BodySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodySecret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct S3Request {
    /// The HTTP method.
    pub method: Method,
    /// The bucket; `None` for requests to the server itself.
    pub bucket: Option<String>,
    /// The key, exactly as it is meant; `None` for requests to a bucket.
    pub key: Option<String>,
    /// Query parameters in order, not encoded. An empty value is sent as `name=`.
    pub query: Vec<(String, String)>,
    /// Headers that the signature covers.
    pub headers: Vec<(String, String)>,
    /// Headers that it does not cover (attacks with unsigned headers).
    pub unsigned_headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// The checksum header to add.
    pub integrity: Integrity,
    /// How it is signed.
    pub auth: Auth,
    /// Which service is called.
    pub service: Service,
    /// Parts of the body that are secret.
    pub body_secrets: Vec<BodySecret>,
}

impl S3Request {
    /// A request to the server itself, with nothing else set.
    #[must_use]
    pub fn new(method: Method) -> Self {
        Self {
            method,
            bucket: None,
            key: None,
            query: Vec::new(),
            headers: Vec::new(),
            unsigned_headers: Vec::new(),
            body: Bytes::new(),
            integrity: Integrity::None,
            auth: Auth::Header,
            service: Service::S3,
            body_secrets: Vec::new(),
        }
    }

    /// A request to a bucket.
    #[must_use]
    pub fn to_bucket(method: Method, bucket: &str) -> Self {
        let mut request = Self::new(method);
        request.bucket = Some(bucket.to_owned());
        request
    }

    /// A request to an object, or to one version of it.
    #[must_use]
    pub fn to_object(method: Method, bucket: &str, key: &str, version_id: Option<&str>) -> Self {
        let mut request = Self::to_bucket(method, bucket);
        request.key = Some(key.to_owned());
        match version_id {
            Some(id) => request.query("versionId", id),
            None => request,
        }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a signed header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a header that the signature does not cover.
    #[must_use]
    pub fn unsigned_header(mut self, name: &str, value: &str) -> Self {
        self.unsigned_headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the checksum header to add.
    #[must_use]
    pub fn integrity(mut self, integrity: Integrity) -> Self {
        self.integrity = integrity;
        self
    }

    /// Sets how it is signed.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Sets which service is called.
    #[must_use]
    pub fn service(mut self, service: Service) -> Self {
        self.service = service;
        self
    }

    /// Names a secret inside the body.
    #[must_use]
    pub fn body_secret(mut self, name: &str, value: &str) -> Self {
        self.body_secrets
            .push(BodySecret { name: name.to_owned(), value: zeroize::Zeroizing::new(value.to_owned()) });
        self
    }

    /// Asks to bypass governance retention (`x-amz-bypass-governance-retention: true`).
    #[must_use]
    pub fn bypass_governance(self) -> Self {
        self.header("x-amz-bypass-governance-retention", "true")
    }

    /// Adds user metadata (`x-amz-meta-NAME`).
    #[must_use]
    pub fn metadata(self, name: &str, value: &str) -> Self {
        self.header(&format!("x-amz-meta-{name}"), value)
    }

    /// States the account that must own the bucket (`x-amz-expected-bucket-owner`).
    #[must_use]
    pub fn expected_owner(self, account: Option<&str>) -> Self {
        match account {
            Some(id) => self.header("x-amz-expected-bucket-owner", id),
            None => self,
        }
    }
}
