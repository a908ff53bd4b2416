"""A platform with people, and S3 clients as they use them: from outside, through the edge."""

import json
import subprocess
import sys
import time
from pathlib import Path

import boto3
import httpx
import psutil
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from geoscope.access import issue_token

IDENTITY_TESTS = Path(__file__).parents[1] / "identity"
sys.path.insert(0, str(IDENTITY_TESTS))

from live_portal import CLIENTS, Visitor  # noqa: E402

PASSWORD = "four score and seven years"
ROLE = "arn:aws:iam:::role/sts-claim-based"


class Cloud:
    """A platform, its people, and what their programs do with its S3 endpoint."""

    def __init__(self, platform):
        self.platform = platform
        self.visitors, self.number = {}, 0
        platform.start("--no-demo")
        self._begin()
        self.make(clients=CLIENTS)

    def _begin(self):
        environment = psutil.Process(self.platform.pid("portal")).environ()
        self.filer_url = environment["GEOSCOPE_INTERNAL__OBJECT_STORE_FILER_URL"]
        command = [sys.executable, str(IDENTITY_TESTS / "people.py")]
        pipe = subprocess.PIPE
        self._people = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)

    def make(self, **told):
        """Make or change people, as `people.py` says."""
        self._people.stdin.write(json.dumps(told) + "\n")
        self._people.stdin.flush()
        assert self._people.stdout.readline() == "done\n"

    def person(self, entity=None, name=None):
        """Make somebody nobody else uses, and return their name."""
        self.number += 1
        name = name or f"person-{self.number}"
        self.make(users=[{"name": name, "password": PASSWORD}])
        if entity:
            self.make(entities=[{"slug": entity, "title": entity, "members": [name]}])
        return name

    def visitor(self, name):
        """Return the browser of somebody who has signed in."""
        if name not in self.visitors:
            # Each from an address of their own, as sign-ins are limited by address; the edge would say ours.
            address = f"198.51.100.{len(self.visitors) + 1}"
            visitor = Visitor(self.platform.settings.internal.portal_url, address)
            assert visitor.sign_in(name, PASSWORD).headers["location"] == "/"
            visitor.submit(visitor.get("/account/reauthenticate/"), password=PASSWORD)
            self.visitors[name] = visitor
        return self.visitors[name]

    def tokens(self, name, **parameters):
        visitor = self.visitor(name)
        answer = visitor.tokens(visitor.code(**parameters))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(self, name, **parameters):
        return self.tokens(name, **parameters)["access_token"]

    def assume(self, token, role=ROLE, **parameters):
        """Change a token into keys, as any S3 client does."""
        client = self.client("sts")
        answer = client.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="tests", WebIdentityToken=token, **parameters
        )
        return answer["Credentials"]

    def s3_of(self, name, **parameters):
        """Return a client of somebody whose bucket, made at their first token, the store knows by now."""
        client = self.with_session(self.assume(self.token(name), **parameters))
        if not parameters:
            allowed_within(lambda: client.list_objects_v2(Bucket=f"home-{name}"))
        return client

    def with_session(self, keys, service="s3"):
        return self.client(service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def client(self, service="s3", access_key=None, secret_key=None, session_token=None, endpoint=None):
        options = {} if access_key else {"signature_version": UNSIGNED}
        config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, **options)
        return boto3.client(
            service,
            endpoint_url=endpoint or self.platform.s3_url,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=session_token,
            config=config,
        )

    def keys(self, method, name, path="", token=None, **options):
        """Ask the API of storage keys with somebody's token."""
        headers = {"Authorization": f"Bearer {token or self.token(name)}"}
        address = f"{self.platform.url}/account/s3-keys{path}"
        return httpx.request(method, address, headers=headers, timeout=60, **options)

    def long_lived(self, person, **fields):
        """Make a key that lives long, and return its document and a client that uses it."""
        answer = self.keys("POST", person, json={"name": "tests"} | fields)
        assert answer.status_code == 201, answer.text
        key = answer.json()
        return key, self.client("s3", key["access_key"], key["secret_key"])

    def known_keys(self, name):
        """Return the access keys that somebody sees as theirs."""
        return {key["access_key"] for key in self.keys("GET", name).json()["keys"]}

    def do_chores(self):
        """Let the portal do what the watch asks of it each minute."""
        settings = self.platform.settings
        token = issue_token(settings, "service:watch", frozenset({"service-watch"}))
        address = f"{settings.internal.portal_url}/health/housekeeping"
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.post(address, headers=headers, timeout=60).status_code == 204

    def end(self):
        self._people.communicate()


def put(client, bucket, key="tests/hello.txt", body=b"Hello!"):
    client.put_object(Bucket=bucket, Key=key, Body=body)
    return client.get_object(Bucket=bucket, Key=key)["Body"].read()


def allowed_within(function, seconds=5.0):
    """Wait until a call is not refused any more."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            return function()
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
        time.sleep(0.02)
    return pytest.fail("It is still refused.")


def denied_within(function, seconds=5.0):
    """Wait until a call is refused: the store obeys in milliseconds, on a machine that is busy in more."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            function()
        except ClientError as error:
            return error.response["Error"]["Code"]
        time.sleep(0.02)
    pytest.fail("It is still allowed.")
