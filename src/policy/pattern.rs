//! Texts of a policy that may hold wildcards and policy variables.

/// Looks up the values of a condition key for a request.
pub(super) trait Lookup {
    /// The values of the key; none if the request has no such key.
    fn values(&self, key: &str) -> Option<Vec<String>>;

    /// Whether nothing is known of the key, not even whether the request has it.
    fn is_unknown(&self, _key: &str) -> bool {
        false
    }
}

/// One element of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// `*`: any characters, also none.
    Any,
    /// `?`: exactly one character.
    One,
    /// This character.
    Literal(char),
    /// `${key}` or `${key, 'default'}`.
    Variable { key: String, default: Option<String> },
}

/// A text of a policy, taken apart once when the policy is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
    has_variables: bool,
}

impl Pattern {
    /// Takes a text apart. `wildcards`: `*` and `?` are wildcards, else plain characters. `variables`: the
    /// policy's version knows `${...}`, else that is plain text too. `None`: a malformed variable.
    pub(super) fn parse(text: &str, wildcards: bool, variables: bool) -> Option<Self> {
        let mut tokens = Vec::with_capacity(text.len());
        let mut rest = text;
        let mut has_variables = false;
        while let Some(first) = rest.chars().next() {
            if variables && let Some(inside) = rest.strip_prefix("${") {
                let end = closing_brace(inside)?;
                tokens.push(variable(&inside[..end])?);
                rest = &inside[end + 1..];
                has_variables |= matches!(tokens.last(), Some(Token::Variable { .. }));
                continue;
            }
            tokens.push(match first {
                '*' if wildcards => Token::Any,
                '?' if wildcards => Token::One,
                other => Token::Literal(other),
            });
            rest = &rest[first.len_utf8()..];
        }
        Some(Self { tokens, has_variables })
    }

    /// Whether the whole text matches. A variable that the request does not have, and that has no default,
    /// matches nothing.
    pub(super) fn matches(&self, text: &str, lookup: &dyn Lookup) -> bool {
        self.with_tokens(lookup, |tokens| glob(tokens, text))
    }

    /// Whether the text has a variable of whose key nothing is known. [`Self::matches`] then says whether the
    /// pattern could match with some value of it.
    pub(super) fn is_unknown(&self, lookup: &dyn Lookup) -> bool {
        self.has_variables && self.variables().any(|key| lookup.is_unknown(key))
    }

    /// The keys of its variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable { key, .. } => Some(key.as_str()),
            _ => None,
        })
    }

    /// The same without regard to case.
    pub(super) fn matches_ignoring_case(&self, text: &str, lookup: &dyn Lookup) -> bool {
        self.with_tokens(lookup, |tokens| {
            let lower: Vec<Token> = tokens
                .iter()
                .flat_map(|token| match token {
                    Token::Literal(character) => character.to_lowercase().map(Token::Literal).collect(),
                    other => vec![other.clone()],
                })
                .collect();
            glob(&lower, &text.to_lowercase())
        })
    }

    /// Whether an ARN matches, each of its six parts for itself: a wildcard in one part never reaches into
    /// the next. A lone `*` matches every ARN.
    pub(super) fn matches_arn(&self, arn: &str, lookup: &dyn Lookup) -> bool {
        if self.tokens == [Token::Any] {
            return true;
        }
        self.with_tokens(lookup, |tokens| {
            let mut patterns = tokens.splitn(6, |token| *token == Token::Literal(':'));
            let mut parts = arn.splitn(6, ':');
            loop {
                match (patterns.next(), parts.next()) {
                    (Some(pattern), Some(part)) if glob(pattern, part) => {}
                    (None, None) => return true,
                    _ => return false,
                }
            }
        })
    }

    fn with_tokens(&self, lookup: &dyn Lookup, test: impl Fn(&[Token]) -> bool) -> bool {
        if !self.has_variables {
            return test(&self.tokens);
        }
        let mut expanded = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            match token {
                Token::Variable { key, .. } if lookup.is_unknown(key) => expanded.push(Token::Any),
                Token::Variable { key, default } => {
                    // Only a key with one value can be a variable. Its characters are literal: a user who is
                    // called `*` must not match everybody.
                    let value = match lookup.values(key) {
                        Some(mut values) if values.len() == 1 => values.pop(),
                        _ => default.clone(),
                    };
                    let Some(value) = value else { return false };
                    expanded.extend(value.chars().map(Token::Literal));
                }
                other => expanded.push(other.clone()),
            }
        }
        test(&expanded)
    }
}

/// Where the variable ends; a brace inside a quoted default does not end it.
fn closing_brace(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (index, character) in text.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '}' if !quoted => return Some(index),
            _ => {}
        }
    }
    None
}

/// What stands between the braces.
fn variable(inside: &str) -> Option<Token> {
    match inside {
        "*" => return Some(Token::Literal('*')),
        "?" => return Some(Token::Literal('?')),
        "$" => return Some(Token::Literal('$')),
        _ => {}
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => {
            let quoted = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            (key.trim(), Some(quoted.to_owned()))
        }
        None => (inside.trim(), None),
    };
    let well_formed = key.contains(':') && !key.contains(['$', '{', '\'']);
    well_formed.then(|| Token::Variable { key: key.to_owned(), default })
}

/// Matches with one step back to the last `*`, so the time is at most the product of the two lengths.
fn glob(pattern: &[Token], text: &str) -> bool {
    let (mut at, mut rest) = (0, text);
    let mut star: Option<(usize, &str)> = None;
    loop {
        let mut next = rest.chars();
        let character = next.next();
        match (pattern.get(at), character) {
            (Some(Token::Any), _) => {
                star = Some((at, rest));
                at += 1;
            }
            (Some(Token::One), Some(_)) => (at, rest) = (at + 1, next.as_str()),
            (Some(Token::Literal(wanted)), Some(found)) if *wanted == found => {
                (at, rest) = (at + 1, next.as_str());
            }
            (None, None) => return true,
            _ => {
                let Some((star_at, star_rest)) = star else { return false };
                let mut skipped = star_rest.chars();
                if skipped.next().is_none() {
                    return false;
                }
                star = Some((star_at, skipped.as_str()));
                (at, rest) = (star_at + 1, skipped.as_str());
            }
        }
    }
}
