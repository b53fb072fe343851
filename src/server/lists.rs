//! ListObjects, both versions, and ListBuckets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::S3Request;
#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "the schema's types, under its names"))]
use s3s::dto::*;

use super::access::{ACCOUNT, Call};
use super::convert::{Answer, answer, etag, shown, timestamp};
use super::fault::Fault;
use super::listing::{Entry, Page, Query};
use super::service::Service;

fn owner() -> Owner {
    Owner { id: Some(ACCOUNT.to_owned()), display_name: None }
}

/// The objects and the common prefixes of a page.
fn lines(
    page: &Page<'_>,
    encoding: Option<&EncodingType>,
    with_owner: bool,
) -> (Vec<Object>, Vec<CommonPrefix>) {
    let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
    for entry in &page.entries {
        match entry {
            Entry::Prefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(shown(prefix, encoding)) }),
            Entry::Version(key, version, _) => {
                let Some(object) = &version.object else { continue };
                objects.push(Object {
                    key: Some(shown(key, encoding)),
                    e_tag: Some(etag(&object.etag)),
                    last_modified: Some(timestamp(version.modified)),
                    size: i64::try_from(object.body.len()).ok(),
                    storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                    owner: with_owner.then(owner),
                    ..Default::default()
                });
            }
        }
    }
    (objects, prefixes)
}

struct Asked {
    prefix: Option<String>,
    delimiter: Option<String>,
    marker: Option<String>,
    max_keys: Option<i32>,
}

impl Service {
    fn page<I, T>(
        &self,
        request: &S3Request<I>,
        bucket: &str,
        asked: Asked,
        run: impl FnOnce(&Page<'_>, &Query) -> Answer<T>,
    ) -> Answer<T> {
        let call = Call::of(request, self.0.clock.now());
        let model = self.0.model();
        let found = model.bucket(bucket)?;
        let mut context = vec![("s3:prefix", asked.prefix.clone().unwrap_or_default())];
        context.extend(asked.max_keys.map(|max| ("s3:max-keys", max.to_string())));
        model.authorise(&call, "s3:ListBucket", bucket, None, &context)?;
        let max = asked.max_keys.unwrap_or(1000);
        let Ok(limit) = usize::try_from(max) else {
            return Err(Fault::argument(
                "Argument maxKeys must be an integer between 0 and 2147483647",
                "maxKeys",
                max.to_string(),
            ));
        };
        let query = Query {
            prefix: asked.prefix.unwrap_or_default(),
            delimiter: asked.delimiter,
            key_marker: asked.marker.filter(|text| !text.is_empty()),
            version_marker: None,
            limit: limit.min(1000),
        };
        let page = if query.limit == 0 { Page::default() } else { found.page(&query, true) };
        run(&page, &query)
    }

    pub(crate) fn list_objects_v2(
        &self,
        request: &S3Request<ListObjectsV2Input>,
    ) -> Answer<ListObjectsV2Output> {
        let input = request.input.clone();
        let resumed = match &input.continuation_token {
            None => None,
            Some(token) => {
                let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let wrong = || {
                    Fault::argument(
                        "The continuation token provided is incorrect",
                        "continuation-token",
                        token.as_str(),
                    )
                };
                Some(text.ok_or_else(wrong)?)
            }
        };
        let asked = Asked {
            prefix: input.prefix.clone(),
            delimiter: input.delimiter.clone(),
            marker: resumed.or_else(|| input.start_after.clone()),
            max_keys: input.max_keys,
        };
        let encoding = input.encoding_type.as_ref();
        self.page(request, &input.bucket, asked, |page, query| {
            let (contents, common_prefixes) = lines(page, encoding, input.fetch_owner == Some(true));
            let next =
                page.next_key.as_ref().filter(|_| page.truncated).map(|key| URL_SAFE_NO_PAD.encode(key));
            answer(ListObjectsV2Output {
                name: Some(input.bucket.clone()),
                prefix: Some(shown(&query.prefix, encoding)),
                max_keys: i32::try_from(query.limit).ok(),
                key_count: i32::try_from(page.entries.len()).ok(),
                continuation_token: input.continuation_token.clone(),
                is_truncated: Some(page.truncated),
                next_continuation_token: next,
                contents: Some(contents),
                common_prefixes: Some(common_prefixes),
                delimiter: input.delimiter.as_deref().map(|text| shown(text, encoding)),
                encoding_type: encoding.cloned(),
                start_after: input.start_after.as_deref().map(|text| shown(text, encoding)),
                ..Default::default()
            })
        })
    }

    pub(crate) fn list_objects(&self, request: &S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        let input = request.input.clone();
        let asked = Asked {
            prefix: input.prefix.clone(),
            delimiter: input.delimiter.clone(),
            marker: input.marker.clone(),
            max_keys: input.max_keys,
        };
        let encoding = input.encoding_type.as_ref();
        self.page(request, &input.bucket, asked, |page, query| {
            let (contents, common_prefixes) = lines(page, encoding, true);
            let next = page.next_key.as_ref().filter(|_| page.truncated && query.delimiter.is_some());
            answer(ListObjectsOutput {
                name: Some(input.bucket.clone()),
                prefix: Some(shown(&query.prefix, encoding)),
                marker: Some(shown(input.marker.as_deref().unwrap_or(""), encoding)),
                max_keys: i32::try_from(query.limit).ok(),
                is_truncated: Some(page.truncated),
                contents: Some(contents),
                common_prefixes: Some(common_prefixes),
                delimiter: input.delimiter.as_deref().map(|text| shown(text, encoding)),
                next_marker: next.map(|key| shown(key, encoding)),
                encoding_type: encoding.cloned(),
                ..Default::default()
            })
        })
    }

    pub(crate) fn list_buckets(&self, request: &S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        let call = Call::of(request, self.0.clock.now());
        let model = self.0.model();
        model.authorise(&call, "s3:ListAllMyBuckets", "*", None, &[])?;
        let prefix = request.input.prefix.clone().unwrap_or_default();
        let buckets = model
            .buckets
            .iter()
            .filter(|(name, _)| name.starts_with(&prefix))
            .map(|(name, bucket)| Bucket {
                bucket_region: None,
                creation_date: Some(timestamp(bucket.created)),
                name: Some(name.clone()),
            })
            .collect();
        answer(ListBucketsOutput { buckets: Some(buckets), owner: Some(owner()), ..Default::default() })
    }
}
