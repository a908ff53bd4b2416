import json

import httpx
import jwt
import pytest
from botocore.exceptions import ClientError
from cloud import Cloud

from geoscope.secrets import read_s3_keys, read_secret


@pytest.fixture(scope="session")
def cloud(new_platform):
    cloud = Cloud(new_platform())
    yield cloud
    cloud.end()


@pytest.fixture
def refused():
    """Tell with which code a call was refused."""

    def call(function, *arguments, **parameters):
        with pytest.raises(ClientError) as caught:
            function(*arguments, **parameters)
        return caught.value.response["Error"]["Code"]

    return call


@pytest.fixture(scope="session")
def platform_s3(cloud):
    """The platform's own S3 client, which may do everything."""
    keys = read_s3_keys(cloud.platform.settings, "platform")
    return cloud.client("s3", keys.access_key, keys.secret_key)


@pytest.fixture
def filer(cloud):
    """Change the store's own files behind the portal's back, or list the names of a folder."""
    settings = cloud.platform.settings

    def ask(method, path, document=None):
        secret = "object-store-filer-read" if method == "GET" else "object-store-filer"
        token = jwt.encode({}, read_secret(settings, secret), algorithm="HS256")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        content = document if isinstance(document, bytes) else json.dumps(document)
        files = {"file": ("x", content, "application/json")} if method == "POST" else None
        address = f"{cloud.filer_url}/etc/iam/{path}"
        parameters = {"saveInside": "true", "limit": "1000"}
        answer = httpx.request(method, address, params=parameters, headers=headers, files=files)
        assert answer.is_success, answer.text
        entries = answer.json()["Entries"] or () if method == "GET" else ()
        return [entry["FullPath"].rpartition("/")[2] for entry in entries]

    return ask
