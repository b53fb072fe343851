//! The least that makes each document do what it says, correction by correction. The page of the documents prints these
//! lists, and the policies that the tests put differ from the documents' own by what is named here, and by nothing else.

use std::collections::BTreeMap;

use serde_json::Value;

use super::places::policy;

/// One correction.
pub struct Correction {
    /// The lines of the document.
    pub lines: &'static str,
    pub text: &'static str,
    /// Effects and actions that go out of the policies.
    takes: &'static [(&'static str, &'static str)],
    /// Effects and actions that come in.
    gives: &'static [(&'static str, &'static str)],
}

/// Those of one document on one server.
pub struct Least {
    /// As the page says it.
    pub of: &'static str,
    /// The documents' policies and the corrected ones (`fixtures/policies`).
    from: &'static [&'static str],
    to: &'static [&'static str],
    pub corrections: &'static [Correction],
}

const fn outside(lines: &'static str, text: &'static str) -> Correction {
    Correction { lines, text, takes: &[], gives: &[] }
}

pub const LEAST: &[Least] = &[
    Least {
        of: "snapshots",
        from: &["documents/snapshots-rights"],
        to: &["documents/snapshots-rights"],
        corrections: &[outside(
            ":61-62",
            "outside the policy, the test of the deletion names a version id, and a canary: without one it succeeds with a \
             marker and hides the snapshot.",
        )],
    },
    Least {
        of: "events on AWS",
        from: &["documents/events-bucket"],
        to: &["corrected/events-least-aws-bucket"],
        corrections: &[
            Correction {
                lines: ":46-59",
                text: "the first Allow becomes a Deny with the opposite condition (`Null s3:if-none-match = true`): an Allow \
                       stops nobody whom the role's own policy allows;",
                takes: &[("Allow", "s3:PutObject")],
                gives: &[("Deny", "s3:PutObject")],
            },
            Correction {
                lines: ":60-73",
                text: "the exemption for multipart uploads moves into that Deny (`Bool s3:ObjectCreationOperation = true`): a \
                       second Allow takes nothing back from a Deny, and without the exemption no part could be sent;",
                takes: &[("Allow", "s3:PutObject")],
                gives: &[],
            },
            Correction {
                lines: ":46-73",
                text: "one plain Allow for the role takes the place of the two;",
                takes: &[],
                gives: &[("Allow", "s3:PutObject")],
            },
            outside(
                ":80",
                "outside the policy, the completion of a multipart upload carries If-None-Match: it is denied otherwise.",
            ),
        ],
    },
    Least {
        of: "events on MinIO",
        from: &["documents/events-bucket-minio"],
        to: &["corrected/events-least-minio-identity"],
        corrections: &[
            Correction {
                lines: ":150-162",
                text: "the Deny of deletions moves from the bucket policy to the users' own, beside the Allow of what they \
                       write: as a bucket policy it binds nobody who signs;",
                takes: &[],
                gives: &[("Allow", "s3:PutObject")],
            },
            outside(
                ":42-73",
                "no condition: MinIO refuses a policy with `s3:if-none-match` as a whole. Writes without the condition cannot \
                 be stopped there.",
            ),
        ],
    },
    Least {
        of: "evidence",
        from: &["documents/evidence-identity"],
        to: &["corrected/evidence-least-identity"],
        corrections: &[
            Correction {
                lines: ":37-41",
                text: "`s3:PutObjectRetention` is added: the upload sends mode and date, and is refused without that right;",
                takes: &[],
                gives: &[("Allow", "s3:PutObjectRetention")],
            },
            Correction {
                lines: ":37-41",
                text: "`s3:GetObjectRetention` is added: without it HEAD leaves the lock's fields out, and the validation \
                       fails for ever;",
                takes: &[],
                gives: &[("Allow", "s3:GetObjectRetention")],
            },
            outside(
                ":10-13",
                "outside the policy, the bucket is created with Object Lock: the default cannot be put otherwise (409).",
            ),
        ],
    },
    Least {
        of: "invoices",
        from: &["documents/invoices-bucket", "documents/invoices-identity"],
        to: &["corrected/invoices-least-bucket", "corrected/invoices-least-identity"],
        corrections: &[
            Correction {
                lines: ":81",
                text: "`s3:PutObjectLegalHold` goes out of the bucket policy's Deny: every upload sets a hold, and was refused;",
                takes: &[("Deny", "s3:PutObjectLegalHold")],
                gives: &[],
            },
            Correction {
                lines: ":322",
                text: "`s3:PutObjectRetention` moves from the Deny to the Allow: every upload sets a date, and was refused;",
                takes: &[("Deny", "s3:PutObjectRetention")],
                gives: &[("Allow", "s3:PutObjectRetention")],
            },
            Correction {
                lines: ":321",
                text: "`s3:DeleteObjectVersion` joins `s3:DeleteObject` in the Deny: versions are deleted by it;",
                takes: &[],
                gives: &[("Deny", "s3:DeleteObjectVersion")],
            },
            Correction {
                lines: ":309-315",
                text: "`s3:ListBucketVersions` is added, on the bucket: the audit trail is empty without it;",
                takes: &[],
                gives: &[("Allow", "s3:ListBucketVersions")],
            },
            outside(
                ":22-25",
                "outside the policies, the bucket is created with Object Lock: the default cannot be put otherwise (409).",
            ),
        ],
    },
];

/// The list as the page has it.
pub fn printed(least: &Least) -> String {
    let mut made = String::from("\n");
    for (n, correction) in least.corrections.iter().enumerate() {
        made.push_str(&format!("{}. {} ({})\n", n + 1, correction.text, correction.lines));
    }
    made.push('\n');
    made
}

/// How often each effect stands with each action.
fn actions(files: &[&str]) -> BTreeMap<(String, String), i32> {
    let mut all = BTreeMap::new();
    for file in files {
        let read: Value = serde_json::from_str(&policy(file)).expect("JSON");
        for statement in read["Statement"].as_array().expect("statements") {
            let effect = statement["Effect"].as_str().expect("an effect");
            let one = statement["Action"].as_str().into_iter();
            let many = statement["Action"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for action in one.chain(many) {
                *all.entry((effect.to_owned(), action.to_owned())).or_default() += 1;
            }
        }
    }
    all
}

#[test]
fn the_corrected_policies_differ_by_the_named_corrections_alone() {
    for least in LEAST {
        let mut expected = actions(least.from);
        for correction in least.corrections {
            for (changes, by) in [(correction.takes, -1), (correction.gives, 1)] {
                for (effect, action) in changes {
                    *expected.entry(((*effect).to_owned(), (*action).to_owned())).or_default() += by;
                }
            }
        }
        expected.retain(|_, n| *n != 0);
        assert_eq!(expected, actions(least.to), "{}", least.of);
    }
}
