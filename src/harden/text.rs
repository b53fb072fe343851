//! Everything as text with headings.

use std::fmt::Write as _;

use super::demand::{Hold, Server};
use super::open::OPEN;
use super::{Hardening, aws_cli, lock_configuration, mc, nginx, terraform};

/// All parts, in the order in which they are put to use.
pub(super) fn everything(hardening: &Hardening) -> String {
    let demand = &hardening.demand;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "Hardening of s3://{}/{} ({}): printed, not applied. {} for {}{}{}{}.",
        demand.bucket,
        demand.prefix,
        if demand.server == Server::Aws { "Amazon S3" } else { "MinIO" },
        demand.mode.as_str(),
        demand.retention,
        if demand.hold == Hold::Required { ", legal hold on every record" } else { "" },
        if demand.conditional_writes { ", conditional writes only" } else { "" },
        if demand.require_lock_headers { ", lock headers required" } else { "" },
    );
    if !demand.bind_canaries && demand.server == Server::Aws {
        let _ = writeln!(
            text,
            "Wormproof's own canaries under {} are exempt from the statements about locks and deletions, so that its\n\
             scenarios can be run; no records lie there, and a scan looks at what does. --bind-canaries binds them, too.",
            demand.canaries()
        );
    }
    if !demand.notes.is_empty() {
        text.push_str("\nAlso asked for, and not brought by what is printed here:\n");
        for note in &demand.notes {
            let _ = writeln!(text, "- {note}");
        }
    }
    let mut heading = |title: &str, body: &str| {
        let _ = write!(text, "\n## {title}\n\n{}\n", body.trim_end());
    };
    heading("1. Object Lock and versioning", &format!("{:#}", lock_configuration(demand)));
    match &hardening.bucket_policy {
        Some(policy) => {
            let why: String = policy.statements.iter().map(|s| format!("\n- {}: {}", s.sid, s.why)).collect();
            heading("2. Bucket policy", &format!("{:#}\n{why}", policy.json()));
        }
        None => heading(
            "2. Bucket policy",
            "None: on MinIO it binds only requests without a signature, and without one those may nothing.",
        ),
    }
    for (person, policy) in &hardening.identities {
        let why: String = policy
            .statements
            .iter()
            .filter(|s| !s.why.is_empty())
            .map(|s| format!("\n- {}: {}", s.sid, s.why))
            .collect();
        heading(&format!("3. Identity policy: {}", person.word()), &format!("{:#}\n{why}", policy.json()));
    }
    heading("4. AWS CLI", &aws_cli::script(hardening));
    heading("5. mc", &mc::script(hardening));
    heading("6. Terraform", &terraform::text(hardening));
    if demand.server == Server::Minio {
        let open: String = OPEN
            .iter()
            .map(|hole| {
                format!(
                    "- {}: {} ({}). {}\n",
                    hole.id,
                    hole.what,
                    hole.scenarios,
                    if hole.proxy { "The proxy refuses it." } else { "The proxy does not help." }
                )
            })
            .collect();
        heading("7. What no policy closes", &open);
        heading("8. nginx", &nginx::configuration(demand));
    } else {
        heading(
            "7. What no policy closes",
            "The account's root user removes the bucket policy whatever it says, and then only Object Lock is left (WORM-745): \
             GOVERNANCE\nfalls to whoever may bypass it. Service control policies of the organisation bind members' root users.",
        );
    }
    text
}
