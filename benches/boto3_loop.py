"""What people write without wormproof: list all versions, ask for the retention of each, one after the other.

It is the loop of a compliance audit in boto3, with everything in its favour: one request a version (most scripts ask
for the legal hold, too), one client, kept connections, no output. Prints versions, locked ones and seconds as JSON; the
seconds leave out the start of Python and the import of boto3.
"""

import argparse
import json
import time

import boto3
from botocore.config import Config


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--access-key", required=True)
    parser.add_argument("--secret-key", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--most", type=int, required=True, help="end after so many versions")
    args = parser.parse_args()
    client = boto3.client(
        "s3",
        endpoint_url=args.endpoint,
        aws_access_key_id=args.access_key,
        aws_secret_access_key=args.secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    began = time.perf_counter()
    versions = locked = 0
    for page in client.get_paginator("list_object_versions").paginate(Bucket=args.bucket):
        for version in page.get("Versions", []):
            answer = client.get_object_retention(
                Bucket=args.bucket, Key=version["Key"], VersionId=version["VersionId"]
            )
            locked += answer["Retention"]["Mode"] == "COMPLIANCE"
            versions += 1
            if versions == args.most:
                break
        if versions == args.most:
            break
    print(json.dumps({"versions": versions, "locked": locked, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
