//! A shell script of `mc` commands.

use std::fmt::Write as _;

use super::Hardening;
use super::demand::{Period, Server};

/// The script.
pub(super) fn script(hardening: &Hardening) -> String {
    let demand = &hardening.demand;
    let bucket = &demand.bucket;
    let period = match demand.period() {
        Period::Days(days) => format!("{days}d"),
        Period::Years(years) => format!("{years}y"),
    };
    let mut text = String::from(
        "#!/bin/sh\n# Object Lock, versioning and policies by mc. Read it before you run it: a COMPLIANCE retention cannot be taken back.\n\
         set -eu\nalias=${MC_ALIAS:?an alias that `mc alias set` made}\ndir=$(mktemp -d)\ntrap 'rm -rf \"$dir\"' EXIT\n\n\
         # Object Lock can only be had when the bucket is made; it brings versioning.\n",
    );
    let _ = write!(
        text,
        "mc stat \"$alias/{bucket}\" >/dev/null 2>&1 || mc mb --with-lock \"$alias/{bucket}\"\n\
         mc version enable \"$alias/{bucket}\"\n\
         mc retention set --default {} {period} \"$alias/{bucket}\"\n",
        demand.mode.as_str()
    );
    if demand.server == Server::Aws {
        if let Some(policy) = &hardening.bucket_policy {
            let _ = write!(
                text,
                "\n# The identity policies are for IAM: see --format aws-cli. The bucket policy comes last.\n\
                 cat >\"$dir/policy.json\" <<'JSON'\n{:#}\nJSON\nmc anonymous set-json \"$dir/policy.json\" \"$alias/{bucket}\"\n",
                policy.json()
            );
        }
        return text;
    }
    let _ = write!(
        text,
        "\n# Whatever a bucket policy says binds only requests without a signature: there is none.\n\
         mc anonymous set none \"$alias/{bucket}\"\n"
    );
    for (person, policy) in &hardening.identities {
        let name = format!("{bucket}-{}", person.word());
        let _ = write!(text, "\n# For the {}:\n", person.word());
        for statement in policy.statements.iter().filter(|s| !s.why.is_empty()) {
            let _ = writeln!(text, "#   {}: {}", statement.sid, statement.why);
        }
        let _ = write!(
            text,
            "cat >\"$dir/{name}.json\" <<'JSON'\n{:#}\nJSON\nmc admin policy create \"$alias\" {name} \"$dir/{name}.json\"\n\
             # mc admin user add \"$alias\" USER && mc admin policy attach \"$alias\" {name} --user USER\n",
            policy.json()
        );
    }
    text.push_str(
        "\n# Nobody works with the root key. Nobody is granted consoleAdmin, readwrite, writeonly or admin:*.\n",
    );
    text
}
