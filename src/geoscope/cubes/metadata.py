"""Opening a store's metadata with xarray, which knows CF; data are read elsewhere."""

import xarray as xr
from zarr.abc.store import Store


def open_metadata(store: Store, group: str = "") -> xr.Dataset:
    """Return a group as a dataset whose data are not loaded: coordinates decoded, attributes as they are."""
    consolidated = store.supports_consolidated_metadata
    dataset: xr.Dataset = xr.open_zarr(
        store, group=group or None, consolidated=consolidated, zarr_format=3, chunks=None
    )
    return dataset
