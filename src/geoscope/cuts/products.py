"""What jobs have cut: objects of the bucket `products`, each at an address nobody guesses, that expires.

The key itself says when that is, so that there is no list to be kept: `cuts/SECONDS-SECRET/NAME`.
"""

import re
import secrets
import time
from pathlib import Path

from fastapi import Request, Response
from obstore import put
from obstore.exceptions import BaseError as ObjectStoreError
from obstore.store import S3Store

from geoscope.errors import NotFoundError, UnavailableError
from geoscope.object_responses import object_response
from geoscope.objects import open_bucket
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings, current_settings

BUCKET = "products"
PREFIX = "cuts/"

_PRODUCT = re.compile(r"(?P<expires>\d{10,12})-[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")
_PART_BYTES = 16 * 1024**2
_MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".covjson": "application/prs.coverage+json",
    ".nc": "application/x-netcdf",
    ".zip": "application/zip",
    ".parquet": "application/vnd.apache.parquet",
}


def new_product(keep_days: float) -> str:
    """Return the id of a product that expires after so many days."""
    return f"{int(time.time() + keep_days * 86_400)}-{secrets.token_urlsafe(32)}"


def expiry_of(product: str) -> int | None:
    """Return when a product expires, in seconds since 1970; None for what is no id of one."""
    match = _PRODUCT.fullmatch(product)
    return int(match["expires"]) if match else None


def product_address(settings: Settings, product: str, name: str) -> str:
    """Return where a product is downloaded."""
    return f"{settings.public_url}/edr/products/{product}/{name}"


def store_product(settings: Settings, product: str, name: str, path: Path) -> None:
    """Bring a file into the object store, whole or not at all.

    Raises
    ------
    UnavailableError
        If the object store does not answer as it should.
    """
    try:
        put(
            _bucket(settings, "jobs"),
            f"{PREFIX}{product}/{name}",
            path,
            attributes={"Content-Type": _MEDIA_TYPES[path.suffix]},
            chunk_size=_PART_BYTES,
        )
    except ObjectStoreError as error:
        raise UnavailableError(f"The object store does not answer as it should: {error}") from error


def remove_expired(settings: Settings) -> int:
    """Remove the products whose time is over, and return how many there were."""
    removed, now = 0, time.time()
    bucket = _bucket(settings, "jobs")
    try:
        for page in bucket.list(PREFIX):
            paths = [found["path"] for found in page]
            over = [path for path in paths if _is_over(path.removeprefix(PREFIX).partition("/")[0], now)]
            if over:
                bucket.delete(over)
            removed += len(over)
    except ObjectStoreError as error:
        raise UnavailableError(f"The object store does not answer as it should: {error}") from error
    return removed


async def product_response(request: Request, product: str, name: str) -> Response:
    """Answer with a product.

    Raises
    ------
    NotFoundError
        If there is none, or none any more.
    """
    if _is_over(product, time.time()) or not _NAME.fullmatch(name):
        raise NotFoundError("There is no such product, or it was removed when its time was over.")
    media_type = _MEDIA_TYPES.get(Path(name).suffix, "application/octet-stream")
    store = _bucket(current_settings(), "data-apis")
    response = await object_response(
        request, store, f"{PREFIX}{product}/{name}", media_type=media_type, file_name=name
    )
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def _is_over(product: str, now: float) -> bool:
    expires = expiry_of(product)
    return expires is None or expires <= now


def _bucket(settings: Settings, identity: str) -> S3Store:
    return open_bucket(settings, BUCKET, read_s3_keys(settings, identity))
