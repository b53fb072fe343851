//! IAM, bucket and session policy documents: parse, evaluate, explain.
//!
//! Source of the rules: the IAM user guide (policy grammar, evaluation logic, condition operators) and the
//! S3 user guide (bucket policies). A request is judged by [`authorize`], or by [`rule`] where the caller
//! also wants to know which document decided or asks for a principal of another account, or by [`assess`] where
//! not everything is known of the request.
//!
//! What this module does not know: service control policies, resource control policies, permission
//! boundaries, access control lists, public access block, VPC endpoint policies; which actions and which
//! condition keys a service has (a misspelt action parses and matches nothing); canonical user ids,
//! federated and service principals as callers (such names parse and match nobody).

mod assess;
mod condition;
mod document;
mod error;
mod evaluate;
mod explain;
mod lines;
mod parse;
mod pattern;
mod principal;
mod statement;

pub use assess::{Assessment, assess};
pub use condition::{Condition, Operator, SetTest};
pub use document::allow_document;
pub use error::{Place, PolicyError, Problem};
pub use evaluate::{Context, Decision, Relation, Request, Ruling, Source, Sources, authorize, rule};
pub use explain::explain;
pub use lines::statement_lines;
pub use principal::{Principal, PrincipalClause, PrincipalName};
pub use statement::{Clause, Effect, Kind, Policy, Statement};

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
