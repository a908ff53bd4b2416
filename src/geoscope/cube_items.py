"""What an item of the catalogue says of its cube."""

from collections.abc import Mapping
from typing import Any

from geoscope.errors import NotFoundError
from geoscope.objects import s3_address

MEDIA_TYPE = "application/vnd.zarr"
# As the platform writes it.
ZARR = f"{MEDIA_TYPE}; version=3"
# Of a cube that grows: an Icechunk repository.
_GROWING_PROFILE = "profile=icechunk"
GROWING = f"{ZARR}; {_GROWING_PROFILE}"

type Document = dict[str, Any]


def is_cube(item: Document) -> bool:
    """Tell whether an item has a cube among its assets."""
    return any(str(asset.get("type", "")).startswith(MEDIA_TYPE) for asset in item.get("assets", {}).values())


def cube_address(item: Document) -> str:
    """Return where the cube of an item is: its `s3://` address.

    Raises
    ------
    NotFoundError
        If no asset is a Zarr group in an object store.
    """
    return str(s3_address(cube_asset(item)))


def cube_asset(item: Document) -> Document:
    """Return the asset of an item that is its cube.

    Raises
    ------
    NotFoundError
        If no asset is a Zarr group in an object store.
    """
    for asset in item.get("assets", {}).values():
        if str(asset.get("type", "")).startswith(MEDIA_TYPE) and s3_address(asset) is not None:
            found: Document = asset
            return found
    raise NotFoundError(f"The item {item.get('id')!r} has no cube.", "Only Zarr groups can be cut and drawn.")


def is_growing(asset: Mapping[str, Any]) -> bool:
    """Tell whether a cube is one that grows, by its asset."""
    return _GROWING_PROFILE in str(asset.get("type", ""))
