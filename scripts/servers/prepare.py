"""Prepares a server for an audit: a bucket with Object Lock and a few records, and a principal for each role.

Used by the scripts beside it; boto3 is in the environment that they make.

    prepare.py bucket URL BUCKET                      makes the bucket (keys in ROOT_ACCESS and ROOT_SECRET)
    prepare.py config FILE                            keys for every role, as wormproof.toml names them
    prepare.py seaweedfs CONFIG BUCKET FILE           identities with a policy each, of the keys in CONFIG
    prepare.py bucket-policy CONFIG URL BUCKET        binds the roles by a policy of the bucket that names their access keys
    prepare.py user-policies CONFIG URL               binds users of the roles' names by a policy each (IAM)
    prepare.py iam-users CONFIG URL                   makes users of the roles' names and an administrator (IAM), writes their keys to CONFIG
    prepare.py keys CONFIG                            prints: role, access key, secret key; a line each
"""

import datetime
import json
import os
import pathlib
import re
import secrets
import sys

ROLES = json.loads((pathlib.Path(__file__).parent / "roles.json").read_text())
# The operator is not among them: what it holds are actions of MinIO's admin API.
OF_BUCKETS = {"s3:CreateBucket", "s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketPolicy"}


def client(service, url):
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=os.environ["ROOT_ACCESS"],
        aws_secret_access_key=os.environ["ROOT_SECRET"],
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3}),
    )


# Actions that versitygw and Ceph do not know; a policy with one of them they refuse as a whole.
UNKNOWN = {"s3:ReplicateObject", "s3:ReplicateDelete"}


def statements(role, bucket="*", on_both=False, unknown=frozenset()):
    """What the role may do in the bucket, or in every bucket; on_both: with the bucket itself as a resource of all actions."""
    held = {k: [a for a in v if a not in unknown] for k, v in ROLES[role].items()}
    buckets, objects = [f"arn:aws:s3:::{bucket}"], [f"arn:aws:s3:::{bucket}/*"]
    if held["allow"] == ["s3:*"]:
        found = [{"Effect": "Allow", "Action": ["s3:*"], "Resource": buckets + objects}]
    else:
        found = []
        objects = buckets + objects if on_both else objects
        for actions, resources in (
            ([a for a in held["allow"] if a not in OF_BUCKETS], objects),
            ([a for a in held["allow"] if a in OF_BUCKETS], buckets),
        ):
            if actions:
                found.append({"Effect": "Allow", "Action": actions, "Resource": resources})
    if held["deny"]:
        found.append({"Effect": "Deny", "Action": held["deny"], "Resource": objects})
    return found


def document(found):
    return json.dumps({"Version": "2012-10-17", "Statement": found})


def keys(config):
    """What write_config wrote."""
    table = re.compile(r'\[principals\.(.+)\]\naccess-key = "(.+)"\nsecret-key = "(.+)"\n')
    return {role: (access, secret) for role, access, secret in table.findall(pathlib.Path(config).read_text())}


def write_config(file, pairs):
    text = "".join(f'[principals.{role}]\naccess-key = "{a}"\nsecret-key = "{s}"\n' for role, (a, s) in pairs.items())
    pathlib.Path(file).write_text(text)


def make_bucket(url, bucket):
    s3 = client("s3", url)
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    # A server that does not do it by itself (S3Mock) is asked to.
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    until = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=2)
    for key, mode in (("2024/ledger.csv", "COMPLIANCE"), ("2024/draft.csv", "GOVERNANCE")):
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=b"2024-03-01,BUY,100,ACME\n",
            ObjectLockMode=mode,
            ObjectLockRetainUntilDate=until,
            ChecksumAlgorithm="CRC32",
        )


def seaweedfs(config, bucket, file):
    identities = [
        {
            "name": "administrator",
            "credentials": [{"accessKey": os.environ["ROOT_ACCESS"], "secretKey": os.environ["ROOT_SECRET"]}],
            "actions": ["Admin"],
        }
    ]
    policies = []
    for role, (access, secret) in keys(config).items():
        found = statements(role, bucket) + statements(role, "wormproof-*")
        policies.append({"name": role, "content": document(found)})
        identities.append({"name": role, "credentials": [{"accessKey": access, "secretKey": secret}], "policyNames": [role]})
    pathlib.Path(file).write_text(json.dumps({"identities": identities, "policies": policies}))


def bucket_policy(config, url, bucket):
    found = []
    for role, (access, _) in keys(config).items():
        found += [{**s, "Principal": {"AWS": [access]}} for s in statements(role, bucket, unknown=UNKNOWN | {"s3:CreateBucket"})]
    client("s3", url).put_bucket_policy(Bucket=bucket, Policy=document(found))


def user_policies(config, url):
    # Ceph asks for the right of a batch deletion and of a form on the bucket itself.
    iam = client("iam", url)
    for role in keys(config):
        iam.put_user_policy(UserName=role, PolicyName=role, PolicyDocument=document(statements(role, on_both=True, unknown=UNKNOWN)))


def iam_users(config, url):
    iam, made = client("iam", url), {}
    everything = [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}]
    for role in ["administrator", *ROLES]:
        policy = everything if role == "administrator" else statements(role)
        iam.create_user(UserName=role)
        iam.put_user_policy(UserName=role, PolicyName=role, PolicyDocument=document(policy))
        key = iam.create_access_key(UserName=role)["AccessKey"]
        made[role] = (key["AccessKeyId"], key["SecretAccessKey"])
    write_config(config, made)


def main(command, *arguments):
    match command:
        case "bucket":
            make_bucket(*arguments)
        case "config":
            write_config(arguments[0], {role: ("AKIA" + secrets.token_hex(8).upper(), secrets.token_hex(20)) for role in ROLES})
        case "seaweedfs":
            seaweedfs(*arguments)
        case "bucket-policy":
            bucket_policy(*arguments)
        case "user-policies":
            user_policies(*arguments)
        case "iam-users":
            iam_users(*arguments)
        case "keys":
            for role, (access, secret) in keys(*arguments).items():
                print(role, access, secret)
        case _:
            sys.exit(__doc__)


main(*(sys.argv[1:] or ["help"]))
