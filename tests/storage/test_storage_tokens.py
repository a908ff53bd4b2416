"""An access token is worth keys to one's own buckets, for as long as the token lives, and to nothing else."""

import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time

import httpx
import jwt
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cloud import ROLE, denied_within, put
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from geoscope.access import TOKEN_LIFETIME_S, issue_token
from geoscope.access.signing_keys import signing_keys
from geoscope.access.tokens import sign
from geoscope.secrets import new_signing_key, read_s3_keys, read_secret

PUBLIC_TO_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}],
}
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


@pytest.fixture(scope="module")
def ada(cloud):
    return cloud.person(entity="ice-lab", name="ada")


@pytest.fixture(scope="module")
def bob(cloud):
    """Somebody else, with an object that is nobody's business."""
    put(cloud.s3_of(cloud.person(name="bob")), "home-bob", "secret", b"bob's own")
    return "bob"


@pytest.fixture(scope="module")
def s3(cloud, ada):
    return cloud.s3_of(ada)


@pytest.mark.parametrize("bucket", ["home-ada", "entity-ice-lab"])
def test_own_buckets_are_there_at_first_use_and_take_all_that_one_does_with_objects(s3, bucket):
    assert put(s3, bucket) == b"Hello!"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["tests/hello.txt"]
    tags = [{"Key": "kind", "Value": "greeting"}]
    s3.put_object_tagging(Bucket=bucket, Key="tests/hello.txt", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=bucket, Key="tests/hello.txt")["TagSet"] == tags
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "tests/hello.txt"})
    begun = s3.create_multipart_upload(Bucket=bucket, Key="in-parts")["UploadId"]
    part = {"Bucket": bucket, "Key": "in-parts", "UploadId": begun}
    etag = s3.upload_part(**part, PartNumber=1, Body=b"a part")["ETag"]
    assert len(s3.list_parts(**part)["Parts"]) == 1
    assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    given_up = s3.create_multipart_upload(Bucket=bucket, Key="given-up")["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key="given-up", UploadId=given_up)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "copy"}, {"Key": "in-parts"}]})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_public_buckets_are_read_and_listed_and_not_written(cloud, s3, platform_s3, refused):
    platform_s3.put_object(Bucket="demo", Key="tests/public.txt", Body=b"for all")
    assert s3.get_object(Bucket="demo", Key="tests/public.txt")["Body"].read() == b"for all"
    assert s3.list_objects_v2(Bucket="demo", Prefix="tests/")["KeyCount"] == 1
    assert refused(s3.put_object, Bucket="demo", Key="tests/public.txt", Body=b"") == "AccessDenied"
    assert refused(s3.delete_object, Bucket="demo", Key="tests/public.txt") == "AccessDenied"
    address = f"{cloud.platform.url}/data/demo/tests/public.txt"
    assert httpx.get(address).content == b"for all"


@pytest.mark.parametrize("bucket", ["home-bob", "home-administrator", "archive", "collections", "products"])
def test_buckets_of_others_are_closed(cloud, bob, s3, platform_s3, refused, bucket):
    platform_s3.put_object(Bucket=bucket, Key="kept", Body=b"kept")
    assert refused(s3.get_object, Bucket=bucket, Key="kept") == "AccessDenied"
    assert refused(s3.put_object, Bucket=bucket, Key="kept", Body=b"") == "AccessDenied"
    assert refused(s3.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert refused(s3.delete_object, Bucket=bucket, Key="kept") == "AccessDenied"
    source = {"Bucket": bucket, "Key": "kept"}
    assert refused(s3.copy_object, Bucket="home-ada", Key="x", CopySource=source) == "AccessDenied"
    odd = {"Bucket": "home-ada", "Key": f"../{bucket}/kept"}
    with pytest.raises(ClientError):
        s3.copy_object(Bucket="home-ada", Key="x", CopySource=odd)
    with pytest.raises(ClientError):
        s3.get_object(Bucket="home-ada", Key=f"../{bucket}/kept")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "kept"}]})
    assert [each["Code"] for each in answer["Errors"]] == ["AccessDenied"]
    assert platform_s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"kept"


def test_only_what_one_may_read_is_listed(bob, s3):
    buckets = {each["Name"] for each in s3.list_buckets()["Buckets"]}
    assert buckets == {"demo", "entity-ice-lab", "home-ada", "public-twins"}


def test_buckets_are_made_removed_configured_and_opened_to_others_by_the_platform_alone(cloud, s3, refused):
    put(s3, "home-ada")
    one_rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    days = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    own = {"Bucket": "home-ada"}
    tries = [
        (s3.create_bucket, {"Bucket": "mine"}),
        (s3.create_bucket, {"Bucket": "home-ada-2"}),
        (s3.delete_bucket, own),
        (s3.put_bucket_policy, own | {"Policy": json.dumps(PUBLIC_TO_ALL)}),
        (s3.delete_bucket_policy, own),
        (s3.put_bucket_acl, own | {"ACL": "public-read"}),
        (s3.put_object_acl, own | {"Key": "tests/hello.txt", "ACL": "public-read"}),
        (s3.put_bucket_cors, own | {"CORSConfiguration": {"CORSRules": [one_rule]}}),
        (s3.put_bucket_lifecycle_configuration, own | {"LifecycleConfiguration": {"Rules": [days]}}),
        (s3.put_bucket_versioning, own | {"VersioningConfiguration": {"Status": "Enabled"}}),
        (s3.put_bucket_notification_configuration, own | {"NotificationConfiguration": {}}),
        (s3.put_bucket_tagging, own | {"Tagging": {"TagSet": []}}),
    ]
    assert {refused(call, **parameters) for call, parameters in tries} == {"AccessDenied"}
    s3.put_object(Bucket="home-ada", Key="opened.txt", Body=b"mine", ACL="public-read")
    for address in (
        f"{cloud.platform.s3_url}/home-ada/opened.txt",
        f"{cloud.platform.url}/data/home-ada/opened.txt",
    ):
        assert httpx.get(address).status_code == 403


def test_keys_live_as_long_as_a_token_and_not_longer(cloud, ada, refused):
    token = cloud.token(ada)
    for duration in ({}, {"DurationSeconds": 900}, {"DurationSeconds": 3600}):
        keys = cloud.assume(token, **duration)
        assert 0 < keys["Expiration"].timestamp() - time.time() <= TOKEN_LIFETIME_S
    secret = read_secret(cloud.platform.settings, "object-store-tokens")
    claims = jwt.decode(keys["SessionToken"], secret, algorithms=["HS256"])
    for exp, answer in ((int(time.time()) + 60, None), (int(time.time()) - 5, "InvalidAccessKeyId")):
        session = keys | {"SessionToken": jwt.encode(claims | {"exp": exp}, secret, algorithm="HS256")}
        s3 = cloud.with_session(session)
        if answer:
            assert refused(s3.list_objects_v2, Bucket="home-ada") == answer
        else:
            assert s3.list_objects_v2(Bucket="home-ada")["KeyCount"] >= 0


def test_a_client_that_knows_the_token_as_a_file_needs_no_code(cloud, ada, tmp_path):
    (tmp_path / "token").write_text(cloud.token(ada))
    environment = os.environ | {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_ARN": ROLE,
        "AWS_ENDPOINT_URL": cloud.platform.s3_url,
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    code = "import boto3; print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "home-ada" in done.stdout, done.stderr


def test_tokens_that_are_not_for_this_are_worth_nothing(cloud, ada, refused):
    settings = cloud.platform.settings
    tokens = cloud.tokens(ada)
    good = tokens["access_token"]
    claims = jwt.decode(good, options={"verify_signature": False})
    head = jwt.get_unverified_header(good)
    ring = signing_keys(settings)[0]
    public = ring.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    none = jwt.encode(claims, None, algorithm="none", headers={"kid": head["kid"]})
    shared = _hs256(claims, public, head["kid"])
    tries = {
        "id token": tokens["id_token"],
        "for a client": cloud.token(ada, scope="openid profile"),
        "other audience": sign(settings, claims | {"aud": "somebody-else"}),
        "realm": sign(
            settings, {k: v for k, v in claims.items() if k != "aud"} | {"iss": settings.realm_issuers[0]}
        ),
        "other issuer": sign(settings, claims | {"iss": "https://elsewhere.example"}),
        "expired": sign(settings, claims | {"exp": int(time.time()) - 60}),
        "not yet": sign(settings, claims | {"nbf": int(time.time()) + 600}),
        "alg none": none,
        "public key as secret": shared,
        "strange key": jwt.encode(claims, new_signing_key(), algorithm="RS256", headers=head),
        "part of the platform": issue_token(settings, "service:watch", frozenset({"administrator"})),
        "session": issue_token(settings, "ada"),
        "two names": sign(settings, claims | {"preferred_username": ""}),
        "no token": "x" * 40,
    }
    answers = {}
    for name, token in tries.items():
        try:
            cloud.assume(token)
            answers[name] = "taken"
        except ClientError as error:
            answers[name] = error.response["Error"]["Code"]
    allowed = {"AccessDenied", "InvalidParameterValue", "ExpiredTokenException"}
    assert {name: code for name, code in answers.items() if code not in allowed} == {}


@pytest.mark.parametrize("name", ["administrator", "platform", "bob", "admin", "sts-claim-based/../platform"])
def test_there_are_no_roles_to_take(cloud, ada, bob, refused, name):
    token = cloud.token(ada)
    for account in ("", "000000000000"):
        role = f"arn:aws:iam::{account}:role/{name}"
        assert refused(cloud.assume, token, role=role) in ("AccessDenied", "InvalidParameterValue")


def test_a_session_policy_narrows_and_never_widens(cloud, ada, bob, refused):
    wide = cloud.s3_of(ada, Policy=json.dumps(EVERYTHING))
    assert put(wide, "home-ada") == b"Hello!"
    assert refused(wide.get_object, Bucket="home-bob", Key="secret") == "AccessDenied"
    assert refused(wide.create_bucket, Bucket="mine") == "AccessDenied"
    reading = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::home-ada/tests/*"}
    narrow = cloud.s3_of(ada, Policy=json.dumps({"Version": "2012-10-17", "Statement": [reading]}))
    assert narrow.get_object(Bucket="home-ada", Key="tests/hello.txt")["Body"].read() == b"Hello!"
    assert refused(narrow.put_object, Bucket="home-ada", Key="tests/x", Body=b"") == "AccessDenied"


def test_user_management_and_further_tokens_are_closed_to_everybody_outside(cloud, ada, refused):
    _key, _s3 = cloud.long_lived(ada)
    settings = cloud.platform.settings
    admin = read_s3_keys(settings, "platform")
    session = cloud.assume(cloud.token(ada))
    holders = [
        (_key["access_key"], _key["secret_key"], None),
        (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]),
        # Even the platform's own keys, were they stolen, manage nobody from outside.
        (admin.access_key, admin.secret_key, None),
    ]
    for holder in holders:
        iam, sts = cloud.client("iam", *holder), cloud.client("sts", *holder)
        tries = [
            (iam.create_user, {"UserName": "evil"}),
            (iam.create_access_key, {}),
            (iam.create_access_key, {"UserName": "platform"}),
            (iam.list_access_keys, {}),
            (iam.list_users, {}),
            (iam.get_user, {}),
            (
                iam.put_user_policy,
                {"UserName": "ada", "PolicyName": "x", "PolicyDocument": json.dumps(EVERYTHING)},
            ),
            (iam.attach_user_policy, {"UserName": "ada", "PolicyArn": "arn:aws:iam:::policy/bob-the-other"}),
            (iam.create_policy, {"PolicyName": "evil", "PolicyDocument": json.dumps(EVERYTHING)}),
            (iam.delete_policy, {"PolicyArn": "arn:aws:iam:::policy/ada-the-other"}),
            (sts.assume_role, {"RoleArn": ROLE, "RoleSessionName": "tests"}),
            (sts.get_federation_token, {"Name": "evil"}),
            (sts.get_caller_identity, {}),
        ]
        for call, parameters in tries:
            assert refused(call, **parameters), (holder, call)
    for holder in holders[:2]:
        assert refused(cloud.client("s3tables", *holder).create_table_bucket, name="evil-bucket")


@pytest.mark.parametrize("target", ["/", "//", "/?Action=CreateUser", "/./", "/%2e/", "/x/../", ""])
def test_no_spelling_of_the_root_leads_to_user_management(cloud, target):
    """The same request as `create_user` with the platform's own keys, signed for each spelling."""
    keys = read_s3_keys(cloud.platform.settings, "platform")
    body = "Action=ListUsers&Version=2010-05-08"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", cloud.platform.s3_url + "/", data=body, headers=headers)
    SigV4Auth(Credentials(keys.access_key, keys.secret_key), "iam", "us-east-1").add_auth(request)
    host = f"127.0.0.1:{cloud.platform.s3_port}"
    line = target or f"http://{host}"
    lines = [f"POST {line} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name != "Content-Length"]
    with socket.create_connection(("127.0.0.1", cloud.platform.s3_port), timeout=20) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert not answer.startswith(b"HTTP/1.1 200"), answer
    assert b"administrator" not in answer


def test_what_a_session_may_ends_with_the_membership(cloud):
    name = cloud.person(entity="short-project")
    s3 = cloud.s3_of(name)
    assert put(s3, "entity-short-project") == b"Hello!"
    # An entity has an administrator; the one who leaves is a member.
    cloud.make(left={name: "short-project"})
    assert denied_within(lambda: s3.list_objects_v2(Bucket="entity-short-project")) == "AccessDenied"
    assert put(s3, f"home-{name}") == b"Hello!"


@pytest.mark.parametrize("change", ["switched_off", "deleted"])
def test_a_session_ends_with_the_account(cloud, change):
    name = cloud.person()
    s3 = cloud.s3_of(name)
    assert put(s3, f"home-{name}") == b"Hello!"
    cloud.make(**{change: [name]})
    assert denied_within(lambda: s3.list_objects_v2(Bucket=f"home-{name}")) == "AccessDenied"


def _hs256(claims, secret, key_id):
    """Sign as an attacker would, who hopes that the public key is taken for a shared secret."""

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    text = part({"alg": "HS256", "typ": "JWT", "kid": key_id}) + b"." + part(claims)
    mac = hmac.new(secret, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()
