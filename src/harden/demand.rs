//! What is demanded of a bucket.

use chrono::{DateTime, Days, Utc};

use crate::lock::Mode;
use crate::time::Span;

/// The longest default retention that S3 takes, in days.
const MOST_DAYS: u32 = 36_500;
/// The same in years.
const MOST_YEARS: u32 = 100;

/// By whose rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// Amazon S3.
    Aws,
    /// MinIO: no bucket policy binds who signs, condition keys can be forged.
    Minio,
}

/// Whether the application sets legal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Every upload carries one.
    Required,
    /// Nobody but the administrator sets one.
    NotUsed,
}

/// A default retention as S3 states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Days.
    Days(u32),
    /// Calendar years.
    Years(u32),
}

/// The proxy in front of MinIO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where nginx listens, as its `listen` says it (without `ssl`, which [`Demand::tls`] adds).
    pub listen: String,
    /// Where MinIO listens: `127.0.0.1:9000`.
    pub upstream: String,
}

impl Default for Proxy {
    fn default() -> Self {
        Self { listen: "443".to_owned(), upstream: "127.0.0.1:9000".to_owned() }
    }
}

/// What is demanded of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// By whose rules.
    pub server: Server,
    /// The bucket.
    pub bucket: String,
    /// Where the records lie in it; empty for all of it.
    pub prefix: String,
    /// The mode of every record's retention.
    pub mode: Mode,
    /// The least retention, by the calendar.
    pub retention: Span,
    /// Legal holds.
    pub hold: Hold,
    /// Whether every write has to carry `If-None-Match`.
    pub conditional_writes: bool,
    /// Whether an upload without lock headers is refused. No multipart upload works then on AWS: its completion
    /// carries none.
    pub require_lock_headers: bool,
    /// Whether the application's upload carries mode and retain-until date; else the bucket's default locks it.
    pub sends_lock_headers: bool,
    /// Whether the application copies objects.
    pub copies: bool,
    /// Whether requests without TLS are refused.
    pub tls: bool,
    /// Whether the statements about locks and deletions bind wormproof's own canaries, too. Its scenarios need short
    /// locks and rights to be refused with; bound, most of them come to no conclusion.
    pub bind_canaries: bool,
    /// The ARN of the administrator's role, which alone changes the bucket's configuration; may hold wildcards.
    pub administrator: String,
    /// The ARN of the deleter's role, which alone deletes what is no longer locked; may hold wildcards.
    pub deleter: String,
    /// The proxy in front of MinIO.
    pub proxy: Proxy,
    /// What else was asked for, which the documents do not bring: a sentence each.
    pub notes: Vec<String>,
}

/// A demand that cannot be met, or a text that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DemandError {
    /// Longer than a default retention can be.
    #[error("a retention of {0} is more than Object Lock takes as a default")]
    TooLong(Span),
    /// Nothing, or less than a day.
    #[error("a retention of {0} is less than a day, the least that Object Lock takes as a default")]
    TooShort(Span),
    /// Lock headers are demanded of an application that sends none.
    #[error("lock headers are required, and the application does not send them: no upload would work")]
    Contradiction,
    /// Neither the profile nor anybody else says how long and in which mode.
    #[error("the profile {profile} says no mode or no retention")]
    NoTerms {
        /// Its name.
        profile: String,
    },
    /// A value that would break out of the text it stands in.
    #[error("{what} `{value}` holds a character that it cannot have")]
    Value {
        /// Which value.
        what: &'static str,
        /// As given.
        value: String,
    },
    /// This server has no such part.
    #[error("there is no {part}: {why}")]
    NotThere {
        /// Which part.
        part: &'static str,
        /// Why not.
        why: &'static str,
        /// What to do.
        hint: &'static str,
    },
}

impl DemandError {
    /// What the user may do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "a default has at most 100 years or 36500 days",
            Self::TooShort(_) => "a default retention counts in days or years: `90d`, `10y`",
            Self::Contradiction => "let the application send them, or leave the lock to the bucket's default",
            Self::NoTerms { .. } => "say them: --mode compliance --retention 10y",
            Self::Value { .. } => "ARNs and addresses have no blanks, quotes, semicolons or braces",
            Self::NotThere { hint, .. } => hint,
        }
    }
}

impl Demand {
    /// COMPLIANCE for this span, everything else at its mildest.
    #[must_use]
    pub fn new(server: Server, bucket: &str, prefix: &str, mode: Mode, retention: Span) -> Self {
        Self {
            server,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            mode,
            retention,
            hold: Hold::NotUsed,
            conditional_writes: false,
            require_lock_headers: false,
            sends_lock_headers: false,
            copies: true,
            tls: true,
            bind_canaries: false,
            administrator: "arn:aws:iam::*:role/records-administrator".to_owned(),
            deleter: "arn:aws:iam::*:role/records-deleter".to_owned(),
            proxy: Proxy::default(),
            notes: Vec::new(),
        }
    }

    /// Whether it can be met and written down.
    pub(super) fn check(&self) -> Result<(), DemandError> {
        match self.period() {
            Period::Days(days) if days > MOST_DAYS => return Err(DemandError::TooLong(self.retention)),
            Period::Years(years) if years > MOST_YEARS => return Err(DemandError::TooLong(self.retention)),
            Period::Days(0) | Period::Years(0) => return Err(DemandError::TooShort(self.retention)),
            Period::Days(_) | Period::Years(_) => {}
        }
        if self.require_lock_headers && !self.sends_lock_headers {
            return Err(DemandError::Contradiction);
        }
        for (what, value, more) in [
            ("the bucket", &self.bucket, ""),
            ("the administrator's ARN", &self.administrator, ":/*?+=,@"),
            ("the deleter's ARN", &self.deleter, ":/*?+=,@"),
            ("the address to listen on", &self.proxy.listen, ":[]*"),
            ("the address of MinIO", &self.proxy.upstream, ":[]"),
        ] {
            let legal = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c) || more.contains(c);
            if value.is_empty() || !value.chars().all(legal) {
                return Err(DemandError::Value { what, value: value.clone() });
            }
        }
        // A prefix may hold almost anything; it is quoted where it stands. Lines it may not break.
        if self.prefix.chars().any(char::is_control) {
            return Err(DemandError::Value { what: "the prefix", value: self.prefix.clone() });
        }
        Ok(())
    }

    /// The retention as a default: years as years, months as the most days that they can have.
    #[must_use]
    pub fn period(&self) -> Period {
        match self.retention {
            Span::Months(months) if months % 12 == 0 => Period::Years(months / 12),
            Span::Months(_) => Period::Days(self.days().max().unwrap_or(0)),
            Span::Exact(delta) => {
                let days = delta.num_days() + i64::from(delta > chrono::TimeDelta::days(delta.num_days()));
                Period::Days(u32::try_from(days).unwrap_or(u32::MAX))
            }
        }
    }

    /// What `s3:object-lock-remaining-retention-days` has to reach: one whole day less than the span has at least.
    /// Between client and store the first day is no longer whole, and whether a store rounds up or down is its own affair.
    #[must_use]
    pub fn least_days(&self) -> u32 {
        self.days().min().unwrap_or(1).saturating_sub(1).max(1)
    }

    /// How many whole days the span has, begun on each day of four years.
    fn days(&self) -> impl Iterator<Item = u32> {
        let start = DateTime::<Utc>::UNIX_EPOCH;
        let span = self.retention;
        (0..1461).filter_map(move |day| {
            let begin = start.checked_add_days(Days::new(day))?;
            u32::try_from((span.after(begin) - begin).num_days()).ok()
        })
    }

    /// Where wormproof's canaries lie.
    #[must_use]
    pub fn canaries(&self) -> String {
        let prefix = self.prefix.trim_end_matches('/');
        if prefix.is_empty() { ".wormproof/".to_owned() } else { format!("{prefix}/.wormproof/") }
    }

    /// The partition of the ARNs, as the administrator's says it.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.administrator.split(':').nth(1).filter(|p| p.starts_with("aws")).unwrap_or("aws")
    }

    pub(super) fn bucket_arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.partition(), self.bucket)
    }

    /// The records: every key below the prefix.
    pub(super) fn records(&self) -> String {
        format!("{}/{}*", self.bucket_arn(), literal(&self.prefix))
    }

    /// The canaries as a resource.
    pub(super) fn canary_objects(&self) -> String {
        format!("{}/{}*", self.bucket_arn(), literal(&self.canaries()))
    }
}

/// Wildcards and variables of a key, taken literally by way of policy variables.
pub(super) fn literal(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '*' => out.push_str("${*}"),
            '?' => out.push_str("${?}"),
            '$' => out.push_str("${$}"),
            c => out.push(c),
        }
        out
    })
}
