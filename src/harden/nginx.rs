//! An nginx configuration that refuses what no policy of MinIO can.
//!
//! What it goes by, read in MinIO's last public commit: the router tries routes in their order, and the one of copies
//! stands before those of `?retention` and `?legal-hold`; query keys are decoded, so an encoded letter is refused;
//! of a repeated header nginx sees the first and Go another one, so that every header that is refused is taken out of
//! the request, too. Nginx cannot ask for "all headers that begin with": the list is that of this server's source.

use std::fmt::Write as _;

use super::demand::Demand;
use crate::lock::Mode;

/// Headers that make a request replication, healing or administration.
const INTERNAL: [&str; 38] = [
    "X-Amz-Replication-Status",
    "X-Minio-Force-Create",
    "X-Minio-Force-Delete",
    "X-Minio-Source-Mtime",
    "X-Minio-Source-Etag",
    "X-Minio-Source-Deletemarker",
    "X-Minio-Source-Deletemarker-Delete",
    "X-Minio-Source-Proxy-Request",
    "X-Minio-Source-Replication-Request",
    "X-Minio-Source-Replication-Check",
    "X-Minio-Source-Replication-Tagging-Timestamp",
    "X-Minio-Source-Replication-Retention-Timestamp",
    "X-Minio-Source-Replication-Legalhold-Timestamp",
    "X-Minio-Replication-Delete-Status",
    "X-Minio-Replication-Deletemarker-Status",
    "X-Minio-Replication-Reset-Status",
    "X-Minio-Replication-Ready",
    "X-Minio-Replication-Actual-Object-Size",
    "X-Minio-Replication-Encrypted-Multipart",
    "X-Minio-Replication-Server-Side-Encryption-Sealed-Key",
    "X-Minio-Replication-Server-Side-Encryption-Seal-Algorithm",
    "X-Minio-Replication-Server-Side-Encryption-Iv",
    "X-Minio-Replication-Ssec-Crc",
    "X-Minio-Check-Replication-Ready",
    "X-Minio-Tagging-Proxied",
    "X-Minio-Transition",
    "X-Minio-Lifecycleconfig-Updatedat",
    "X-Minio-Compressed",
    "X-Minio-Extract",
    "X-Minio-From-Peer",
    "X-Minio-Fanout-List",
    "X-Minio-Time",
    "X-Minio-Version",
    "X-Minio-Deployment-Id",
    "X-Minio-Write-Quorum",
    "X-Minio-Read-Quorum",
    "X-Minio-Tiercfg-Refreshedat",
    "X-Minio-Internal",
];

/// Headers of which MinIO unpacks an archive.
const ARCHIVE: [&str; 4] = [
    "X-Amz-Meta-Snowball-Auto-Extract",
    "X-Amz-Meta-Minio-Snowball-Prefix",
    "X-Amz-Meta-Minio-Snowball-Ignore-Dirs",
    "X-Amz-Meta-Minio-Snowball-Ignore-Errors",
];

/// Headers named like condition keys: their values are taken for the keys' (A18).
const CONDITIONS: [&str; 43] = [
    "Object-Lock-Mode",
    "Object-Lock-Retain-Until-Date",
    "Object-Lock-Legal-Hold",
    "Object-Lock-Remaining-Retention-Days",
    "Versionid",
    "Authtype",
    "Signatureversion",
    "Signatureage",
    "X-Amz-Signature-Age",
    "Sourceip",
    "Securetransport",
    "Currenttime",
    "Epochtime",
    "Useragent",
    "Principaltype",
    "Userid",
    "Username",
    "User",
    "Groups",
    "Locationconstraint",
    "Prefix",
    "Delimiter",
    "Max-Keys",
    "Existingobjecttag",
    "Requestobjecttag",
    "Requestobjecttagkeys",
    "Durationseconds",
    "Sub",
    "Iss",
    "Aud",
    "Jti",
    "Upn",
    "Name",
    "Given_name",
    "Family_name",
    "Middle_name",
    "Nickname",
    "Preferred_username",
    "Profile",
    "Email",
    "Scope",
    "Client_id",
    "Phone_number",
];

/// The same names as query keys. Listings have `prefix`, `delimiter` and `max-keys`, reads `versionId`.
const CONDITION_QUERIES: &str = "(x-amz-)?object-lock-[a-z-]+|authtype|signatureversion|signatureage|sourceip|securetransport|currenttime|\
     epochtime|useragent|referer|principaltype|userid|username|user|groups|locationconstraint|existingobjecttag[^=]*|\
     requestobjecttag[^=]*|x-amz-signature-age|durationseconds|sub|iss|aud|jti|upn";

fn variable(header: &str) -> String {
    format!("$http_{}", header.to_lowercase().replace('-', "_"))
}

fn joined(headers: &[&str]) -> String {
    headers.iter().map(|h| variable(h)).collect()
}

/// The configuration, for nginx's `http` context (a file in `conf.d`).
pub(super) fn configuration(demand: &Demand) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "# nginx in front of MinIO: refuses the requests that get around Object Lock and that no policy can refuse.\n\
         # Bucket {}. Goes into the `http` context (/etc/nginx/conf.d/); tried with nginx 1.22.\n\
         #\n\
         # It helps only if nobody reaches MinIO around it: let MinIO listen on {} for this proxy alone, set\n\
         # MINIO_BROWSER=off (the console speaks to MinIO by itself), and administrate MinIO from its own machine.\n\
         # Clients sign the Host header: it is passed on as it came. docs/hardening.md says what stays open.\n",
        demand.bucket, demand.proxy.upstream
    );
    maps(demand, &mut text);
    server(demand, &mut text);
    text
}

/// The variables that say what is refused, in the order of the answer's words.
fn reasons(demand: &Demand) -> String {
    let mut all = vec![
        "internal",
        "signed",
        "archive",
        "condition",
        "condition_query",
        "version",
        "form",
        "post",
        "unsigned",
        "folder",
        "admin",
        "bypass",
        "ignored",
        "lock",
    ];
    if demand.require_lock_headers {
        all.push("no_retention");
    }
    if demand.conditional_writes {
        all.extend(["unconditional", "unconditional_copy"]);
    }
    all.iter().map(|name| format!("$worm_{name}")).collect()
}

/// What is refused, each by a variable of its own; the last one joins them.
fn maps(demand: &Demand, text: &mut String) {
    let mut add = |lines: &[&str]| {
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
        text.push('\n');
    };
    add(&["variables_hash_max_size 4096;", "variables_hash_bucket_size 128;", "map_hash_bucket_size 128;"]);
    add(&[
        "# A1, A2, A10, A14, A19 (WORM-301 to -305, -316, -317, -710, -725): headers of replication and of force.",
        &format!("map \"{}\" $worm_internal {{", joined(&INTERNAL)),
        "    \"\"      \"\";",
        "    default \"internal-header \";",
        "}",
        "# The same by what the client says that it signed, for names that are not listed.",
        "map \"$http_authorization&$args\" $worm_signed {",
        "    default \"\";",
        "    \"~*SignedHeaders=[^,&]*x-minio-\" \"internal-header \";",
        "}",
    ]);
    add(&[
        "# A6, A17 (WORM-307, WORM-317, MINIO-A6, MINIO-D3, MINIO-A17): archives to be unpacked.",
        &format!("map \"{}\" $worm_archive {{", joined(&ARCHIVE)),
        "    \"\"      \"\";",
        "    default \"archive \";",
        "}",
    ]);
    add(&[
        "# A18 (MINIO-A18, MINIO-A18B): headers and query keys named like condition keys; a lock in the query locks nothing.",
        &format!("map \"{}\" $worm_condition {{", joined(&CONDITIONS)),
        "    \"\"      \"\";",
        "    default \"condition-header \";",
        "}",
        "map $args $worm_condition_query {",
        "    default \"\";",
        &format!("    \"~*(^|&)({CONDITION_QUERIES})(=|&|$)\" \"condition-query \";"),
        "    # A percent-encoded letter of a key only hides it.",
        "    \"~(^|&)[^=&]*%\" \"encoded-query \";",
        "}",
    ]);
    add(&[
        "# A3, A4, A5, A7, A9 (WORM-303 to -306, -308 to -313): writes to a version id. Retention, hold and tags are set with",
        "# one; a copy would be taken before them, so they carry no source.",
        "map \"$request_method $args\" $worm_to_version {",
        "    default \"\";",
        "    \"~*^(PUT|POST) (.*&)?versionId(=|&|$)\" \"version-write \";",
        "}",
        "map \"$request_method|$http_x_amz_copy_source|$args\" $worm_about_version {",
        "    default \"\";",
        "    \"~^PUT\\|\\|(?=(.*&)?(retention|legal-hold|tagging)(=|&|$))((retention|legal-hold|tagging)=?|(versionId|x-id|X-Amz-[A-Za-z0-9-]+)=[^&]*)(&((retention|legal-hold|tagging)=?|(versionId|x-id|X-Amz-[A-Za-z0-9-]+)=[^&]*))*$\" allowed;",
        "}",
        "map $worm_to_version$worm_about_version $worm_version {",
        "    default \"\";",
        "    \"version-write \" \"version-write \";",
        "}",
    ]);
    add(&[
        "# A7, A8 (WORM-308, WORM-708, MINIO-D1): forms, which know no default retention. POST is for batches of deletions,",
        "# multipart uploads, queries, restores and STS.",
        "map \"$request_method $http_content_type\" $worm_form {",
        "    default \"\";",
        "    \"~*^POST .*multipart/\" \"form \";",
        "}",
        "map \"$request_method $request_uri\" $worm_post {",
        "    default \"\";",
        "    \"~^POST /(\\?|$)\" \"\";",
        "    \"~^POST [^?]*\\?(.*&)?(delete|uploads|uploadId|select|restore)(=|&|$)\" \"\";",
        "    \"~^POST \" \"post-without-purpose \";",
        "}",
    ]);
    add(&[
        "# A17: an upload with an unsigned trailer whose key id stands in the query is not verified at all.",
        "map \"$http_authorization|$http_x_amz_content_sha256\" $worm_unsigned {",
        "    default \"\";",
        "    \"~*^\\|.*STREAMING-\" \"unsigned-stream \";",
        "}",
    ]);
    add(&[
        "# A11b (WORM-315): a key that ends in a slash is never write-once.",
        "map \"$request_method $uri\" $worm_folder {",
        "    default \"\";",
        "    \"~^(PUT|POST) /[^/]+/.*/$\" \"folder-key \";",
        "}",
    ]);
    add(&[
        "# A12, A13, A13b, A16 (MINIO-A12, -A13, -A13B, -A16) and whatever else is no S3; health is what load balancers ask for.",
        "map \"$request_uri $uri\" $worm_admin {",
        "    default \"\";",
        "    \"~^/minio/health/(live|ready|cluster|cluster/read)(\\?[^ ]*)? /minio/health/[a-z/]+$\" \"\";",
        "    \"~*^/+minio(/|\\?| )\" \"admin \";",
        "    \"~*^[^ ]+ /+minio(/|$)\" \"admin \";",
        "}",
    ]);
    add(&[
        "# Nobody bypasses governance (WORM-506: MinIO lets whoever may set a retention do so; WORM-803).",
        "map $http_x_amz_bypass_governance_retention $worm_bypass {",
        "    \"\"      \"\";",
        "    default \"bypass \";",
        "}",
    ]);
    add(&[
        "# WORM-608, WORM-624, WORM-626, WORM-925: a condition on a copy or a deletion, which MinIO does not look at.",
        "map \"$http_if_match$http_if_none_match|$request_method|$http_x_amz_copy_source\" $worm_ignored {",
        "    default \"\";",
        "    \"~.\\|(PUT\\|.|DELETE\\|)\" \"ignored-condition \";",
        "}",
    ]);
    let weaker = if demand.mode == Mode::Compliance {
        "    # An upload that names another mode.\n    \"~*^[A-Z]+ \\|GOVERNANCE\" \"weaker-mode \";\n"
    } else {
        ""
    };
    add(&[
        "# A hold header, ON or OFF, keeps MinIO's default retention away (WORM-709, MINIO-D2): with it mode and date are sent.",
        "map \"$request_method |$http_x_amz_object_lock_mode|$http_x_amz_object_lock_retain_until_date|$http_x_amz_object_lock_legal_hold\" $worm_lock {",
        "    default \"\";",
        &format!("{weaker}    \"~^(PUT|POST) \\|\\|\\|.\" \"hold-without-retention \";"),
        "}",
    ]);
    wanted(demand, &mut add);
    add(&[
        &format!("map \"{}\" $worm_refused {{", reasons(demand)),
        "    \"\"      0;",
        "    default 1;",
        "}",
    ]);
}

/// What an upload has to carry. MinIO refuses policies about `If-None-Match`, and falls to a forged header in those about
/// the date.
fn wanted(demand: &Demand, add: &mut impl FnMut(&[&str])) {
    if !demand.require_lock_headers && !demand.conditional_writes {
        return;
    }
    add(&[
        "# What makes an object, in the order of MinIO's routes.",
        "map \"$request_method $request_uri\" $worm_route {",
        "    default \"\";",
        "    \"~^PUT /[^/?]+/?(\\?|$)\" \"\";",
        "    \"~^PUT [^?]*\\?(?=(.*&)?partNumber=)(.*&)?uploadId=\" part;",
        "    \"~^PUT [^?]*\\?(.*&)?(tagging|acl)(=|&|$)\" \"\";",
        "    \"~^PUT [^?]*\\?(.*&)?(retention|legal-hold)(=|&|$)\" lock;",
        "    \"~^PUT \" whole;",
        "    \"~^POST [^?]*\\?(.*&)?uploadId=\" end;",
        "    \"~^POST [^?]*\\?(.*&)?uploads(=|&|$)\" begin;",
        "}",
        "map \"$worm_route $http_x_amz_copy_source\" $worm_makes {",
        "    default \"\";",
        "    \"~^(whole |lock .)\" whole;",
        "    \"~^begin \" begin;",
        "    \"~^end \" end;",
        "}",
    ]);
    if demand.require_lock_headers {
        add(&[
            "# WORM-718: an upload without a retain-until date; a multipart upload has it at its beginning.",
            "map \"$worm_makes|$http_x_amz_object_lock_retain_until_date\" $worm_no_retention {",
            "    default \"\";",
            "    \"~^(whole|begin)\\|$\" \"no-retention \";",
            "}",
        ]);
    }
    if demand.conditional_writes {
        add(&[
            "# WORM-603, WORM-610: an upload without If-None-Match; MinIO does not look at it in a copy.",
            "map \"$worm_makes|$http_if_none_match\" $worm_unconditional {",
            "    default \"\";",
            "    \"~^(whole|end)\\|$\" \"unconditional \";",
            "}",
            "map \"$worm_makes|$http_x_amz_copy_source\" $worm_unconditional_copy {",
            "    default \"\";",
            "    \"~^whole\\|.\" \"unconditional-copy \";",
            "}",
        ]);
    }
}

fn server(demand: &Demand, text: &mut String) {
    let proxy = &demand.proxy;
    let (listen, tls) = if demand.tls {
        (
            format!("{} ssl", proxy.listen),
            "    ssl_certificate     /etc/nginx/tls/minio.crt;\n    ssl_certificate_key /etc/nginx/tls/minio.key;\n    \
             ssl_protocols       TLSv1.2 TLSv1.3;\n",
        )
    } else {
        (proxy.listen.clone(), "")
    };
    let _ = write!(
        text,
        "upstream worm_minio {{\n    server {};\n    keepalive 32;\n}}\n\n\
         server {{\n    listen {listen};\n{tls}\n    \
         # Headers that S3 clients sign have dots and underscores; a header that were left out would break the signature.\n    \
         ignore_invalid_headers off;\n    underscores_in_headers on;\n    \
         large_client_header_buffers 8 16k;\n    client_max_body_size 0;\n    client_body_timeout 300s;\n\n    \
         location / {{\n        \
         default_type application/xml;\n        \
         if ($worm_refused) {{\n            \
         return 501 '<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>NotImplemented</Code><Message>Refused by the proxy: {}</Message></Error>';\n        \
         }}\n\n        \
         # Without a path: the request's own goes on, letter by letter, as it was signed.\n        \
         proxy_pass http://worm_minio;\n        \
         proxy_http_version 1.1;\n        \
         # By this header clients know which server answers.\n        \
         proxy_pass_header Server;\n        \
         proxy_set_header Host $http_host;\n        \
         proxy_set_header Connection \"\";\n        \
         # Nobody else says where a request came from.\n        \
         proxy_set_header X-Forwarded-For $remote_addr;\n        \
         proxy_set_header X-Real-IP $remote_addr;\n        \
         proxy_set_header X-Forwarded-Proto $scheme;\n        \
         proxy_set_header X-Forwarded-Host \"\";\n        \
         proxy_set_header X-Forwarded-Scheme \"\";\n        \
         proxy_set_header Forwarded \"\";\n        \
         proxy_headers_hash_max_size 4096;\n        proxy_headers_hash_bucket_size 128;\n        \
         proxy_request_buffering off;\n        proxy_buffering off;\n        \
         # A write is never sent twice.\n        \
         proxy_next_upstream off;\n        \
         proxy_read_timeout 300s;\n        proxy_send_timeout 300s;\n\n        \
         # Refused above where they have a value; taken out where they are empty or repeated.\n",
        proxy.upstream,
        reasons(demand)
    );
    let bypass = ["X-Amz-Bypass-Governance-Retention"];
    for header in INTERNAL.iter().chain(&ARCHIVE).chain(&CONDITIONS).chain(&bypass) {
        let _ = writeln!(text, "        proxy_set_header {header} \"\";");
    }
    let _ = write!(text, "    }}\n}}\n");
}
