//! Forms (`multipart/form-data`): what has to be known of one before s3s reads it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::access::{Keys, Seen};
use super::fault::Fault;
use super::sigv4::sign;

struct Field {
    name: String,
    filename: Option<String>,
    head: String,
    value: Vec<u8>,
}

fn attribute(head: &str, name: &str) -> Option<String> {
    let at = head.find(&format!("; {name}=\""))? + name.len() + 4;
    let rest = &head[at..];
    rest.find('"').map(|end| rest[..end].to_owned())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn fields(body: &[u8], boundary: &str) -> Option<Vec<Field>> {
    let first = format!("--{boundary}");
    let next = format!("\r\n--{boundary}");
    let mut rest = body.get(find(body, first.as_bytes())? + first.len()..)?;
    let mut found = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let split = find(part, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&part[..split]).into_owned();
        let content = &part[split + 4..];
        let end = find(content, next.as_bytes())?;
        found.push(Field {
            name: attribute(&head, "name")?.to_lowercase(),
            filename: attribute(&head, "filename"),
            head,
            value: content[..end].to_vec(),
        });
        rest = &content[end + next.len()..];
    }
    Some(found)
}

/// Reads a form: its file name and session token go into `seen`, lock fields are checked, and a policy
/// whose signature is right and which has not ended by `now` is signed anew without an end, because
/// s3s would judge its end by the operating system's clock. Whatever is not understood is left alone.
///
/// # Errors
/// 403 for an expired policy, 400 for lock fields that cannot be read.
pub fn prepare(
    body: &Bytes,
    content_type: &str,
    keys: &Keys,
    seen: &mut Seen,
    now: DateTime<Utc>,
) -> Result<Bytes, Fault> {
    let Some(boundary) = content_type.split("boundary=").nth(1).map(|text| text.trim().trim_matches('"'))
    else {
        return Ok(body.clone());
    };
    let boundary = boundary.split(';').next().unwrap_or(boundary);
    let Some(mut fields) = fields(body, boundary) else { return Ok(body.clone()) };
    let text = |fields: &[Field], name: &str| {
        fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| String::from_utf8_lossy(&field.value).into_owned())
    };
    seen.filename = fields.iter().find(|field| field.name == "file").and_then(|field| field.filename.clone());
    seen.token = text(&fields, "x-amz-security-token");
    super::access::check_lock_texts(
        text(&fields, "x-amz-object-lock-mode").as_deref(),
        text(&fields, "x-amz-object-lock-retain-until-date").as_deref(),
        text(&fields, "x-amz-object-lock-legal-hold").as_deref(),
    )?;
    let (Some(policy), Some(signature), Some(credential)) =
        (text(&fields, "policy"), text(&fields, "x-amz-signature"), text(&fields, "x-amz-credential"))
    else {
        return Ok(body.clone());
    };
    seen.auth_type = Some("POST");
    let Some((access_key, scope)) = credential.split_once('/') else { return Ok(body.clone()) };
    let key = keys.get(access_key)?;
    if sign(&key.secret, scope, &policy) != signature {
        return Err(super::sigv4::mismatch());
    }
    let document = STANDARD.decode(policy.as_bytes()).ok();
    let document: Option<serde_json::Value> = document.and_then(|json| serde_json::from_slice(&json).ok());
    let Some(mut document) = document else { return Ok(body.clone()) };
    let end = document.get("expiration").and_then(|end| end.as_str()).and_then(crate::time::parse_wire);
    let Some(end) = end else { return Ok(body.clone()) };
    if end <= now {
        return Err(Fault::new(403, "AccessDenied", "Invalid according to Policy: Policy expired."));
    }
    document["expiration"] = "9999-12-31T23:59:59.000Z".into();
    let endless = STANDARD.encode(document.to_string());
    let resigned = sign(&key.secret, scope, &endless);
    for field in &mut fields {
        match field.name.as_str() {
            "policy" => field.value = endless.clone().into_bytes(),
            "x-amz-signature" => field.value = resigned.clone().into_bytes(),
            _ => {}
        }
    }
    let mut rebuilt = Vec::with_capacity(body.len() + 64);
    for field in &fields {
        rebuilt.extend_from_slice(format!("--{boundary}\r\n{}\r\n\r\n", field.head).as_bytes());
        rebuilt.extend_from_slice(&field.value);
        rebuilt.extend_from_slice(b"\r\n");
    }
    rebuilt.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(Bytes::from(rebuilt))
}
