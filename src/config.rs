//! `wormproof.toml` and the environment: targets, principals, waivers. The only reader of both.
//!
//! The file has two levels and no unknown key. A mistake is shown with file, line and column; a line that
//! may hold a secret is shown without its value.

mod environment;
mod mistake;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use toml::Spanned;
use zeroize::Zeroizing;

pub use environment::Environment;
pub use mistake::ConfigError;

use crate::lock::Mode;
use crate::profile::{Profile, Requirement, Waiver};
use crate::scenario::Role;
use crate::time::Span;
use mistake::Source;

/// The file that is read where none is named.
pub const DEFAULT_FILE: &str = "wormproof.toml";

/// What the file says. Everything may be missing; the command line goes before it.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The file; `None` if there is none.
    pub path: Option<PathBuf>,
    /// SHA-256 of the file's text, for the record.
    pub digest: Option<String>,
    /// `[target]`.
    pub target: TargetConfig,
    /// `[principals.ROLE]`.
    pub principals: BTreeMap<Role, PrincipalConfig>,
    /// `[[waiver]]`.
    pub waivers: Vec<Waiver>,
    /// `[scan]`.
    pub scan: Requirement,
    /// `[report]`.
    pub report: ReportConfig,
    /// `[audit]`.
    pub audit: AuditConfig,
}

/// `[audit]`: the profile that is applied where the command line names none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditConfig {
    /// A built-in name, or a file.
    pub profile: Option<String>,
    /// Values for its variables.
    pub set: BTreeMap<String, String>,
    /// Where the profile is named: `wormproof.toml:2:11`.
    pub place: String,
}

/// `[target]`: what is audited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TargetConfig {
    /// `s3://bucket/prefix`.
    pub location: Option<String>,
    /// The endpoint, with or without scheme.
    pub endpoint_url: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// A profile of the shared AWS configuration, for the administrator.
    pub profile: Option<String>,
    /// Certificates (PEM) to trust beside the system's.
    pub ca_bundle: Option<PathBuf>,
    /// The `minio` binary to start.
    pub minio_binary: Option<PathBuf>,
    /// The MinIO image to start.
    pub minio_image: Option<String>,
}

/// `[report]`: who signs. Both or neither.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ReportConfig {
    /// The signer's key (PKCS#8 PEM).
    pub key: Option<PathBuf>,
    /// The signer's certificate (PEM).
    pub cert: Option<PathBuf>,
}

/// `[principals.ROLE]`: where the credentials of a role come from. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum PrincipalConfig {
    /// Keys, written in the file or in variables that the file names.
    Keys {
        /// The access key id.
        access_key: String,
        /// The secret key.
        secret_key: Zeroizing<String>,
        /// The session token of temporary credentials.
        session_token: Option<Zeroizing<String>>,
    },
    /// A profile of the shared AWS configuration.
    Profile(String),
    /// A role that the administrator assumes.
    RoleArn(String),
}

impl std::fmt::Debug for PrincipalConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys { access_key, .. } => write!(f, "Keys({access_key})"),
            Self::Profile(name) => write!(f, "Profile({name})"),
            Self::RoleArn(arn) => write!(f, "RoleArn({arn})"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default)]
    target: TargetConfig,
    #[serde(default)]
    principals: BTreeMap<Spanned<String>, Spanned<RawPrincipal>>,
    #[serde(default)]
    waiver: Vec<RawWaiver>,
    #[serde(default)]
    scan: RawScan,
    #[serde(default)]
    report: Option<Spanned<ReportConfig>>,
    #[serde(default)]
    audit: RawAudit,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawAudit {
    profile: Option<Spanned<String>>,
    set: Option<Spanned<BTreeMap<String, String>>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RawScan {
    mode: Option<Spanned<String>>,
    min_retention: Option<Spanned<String>>,
    require_hold: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct RawPrincipal {
    access_key: Option<String>,
    access_key_env: Option<Spanned<String>>,
    secret_key: Option<String>,
    secret_key_env: Option<Spanned<String>>,
    session_token: Option<String>,
    session_token_env: Option<Spanned<String>>,
    profile: Option<String>,
    role_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWaiver {
    id: Spanned<String>,
    reason: Spanned<String>,
    owner: Spanned<String>,
    until: Spanned<toml::Value>,
}

impl Config {
    /// Reads the named file, or [`DEFAULT_FILE`] of the working directory if there is one.
    ///
    /// # Errors
    /// [`ConfigError`] for a named file that cannot be read, and for every mistake in it.
    pub fn load(named: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(ConfigError::Unreadable { path: path.to_owned(), cause: error.to_string() });
            }
        };
        let mut config = Self::parse(&path.display().to_string(), &text, &|name| environment.variable(name))?;
        config.path = Some(path.to_owned());
        Ok(config)
    }

    /// Reads the text of a file. `variable` gives the environment's variables that the file names.
    ///
    /// # Errors
    /// [`ConfigError::Mistake`] for the first mistake.
    pub fn parse(
        name: &str,
        text: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let source = Source { name, text };
        let raw: RawConfig = toml::from_str(text).map_err(|error| source.of_toml(&error))?;
        let mut principals = BTreeMap::new();
        for (role, principal) in raw.principals {
            let parsed = role_of(&source, &role)?;
            principals.insert(parsed, principal_of(&source, principal, variable)?);
        }
        let report = match raw.report {
            Some(signer) if signer.get_ref().key.is_some() != signer.get_ref().cert.is_some() => {
                return Err(source.mistake(
                    signer.span(),
                    "key and cert belong together",
                    "give both, or neither",
                ));
            }
            signer => signer.map(Spanned::into_inner).unwrap_or_default(),
        };
        Ok(Self {
            path: None,
            digest: Some(hex::encode(Sha256::digest(text.as_bytes()))),
            target: raw.target,
            principals,
            waivers: raw.waiver.into_iter().map(|w| waiver_of(&source, w)).collect::<Result<_, _>>()?,
            scan: scan_of(&source, raw.scan)?,
            report,
            audit: audit_of(&source, raw.audit)?,
        })
    }

    /// SHA-256 of the waivers, in their order, as JSON; `None` without any.
    #[must_use]
    pub fn waivers_digest(&self) -> Option<String> {
        if self.waivers.is_empty() {
            return None;
        }
        let json = serde_json::to_vec(&self.waivers).ok()?;
        Some(hex::encode(Sha256::digest(json)))
    }
}

fn role_of(source: &Source<'_>, word: &Spanned<String>) -> Result<Role, ConfigError> {
    match Role::parse(word.get_ref()) {
        Some(Role::Anonymous) => {
            Err(source.mistake(word.span(), "anonymous has no credentials", "leave this table out"))
        }
        Some(role) => Ok(role),
        None => {
            let known: Vec<&str> =
                Role::ALL.iter().filter(|r| **r != Role::Anonymous).map(|r| r.word()).collect();
            let message = format!("unknown role `{}`", word.get_ref());
            Err(source.mistake(word.span(), &message, &mistake::suggest(word.get_ref(), &known)))
        }
    }
}

fn principal_of(
    source: &Source<'_>,
    raw: Spanned<RawPrincipal>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<PrincipalConfig, ConfigError> {
    let span = raw.span();
    let raw = raw.into_inner();
    let one_of = "give `profile`, or `role-arn`, or keys (`access-key` and `secret-key`, or \
                  `access-key-env` and `secret-key-env`)";
    let value = |plain: Option<String>, named: Option<Spanned<String>>| match (plain, named) {
        (Some(_), Some(named)) => Err(source.mistake(
            named.span(),
            "given twice: as a value and by a variable",
            "remove one of them",
        )),
        (Some(text), None) => Ok(Some(Zeroizing::new(text))),
        (None, Some(named)) => match variable(named.get_ref()).filter(|text| !text.is_empty()) {
            Some(text) => Ok(Some(Zeroizing::new(text))),
            None => Err(source.mistake(
                named.span(),
                &format!("the variable {} is not set", named.get_ref()),
                "set it, or name another one",
            )),
        },
        (None, None) => Ok(None),
    };
    let access_key = value(raw.access_key, raw.access_key_env)?;
    let secret_key = value(raw.secret_key, raw.secret_key_env)?;
    let session_token = value(raw.session_token, raw.session_token_env)?;
    let has_keys = access_key.is_some() || secret_key.is_some() || session_token.is_some();
    match (raw.profile, raw.role_arn, access_key, secret_key) {
        (Some(name), None, None, None) if !has_keys => Ok(PrincipalConfig::Profile(name)),
        (None, Some(arn), None, None) if !has_keys => Ok(PrincipalConfig::RoleArn(arn)),
        (None, None, Some(access_key), Some(secret_key)) => {
            Ok(PrincipalConfig::Keys { access_key: access_key.to_string(), secret_key, session_token })
        }
        (None, None, Some(_), None) => {
            Err(source.mistake(span, "an access key without its secret key", one_of))
        }
        (None, None, None, Some(_)) => {
            Err(source.mistake(span, "a secret key without its access key", one_of))
        }
        (None, None, None, None) => Err(source.mistake(span, "this principal has no credentials", one_of)),
        _ => Err(source.mistake(span, "this principal has more than one source of credentials", one_of)),
    }
}

fn waiver_of(source: &Source<'_>, raw: RawWaiver) -> Result<Waiver, ConfigError> {
    for (name, text) in [("id", &raw.id), ("reason", &raw.reason), ("owner", &raw.owner)] {
        if text.get_ref().trim().is_empty() {
            let message = format!("a waiver's {name} must not be empty");
            return Err(source.mistake(text.span(), &message, "say what is accepted, why, and by whom"));
        }
    }
    let text = match raw.until.get_ref() {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let until = NaiveDate::parse_from_str(&text, "%Y-%m-%d").map_err(|_| {
        source.mistake(
            raw.until.span(),
            "this is not a day",
            "write the last day on which it counts: 2027-06-30",
        )
    })?;
    Ok(Waiver {
        id: raw.id.into_inner(),
        reason: raw.reason.into_inner(),
        owner: raw.owner.into_inner(),
        until,
    })
}

/// A name has to be one of the built-in profiles; a file is read by the command that applies it.
fn audit_of(source: &Source<'_>, raw: RawAudit) -> Result<AuditConfig, ConfigError> {
    let Some(profile) = raw.profile else {
        return match raw.set {
            Some(set) => Err(source.mistake(
                set.span(),
                "values for the variables of a profile, and no profile",
                "name it: `profile = \"eu-einvoicing\"`",
            )),
            None => Ok(AuditConfig::default()),
        };
    };
    let name = profile.get_ref();
    if !Profile::is_path(name)
        && let Err(error) = Profile::find(name)
    {
        let hint = error.hint().unwrap_or_default();
        return Err(source.mistake(profile.span(), &error.to_string(), &hint));
    }
    let place = source.place(&profile.span());
    Ok(AuditConfig {
        profile: Some(profile.into_inner()),
        set: raw.set.map(Spanned::into_inner).unwrap_or_default(),
        place,
    })
}

fn scan_of(source: &Source<'_>, raw: RawScan) -> Result<Requirement, ConfigError> {
    let mode = raw
        .mode
        .map(|word| {
            Mode::parse(word.get_ref()).ok_or_else(|| {
                let message = format!("unknown mode `{}`", word.get_ref());
                source.mistake(word.span(), &message, "write `compliance` or `governance`")
            })
        })
        .transpose()?;
    let min_retention = raw
        .min_retention
        .map(|text| {
            Span::parse(text.get_ref())
                .map_err(|error| source.mistake(text.span(), &error.to_string(), error.hint()))
        })
        .transpose()?;
    Ok(Requirement { mode, min_retention, hold: raw.require_hold, ..Requirement::default() })
}

#[cfg(test)]
mod tests;
