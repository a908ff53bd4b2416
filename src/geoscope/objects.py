"""The object store, as a service of the platform opens it: S3 with the keys of one identity."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from obstore.store import S3Store

from geoscope.errors import InvalidInputError
from geoscope.secrets import S3Keys
from geoscope.settings import Settings

if TYPE_CHECKING:
    import icechunk

# Any name will do: S3 signatures carry a region, SeaweedFS has none.
REGION = "us-east-1"

BUCKETS = (
    *("archive", "collections", "demo", "home-administrator", "products"),
    *("public-twins", "twins"),
)
# Everybody reads their objects, with no keys.
PUBLIC_BUCKETS = ("demo", "public-twins")

_ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(?P<key>[^\x00-\x1f]*))?")


class Place(NamedTuple):
    """A folder or an object of the object store; keys have no slash at either end."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, address: str) -> Self:
        """Read an `s3://` address.

        Raises
        ------
        InvalidInputError
            If it is none.
        """
        match = _ADDRESS.fullmatch(address)
        key = (match["key"] or "").strip("/") if match else ""
        if match is None or any(part in ("", ".", "..") for part in (key.split("/") if key else [])):
            raise InvalidInputError(
                f"The address {address[:200]!r} cannot be used.",
                "Expected s3://BUCKET or s3://BUCKET/FOLDER.",
            )
        return cls(match["bucket"], key)

    @property
    def address(self) -> str:
        """The `s3://` address."""
        return f"s3://{self.bucket}/{self.key}".rstrip("/")

    def below(self, path: str) -> "Place":
        """Return a place inside of this folder."""
        return Place(self.bucket, f"{self.key}/{path}".strip("/"))

    def holds(self, other: "Place") -> bool:
        """Tell whether another place is this one or lies inside of it."""
        inside = not self.key or other.key == self.key or other.key.startswith(self.key + "/")
        return other.bucket == self.bucket and inside


def s3_address(asset: Mapping[str, Any]) -> str | None:
    """Return where an asset of an item lies in an object store: its `s3://` address, if it says one."""
    alternates = (each.get("href") for each in (asset.get("alternate") or {}).values())
    addresses = (str(href) for href in (asset.get("href"), *alternates))
    return next((address for address in addresses if address.startswith("s3://")), None)


def open_bucket(
    settings: Settings, bucket: str, keys: S3Keys, *, prefix: str | None = None, patient: bool = True
) -> S3Store:
    """Open a bucket of the installation's object store, inside the edge.

    Parameters
    ----------
    settings : Settings
        Says where the object store listens.
    bucket : str
        Name of the bucket.
    keys : S3Keys
        Whose rights the reads and writes have.
    prefix : str, optional
        Keys are relative to it.
    patient : bool
        Whether to try again, for a minute and more, while the object store does not answer.
    """
    return S3Store(
        bucket,
        prefix=prefix,
        endpoint=settings.internal.object_store_url,
        region=REGION,
        access_key_id=keys.access_key,
        secret_access_key=keys.secret_key,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True, "timeout": "60s" if patient else "3s"},
        retry_config=None if patient else {"max_retries": 0},
    )


def icechunk_storage(settings: Settings, place: Place, keys: S3Keys | None) -> "icechunk.Storage":
    """Return where an Icechunk repository lies in the installation's object store, inside the edge.

    Parameters
    ----------
    settings : Settings
        Says where the object store listens.
    place : Place
        The folder of the repository.
    keys : S3Keys or None
        Whose rights the reads and writes have; None for a stranger's.
    """
    import icechunk  # noqa: PLC0415 (takes half a second, and few processes need it)

    credentials = (
        icechunk.s3_credentials(access_key_id=keys.access_key, secret_access_key=keys.secret_key)
        if keys
        else icechunk.s3_credentials(anonymous=True)
    )
    # Of Icechunk's two clients of S3 this one takes half the time to store a chunk.
    return icechunk.Storage.new_s3_object_store(
        config=icechunk.S3Options(
            region=REGION,
            endpoint_url=settings.internal.object_store_url,
            allow_http=True,
            anonymous=keys is None,
            force_path_style=True,
        ),
        bucket=place.bucket,
        prefix=place.key,
        credentials=credentials,
    )
