//! Terraform, by the aws provider.

use std::fmt::Write as _;

use super::demand::{Period, Server};
use super::statement::{Document, Resources};
use super::{Hardening, lock_configuration};

/// A string of HCL: templates (`${`, `%{`) are taken literally.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '$' | '%' if rest.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn list<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<String> = values.into_iter().map(quoted).collect();
    format!("[{}]", values.join(", "))
}

/// A policy document as a data source. The provider reads `&{…}` as a policy variable of its own.
fn document(text: &mut String, name: &str, document: &Document) {
    let _ = writeln!(text, "data \"aws_iam_policy_document\" \"{name}\" {{");
    for (index, statement) in document.statements.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        if !statement.why.is_empty() {
            let _ = writeln!(text, "  # {}", statement.why);
        }
        let _ = writeln!(text, "  statement {{\n    sid    = {}", quoted(statement.sid));
        let _ = writeln!(text, "    effect = {}", quoted(statement.effect.word()));
        let _ = writeln!(text, "    actions = {}", list(statement.actions.iter().copied()));
        let (key, resources) = match &statement.resources {
            Resources::Only(these) => ("resources", these),
            Resources::AllBut(these) => ("not_resources", these),
        };
        let variables: Vec<String> = resources.iter().map(|r| r.replace("${", "&{")).collect();
        let _ = writeln!(text, "    {key} = {}", list(variables.iter().map(String::as_str)));
        if document.of_bucket {
            text.push_str(
                "    principals {\n      type        = \"*\"\n      identifiers = [\"*\"]\n    }\n",
            );
        }
        for test in &statement.tests {
            let _ = writeln!(
                text,
                "    condition {{\n      test     = {}\n      variable = {}\n      values   = {}\n    }}",
                quoted(test.operator),
                quoted(test.key),
                list(test.values.iter().map(String::as_str))
            );
        }
        text.push_str("  }\n");
    }
    text.push_str("}\n\n");
}

/// The configuration.
pub(super) fn text(hardening: &Hardening) -> String {
    let demand = &hardening.demand;
    let minio = demand.server == Server::Minio;
    let mut text = String::from(
        "# Write-once bucket: versioning, Object Lock with a default retention, policies.\n\
         terraform {\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n      version = \">= 5.0\"\n    }\n  }\n}\n\n",
    );
    if minio {
        text.push_str(
            "# For MinIO the provider needs its address, and path-style requests:\n\
             #   provider \"aws\" {\n#     s3_use_path_style           = true\n#     skip_credentials_validation = true\n\
             #     skip_requesting_account_id  = true\n#     skip_metadata_api_check     = true\n\
             #     endpoints { s3 = \"https://minio.example\" }\n#   }\n\n",
        );
    }
    let period = match demand.period() {
        Period::Days(days) => format!("days = {days}"),
        Period::Years(years) => format!("years = {years}"),
    };
    let mode = lock_configuration(demand)["Rule"]["DefaultRetention"]["Mode"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let _ = write!(
        text,
        "resource \"aws_s3_bucket\" \"records\" {{\n  bucket              = {}\n  object_lock_enabled = true\n\n  \
         lifecycle {{\n    prevent_destroy = true\n  }}\n}}\n\n\
         resource \"aws_s3_bucket_versioning\" \"records\" {{\n  bucket = aws_s3_bucket.records.id\n  \
         versioning_configuration {{\n    status = \"Enabled\"\n  }}\n}}\n\n\
         resource \"aws_s3_bucket_object_lock_configuration\" \"records\" {{\n  bucket     = aws_s3_bucket.records.id\n  \
         depends_on = [aws_s3_bucket_versioning.records]\n  rule {{\n    default_retention {{\n      mode = {}\n      {period}\n    }}\n  }}\n}}\n\n",
        quoted(&demand.bucket),
        quoted(&mode),
    );
    if let Some(policy) = &hardening.bucket_policy {
        text.push_str(
            "resource \"aws_s3_bucket_public_access_block\" \"records\" {\n  bucket                  = aws_s3_bucket.records.id\n  \
             block_public_acls       = true\n  block_public_policy     = true\n  ignore_public_acls      = true\n  \
             restrict_public_buckets = true\n}\n\n\
             resource \"aws_s3_bucket_ownership_controls\" \"records\" {\n  bucket = aws_s3_bucket.records.id\n  \
             rule {\n    object_ownership = \"BucketOwnerEnforced\"\n  }\n}\n\n",
        );
        document(&mut text, "bucket", policy);
        text.push_str(
            "# Last: from then on only the administrator's role changes the bucket.\n\
             resource \"aws_s3_bucket_policy\" \"records\" {\n  bucket = aws_s3_bucket.records.id\n  \
             policy = data.aws_iam_policy_document.bucket.json\n  depends_on = [\n    \
             aws_s3_bucket_object_lock_configuration.records,\n    aws_s3_bucket_public_access_block.records,\n    \
             aws_s3_bucket_ownership_controls.records,\n  ]\n}\n\n",
        );
    }
    for (person, policy) in &hardening.identities {
        document(&mut text, person.word(), policy);
        if minio {
            let _ = writeln!(
                text,
                "# For `mc admin policy create`.\noutput \"policy_{0}\" {{\n  value = data.aws_iam_policy_document.{0}.json\n}}\n",
                person.word()
            );
        } else {
            let _ = writeln!(
                text,
                "resource \"aws_iam_policy\" \"{0}\" {{\n  name   = {1}\n  policy = data.aws_iam_policy_document.{0}.json\n}}\n",
                person.word(),
                quoted(&format!("{}-{}", demand.bucket, person.word()))
            );
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
