//! MinIO's users, groups and policies, read through its admin API.
//!
//! Only reads are sent. Policies and groups come as plain JSON; lists of users and of service accounts are
//! encrypted with a key that is derived (Argon2id) from the caller's secret key. Source: observed on MinIO's
//! last public commit (`run` in a test against that server). PBKDF2, which a FIPS build uses, is not read.

use std::collections::{BTreeMap, BTreeSet};

use argon2::{Algorithm, Argon2, Params, Version};
use ring::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use serde::Deserialize;
use serde_json::Value;

use super::{Document, ServerKind};
use crate::record::Log;
use crate::store::client::Client;
use crate::store::credentials::Credentials;
use crate::store::request::S3Request;

/// Salt, algorithm and the first part of the nonce stand before the data.
const HEADER: usize = 32 + 1 + 8;
/// A piece of the plain text.
const PIECE: usize = 1 << 14;
/// What the cipher adds to each piece.
const TAG: usize = 16;

/// Why MinIO's administration could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The request was refused, or no answer came.
    #[error("{what}: {why}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Status, code and message.
        why: String,
    },
    /// The answer cannot be decrypted: another secret key, another algorithm, or a broken answer.
    #[error("the answer about {0} cannot be decrypted")]
    Encrypted(String),
    /// The answer is not what is known of it.
    #[error("the answer about {0} cannot be understood")]
    Malformed(String),
}

impl AdminError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Refused { .. } => {
                "reading users needs admin:ListUsers, admin:GetUser, admin:GetGroup, admin:GetPolicy, \
                 admin:ListGroups and admin:ListServiceAccounts"
            }
            Self::Encrypted(_) | Self::Malformed(_) => {
                "give the policies as files: `mc admin policy info ALIAS NAME --json > FILE`, then --policy FILE"
            }
        }
    }
}

/// Everybody who holds policies on a MinIO, each with the statements of all of them.
#[derive(Debug, Clone, Default)]
pub struct Holders {
    /// One document a user or service account.
    pub documents: Vec<Document>,
    /// What could not be read of them.
    pub unread: Vec<String>,
    /// Who is switched off now, and was passed over.
    pub asleep: Vec<String>,
}

#[derive(Deserialize)]
struct User {
    #[serde(default, rename = "policyName")]
    policies: String,
    #[serde(default)]
    status: String,
    #[serde(default, rename = "memberOf")]
    groups: Vec<String>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    status: String,
    #[serde(default)]
    policy: String,
    #[serde(default)]
    members: Vec<String>,
}

#[derive(Deserialize)]
struct Accounts {
    #[serde(default)]
    accounts: Option<Vec<Account>>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(rename = "accessKey")]
    access_key: String,
    #[serde(default, rename = "accountStatus")]
    status: String,
}

#[derive(Deserialize)]
struct AccountInfo {
    #[serde(default, rename = "impliedPolicy")]
    implied: bool,
    #[serde(default)]
    policy: String,
}

/// Reads users, groups, policies and service accounts; the exchanges go to the log.
///
/// # Errors
/// Whatever keeps the users or the policies from being read; what only one of them lacks is `unread`.
pub async fn holders(client: &Client, who: &Credentials, log: Option<&Log>) -> Result<Holders, AdminError> {
    let admin = Admin { client, who, log };
    let policies: BTreeMap<String, Value> = admin.plain("list-canned-policies", &[], "policies").await?;
    let mut users: BTreeMap<String, User> = admin.secret("list-users", &[], "users").await?;
    let mut holders = Holders::default();
    // Groups carry policies, too.
    match admin.plain::<Option<Vec<String>>>("groups", &[], "groups").await {
        Ok(names) => {
            for name in names.unwrap_or_default() {
                match admin.plain::<Group>("group", &[("group", &name)], &format!("group {name}")).await {
                    Ok(group) if group.status != "disabled" => {
                        for member in &group.members {
                            if let Some(user) = users.get_mut(member) {
                                user.policies.push(',');
                                user.policies.push_str(&group.policy);
                                user.groups.push(name.clone());
                            }
                        }
                    }
                    Ok(_) => {}
                    Err(error) => holders.unread.push(error.to_string()),
                }
            }
        }
        Err(error) => holders.unread.push(error.to_string()),
    }
    for (name, user) in users.iter().filter(|(_, u)| u.status != "disabled") {
        let names: BTreeSet<&str> =
            user.policies.split(',').map(str::trim).filter(|n| !n.is_empty()).collect();
        let mut statements = Vec::new();
        for policy in &names {
            match policies.get(*policy).and_then(|p| p.get("Statement")).and_then(Value::as_array) {
                Some(list) => statements.extend(list.iter().cloned()),
                None => holders.unread.push(format!("policy {policy} of user {name} is not listed")),
            }
        }
        let accounts = match admin
            .secret::<Accounts>(
                "list-service-accounts",
                &[("user", name)],
                &format!("service accounts of {name}"),
            )
            .await
        {
            Ok(found) => found.accounts.unwrap_or_default(),
            Err(error) => {
                holders.unread.push(error.to_string());
                Vec::new()
            }
        };
        let called = names.iter().copied().collect::<Vec<_>>().join(", ");
        let mut label = format!("MinIO user {name} ({called})");
        // A service account has at most its parent's rights; what its own policy takes away is not read.
        let keys: Vec<_> =
            accounts.iter().filter(|a| a.status != "off").map(|a| a.access_key.as_str()).collect();
        if !keys.is_empty() {
            label = format!("{label} and at most its service accounts {}", keys.join(", "));
        }
        if statements.is_empty() {
            continue;
        }
        match document(&label, &statements) {
            Ok(document) => holders.documents.push(document),
            Err(why) => holders.unread.push(format!("the policies of user {name}: {why}")),
        }
    }
    for name in users.iter().filter(|(_, u)| u.status == "disabled").map(|(name, _)| name) {
        holders
            .asleep
            .push(format!("user {name} is disabled: what it may do once it is enabled again was not read"));
    }
    // The root user is in no list; whoever asks and is in none is root, or somebody of root's.
    if !users.contains_key(&who.access_key) {
        admin.of_caller(&mut holders).await;
    }
    Ok(holders)
}

/// All statements of a user as one document. The same `Sid` may be in several policies.
fn document(label: &str, statements: &[Value]) -> Result<Document, String> {
    let mut seen = BTreeSet::new();
    let mut all = statements.to_vec();
    for object in all.iter_mut().filter_map(Value::as_object_mut) {
        let sid = object.get("Sid").and_then(Value::as_str).unwrap_or_default().to_owned();
        if sid.is_empty() || !seen.insert(sid) {
            object.remove("Sid");
        }
    }
    let text = serde_json::json!({"Version": "2012-10-17", "Statement": all}).to_string();
    let mut document = Document::parse(label, &text, ServerKind::Minio).map_err(|e| e.to_string())?;
    document.forget_lines();
    Ok(document)
}

struct Admin<'a> {
    client: &'a Client,
    who: &'a Credentials,
    log: Option<&'a Log>,
}

impl Admin<'_> {
    /// The service accounts of the caller, who is the root user: each may do everything, or what its own policy leaves.
    async fn of_caller(&self, holders: &mut Holders) {
        let what = "service accounts of the root user";
        let accounts = match self.secret::<Accounts>("list-service-accounts", &[], what).await {
            Ok(found) => found.accounts.unwrap_or_default(),
            Err(error) => return holders.unread.push(error.to_string()),
        };
        for account in accounts {
            let key = &account.access_key;
            if account.status == "off" {
                holders.asleep.push(format!("service account {key} of the root user is switched off"));
                continue;
            }
            let what = format!("service account {key}");
            let info = match self
                .secret::<AccountInfo>("info-service-account", &[("accessKey", key)], &what)
                .await
            {
                Ok(info) => info,
                Err(error) => {
                    holders.unread.push(error.to_string());
                    continue;
                }
            };
            let everything = || {
                vec![
                    serde_json::json!({"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}),
                    serde_json::json!({"Effect": "Allow", "Action": ["admin:*"], "Resource": ["*"]}),
                ]
            };
            let own: Option<Vec<Value>> = serde_json::from_str::<Value>(&info.policy)
                .ok()
                .and_then(|policy| policy.get("Statement")?.as_array().cloned());
            let statements = match own {
                Some(statements) if !info.implied => statements,
                _ => everything(),
            };
            match document(&format!("MinIO service account {key} of the root user"), &statements) {
                Ok(document) => holders.documents.push(document),
                Err(why) => holders.unread.push(format!("the policy of service account {key}: {why}")),
            }
        }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)], what: &str) -> Result<Vec<u8>, AdminError> {
        let mut request = S3Request::to_object(http::Method::GET, "minio", &format!("admin/v3/{path}"), None);
        for (name, value) in query {
            request = request.query(name, value);
        }
        let reply = self.client.exchange(Some(self.who), &request).await;
        let (trouble, status) = (reply.trouble(), reply.status());
        if let Some(log) = self.log {
            log.exchange("configuration", reply.exchange);
        }
        match (trouble, status) {
            (None, Some(200)) => Ok(reply.body.to_vec()),
            (trouble, status) => Err(AdminError::Refused {
                what: what.to_owned(),
                why: trouble.unwrap_or_else(|| format!("status {}", status.unwrap_or_default())),
            }),
        }
    }

    async fn plain<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        what: &str,
    ) -> Result<T, AdminError> {
        let body = self.get(path, query, what).await?;
        serde_json::from_slice(&body).map_err(|_| AdminError::Malformed(what.to_owned()))
    }

    async fn secret<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        what: &str,
    ) -> Result<T, AdminError> {
        let body = self.get(path, query, what).await?;
        let plain =
            decrypt(&self.who.secret_key, &body).ok_or_else(|| AdminError::Encrypted(what.to_owned()))?;
        serde_json::from_slice(&plain).map_err(|_| AdminError::Malformed(what.to_owned()))
    }
}

/// The plain text of an encrypted answer: a header, then pieces of 16 KiB, each sealed for itself. The nonce
/// of a piece ends in its number (from 1); the tag of an empty text under number 0 is bound to every piece,
/// with a byte before it that marks the last.
fn decrypt(secret: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (header, mut rest) = sealed.split_at_checked(HEADER)?;
    let (salt, kind, prefix) = (&header[..32], header[32], &header[33..]);
    let algorithm = match kind {
        0 => &AES_256_GCM,
        1 => &CHACHA20_POLY1305,
        _ => return None,
    };
    let mut key = zeroize::Zeroizing::new([0_u8; 32]);
    let params = Params::new(64 * 1024, 1, 4, Some(32)).ok()?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(secret.as_bytes(), salt, key.as_mut())
        .ok()?;
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key.as_ref()).ok()?);
    let nonce = |number: u32| {
        let mut nonce = [0_u8; 12];
        nonce[..8].copy_from_slice(prefix);
        nonce[8..].copy_from_slice(&number.to_le_bytes());
        Nonce::assume_unique_for_key(nonce)
    };
    let tag = key.seal_in_place_separate_tag(nonce(0), Aad::empty(), &mut []).ok()?;
    let mut bound = [0_u8; 1 + TAG];
    bound[1..].copy_from_slice(tag.as_ref());
    let mut plain = Vec::new();
    let mut number = 1_u32;
    loop {
        let last = rest.len() <= PIECE + TAG;
        let (piece, after) = rest.split_at(if last { rest.len() } else { PIECE + TAG });
        if last {
            bound[0] = 0x80;
        }
        let mut piece = piece.to_vec();
        let opened = key.open_in_place(nonce(number), Aad::from(bound), &mut piece).ok()?;
        plain.extend_from_slice(opened);
        if last {
            return Some(plain);
        }
        rest = after;
        number = number.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The other way round, after the same description; the server's own answers are read in a test that
    /// starts it.
    fn encrypt(secret: &str, plain: &[u8]) -> Vec<u8> {
        let header: Vec<u8> = (0..32).chain([0]).chain(40..48).collect();
        let mut key = [0_u8; 32];
        let params = Params::new(64 * 1024, 1, 4, Some(32)).unwrap();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(secret.as_bytes(), &header[..32], &mut key)
            .unwrap();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
        let nonce = |number: u32| {
            let bytes: Vec<u8> = header[33..].iter().copied().chain(number.to_le_bytes()).collect();
            Nonce::try_assume_unique_for_key(&bytes).unwrap()
        };
        let tag = key.seal_in_place_separate_tag(nonce(0), Aad::empty(), &mut []).unwrap();
        let pieces: Vec<&[u8]> = plain.chunks(PIECE).collect();
        let mut sealed = header.clone();
        for (index, piece) in pieces.iter().enumerate() {
            let mut bound = vec![if index + 1 == pieces.len() { 0x80 } else { 0 }];
            bound.extend_from_slice(tag.as_ref());
            let mut piece = piece.to_vec();
            let end = key
                .seal_in_place_separate_tag(
                    nonce(u32::try_from(index).unwrap() + 1),
                    Aad::from(bound),
                    &mut piece,
                )
                .unwrap();
            sealed.extend(piece);
            sealed.extend_from_slice(end.as_ref());
        }
        sealed
    }

    #[test]
    fn an_answer_is_decrypted_whole_or_not_at_all() {
        let plain: Vec<u8> = (0..40_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let sealed = encrypt("secret-key", &plain);
        assert_eq!(decrypt("secret-key", &sealed).as_deref(), Some(plain.as_slice()));
        assert_eq!(decrypt("another", &sealed), None);
        assert_eq!(
            decrypt("secret-key", &sealed[..HEADER + PIECE + TAG]),
            None,
            "cut off after a whole piece"
        );
        assert_eq!(decrypt("secret-key", b"short"), None);
    }

    #[test]
    fn the_policies_of_a_user_are_one_document() {
        let statement = |sid: &str| serde_json::json!({"Sid": sid, "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::*"]});
        let all = [statement("A"), statement("A"), statement("")];
        let document = document("MinIO user alice (readonly)", &all).unwrap();
        assert_eq!(document.place(0).to_string(), "MinIO user alice (readonly) statement 1 (A)");
        assert_eq!(document.policy.statements().len(), 3);
    }
}
