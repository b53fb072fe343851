//! What is known of S3's actions and condition keys.
//!
//! Source: AWS Service Authorization Reference for Amazon S3 (actions, resource types, condition keys); for
//! MinIO `facts` of the project, run on its last public commit. The lists are of 2026; a word that is not in
//! them is *not assessed*, never taken to be without effect.

/// The condition keys that write-once storage turns on, and the actions that have them (in lower case).
const WORM_KEYS: &[(&str, &[&str])] = &[
    ("s3:if-none-match", &["s3:putobject"]),
    ("s3:if-match", &["s3:putobject", "s3:deleteobject"]),
    ("s3:objectcreationoperation", &["s3:putobject"]),
    ("s3:object-lock-mode", &["s3:putobject", "s3:putobjectretention", "s3:bypassgovernanceretention"]),
    (
        "s3:object-lock-retain-until-date",
        &["s3:putobject", "s3:putobjectretention", "s3:bypassgovernanceretention"],
    ),
    (
        "s3:object-lock-remaining-retention-days",
        &["s3:putobject", "s3:putobjectretention", "s3:bypassgovernanceretention"],
    ),
    ("s3:object-lock-legal-hold", &["s3:putobject", "s3:putobjectlegalhold", "s3:bypassgovernanceretention"]),
];

/// The keys of the lock of a request.
pub(super) const LOCK_KEYS: [&str; 4] = [
    "s3:object-lock-mode",
    "s3:object-lock-retain-until-date",
    "s3:object-lock-remaining-retention-days",
    "s3:object-lock-legal-hold",
];

/// The keys that say which lock or condition a write carries.
pub(super) fn worm_keys() -> impl Iterator<Item = &'static str> {
    WORM_KEYS.iter().map(|(key, _)| *key)
}

/// Whether requests of this action can have this key; `None` for a key that this table says nothing of.
pub(super) fn action_has_key(action: &str, key: &str) -> Option<bool> {
    let (action, key) = (action.to_lowercase(), key.to_lowercase());
    let (_, actions) = WORM_KEYS.iter().find(|(known, _)| *known == key)?;
    Some(actions.contains(&action.as_str()))
}

/// Whether the sender of a request chooses the key's value.
pub(super) fn is_senders_choice(key: &str) -> bool {
    let key = key.to_lowercase();
    key.starts_with("s3:x-amz-")
        || key.starts_with("s3:object-lock-")
        || key.starts_with("s3:requestobjecttag")
        || matches!(
            key.as_str(),
            "s3:if-none-match"
                | "s3:if-match"
                | "s3:authtype"
                | "s3:signatureversion"
                | "s3:signatureage"
                | "s3:tlsversion"
                | "s3:versionid"
                | "s3:prefix"
                | "s3:delimiter"
                | "s3:max-keys"
                | "aws:securetransport"
                | "aws:useragent"
                | "aws:referer"
        )
}

/// Whether a key is in every request (so that a condition on it never fails for its absence).
pub(super) fn is_always_there(key: &str) -> bool {
    matches!(
        key.to_lowercase().as_str(),
        "aws:securetransport"
            | "aws:currenttime"
            | "aws:epochtime"
            | "aws:principaltype"
            | "aws:requestedregion"
            | "aws:useragent"
            | "aws:sourceip"
            | "aws:principalisawsservice"
            | "aws:viaawsservice"
            | "s3:authtype"
            | "s3:resourceaccount"
            | "aws:resourceaccount"
    )
}

/// Keys of which the sender writes the value into a header that proves nothing.
pub(super) fn is_forgeable(key: &str) -> bool {
    matches!(key.to_lowercase().as_str(), "aws:useragent" | "aws:referer")
}

/// Whether the condition key is known to exist for S3.
pub(super) fn is_known_key(key: &str) -> bool {
    const S3: &[&str] = &[
        "s3:accessgrantsinstancearn",
        "s3:accessgrantscope",
        "s3:accesspointnetworkorigin",
        "s3:accesspointtag",
        "s3:authtype",
        "s3:buckettag",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:delimiter",
        "s3:destinationregion",
        "s3:existingobjecttag",
        "s3:existingjoboperation",
        "s3:existingjobpriority",
        "s3:if-match",
        "s3:if-none-match",
        "s3:inventoryaccessibleoptionalfields",
        "s3:isreplicationpauserequest",
        "s3:jobsuspendedcause",
        "s3:locationconstraint",
        "s3:max-keys",
        "s3:object-lock-legal-hold",
        "s3:object-lock-mode",
        "s3:object-lock-remaining-retention-days",
        "s3:object-lock-retain-until-date",
        "s3:objectcreationoperation",
        "s3:prefix",
        "s3:requestjoboperation",
        "s3:requestjobpriority",
        "s3:requestobjecttag",
        "s3:requestobjecttagkeys",
        "s3:resourceaccount",
        "s3:signatureage",
        "s3:signatureversion",
        "s3:tlsversion",
        "s3:versionid",
    ];
    let key = key.to_lowercase();
    let base = key.split('/').next().unwrap_or_default();
    base.starts_with("s3:x-amz-")
        || S3.contains(&base)
        || GLOBAL.split_whitespace().any(|known| base == known)
}

/// The condition keys of all services, in lower case; those with a `/` after them without what follows it.
/// Source: IAM User Guide, global condition context keys (2026).
const GLOBAL: &str = "aws:assumedroot aws:calledvia aws:calledviafirst aws:calledvialast aws:chatbotsourcearn \
    aws:currenttime aws:ec2instancesourceprivateipv4 aws:ec2instancesourcevpc aws:epochtime aws:federatedprovider \
    aws:isusertagged aws:multifactorauthage aws:multifactorauthpresent aws:principalaccount aws:principalarn \
    aws:principalisawsservice aws:principalorgid aws:principalorgpaths aws:principalservicename \
    aws:principalservicenameslist aws:principaltag aws:principaltype aws:referer aws:requestedregion \
    aws:requesttag aws:resourceaccount aws:resourceorgid aws:resourceorgpaths aws:resourcetag \
    aws:securetransport aws:sourceaccount aws:sourcearn aws:sourceidentity aws:sourceip aws:sourceorgid \
    aws:sourceorgpaths aws:sourceowner aws:sourcevpc aws:sourcevpcarn aws:sourcevpce aws:tagkeys aws:tokenissuetime \
    aws:useragent aws:userid aws:username aws:viaawsservice aws:vpceaccount aws:vpceorgid aws:vpceorgpaths \
    aws:vpcsourceip aws:groups";

/// Whether an action is one on buckets (`Some(true)`) or on objects (`Some(false)`); `None` for patterns, other services
/// and what has both. Source: AWS Service Authorization Reference for Amazon S3, resource types.
pub(super) fn is_of_bucket(action: &str) -> Option<bool> {
    const OBJECT: &str = "abortmultipartupload bypassgovernanceretention deleteobject deleteobjecttagging \
        deleteobjectversion deleteobjectversiontagging getobject getobjectacl getobjectattributes getobjectlegalhold \
        getobjectretention getobjecttagging getobjectversion getobjectversionacl getobjectversionattributes \
        getobjectversiontagging listmultipartuploadparts putobject putobjectacl putobjectlegalhold \
        putobjectretention putobjecttagging putobjectversionacl putobjectversiontagging replicatedelete \
        replicateobject replicatetags restoreobject";
    const BUCKET: &str = "createbucket deletebucket deletebucketpolicy getbucketobjectlockconfiguration \
        getbucketpolicy getbucketversioning getlifecycleconfiguration getreplicationconfiguration listbucket \
        listbucketmultipartuploads listbucketversions putbucketacl putbucketlogging putbucketnotification \
        putbucketobjectlockconfiguration putbucketownershipcontrols putbucketpolicy putbucketpublicaccessblock \
        putbucketversioning putencryptionconfiguration putlifecycleconfiguration putreplicationconfiguration";
    let lower = action.to_lowercase();
    let name = lower.strip_prefix("s3:")?;
    let known = |list: &str| list.split_whitespace().any(|known| known == name);
    if known(OBJECT) { Some(false) } else { known(BUCKET).then_some(true) }
}

/// What a misspelt or made-up action was probably meant to be.
pub(super) fn meant_action(action: &str) -> Option<&'static str> {
    Some(match action.to_lowercase().as_str() {
        "s3:putobjectlockconfiguration"
        | "s3:putbucketobjectlock"
        | "s3:putobjectlock"
        | "s3:putbucketlockconfiguration" => "s3:PutBucketObjectLockConfiguration",
        "s3:getobjectlockconfiguration" => "s3:GetBucketObjectLockConfiguration",
        "s3:putbucketlifecycle"
        | "s3:putbucketlifecycleconfiguration"
        | "s3:deletebucketlifecycle"
        | "s3:deletelifecycleconfiguration"
        | "s3:putlifecycle" => "s3:PutLifecycleConfiguration",
        "s3:putbucketreplication" | "s3:deletebucketreplication" => "s3:PutReplicationConfiguration",
        "s3:putbucketencryption" => "s3:PutEncryptionConfiguration",
        "s3:deleteobjects" | "s3:deletemultipleobjects" => "s3:DeleteObject",
        "s3:deleteversion" | "s3:deleteobjectversions" => "s3:DeleteObjectVersion",
        "s3:bypassgovernancemode" | "s3:bypassgovernance" | "s3:bypassgovernanceretentionmode" => {
            "s3:BypassGovernanceRetention"
        }
        "s3:putlegalhold" | "s3:putobjecthold" => "s3:PutObjectLegalHold",
        "s3:putretention" | "s3:putobjectlockretention" => "s3:PutObjectRetention",
        "s3:copyobject"
        | "s3:postobject"
        | "s3:createmultipartupload"
        | "s3:uploadpart"
        | "s3:completemultipartupload" => "s3:PutObject",
        "s3:headobject" => "s3:GetObject",
        "s3:headbucket" | "s3:listobjects" | "s3:listobjectsv2" => "s3:ListBucket",
        "s3:listobjectversions" => "s3:ListBucketVersions",
        "s3:putpublicaccessblock" => "s3:PutBucketPublicAccessBlock",
        _ => return None,
    })
}

/// S3's actions on buckets and objects, and MinIO's own, in lower case, without `s3:`.
const ACTIONS: &str = "abortmultipartupload bypassgovernanceretention createaccesspoint \
    createaccesspointforobjectlambda createbucket createbucketmetadatatableconfiguration createjob \
    createmultiregionaccesspoint createstoragelensgroup deleteaccesspoint deleteaccesspointforobjectlambda \
    deleteaccesspointpolicy deletebucket deletebucketmetadatatableconfiguration deletebucketownershipcontrols \
    deletebucketpolicy deletebuckettagging deletebucketwebsite deletejobtagging deletemultiregionaccesspoint \
    deleteobject deleteobjecttagging deleteobjectversion deleteobjectversiontagging \
    deletestoragelensconfiguration describejob getaccelerateconfiguration getaccesspoint getaccesspointpolicy \
    getaccesspointpolicystatus getaccountpublicaccessblock getanalyticsconfiguration getbucketabac getbucketacl \
    getbucketcors getbucketlocation getbucketlogging getbucketmetadatatableconfiguration getbucketnotification \
    getbucketobjectlockconfiguration getbucketownershipcontrols getbucketpolicy getbucketpolicystatus \
    getbucketpublicaccessblock getbucketrequestpayment getbuckettagging getbucketversioning getbucketwebsite \
    getencryptionconfiguration getintelligenttieringconfiguration getinventoryconfiguration getjobtagging \
    getlifecycleconfiguration getmetricsconfiguration getobject getobjectacl getobjectattributes \
    getobjectlegalhold getobjectretention getobjecttagging getobjecttorrent getobjectversion \
    getobjectversionacl getobjectversionattributes getobjectversionforreplication getobjectversiontagging \
    getobjectversiontorrent getreplicationconfiguration initiatereplication listaccesspoints \
    listallmybuckets listbucket listbucketmultipartuploads listbucketversions listjobs \
    listmultipartuploadparts listmultiregionaccesspoints objectowneroverridetobucketowner pausereplication \
    putaccelerateconfiguration putaccesspointpolicy putaccountpublicaccessblock putanalyticsconfiguration \
    putbucketabac putbucketacl putbucketcors putbucketlogging putbucketnotification \
    putbucketobjectlockconfiguration putbucketownershipcontrols putbucketpolicy putbucketpublicaccessblock \
    putbucketrequestpayment putbuckettagging putbucketversioning putbucketwebsite putencryptionconfiguration \
    putintelligenttieringconfiguration putinventoryconfiguration putjobtagging putlifecycleconfiguration \
    putmetricsconfiguration putobject putobjectacl putobjectlegalhold putobjectretention putobjecttagging \
    putobjectversionacl putobjectversiontagging putreplicationconfiguration replicatedelete replicateobject \
    replicatetags restoreobject submitmultiregionaccesspointroutes tagresource untagresource \
    listtagsforresource updatejobpriority updatejobstatus updateobjectencryption \
    forcedeletebucket deletebucketcors listennotification listenbucketnotification putbucketqos getbucketqos \
    resetbucketreplicationstate putobjectfanout";

/// Whether an action pattern of S3 matches an action that is known. Actions of other services are not judged.
pub(super) fn matches_known_action(written: &str) -> bool {
    let lower = written.to_lowercase();
    let Some(pattern) = lower.strip_prefix("s3:") else { return true };
    ACTIONS.split_whitespace().any(|action| glob(pattern.as_bytes(), action.as_bytes()))
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => glob(&pattern[1..], text) || (!text.is_empty() && glob(pattern, &text[1..])),
        (Some(b'?'), Some(_)) => glob(&pattern[1..], &text[1..]),
        (Some(p), Some(t)) if p == t => glob(&pattern[1..], &text[1..]),
        _ => false,
    }
}

/// Why MinIO refuses a condition, and with it the whole document; `None` if it takes it. The actions are as
/// written.
pub(super) fn refused_by_minio(operator: &str, key: &str, actions: &[String]) -> Option<String> {
    const COMMON: &[&str] = &[
        "s3:signatureversion",
        "s3:authtype",
        "s3:signatureage",
        "s3:x-amz-content-sha256",
        "s3:locationconstraint",
        "aws:referer",
        "aws:sourceip",
        "aws:useragent",
        "aws:securetransport",
        "aws:currenttime",
        "aws:epochtime",
        "aws:principaltype",
        "aws:userid",
        "aws:username",
        "aws:groups",
        "ldap:user",
        "ldap:username",
        "ldap:groups",
    ];
    const SSE: &[&str] =
        &["s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-customer-algorithm"];
    if operator.ends_with("IfExists") || operator.contains("Arn") {
        return Some(format!("the operator {operator}"));
    }
    let key = key.to_lowercase();
    let base = key.split('/').next().unwrap_or_default();
    if COMMON.contains(&base) || base.starts_with("jwt:") {
        return None;
    }
    let takes = |action: &str| -> bool {
        let lock = ["s3:object-lock-mode", "s3:object-lock-retain-until-date"].contains(&base);
        let remaining = base == "s3:object-lock-remaining-retention-days";
        let hold = base == "s3:object-lock-legal-hold";
        let tags = ["s3:requestobjecttag", "s3:requestobjecttagkeys"].contains(&base);
        match action {
            "s3:*" | "*" => {
                lock || remaining
                    || hold
                    || tags
                    || SSE.contains(&base)
                    || matches!(
                        base,
                        "s3:versionid"
                            | "s3:prefix"
                            | "s3:delimiter"
                            | "s3:max-keys"
                            | "s3:existingobjecttag"
                            | "s3:x-amz-copy-source"
                            | "s3:x-amz-metadata-directive"
                            | "s3:x-amz-storage-class"
                    )
            }
            "s3:putobject" => {
                lock || hold
                    || tags
                    || SSE.contains(&base)
                    || matches!(
                        base,
                        "s3:x-amz-copy-source"
                            | "s3:x-amz-metadata-directive"
                            | "s3:x-amz-storage-class"
                            | "s3:versionid"
                    )
            }
            "s3:putobjectretention" => lock || remaining || SSE.contains(&base) || base == "s3:versionid",
            "s3:putobjectlegalhold" => hold || SSE.contains(&base) || base == "s3:versionid",
            "s3:bypassgovernanceretention" => lock || remaining || hold || tags || base == "s3:versionid",
            "s3:listbucket" | "s3:listbucketversions" => {
                matches!(base, "s3:prefix" | "s3:delimiter" | "s3:max-keys")
            }
            "s3:deleteobject" | "s3:deleteobjectversion" => base == "s3:versionid",
            other => {
                // Reads, tags and replication: the version and the tags.
                other.contains("object") && matches!(base, "s3:versionid" | "s3:existingobjecttag")
                    || (tags && other.contains("tagging"))
                    || (SSE.contains(&base) && other.starts_with("s3:getobject"))
            }
        }
    };
    let refused = actions.iter().find(|action| !takes(&action.to_lowercase()))?;
    Some(format!("the condition key {base} on {refused}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_minio_refuses() {
        let on = |operator: &str, key: &str, action: &str| {
            refused_by_minio(operator, key, &[action.to_owned()]).is_some()
        };
        assert!(on("Null", "s3:if-none-match", "s3:PutObject"));
        assert!(on("BoolIfExists", "aws:SecureTransport", "s3:*"));
        assert!(on("Bool", "aws:MultiFactorAuthPresent", "s3:*"));
        assert!(on("NumericLessThan", "s3:object-lock-remaining-retention-days", "s3:PutObject"));
        assert!(!on("NumericLessThan", "s3:object-lock-remaining-retention-days", "s3:PutObjectRetention"));
        assert!(!on("Null", "s3:object-lock-retain-until-date", "s3:PutObject"));
        assert!(!on("Bool", "aws:SecureTransport", "s3:*"));
    }

    #[test]
    fn actions_are_known_by_their_iam_names() {
        assert!(matches_known_action("s3:Put*Retention") && matches_known_action("kms:Decrypt"));
        assert!(!matches_known_action("s3:PutObjectLockConfiguration"));
        assert_eq!(
            meant_action("s3:PutObjectLockConfiguration"),
            Some("s3:PutBucketObjectLockConfiguration")
        );
        // Every trap is one, and leads to an action that exists.
        for trap in ["s3:CopyObject", "s3:HeadObject", "s3:DeleteVersion", "s3:PutBucketLifecycle"] {
            assert!(!matches_known_action(trap), "{trap}");
            assert!(matches_known_action(meant_action(trap).unwrap()), "{trap}");
        }
    }
}
