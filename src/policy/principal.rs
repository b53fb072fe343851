//! Who asks, and whom a statement names.

/// Who sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Nobody: a request without a signature.
    Anonymous,
    /// A principal of an account.
    Aws {
        /// The account id.
        account: String,
        /// The ARN of the user, of the role whose session it is, or of the account root.
        arn: String,
        /// The ARN of the session (`arn:aws:sts::...:assumed-role/ROLE/NAME`), if it is one.
        session_arn: Option<String>,
    },
}

impl Principal {
    /// Whether this is the root user of an account.
    #[must_use]
    pub fn is_root(&self) -> bool {
        matches!(self, Self::Aws { arn, session_arn: None, .. } if is_root_arn(arn))
    }

    /// The ARN of the session, if it is one.
    #[must_use]
    pub fn session_arn(&self) -> Option<&str> {
        match self {
            Self::Aws { session_arn, .. } => session_arn.as_deref(),
            Self::Anonymous => None,
        }
    }

    /// What the request says of its sender by itself, for condition keys that the caller has not set:
    /// `aws:PrincipalArn` (the role's ARN for a session), `aws:PrincipalAccount`, `aws:PrincipalType`,
    /// `aws:username` (users only).
    pub(super) fn context_value(&self, lower_key: &str) -> Option<String> {
        let Self::Aws { account, arn, session_arn } = self else {
            return (lower_key == "aws:principaltype").then(|| "Anonymous".to_owned());
        };
        match lower_key {
            "aws:principalarn" => Some(arn.clone()),
            "aws:principalaccount" => Some(account.clone()),
            "aws:principaltype" => Some(
                match session_arn {
                    Some(session) if session.contains(":federated-user/") => "FederatedUser",
                    Some(_) => "AssumedRole",
                    None if is_root_arn(arn) => "Account",
                    None => "User",
                }
                .to_owned(),
            ),
            "aws:username" => {
                let (_, path) = arn.split_once(":user/")?;
                path.rsplit('/').next().map(str::to_owned)
            }
            _ => None,
        }
    }
}

fn is_root_arn(arn: &str) -> bool {
    arn.splitn(6, ':').nth(5) == Some("root")
}

/// `Principal` or `NotPrincipal` of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalClause {
    /// Whether it is `NotPrincipal`: it selects everybody who is not named.
    pub not: bool,
    /// Who is named.
    pub names: Vec<PrincipalName>,
}

/// One name in `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalName {
    /// `*`: everybody, also without a signature.
    Everybody,
    /// A whole account, by its id or by the ARN of its root.
    Account(String),
    /// A user, role or session, by its ARN.
    Arn(String),
    /// The unique id that a service stores once a named principal was deleted (`AIDA...`, `AROA...`).
    UniqueId(String),
    /// `Service`, `Federated` or `CanonicalUser`: never the sender of a request that this module judges.
    Other {
        /// Which of them.
        kind: String,
        /// The name as written.
        name: String,
    },
}

/// How closely a statement names the sender of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closeness {
    /// Not at all.
    No,
    /// By the account only: an `Allow` hands the decision to that account, it grants its users nothing.
    Account,
    /// By name, or everybody.
    Named,
    /// By the ARN of this very session: not limited by a session policy.
    Session,
}

impl PrincipalClause {
    /// How closely the clause selects the sender. `user_id` is `aws:userid`, if known.
    pub(super) fn selects(&self, principal: &Principal, user_id: Option<&str>) -> Closeness {
        let closest = self.names.iter().map(|name| name.closeness(principal, user_id)).max();
        let closest = closest.unwrap_or(Closeness::No);
        if !self.not {
            closest
        } else if closest >= Closeness::Named {
            Closeness::No
        } else {
            // The account's own name exempts its root user (who is `Named` by it), never all its users.
            Closeness::Named
        }
    }
}

impl PrincipalName {
    fn closeness(&self, principal: &Principal, user_id: Option<&str>) -> Closeness {
        if *self == Self::Everybody {
            return Closeness::Named;
        }
        let Principal::Aws { account, arn, session_arn } = principal else { return Closeness::No };
        match self {
            Self::Account(named) if named == account && !account.is_empty() => {
                if principal.is_root() {
                    Closeness::Named
                } else {
                    Closeness::Account
                }
            }
            Self::Arn(named) if session_arn.as_ref() == Some(named) => Closeness::Session,
            Self::Arn(named) if named == arn => Closeness::Named,
            Self::UniqueId(named) => {
                let rest = user_id.and_then(|id| id.strip_prefix(named.as_str()));
                let hit = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
                if hit { Closeness::Named } else { Closeness::No }
            }
            _ => Closeness::No,
        }
    }

    /// Reads one name of the `AWS` list; `None` if it cannot be one. A part of an ARN is never a wildcard.
    pub(super) fn parse_aws(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everybody);
        }
        if text.contains(['*', '?']) || text.chars().any(char::is_whitespace) {
            return None;
        }
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::Account(text.to_owned()));
        }
        if text.starts_with("arn:") {
            let parts: Vec<&str> = text.splitn(6, ':').collect();
            let [_, partition, service, _, account, name] = parts[..] else { return None };
            if partition.is_empty() || !matches!(service, "iam" | "sts") || name.is_empty() {
                return None;
            }
            return match name {
                "root" if account.is_empty() => None,
                "root" => Some(Self::Account(account.to_owned())),
                _ => Some(Self::Arn(text.to_owned())),
            };
        }
        let unique_id = text.len() >= 16
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            && (text.starts_with("AIDA") || text.starts_with("AROA"));
        unique_id.then(|| Self::UniqueId(text.to_owned()))
    }
}
