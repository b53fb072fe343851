"""Fills a bucket with locked versions, fast: every PUT is signed once and sent again and again on a kept connection.

Each repetition makes a version of its own, because the bucket has versioning. Nothing of this is measured.
"""

import base64
import datetime
import hashlib
import socket
import threading
import urllib.parse

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

CONNECTIONS = 4
AT_ONCE = 10  # requests sent before their answers are read
BODY = b"2024-03-01,BUY,100,ACME\n"


def fill(endpoint, access_key, secret_key, bucket, versions, a_key=10):
    """Makes the bucket with Object Lock and `versions` versions under COMPLIANCE, `a_key` of each key."""
    boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    ).create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    credentials = Credentials(access_key, secret_key)
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=4000)
    keys = -(-versions // a_key)
    requests = [_put(endpoint, credentials, bucket, key(n), until) for n in range(keys)]
    wanted = [(request, min(a_key, versions - n * a_key)) for n, request in enumerate(requests)]
    address = urllib.parse.urlsplit(endpoint)
    failed = []

    def send(part):
        try:
            with socket.create_connection((address.hostname, address.port)) as connection:
                for request, copies in part:
                    for done in range(0, copies, AT_ONCE):
                        _send(connection, request, min(AT_ONCE, copies - done))
        except (OSError, RuntimeError) as error:
            failed.append(error)

    threads = [threading.Thread(target=send, args=(wanted[n::CONNECTIONS],)) for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def key(number):
    """The key of a number."""
    return f"records/2024/{number:08}.csv"


def _put(endpoint, credentials, bucket, key, until):
    """One signed PUT as bytes."""
    headers = {
        "Content-MD5": base64.b64encode(hashlib.md5(BODY).digest()).decode(),
        "x-amz-object-lock-mode": "COMPLIANCE",
        "x-amz-object-lock-retain-until-date": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    request = AWSRequest("PUT", f"{endpoint}/{bucket}/{key}", data=BODY, headers=headers)
    S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    lines = [f"PUT /{bucket}/{key} HTTP/1.1", f"Host: {urllib.parse.urlsplit(endpoint).netloc}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    lines += [f"Content-Length: {len(BODY)}", "", ""]
    return "\r\n".join(lines).encode() + BODY


def _send(connection, request, copies):
    """Sends copies and reads their answers, which have no body."""
    connection.sendall(request * copies)
    received = b""
    while received.count(b"\r\n\r\n") < copies:
        more = connection.recv(65536)
        if not more:
            raise RuntimeError("the server closed a connection while the bucket was filled")
        received += more
    if received.count(b"HTTP/1.1 200") != copies:
        raise RuntimeError("a write was refused: " + received.decode(errors="replace")[:600])
