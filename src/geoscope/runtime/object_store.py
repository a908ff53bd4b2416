"""SeaweedFS on one machine: its command line, what each identity may do, and whose tokens are worth keys.

`weed mini` and these options were chosen by measurement: first object after half a second, clean stop in two,
no acknowledged object lost when killed.
"""

import base64
import json
from dataclasses import asdict
from typing import Any

from geoscope.access import AUDIENCE, TOKEN_LIFETIME_S
from geoscope.objects import BUCKETS, PUBLIC_BUCKETS
from geoscope.runtime.data_folder import socket_folder
from geoscope.secrets import read_s3_keys, read_secret, write_secret
from geoscope.settings import Settings

PORTS = ("master", "master-grpc", "volume", "volume-grpc", "filer", "filer-grpc", "s3", "s3-grpc")

# SeaweedFS's own worker looks for the admin server's gRPC port this far above its HTTP port, whatever is set.
ADMIN_GRPC_DISTANCE = 10_000

# Without a limit the Go heap grew to 1.2 GB under load. Its buffers count whole, though most of their pages
# are never touched: some 250 MiB with a few buckets. A limit near that has the collector run for ever, which
# took 12 to 16 % of a core from idle platforms.
MEMORY_LIMIT = "512MiB"

_ALL_ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]
_RIGHTS = {
    "platform": _ALL_ACTIONS,
    "data-apis": ["Read", "List"],
    "jobs": [
        *("Read", "List", "Tagging"),
        *("Write:archive", "Write:collections", "Write:demo", "Write:products"),
        *("Write:public-twins", "Write:twins"),
    ],
    # Signs the addresses that users upload their files to.
    "uploads": ["Write:collections"],
    "administrator": ["Read", "List", "Write:home-administrator", "Tagging:home-administrator"],
}


def arguments(settings: Settings, ports: dict[str, int]) -> tuple[str, ...]:
    """Return the arguments of `weed` and write the file of identities that they name."""
    sockets = socket_folder(settings.data_dir)
    options = {
        "dir": settings.data_dir / "objects",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.port": ports["master"],
        "master.port.grpc": ports["master-grpc"],
        "master.telemetry": "false",
        "volume.port": ports["volume"],
        "volume.port.grpc": ports["volume-grpc"],
        "filer.port": ports["filer"],
        "filer.port.grpc": ports["filer-grpc"],
        "filer.localSocket": sockets / "filer.sock",
        # Listed by the portal alone: the filer wants a token signed with its key.
        "filer.disableDirListing": "false",
        "s3.port": ports["s3"],
        "s3.port.grpc": ports["s3-grpc"],
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.localSocket": sockets / "s3.sock",
        "s3.config": write_identities(settings),
        "s3.iam.config": write_token_service(settings),
        # Else whoever holds a key could make more of them. The portal writes users' keys by the filer.
        "s3.iam.readOnly": "true",
        "s3.autoCreateBucket": "false",
        "webdav": "false",
        "admin.ui": "false",
        "admin.port": ports["admin"],
        "admin.port.grpc": ports["admin-grpc"],
        "bucket": ",".join(BUCKETS),
    }
    return ("-logtostderr", "mini", *(f"-{name}={value}" for name, value in options.items()))


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables that carry SeaweedFS's own secrets.

    Without these keys any local process could read everything through the ports behind S3.
    """
    secrets = {
        "WEED_JWT_SIGNING_KEY": "object-store-volume",
        "WEED_JWT_SIGNING_READ_KEY": "object-store-volume-read",
        "WEED_JWT_FILER_SIGNING_KEY": "object-store-filer",
        "WEED_JWT_FILER_SIGNING_READ_KEY": "object-store-filer-read",
        "WEED_ADMIN_PASSWORD": "object-store-admin",
    }
    variables = {name: read_secret(settings, secret) for name, secret in secrets.items()}
    return variables | {"GOMEMLIMIT": MEMORY_LIMIT}


def write_identities(settings: Settings) -> str:
    """Write who may do what as SeaweedFS reads it, and return the file's path."""
    identities: list[dict[str, Any]] = []
    for name, actions in _RIGHTS.items():
        keys = asdict(read_s3_keys(settings, name))
        credentials = [{"accessKey": keys["access_key"], "secretKey": keys["secret_key"]}]
        identities.append({"name": name, "credentials": credentials, "actions": actions})
    identities.append({"name": "anonymous", "actions": [f"Read:{bucket}" for bucket in PUBLIC_BUCKETS]})
    path = settings.data_dir / "secrets" / "object-store-identities.json"
    write_secret(path, json.dumps({"identities": identities}))
    return str(path)


def write_token_service(settings: Settings) -> str:
    """Write how the store turns this platform's access tokens into keys, and return the file's path.

    A session lives as long as a token, whatever is asked for, and has at each moment the rights of the policy
    that is named as the user is. Only tokens of users carry `preferred_username`: those of the
    platform's own parts are worth no keys.
    """
    provider = {
        "issuer": settings.public_url,
        "clientId": AUDIENCE,
        "jwksUri": f"{settings.internal.portal_url}/.well-known/jwks.json",
        "policyClaim": "preferred_username",
    }
    signing_key = base64.b64encode(read_secret(settings, "object-store-tokens").encode()).decode()
    document = {
        "sts": {
            "issuer": "geoscope-object-store",
            "signingKey": signing_key,
            "tokenDuration": f"{TOKEN_LIFETIME_S}s",
            "maxSessionLength": f"{TOKEN_LIFETIME_S}s",
        },
        "policy": {"defaultEffect": "Deny", "storeType": "memory"},
        "providers": [{"name": "geoscope", "type": "oidc", "enabled": True, "config": provider}],
    }
    path = settings.data_dir / "secrets" / "object-store-token-service.json"
    write_secret(path, json.dumps(document))
    return str(path)
