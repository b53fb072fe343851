//! A shell script of AWS CLI commands.

use std::fmt::Write as _;

use super::demand::Server;
use super::{Hardening, lock_configuration};

/// A JSON document as a shell word, from a here-document that expands nothing.
fn here(document: &serde_json::Value) -> String {
    format!("\"$(cat <<'JSON'\n{document:#}\nJSON\n)\"")
}

/// The script.
pub(super) fn script(hardening: &Hardening) -> String {
    let demand = &hardening.demand;
    let bucket = &demand.bucket;
    let minio = demand.server == Server::Minio;
    let mut text = String::from(
        "#!/bin/sh\n# Object Lock, versioning and policies by the AWS CLI. Read it before you run it: a COMPLIANCE retention cannot be\n\
         # taken back, and the bucket policy binds the account that puts it.\nset -eu\n",
    );
    if minio {
        text.push_str(": \"${AWS_ENDPOINT_URL:?the address of MinIO}\"\n");
    }
    let _ = write!(
        text,
        "region=${{AWS_REGION:-us-east-1}}\n\n\
         # A new bucket with Object Lock has versioning; one that exists needs it first.\n\
         if ! aws s3api head-bucket --bucket {bucket} >/dev/null 2>&1; then\n  \
         if [ \"$region\" = us-east-1 ]; then\n    \
         aws s3api create-bucket --bucket {bucket} --object-lock-enabled-for-bucket\n  \
         else\n    \
         aws s3api create-bucket --bucket {bucket} --object-lock-enabled-for-bucket \\\n      \
         --region \"$region\" --create-bucket-configuration LocationConstraint=\"$region\"\n  fi\nfi\n"
    );
    if minio {
        text.push_str("# MinIO: Object Lock can only be had when the bucket is made.\n");
    }
    let _ = write!(
        text,
        "aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled\n\
         aws s3api put-object-lock-configuration --bucket {bucket} --object-lock-configuration {}\n",
        here(&lock_configuration(demand))
    );
    if minio {
        text.push_str(
            "\n# Users and their policies are MinIO's own: see --format mc. A bucket policy would bind only requests without a signature.\n",
        );
        let _ = writeln!(text, "aws s3api delete-bucket-policy --bucket {bucket}");
        return text;
    }
    let _ = write!(
        text,
        "aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration \\\n  \
         BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true\n\
         aws s3api put-bucket-ownership-controls --bucket {bucket} --ownership-controls 'Rules=[{{ObjectOwnership=BucketOwnerEnforced}}]'\n"
    );
    for (person, policy) in &hardening.identities {
        let _ = write!(text, "\n# For the {}; attach it to its role.\n", person.word());
        for statement in policy.statements.iter().filter(|s| !s.why.is_empty()) {
            let _ = writeln!(text, "#   {}: {}", statement.sid, statement.why);
        }
        let _ = writeln!(
            text,
            "aws iam create-policy --policy-name {bucket}-{} --policy-document {}",
            person.word(),
            here(&policy.json())
        );
    }
    if let Some(policy) = &hardening.bucket_policy {
        text.push_str("\n# Last: from then on only the administrator's role changes the bucket.\n");
        for statement in &policy.statements {
            let _ = writeln!(text, "#   {}: {}", statement.sid, statement.why);
        }
        let _ =
            writeln!(text, "aws s3api put-bucket-policy --bucket {bucket} --policy {}", here(&policy.json()));
    }
    text
}
