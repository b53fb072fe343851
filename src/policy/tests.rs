//! Tables of policies, requests and answers. Each row says which rule it holds to.

use super::*;

const ACCOUNT: &str = "111122223333";
const OBJECT: &str = "arn:aws:s3:::vault/ledger/2024.csv";

fn user(name: &str) -> Principal {
    Principal::Aws {
        account: ACCOUNT.to_owned(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
        session_arn: None,
    }
}

fn root() -> Principal {
    Principal::Aws {
        account: ACCOUNT.to_owned(),
        arn: format!("arn:aws:iam::{ACCOUNT}:root"),
        session_arn: None,
    }
}

fn stranger() -> Principal {
    Principal::Aws {
        account: "999988887777".to_owned(),
        arn: "arn:aws:iam::999988887777:user/mallory".to_owned(),
        session_arn: None,
    }
}

fn session(role: &str, name: &str) -> Principal {
    Principal::Aws {
        account: ACCOUNT.to_owned(),
        arn: format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
        session_arn: Some(format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}")),
    }
}

fn context(pairs: &[(&str, &str)]) -> Context {
    let mut context = Context::default();
    for (key, value) in pairs {
        context.push(key, *value);
    }
    context
}

/// What, condition block, keys of the request, whether it holds.
type ConditionRow<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], bool);

/// What, who, action, identity, session and bucket policies, relation, effect, source.
type RuleRow<'a> = (
    &'a str,
    &'a Principal,
    &'a str,
    &'a [&'a Policy],
    Option<&'a Policy>,
    Option<&'a Policy>,
    Relation,
    Effect,
    Source,
);

/// The document of 2012 around statements without the outer brackets.
fn document(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

fn policy(kind: Kind, statements: &str) -> Policy {
    Policy::parse(&document(statements), kind).unwrap_or_else(|error| panic!("{error}: {statements}"))
}

fn identity(statements: &str) -> Policy {
    policy(Kind::Identity, statements)
}

fn bucket(statements: &str) -> Policy {
    policy(Kind::Bucket, statements)
}

fn effect(policy: &Policy, who: &Principal, action: &str, resource: &str, context: &Context) -> Effect {
    policy.evaluate(&Request { principal: who, action, resource, context }).effect
}

/// Whether a `Deny` with this condition block hits a request with these keys.
fn condition_holds(block: &str, pairs: &[(&str, &str)]) -> bool {
    let statement = format!(r#"{{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{{{block}}}}}"#);
    effect(&identity(&statement), &user("alice"), "s3:PutObject", OBJECT, &context(pairs)) == Effect::Deny
}

#[test]
fn conditions() {
    let k = "s3:object-lock-remaining-retention-days";
    #[rustfmt::skip]
    let table: &[ConditionRow] = &[
        // Null asks only whether the key is there.
        ("Null true, no key", r#""Null":{"s3:if-none-match":"true"}"#, &[], true),
        ("Null true, key", r#""Null":{"s3:if-none-match":"true"}"#, &[("s3:if-none-match", "*")], false),
        ("Null false, no key", r#""Null":{"s3:if-none-match":"false"}"#, &[], false),
        ("Null false, key", r#""Null":{"s3:if-none-match":"false"}"#, &[("s3:if-none-match", "x")], true),
        ("Null, JSON truth value", r#""Null":{"s3:if-none-match":true}"#, &[], true),
        ("Null, key that says null", r#""Null":{"s3:if-none-match":"true"}"#, &[("s3:if-none-match", "null")], false),
        ("Null and a limit", r#""Null":{"s3:object-lock-remaining-retention-days":"false"},"NumericLessThan":{"s3:object-lock-remaining-retention-days":"30"}"#, &[(k, "29")], true),
        // A key that is missing.
        ("positive operator, no key", r#""StringEquals":{"s3:object-lock-mode":"COMPLIANCE"}"#, &[], false),
        ("Not operator, no key", r#""StringNotEquals":{"s3:object-lock-mode":"COMPLIANCE"}"#, &[], true),
        ("limit, no key: a bare PUT slips through", r#""NumericLessThan":{"s3:object-lock-remaining-retention-days":"30"}"#, &[], false),
        ("limit IfExists, no key", r#""NumericLessThanIfExists":{"s3:object-lock-remaining-retention-days":"30"}"#, &[], true),
        ("limit IfExists, key fails", r#""NumericLessThanIfExists":{"s3:object-lock-remaining-retention-days":"30"}"#, &[(k, "31")], false),
        ("NotEquals IfExists, no key", r#""StringNotEqualsIfExists":{"s3:object-lock-mode":"COMPLIANCE"}"#, &[], true),
        ("NotEquals IfExists, key equal", r#""StringNotEqualsIfExists":{"s3:object-lock-mode":"COMPLIANCE"}"#, &[("s3:object-lock-mode", "COMPLIANCE")], false),
        ("Bool false, no key", r#""Bool":{"aws:SecureTransport":"false"}"#, &[], false),
        ("BoolIfExists false, no key", r#""BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}"#, &[], true),
        // Texts.
        ("keys know no case", r#""StringEquals":{"S3:Object-Lock-Mode":"GOVERNANCE"}"#, &[("s3:object-lock-mode", "GOVERNANCE")], true),
        ("values know case", r#""StringEquals":{"s3:object-lock-mode":"Governance"}"#, &[("s3:object-lock-mode", "GOVERNANCE")], false),
        ("ignoring case", r#""StringEqualsIgnoreCase":{"s3:object-lock-mode":"Governance"}"#, &[("s3:object-lock-mode", "GOVERNANCE")], true),
        ("not ignoring case", r#""StringNotEqualsIgnoreCase":{"s3:object-lock-mode":"Governance"}"#, &[("s3:object-lock-mode", "GOVERNANCE")], false),
        ("any of the values", r#""StringEquals":{"s3:x":["a","b"]}"#, &[("s3:x", "b")], true),
        ("none of the values", r#""StringNotEquals":{"s3:x":["a","b"]}"#, &[("s3:x", "b")], false),
        ("a star in StringEquals is a star", r#""StringEquals":{"s3:if-none-match":"*"}"#, &[("s3:if-none-match", "etag")], false),
        ("StringLike", r#""StringLike":{"s3:prefix":"home/?-*"}"#, &[("s3:prefix", "home/a-b/c")], true),
        ("StringLike, whole text", r#""StringLike":{"s3:prefix":"home"}"#, &[("s3:prefix", "home/a")], false),
        ("StringNotLike", r#""StringNotLike":{"s3:prefix":"home/*"}"#, &[("s3:prefix", "home/a")], false),
        ("all blocks must hold", r#""StringEquals":{"s3:x":"a","s3:y":"b"}"#, &[("s3:x", "a")], false),
        ("no values match nothing", r#""StringEquals":{"s3:x":[]}"#, &[("s3:x", "")], false),
        // Numbers.
        ("numbers, not texts", r#""NumericEquals":{"s3:max-keys":"10"}"#, &[("s3:max-keys", "010")], true),
        ("greater, as a number", r#""NumericGreaterThan":{"s3:object-lock-remaining-retention-days":9}"#, &[(k, "10")], true),
        ("greater is not equal", r#""NumericGreaterThan":{"s3:object-lock-remaining-retention-days":"10"}"#, &[(k, "10")], false),
        ("at least", r#""NumericGreaterThanEquals":{"s3:object-lock-remaining-retention-days":"10"}"#, &[(k, "10")], true),
        ("at most", r#""NumericLessThanEquals":{"s3:object-lock-remaining-retention-days":"10"}"#, &[(k, "10.5")], false),
        ("exact beyond 2^53", r#""NumericEquals":{"s3:x":"9007199254740993"}"#, &[("s3:x", "9007199254740992")], false),
        ("no number", r#""NumericNotEquals":{"s3:x":"1"}"#, &[("s3:x", "one")], true),
        // Dates.
        ("date before", r#""DateLessThan":{"s3:object-lock-retain-until-date":"2030-01-01T00:00:00Z"}"#, &[("s3:object-lock-retain-until-date", "2029-12-31T23:59:59Z")], true),
        ("date with an offset", r#""DateLessThan":{"s3:object-lock-retain-until-date":"2030-01-01T00:00:00Z"}"#, &[("s3:object-lock-retain-until-date", "2030-01-01T01:00:00+02:00")], true),
        ("date as day and as seconds", r#""DateEquals":{"aws:CurrentTime":"2030-01-01"}"#, &[("aws:CurrentTime", "1893456000")], true),
        ("date at least", r#""DateGreaterThanEquals":{"aws:CurrentTime":"2030-01-01T00:00:00.001Z"}"#, &[("aws:CurrentTime", "2030-01-01T00:00:00Z")], false),
        // Truth values, bytes, addresses.
        ("Bool knows no case", r#""Bool":{"aws:SecureTransport":"False"}"#, &[("aws:SecureTransport", "false")], true),
        ("Binary", r#""BinaryEquals":{"s3:x":"QmluYXJ5"}"#, &[("s3:x", "QmluYXJ5")], true),
        ("Binary, other bytes", r#""BinaryEquals":{"s3:x":"QmluYXJ5"}"#, &[("s3:x", "QmluYXJz")], false),
        ("CIDR", r#""IpAddress":{"aws:SourceIp":"10.1.2.3/8"}"#, &[("aws:SourceIp", "10.200.0.1")], true),
        ("CIDR, outside", r#""IpAddress":{"aws:SourceIp":"10.0.0.0/9"}"#, &[("aws:SourceIp", "10.200.0.1")], false),
        ("one address", r#""NotIpAddress":{"aws:SourceIp":"10.0.0.1"}"#, &[("aws:SourceIp", "10.0.0.2")], true),
        ("the whole of IPv4", r#""IpAddress":{"aws:SourceIp":"0.0.0.0/0"}"#, &[("aws:SourceIp", "203.0.113.9")], true),
        ("IPv4 in IPv6 is IPv4", r#""NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#, &[("aws:SourceIp", "::ffff:10.0.0.1")], false),
        ("IPv6 says nothing of IPv4", r#""IpAddress":{"aws:SourceIp":"::/0"}"#, &[("aws:SourceIp", "10.0.0.1")], false),
        ("IPv6", r#""IpAddress":{"aws:SourceIp":"2001:db8::/32"}"#, &[("aws:SourceIp", "2001:db8:1::1")], true),
        // ARNs: both forms take wildcards, and no wildcard crosses a colon.
        ("ArnEquals takes wildcards", r#""ArnEquals":{"aws:SourceArn":"arn:aws:s3:::va*"}"#, &[("aws:SourceArn", "arn:aws:s3:::vault")], true),
        ("ArnNotEquals too", r#""ArnNotEquals":{"aws:SourceArn":"arn:aws:s3:::va*"}"#, &[("aws:SourceArn", "arn:aws:s3:::vault")], false),
        ("ArnLike stays in its part", r#""ArnLike":{"aws:SourceArn":"arn:aws:iam::*user/a"}"#, &[("aws:SourceArn", "arn:aws:iam::111122223333:user/a")], false),
        ("ArnLike, account", r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/al?ce"}"#, &[], true),
        ("ArnNotLike, principal from the request", r#""ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/admin"}"#, &[], true),
        // Sets.
        ("ForAllValues, no key", r#""ForAllValues:StringEquals":{"aws:TagKeys":["a"]}"#, &[], true),
        ("ForAllValues, only empty texts", r#""ForAllValues:StringEquals":{"aws:TagKeys":["a"]}"#, &[("aws:TagKeys", "")], true),
        ("ForAllValues, one outside", r#""ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}"#, &[("aws:TagKeys", "a"), ("aws:TagKeys", "c")], false),
        ("ForAllValues and Null", r#""ForAllValues:StringEquals":{"aws:TagKeys":["a"]},"Null":{"aws:TagKeys":"false"}"#, &[], false),
        ("ForAnyValue, no key", r#""ForAnyValue:StringEquals":{"aws:TagKeys":["a"]}"#, &[], false),
        ("ForAnyValue Not, no key", r#""ForAnyValue:StringNotEquals":{"aws:TagKeys":["a"]}"#, &[], false),
        ("ForAnyValue, one inside", r#""ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}"#, &[("aws:TagKeys", "b"), ("aws:TagKeys", "c")], true),
        ("ForAnyValue Not, one outside", r#""ForAnyValue:StringNotEquals":{"aws:TagKeys":["a"]}"#, &[("aws:TagKeys", "a"), ("aws:TagKeys", "c")], true),
        ("ForAllValues Not, one inside", r#""ForAllValues:StringNotEquals":{"aws:TagKeys":["a"]}"#, &[("aws:TagKeys", "a"), ("aws:TagKeys", "c")], false),
        ("ForAnyValue IfExists, no key", r#""ForAnyValue:StringEqualsIfExists":{"aws:TagKeys":["a"]}"#, &[], true),
        ("Not without a set: none may match", r#""StringNotEquals":{"aws:TagKeys":["a"]}"#, &[("aws:TagKeys", "a"), ("aws:TagKeys", "c")], false),
        // Variables.
        ("variable", r#""StringEquals":{"s3:x":"u-${aws:username}"}"#, &[("s3:x", "u-alice")], true),
        ("variable, default", r#""StringEquals":{"s3:x":"${aws:PrincipalTag/team, 'no}ne'}"}"#, &[("s3:x", "no}ne")], true),
        ("variable, key wins over default", r#""StringEquals":{"s3:x":"${aws:PrincipalTag/team, 'none'}"}"#, &[("s3:x", "none"), ("aws:principaltag/TEAM", "ops")], false),
        ("variable without value matches nothing", r#""StringLike":{"s3:x":"${aws:PrincipalTag/team}*"}"#, &[("s3:x", "")], false),
        ("a star in a variable's value is a star", r#""StringLike":{"s3:x":"${s3:y}"}"#, &[("s3:x", "secret"), ("s3:y", "*")], false),
        ("escaped star", r#""StringLike":{"s3:x":"a${*}${?}${$}"}"#, &[("s3:x", "a*?$")], true),
    ];
    for (what, block, pairs, expected) in table {
        assert_eq!(condition_holds(block, pairs), *expected, "{what}");
    }
}

#[test]
fn actions_and_resources() {
    let table = [
        ("action without case", r#""Action":"S3:putobject","Resource":"*""#, "s3:PutObject", OBJECT, true),
        (
            "action wildcard",
            r#""Action":"s3:Put*Retention","Resource":"*""#,
            "s3:PutObjectRetention",
            OBJECT,
            true,
        ),
        ("action, one character", r#""Action":"s3:PutObjec?","Resource":"*""#, "s3:PutObject", OBJECT, true),
        (
            "a version is another action",
            r#""Action":"s3:DeleteObject","Resource":"*""#,
            "s3:DeleteObjectVersion",
            OBJECT,
            false,
        ),
        (
            "NotAction, named",
            r#""NotAction":["s3:Get*","s3:List*"],"Resource":"*""#,
            "s3:GetObject",
            OBJECT,
            false,
        ),
        (
            "NotAction, others",
            r#""NotAction":["s3:Get*","s3:List*"],"Resource":"*""#,
            "s3:PutObject",
            OBJECT,
            true,
        ),
        (
            "the bucket is not its objects",
            r#""Action":"*","Resource":"arn:aws:s3:::vault""#,
            "s3:GetObject",
            OBJECT,
            false,
        ),
        (
            "the objects are not the bucket",
            r#""Action":"*","Resource":"arn:aws:s3:::vault/*""#,
            "s3:ListBucket",
            "arn:aws:s3:::vault",
            false,
        ),
        (
            "a star crosses slashes",
            r#""Action":"*","Resource":"arn:aws:s3:::vault/*""#,
            "s3:GetObject",
            OBJECT,
            true,
        ),
        (
            "resources know case",
            r#""Action":"*","Resource":"arn:aws:s3:::vault/Ledger/*""#,
            "s3:GetObject",
            OBJECT,
            false,
        ),
        (
            "a colon in a key",
            r#""Action":"*","Resource":"arn:aws:s3:::vault/a*z""#,
            "s3:GetObject",
            "arn:aws:s3:::vault/a:b:z",
            true,
        ),
        (
            "a star stays in its part",
            r#""Action":"*","Resource":"arn:aws:*:::x""#,
            "s3:GetObject",
            "arn:aws:s3:::y:::x",
            false,
        ),
        (
            "NotResource",
            r#""Action":"*","NotResource":"arn:aws:s3:::vault/open/*""#,
            "s3:GetObject",
            OBJECT,
            true,
        ),
        (
            "NotResource, named",
            r#""Action":"*","NotResource":"arn:aws:s3:::vault/*""#,
            "s3:GetObject",
            OBJECT,
            false,
        ),
        (
            "variable in a resource",
            r#""Action":"*","Resource":"arn:aws:s3:::vault/${aws:username}/*""#,
            "s3:GetObject",
            "arn:aws:s3:::vault/alice/x",
            true,
        ),
        (
            "variable of another user",
            r#""Action":"*","Resource":"arn:aws:s3:::vault/${aws:username}/*""#,
            "s3:GetObject",
            "arn:aws:s3:::vault/bob/x",
            false,
        ),
        (
            "characters beyond ASCII",
            r#""Action":"*","Resource":"arn:aws:s3:::vault/?é*""#,
            "s3:GetObject",
            "arn:aws:s3:::vault/ñé→",
            true,
        ),
    ];
    for (what, elements, action, resource, applies) in table {
        let policy = identity(&format!(r#"{{"Effect":"Allow",{elements}}}"#));
        let found = effect(&policy, &user("alice"), action, resource, &Context::default());
        assert_eq!(found == Effect::Allow, applies, "{what}");
    }
}

#[test]
fn a_version_of_2008_has_no_variables() {
    let json =
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::vault/${aws:username}"}}"#;
    let policy = Policy::parse(json, Kind::Identity).unwrap();
    let alice = user("alice");
    let ask = |resource| effect(&policy, &alice, "s3:GetObject", resource, &Context::default());
    assert_eq!(ask("arn:aws:s3:::vault/alice"), Effect::None);
    assert_eq!(ask("arn:aws:s3:::vault/${aws:username}"), Effect::Allow);
}

#[test]
fn principals() {
    let alice = r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"}"#;
    let everybody = r#""Principal":"*""#;
    let account_arn = r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"}"#;
    let account_id = r#""Principal":{"AWS":"111122223333"}"#;
    let not_account = r#""NotPrincipal":{"AWS":["111122223333"]}"#;
    let not_alice =
        r#""NotPrincipal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:user/alice"]}"#;
    let role = r#""Principal":{"AWS":"arn:aws:iam::111122223333:role/ops"}"#;
    let not_role = r#""NotPrincipal":{"AWS":"arn:aws:iam::111122223333:role/ops"}"#;
    let one_session = r#""Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/ops/ann"}"#;
    let two_kinds =
        r#""Principal":{"Service":"logging.s3.amazonaws.com","AWS":"arn:aws:iam::111122223333:user/alice"}"#;
    let service = r#""Principal":{"Service":"logging.s3.amazonaws.com"}"#;
    let table = [
        ("named", alice, user("alice"), true),
        ("another user", alice, user("bob"), false),
        ("named, not its account's root", alice, root(), false),
        ("names know case", alice, user("Alice"), false),
        ("everybody is also nobody", everybody, Principal::Anonymous, true),
        ("everybody, in the AWS list", r#""Principal":{"AWS":"*"}"#, stranger(), true),
        ("a Deny of the account hits its users", account_arn, user("bob"), true),
        ("by its id too", account_id, user("bob"), true),
        ("and its sessions", account_id, session("ops", "ann"), true),
        ("and its root", account_arn, root(), true),
        ("but no other account", account_id, stranger(), false),
        ("and nobody without a name", account_id, Principal::Anonymous, false),
        ("NotPrincipal of the account exempts its root", not_account, root(), false),
        ("but not its users", not_account, user("alice"), true),
        ("NotPrincipal, named", not_alice, user("alice"), false),
        ("NotPrincipal, another user of the account", not_alice, user("bob"), true),
        ("NotPrincipal, another account", not_alice, stranger(), true),
        ("NotPrincipal, anonymous", not_alice, Principal::Anonymous, true),
        ("NotPrincipal of everybody", r#""NotPrincipal":"*""#, user("bob"), false),
        ("a role hits its sessions", role, session("ops", "ann"), true),
        ("NotPrincipal of a role exempts its sessions", not_role, session("ops", "ann"), false),
        ("NotPrincipal of a role, another role", not_role, session("dev", "ann"), true),
        ("a session", one_session, session("ops", "ann"), true),
        ("another session of the role", one_session, session("ops", "bob"), false),
        ("two kinds in one map", two_kinds, user("alice"), true),
        ("a service is no user", service, user("alice"), false),
    ];
    for (what, principal, who, applies) in table {
        let policy = bucket(&format!(
            r#"{{"Effect":"Deny",{principal},"Action":"s3:*","Resource":"arn:aws:s3:::vault/*"}}"#
        ));
        let found = effect(&policy, &who, "s3:DeleteObject", OBJECT, &Context::default());
        assert_eq!(found == Effect::Deny, applies, "{what}");
    }
}

#[test]
fn a_deleted_user_is_still_hit_by_its_unique_id() {
    let policy = bucket(
        r#"{"Effect":"Deny","Principal":{"AWS":"AROAEXAMPLEEXAMPLE12"},"Action":"s3:*","Resource":"*"}"#,
    );
    let who = session("ops", "ann");
    let ask = |id: &str| effect(&policy, &who, "s3:GetObject", OBJECT, &context(&[("aws:userid", id)]));
    assert_eq!(ask("AROAEXAMPLEEXAMPLE12:ann"), Effect::Deny);
    assert_eq!(ask("AROAEXAMPLEEXAMPLE123:ann"), Effect::None);
}

#[test]
fn a_deny_wins_wherever_it_stands_and_says_where() {
    let policy = identity(
        r#"{"Sid":"Open","Effect":"Allow","Action":"*","Resource":"*"},
           {"Sid":"Keep","Effect":"Deny","Action":"s3:Delete*","Resource":"*"}"#,
    );
    let who = user("alice");
    let context = Context::default();
    let mut request =
        Request { principal: &who, action: "s3:DeleteObjectVersion", resource: OBJECT, context: &context };
    let denied = policy.evaluate(&request);
    assert_eq!(
        (denied.effect, denied.statement, denied.sid.as_deref()),
        (Effect::Deny, Some(1), Some("Keep"))
    );
    request.action = "s3:GetObject";
    let allowed = policy.evaluate(&request);
    assert_eq!(
        (allowed.effect, allowed.statement, allowed.sid.as_deref()),
        (Effect::Allow, Some(0), Some("Open"))
    );
}

#[test]
fn all_policies_together() {
    let allow = identity(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#);
    let deny = identity(r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#);
    let silent = identity(r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::other/*"}"#);
    let session_get = policy(Kind::Session, r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#);
    let session_deny = policy(Kind::Session, r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#);
    let on_bucket = |effect: &str, principal: &str| {
        bucket(&format!(
            r#"{{"Effect":"{effect}","Principal":{principal},"Action":"s3:*","Resource":["arn:aws:s3:::vault","arn:aws:s3:::vault/*"]}}"#
        ))
    };
    let open = on_bucket("Allow", r#""*""#);
    let closed = on_bucket("Deny", r#""*""#);
    let to_alice = on_bucket("Allow", r#"{"AWS":"arn:aws:iam::111122223333:user/alice"}"#);
    let to_account = on_bucket("Allow", r#"{"AWS":"111122223333"}"#);
    let to_role = on_bucket("Allow", r#"{"AWS":"arn:aws:iam::111122223333:role/ops"}"#);
    let to_session = on_bucket("Allow", r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/ops/ann"}"#);
    let to_stranger = on_bucket("Allow", r#"{"AWS":"999988887777"}"#);

    let (alice, ann, stranger, root) = (user("alice"), session("ops", "ann"), stranger(), root());
    let nobody = Principal::Anonymous;
    let (get, put) = ("s3:GetObject", "s3:PutObject");
    let (same, other, owner) = (Relation::SameAccount, Relation::OtherAccount, Relation::AccountRoot);
    let (yes, no) = (Effect::Allow, Effect::None);
    #[rustfmt::skip]
    let table: &[RuleRow] = &[
        ("nothing", &alice, get, &[], None, None, same, no, Source::Nothing),
        ("identity suffices", &alice, get, &[&silent, &allow], None, None, same, yes, Source::Identity(1)),
        ("bucket suffices", &alice, get, &[&silent], None, Some(&to_alice), same, yes, Source::Bucket),
        ("an Allow of the own account grants its users nothing", &alice, get, &[], None, Some(&to_account), same, no, Source::Nothing),
        ("bucket denies", &alice, get, &[&allow], None, Some(&closed), same, Effect::Deny, Source::Bucket),
        ("identity denies", &alice, get, &[&allow, &deny], None, Some(&open), same, Effect::Deny, Source::Identity(1)),
        ("session denies", &ann, get, &[&allow], Some(&session_deny), Some(&to_session), same, Effect::Deny, Source::Session),
        ("session limits the identity", &ann, put, &[&allow], Some(&session_get), None, same, no, Source::Session),
        ("session and identity", &ann, get, &[&allow], Some(&session_get), None, same, yes, Source::Identity(0)),
        ("session grants nothing by itself", &ann, get, &[], Some(&session_get), None, same, no, Source::Nothing),
        ("session limits the bucket's Allow of the role", &ann, put, &[], Some(&session_get), Some(&to_role), same, no, Source::Session),
        ("session limits the bucket's Allow of everybody", &ann, put, &[], Some(&session_get), Some(&open), same, no, Source::Session),
        ("an Allow of the session itself adds to it", &ann, put, &[], Some(&session_get), Some(&to_session), same, yes, Source::Bucket),
        ("anonymous, open bucket", &nobody, put, &[], None, Some(&open), same, yes, Source::Bucket),
        ("anonymous, no bucket policy", &nobody, get, &[&allow], None, None, same, no, Source::Nothing),
        ("anonymous is never root", &nobody, get, &[&allow], None, None, owner, no, Source::Nothing),
        ("anonymous, named bucket policy", &nobody, get, &[], None, Some(&to_account), same, no, Source::Nothing),
        ("root needs nothing", &root, put, &[], None, None, owner, yes, Source::Root),
        ("root is bound by the bucket's Deny", &root, put, &[], None, Some(&closed), owner, Effect::Deny, Source::Bucket),
        ("root may remove that policy", &root, "s3:DeleteBucketPolicy", &[], None, Some(&closed), owner, yes, Source::Root),
        ("but change no other setting", &root, "s3:PutBucketObjectLockConfiguration", &[], None, Some(&closed), owner, Effect::Deny, Source::Bucket),
        ("a user may not", &alice, "s3:DeleteBucketPolicy", &[&allow], None, Some(&closed), same, Effect::Deny, Source::Bucket),
        ("a session policy limits root too", &root, put, &[], Some(&session_get), None, owner, no, Source::Session),
        ("other account: both", &stranger, get, &[&allow], None, Some(&to_stranger), other, yes, Source::Bucket),
        ("other account: only its own", &stranger, get, &[&allow], None, None, other, no, Source::Bucket),
        ("other account: only the bucket's", &stranger, get, &[], None, Some(&open), other, no, Source::Nothing),
        ("other account's Deny", &stranger, get, &[&deny], None, Some(&to_stranger), other, Effect::Deny, Source::Identity(0)),
    ];
    for (what, who, action, identity, session, bucket, relation, effect, source) in table {
        let resource = if action.ends_with("BucketPolicy") { "arn:aws:s3:::vault" } else { OBJECT };
        let context = Context::default();
        let request = Request { principal: who, action, resource, context: &context };
        let sources = Sources { identity, session: *session, bucket: *bucket, relation: *relation };
        let ruling = rule(&sources, &request);
        assert_eq!((ruling.decision.effect, ruling.source), (*effect, *source), "{what}");
        if *relation != Relation::OtherAccount {
            let decision = authorize(identity, *session, *bucket, *relation == owner, &request);
            assert_eq!(decision, ruling.decision, "{what}");
        }
    }
}

/// Enforcing `If-None-Match` as the S3 user guide does, with its exemption for multipart uploads.
#[test]
fn conditional_writes_enforced() {
    let policy = bucket(
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"s3:PutObject",
            "Resource":"arn:aws:s3:::vault/*","Condition":{"Null":{"s3:if-none-match":"false"}}},
           {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"s3:PutObject",
            "Resource":"arn:aws:s3:::vault/*","Condition":{"Bool":{"s3:ObjectCreationOperation":"false"}}}"#,
    );
    for (pairs, expected) in [
        (&[("s3:ObjectCreationOperation", "true")][..], Effect::None),
        (&[("s3:ObjectCreationOperation", "true"), ("s3:if-none-match", "*")], Effect::Allow),
        (&[("s3:ObjectCreationOperation", "false")], Effect::Allow),
    ] {
        assert_eq!(
            effect(&policy, &user("alice"), "s3:PutObject", OBJECT, &context(pairs)),
            expected,
            "{pairs:?}"
        );
    }
}

#[test]
fn malformed_documents_are_refused() {
    let good =
        r#""Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::vault/*""#;
    Policy::parse(&document(&format!("{{{good}}}")), Kind::Bucket).unwrap();
    let statement = |text: &str| document(&format!("{{{text}}}"));
    let swap = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        statement(&good.replace(from, to))
    };
    let with = |more: &str| statement(&format!("{good},{more}"));
    let table: Vec<(&str, String, Kind, &str)> = vec![
        (
            "no JSON",
            "x".to_owned(),
            Kind::Bucket,
            "Policies must be valid JSON and the first byte must be '{'",
        ),
        ("a list", "[]".to_owned(), Kind::Bucket, "The document must be an object"),
        (
            "text after the end",
            format!("{}x", with(r#""Sid":"a""#)),
            Kind::Bucket,
            "Policies must be valid JSON and the first byte must be '{'",
        ),
        (
            "a key twice",
            with(r#""Action":"s3:*""#),
            Kind::Bucket,
            "Policies must be valid JSON and the first byte must be '{'",
        ),
        (
            "an operator twice",
            with(r#""Condition":{"Bool":{"a:b":"true"},"Bool":{"a:c":"true"}}"#),
            Kind::Bucket,
            "Policies must be valid JSON and the first byte must be '{'",
        ),
        (
            "version",
            document("{}").replace("2012-10-17", "2012-10-18"),
            Kind::Bucket,
            "Unknown policy version 2012-10-18",
        ),
        (
            "no statement",
            r#"{"Version":"2012-10-17"}"#.to_owned(),
            Kind::Bucket,
            "Missing required field Statement",
        ),
        ("empty statement list", document(""), Kind::Bucket, "Missing required field Statement"),
        ("unknown element", with(r#""Conditions":{}"#), Kind::Bucket, "Unknown field Conditions"),
        (
            "unknown element of the document",
            r#"{"Statements":[]}"#.to_owned(),
            Kind::Bucket,
            "Unknown field Statements",
        ),
        ("effect in lower case", swap("Allow", "allow"), Kind::Bucket, "Invalid effect: allow"),
        ("no effect", swap(r#""Effect":"Allow","#, ""), Kind::Bucket, "Missing required field Effect"),
        (
            "no principal on a bucket",
            swap(r#""Principal":"*","#, ""),
            Kind::Bucket,
            "Missing required field Principal",
        ),
        (
            "a principal on a user",
            statement(good),
            Kind::Identity,
            "Principal is not allowed in this kind of policy",
        ),
        (
            "a principal on a session",
            statement(good),
            Kind::Session,
            "Principal is not allowed in this kind of policy",
        ),
        ("both principals", with(r#""NotPrincipal":"*""#), Kind::Bucket, "Both Principal and NotPrincipal"),
        (
            "principal, wildcard in an ARN",
            swap(r#":"*""#, r#":{"AWS":"arn:aws:iam::111122223333:user/*"}"#),
            Kind::Bucket,
            "Invalid principal in policy",
        ),
        (
            "principal, plain name",
            swap(r#":"*""#, r#":{"AWS":"alice"}"#),
            Kind::Bucket,
            "Invalid principal in policy",
        ),
        ("principal, nobody", swap(r#":"*""#, r#":{"AWS":[]}"#), Kind::Bucket, "Invalid principal in policy"),
        (
            "principal, unknown kind",
            swap(r#":"*""#, r#":{"Aws":"*"}"#),
            Kind::Bucket,
            "Invalid principal in policy",
        ),
        ("no action", swap(r#""Action":"s3:GetObject","#, ""), Kind::Bucket, "Missing required field Action"),
        ("empty action list", swap(r#""s3:GetObject""#, "[]"), Kind::Bucket, "Missing required field Action"),
        ("both actions", with(r#""NotAction":"s3:PutObject""#), Kind::Bucket, "Both Action and NotAction"),
        (
            "action without service",
            swap("s3:GetObject", "GetObject"),
            Kind::Bucket,
            "Policy has invalid action",
        ),
        (
            "action of another service",
            swap("s3:GetObject", "iam:GetUser"),
            Kind::Bucket,
            "Policy has invalid action",
        ),
        (
            "no resource",
            swap(r#","Resource":"arn:aws:s3:::vault/*""#, ""),
            Kind::Bucket,
            "Missing required field Resource",
        ),
        (
            "resource, no ARN",
            swap("arn:aws:s3:::vault/*", "vault/*"),
            Kind::Bucket,
            "Policy has invalid resource",
        ),
        (
            "resource of another service",
            swap("aws:s3:", "aws:sns:"),
            Kind::Bucket,
            "Policy has invalid resource",
        ),
        (
            "resource with a region",
            swap("s3:::", "s3:eu-west-1::"),
            Kind::Bucket,
            "Policy has invalid resource",
        ),
        (
            "open variable",
            swap("vault/*", "vault/${aws:username"),
            Kind::Bucket,
            "Malformed policy variable in arn:aws:s3:::vault/${aws:username",
        ),
        (
            "unknown operator",
            with(r#""Condition":{"StringEqual":{"s3:x":"a"}}"#),
            Kind::Bucket,
            "Invalid Condition type : StringEqual",
        ),
        (
            "NullIfExists",
            with(r#""Condition":{"NullIfExists":{"s3:x":"true"}}"#),
            Kind::Bucket,
            "Invalid Condition type : NullIfExists",
        ),
        (
            "key without service",
            with(r#""Condition":{"StringEquals":{"x":"a"}}"#),
            Kind::Bucket,
            "Policy has an invalid condition key",
        ),
        (
            "Null of a text",
            with(r#""Condition":{"Null":{"s3:x":"yes"}}"#),
            Kind::Bucket,
            "Null cannot compare with yes",
        ),
        (
            "no number",
            with(r#""Condition":{"NumericEquals":{"s3:x":"NaN"}}"#),
            Kind::Bucket,
            "NumericEquals cannot compare with NaN",
        ),
        (
            "no date",
            with(r#""Condition":{"DateLessThan":{"s3:x":"tomorrow"}}"#),
            Kind::Bucket,
            "DateLessThan cannot compare with tomorrow",
        ),
        (
            "no block of addresses",
            with(r#""Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}"#),
            Kind::Bucket,
            "IpAddress cannot compare with 10.0.0.0/33",
        ),
        (
            "null value",
            with(r#""Condition":{"StringEquals":{"s3:x":null}}"#),
            Kind::Bucket,
            "S3:x must be a string, a number, true or false, or a list of them",
        ),
        (
            "statement id",
            statement(r#""Sid":"a b","Effect":"Allow","Action":"*","Resource":"*""#),
            Kind::Identity,
            "Statement id a b has characters other than letters and digits",
        ),
    ];
    for (what, json, kind, message) in table {
        match Policy::parse(&json, kind) {
            Ok(_) => panic!("{what}: taken"),
            Err(error) => assert_eq!(error.message(), message, "{what}"),
        }
    }
}

#[test]
fn an_error_says_where() {
    let json = document(
        r#"{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"B","Effect":"Deny","Action":"x","Resource":"*"}"#,
    );
    let error = Policy::parse(&json, Kind::Identity).unwrap_err();
    assert_eq!(error.to_string(), "statement 2 (B): invalid action x");
    let twice = Policy::parse(&json.replace("\"B\"", "\"A\""), Kind::Identity).unwrap_err();
    assert_eq!(twice.to_string(), "statement 2 (A): statement id A is used twice");
}

#[test]
fn resources_lie_in_the_bucket_that_the_policy_is_put_on() {
    let on = |resource: &str| {
        bucket(&format!(r#"{{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"{resource}"}}"#))
            .check_for_bucket("vault")
            .is_ok()
    };
    assert!(on("arn:aws:s3:::vault") && on("arn:aws:s3:::vault/a/*") && on("arn:aws:s3:::va*/a"));
    assert!(!on("arn:aws:s3:::vault2/*") && !on("arn:aws:s3:::vaul") && !on("arn:aws:s3:::other/vault/*"));
}

#[test]
fn the_document_is_given_back_as_written() {
    let json = r#"{"Statement":{"Resource":"*","Effect":"Deny","Action":["s3:b","s3:a"]},"Id":"x"}"#;
    assert_eq!(Policy::parse(json, Kind::Identity).unwrap().to_json(), json);
}

#[test]
fn an_allow_document_is_sorted_merged_and_readable_by_the_parser() {
    let object = [OBJECT.to_owned()];
    let objects = [OBJECT.to_owned(), "arn:aws:s3:::vault/a".to_owned(), OBJECT.to_owned()];
    let text = allow_document(&[
        (&["s3:PutObject", "s3:GetObject", "s3:PutObject"], &object),
        (&["s3:ListBucket"], &[]),
        (&["s3:GetObjectRetention"], &objects),
        (&["s3:DeleteObject"], &object),
    ]);
    let expected = serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObjectRetention"], "Resource": ["arn:aws:s3:::vault/a", OBJECT]},
        {"Effect": "Allow", "Action": ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], "Resource": [OBJECT]},
    ]});
    assert_eq!(text, format!("{expected:#}"));
    Policy::parse(&text, Kind::Identity).unwrap();
}

#[test]
fn many_stars_take_little_time() {
    let pattern = format!("{}b", "*a".repeat(200));
    let policy =
        identity(&format!(r#"{{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::{pattern}"}}"#));
    let resource = format!("arn:aws:s3:::{}", "a".repeat(1024));
    assert_eq!(effect(&policy, &user("alice"), "s3:GetObject", &resource, &Context::default()), Effect::None);
}

#[test]
fn the_explanation_names_the_statement_and_the_condition() {
    let allow = identity(r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::vault/*"}"#);
    let floor = bucket(
        r#"{"Sid":"Floor","Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::vault/*",
            "Condition":{"NumericLessThan":{"s3:object-lock-remaining-retention-days":"30"}}}"#,
    );
    let get = policy(Kind::Session, r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#);
    let who = user("alice");
    let identity = [&allow];
    let sources =
        Sources { identity: &identity, session: None, bucket: Some(&floor), relation: Relation::SameAccount };
    let bare = Context::default();
    let short = context(&[("s3:object-lock-remaining-retention-days", "9")]);
    let ask = |sources: &Sources<'_>, action: &str, resource: &str, context: &Context| {
        explain(sources, &Request { principal: &who, action, resource, context })
    };
    let key = "NumericLessThan s3:object-lock-remaining-retention-days 30";
    assert_eq!(
        ask(&sources, "s3:PutObject", OBJECT, &short),
        format!(
            "Denied: statement 1 (Floor) of the bucket policy denies s3:PutObject on {OBJECT}, because its condition \
             holds: {key} (the request has 9)."
        )
    );
    assert_eq!(
        ask(&sources, "s3:PutObject", OBJECT, &bare),
        format!(
            "Allowed: statement 1 of identity policy 1 allows s3:PutObject on {OBJECT}; statement 1 (Floor) of the \
             bucket policy would deny it, but its condition does not hold: {key} (the request has no such key)."
        )
    );
    assert_eq!(
        ask(&Sources { session: Some(&get), ..sources }, "s3:PutObject", OBJECT, &bare),
        format!(
            "Refused: the session policy, which limits the session, does not allow s3:PutObject on {OBJECT}."
        )
    );
    assert_eq!(
        ask(&sources, "s3:ListBucket", "arn:aws:s3:::vault", &bare),
        "Refused: no statement allows s3:ListBucket on arn:aws:s3:::vault."
    );
    assert_eq!(
        ask(&Sources { relation: Relation::OtherAccount, ..sources }, "s3:GetObject", OBJECT, &bare),
        format!(
            "Refused: the sender is of another account and the bucket policy does not allow s3:GetObject on {OBJECT}."
        )
    );
    assert_eq!(
        ask(
            &Sources { relation: Relation::AccountRoot, identity: &[], ..sources },
            "s3:GetObject",
            OBJECT,
            &bare
        ),
        format!("Allowed: the root user of an account needs no statement for s3:GetObject on {OBJECT}.")
    );
}
