//! Hardening: from what is demanded of a bucket to the documents that would satisfy it.
//!
//! ```text
//! Profile ─► Demand ─► Hardening { bucket policy, lock configuration, identity policies } ─► one Part as text
//!                                                                   (JSON, AWS CLI, mc, Terraform, nginx, all of it)
//! ```
//!
//! Pure: a demand in, texts out. Nothing is sent and nothing is applied. The statements are the same in every
//! format; `analyse` lints them in a test, the embedded server holds an audit with them, and a real MinIO behind a
//! real nginx shows what the proxy closes (`docs/hardening.md`).
//!
//! Imports: `profile`, `lock`, `time`.
//!
//! What this module does not know: what a bucket holds already, which principals exist and what else they may,
//! service and resource control policies, KMS keys. A policy is no lock: whoever may change it, and the root user of
//! an AWS account, can take it away; what Object Lock keeps stays (WORM-745).

mod aws_cli;
mod bucket;
mod demand;
mod identity;
mod mc;
mod nginx;
mod of_profile;
mod open;
mod statement;
mod terraform;
mod text;

pub use bucket::lock_configuration;
pub use demand::{Demand, DemandError, Hold, Period, Proxy, Server};
pub use identity::Person;
pub use of_profile::terms;
pub use open::{OPEN, Open};
pub use statement::{Document, Effect, Resources, Statement, Test};

/// One of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything, with headings.
    Text,
    /// The bucket policy (JSON).
    Policy,
    /// The Object Lock configuration (JSON, as the AWS CLI and the API's XML have it).
    Lock,
    /// The identity policies (a JSON object: role, policy).
    Iam,
    /// A shell script of AWS CLI commands.
    AwsCli,
    /// A shell script of `mc` commands.
    Mc,
    /// Terraform, by the aws provider.
    Terraform,
    /// An nginx configuration for MinIO.
    Nginx,
}

/// The documents that would satisfy a demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardening {
    /// What was demanded.
    pub demand: Demand,
    /// The bucket policy; none on MinIO, where it would bind nobody who signs.
    pub bucket_policy: Option<Document>,
    /// One identity policy for each person.
    pub identities: Vec<(Person, Document)>,
}

impl Hardening {
    /// What would satisfy `demand`.
    ///
    /// # Errors
    /// [`DemandError`] for a demand that no store can meet, or that contradicts itself.
    pub fn of(demand: &Demand) -> Result<Self, DemandError> {
        demand.check()?;
        let bucket_policy = (demand.server == Server::Aws).then(|| bucket::policy(demand));
        let identities = Person::ALL.iter().map(|p| (*p, identity::policy(demand, *p))).collect();
        Ok(Self { demand: demand.clone(), bucket_policy, identities })
    }

    /// One part as text that is a file by itself.
    ///
    /// # Errors
    /// [`DemandError::NotThere`] for a part that this server has not: a bucket policy on MinIO, a proxy in front of AWS.
    pub fn part(&self, part: Part) -> Result<String, DemandError> {
        let json = |value: &serde_json::Value| format!("{value:#}\n");
        Ok(match part {
            Part::Text => text::everything(self),
            Part::Policy => match &self.bucket_policy {
                Some(policy) => json(&policy.json()),
                None => {
                    return Err(DemandError::NotThere {
                        part: "bucket policy",
                        why: "on MinIO it binds only requests without a signature, which have no rights without one",
                        hint: "take any bucket policy away (`mc anonymous set none`), and use --format iam",
                    });
                }
            },
            Part::Lock => json(&lock_configuration(&self.demand)),
            Part::Iam => {
                let all = self.identities.iter().map(|(person, d)| (person.word().to_owned(), d.json()));
                json(&serde_json::Value::Object(all.collect()))
            }
            Part::AwsCli => aws_cli::script(self),
            Part::Mc => mc::script(self),
            Part::Terraform => terraform::text(self),
            Part::Nginx => match self.demand.server {
                Server::Minio => nginx::configuration(&self.demand),
                Server::Aws => {
                    return Err(DemandError::NotThere {
                        part: "proxy",
                        why: "on AWS policies bind these requests, and nobody stands between clients and S3",
                        hint: "use --server minio for an nginx configuration",
                    });
                }
            },
        })
    }

    /// The identity policy of one person.
    #[must_use]
    pub fn identity(&self, person: Person) -> Option<&Document> {
        self.identities.iter().find(|(who, _)| *who == person).map(|(_, document)| document)
    }
}

#[cfg(test)]
mod tests;
