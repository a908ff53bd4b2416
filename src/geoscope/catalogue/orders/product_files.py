"""Which files of an item are its product, and where they are fetched from."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from geoscope.catalogue.orders.models import SourceFile
from geoscope.catalogue.orders.origins import OriginRefusedError, require_origin
from geoscope.catalogue.orders.sources import SOURCE_BUCKETS, safe_name
from geoscope.catalogue.placeholders import BASE, S3
from geoscope.errors import InvalidInputError
from geoscope.settings import OrderSettings

type Asset = Mapping[str, Any]

# Multihash code of SHA-256 and its length, as `file:checksum` begins (STAC file extension).
_SHA_256 = "1220"

# Cubes of many objects, that nobody downloads as one file.
_NO_FILES = ("application/vnd+zarr", "application/vnd.zarr", "application/x-zarr")


def data_assets(item: Mapping[str, Any]) -> dict[str, Asset]:
    """Return the assets that are the product: those of role `data`, or the only one that there is."""
    files = {key: asset for key, asset in item["assets"].items() if _is_file(asset)}
    with_role = {key: asset for key, asset in files.items() if "data" in (asset.get("roles") or ())}
    return with_role or (files if len(item["assets"]) == 1 else {})


def product_files(item: Mapping[str, Any], settings: OrderSettings) -> tuple[SourceFile, ...]:
    """Return what is fetched to deliver an item.

    Raises
    ------
    InvalidInputError
        If the item has no file that could be fetched.
    OriginRefusedError
        If one lies where nothing may be fetched from.
    """
    found: dict[str, SourceFile] = {}
    for key, asset in data_assets(item).items():
        href = object_address(str(_origin(asset)))
        _require_allowed(href, settings)
        name = safe_name(href, safe_name(key, "product"))
        file = SourceFile(
            href=href,
            name=name if name not in found else f"{safe_name(key, 'product')}-{name}",
            media_type=str(asset.get("type") or "application/octet-stream"),
            size=asset.get("file:size"),
            sha256=_sha256(asset),
        )
        found[file.name] = file
    if not found:
        raise InvalidInputError(
            f"The item {item['id']!r} has no file that could be delivered.",
            "Its assets say where its data is.",
        )
    return tuple(found.values())


def object_address(href: str) -> str:
    """Return an address in this platform's object store as `s3://bucket/key`; any other as it is."""
    for begin in (f"{S3}/", f"{BASE}/data/"):
        if href.startswith(begin):
            return f"s3://{href.removeprefix(begin)}"
    return quote(href, safe=":/?#[]@!$&'()*+,;=%~") if href.startswith("s3://") else href


def _is_file(asset: Asset) -> bool:
    href, media_type = str(asset.get("href")), str(asset.get("type")).partition(";")[0]
    return not (media_type in _NO_FILES or href.rstrip("/").endswith(".zarr") or href.endswith("/"))


def _origin(asset: Asset) -> object:
    alternate = asset.get("alternate")
    origin = alternate.get("origin") if isinstance(alternate, Mapping) else None
    return origin["href"] if isinstance(origin, Mapping) and "href" in origin else asset["href"]


def _require_allowed(href: str, settings: OrderSettings) -> None:
    if not href.startswith("s3://"):
        require_origin(href, settings)
    elif (bucket := href.removeprefix("s3://").partition("/")[0]) not in SOURCE_BUCKETS:
        raise OriginRefusedError(
            f"Products may not be fetched from the bucket {bucket!r}.",
            f"They may from {', '.join(SOURCE_BUCKETS)}.",
        )


def _sha256(asset: Asset) -> str | None:
    checksum = str(asset.get("file:checksum") or "").lower()
    return checksum.removeprefix(_SHA_256) if checksum.startswith(_SHA_256) else None
