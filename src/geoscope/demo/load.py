"""Loading the demo: each cube is stored, looked at, and only then registered. What is there already stays."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import xarray as xr
from obstore.exceptions import BaseError as ObjectStoreError
from obstore.store import S3Store
from zarr.storage import ObjectStore

from geoscope.cubes.describe import CubeDescription, describe
from geoscope.cubes.writing import write_cube
from geoscope.demo.datasets import COLLECTIONS, TWINS, DemoCollection, DemoItem
from geoscope.demo.readers import read_item, source_digest, source_files
from geoscope.demo.stac import (
    DOCUMENT_DIGEST,
    SOURCE_DIGEST,
    collection_document,
    cube_place,
    item_document,
)
from geoscope.demo.twin import describe_twin, store_twin
from geoscope.errors import NotFoundError, UnavailableError
from geoscope.objects import open_bucket
from geoscope.processes import Job
from geoscope.registration import CatalogueClient, Document
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings


def load_demo(job: Job, settings: Settings) -> dict[str, Any]:
    """Load every demo collection, item by item.

    Returns
    -------
    dict
        `items`: what happened to each, `stored` or `unchanged`, by `COLLECTION/ITEM`.
    """
    collections = (*COLLECTIONS, *TWINS)
    total = sum(len(collection.items) + 1 for collection in collections)
    done = 0
    states: dict[str, str] = {}
    for collection in collections:
        for item in collection.items:
            job.report(done, total, f"Storing {collection.title}: {item.title}")
            name = f"{collection.id}/{item.id}"
            states[name] = job.step(f"Store {name}", partial(store_item, settings, collection, item))
            done += 1
        job.report(done, total, f"Registering {collection.title}")
        job.step(f"Register {collection.id}", partial(register_collection, settings, collection))
        done += 1
    job.report(done, total, f"{len(collections)} collections are there")
    return {"items": states}


def store_item(settings: Settings, collection: DemoCollection, item: DemoItem) -> str:
    """Write an item's cube to the object store, unless the same is registered and there."""
    digest = source_digest(source_files(item))
    with _catalogue(settings) as catalogue:
        registered = catalogue.item(collection.id, item.id)
    with _object_store_errors():
        is_same = registered is not None and registered["properties"].get(SOURCE_DIGEST) == digest
        if is_same and _is_there(settings, collection, item):
            return "unchanged"
        if collection.regridding is not None:
            return "stored" if store_twin(settings, collection, item) else "unchanged"
        write_cube(read_item(collection, item), _open_store(settings, collection, item))
    return "stored"


def register_collection(settings: Settings, collection: DemoCollection) -> str:
    """Register a collection and its items as their stored cubes describe themselves."""
    with _object_store_errors():
        cubes = [_describe_stored(settings, collection, item) for item in collection.items]
    with _catalogue(settings) as catalogue:
        document = collection_document(collection, cubes)
        changed = _is_new(document, catalogue.collection(collection.id))
        if changed:
            catalogue.put_collection(document)
        for item, cube in zip(collection.items, cubes, strict=True):
            document = item_document(collection, item, cube, source_digest(source_files(item)))
            if _is_new(document, catalogue.item(collection.id, item.id)):
                catalogue.put_item(collection.id, document)
                changed = True
    return "registered" if changed else "unchanged"


def _catalogue(settings: Settings) -> CatalogueClient:
    return CatalogueClient(settings, "service:workflows", "catalogue-editor")


def _is_new(document: Document, existing: Document | None) -> bool:
    """Complete a document, unless one is there with the same digest: that is not touched."""
    if existing is not None and _facts(existing).get(DOCUMENT_DIGEST) == _facts(document)[DOCUMENT_DIGEST]:
        return False
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    created = _facts(existing).get("created", now) if existing else now
    _facts(document).update(created=created, updated=now)
    return True


def _facts(document: Document) -> Document:
    """Return the part that holds a document's own fields: an item's properties, or the whole collection."""
    facts: Document = document["properties"] if document["type"] == "Feature" else document
    return facts


def _open_store(settings: Settings, collection: DemoCollection, item: DemoItem) -> ObjectStore[S3Store]:
    keys = read_s3_keys(settings, "jobs")
    place = cube_place(collection, item)
    return ObjectStore(open_bucket(settings, place.bucket, keys, prefix=place.key))


def _is_there(settings: Settings, collection: DemoCollection, item: DemoItem) -> bool:
    try:
        _describe_stored(settings, collection, item)
    except (FileNotFoundError, NotFoundError):
        return False
    return True


def _describe_stored(settings: Settings, collection: DemoCollection, item: DemoItem) -> CubeDescription:
    """Describe a cube as its readers will see it; one that is not whole has no consolidated metadata yet."""
    if collection.regridding is not None:
        return describe_twin(settings, collection, item)
    store = _open_store(settings, collection, item)
    with xr.open_zarr(store, consolidated=True, chunks=None, decode_coords="all") as dataset:
        return describe(dataset)


@contextmanager
def _object_store_errors() -> Iterator[None]:
    """Tell of a failing object store in a form that the job tries again."""
    try:
        yield
    except FileNotFoundError:
        raise
    except ObjectStoreError as error:
        raise UnavailableError(f"The object store does not answer as it should: {error}") from error
