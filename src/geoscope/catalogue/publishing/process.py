"""Publishing as processes: `publish-collection` and `unpublish-collection`."""

from geoscope.catalogue.manifest import PUBLISHER_ROLE
from geoscope.catalogue.publishing.wish import COLLECTION_ID, Named, Wish
from geoscope.inputs import parsed, process_inputs
from geoscope.processes import Job, Json, Process


def _publish(job: Job, inputs: Json) -> Json:
    """Publish the files of a folder in the name of who asked for it."""
    # Imported here: a worker that only waits for work should stay small.
    from geoscope.catalogue.publishing.publish import Publication  # noqa: PLC0415
    from geoscope.settings import current_settings  # noqa: PLC0415

    return Publication(current_settings(), job.owner, parsed(Wish, dict(inputs))).run(job)


def _unpublish(job: Job, inputs: Json) -> Json:
    """Remove a collection of who asks for it."""
    from geoscope.catalogue.publishing.unpublish import unpublish_collection  # noqa: PLC0415 (as above)
    from geoscope.settings import current_settings  # noqa: PLC0415

    collection = parsed(Named, dict(inputs)).collection
    return unpublish_collection(job, current_settings(), job.owner, collection)


PUBLISH_COLLECTION = Process(
    id="publish-collection",
    title="Publish a collection",
    summary=(
        "Makes a collection of the files of a folder: GeoTIFF, NetCDF, Zarr and GRIB are read and described, "
        "STAC files are taken as they are. What cannot be used is named and set aside; what has not changed "
        "is left alone."
    ),
    version="1.0.0",
    run=_publish,
    role=PUBLISHER_ROLE,
    personal=True,
    inputs=process_inputs(Wish),
    outputs={
        "collection": {"title": "Id of the collection", "schema": {"type": "string"}},
        "published": {"title": "Items that were added or replaced", "schema": {"type": "integer"}},
        "unchanged": {"title": "Items that are there already", "schema": {"type": "integer"}},
        "removed": {
            "title": "Items that were removed, as their files are gone",
            "schema": {"type": "integer"},
        },
        "gone": {
            "title": "Items whose files are gone",
            "schema": {"type": "array", "items": {"type": "string"}},
        },
        "set_aside": {
            "title": "Files that cannot be used, and why",
            "schema": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"file": {"type": "string"}, "problem": {"type": "string"}},
                },
            },
        },
        "ignored": {
            "title": "Files of kinds that are not published",
            "schema": {"type": "array", "items": {"type": "string"}},
        },
        "items": {
            "title": "The items that were published, or would be",
            "schema": {"type": "array", "items": {"type": "object"}},
        },
    },
)

UNPUBLISH_COLLECTION = Process(
    id="unpublish-collection",
    title="Remove a published collection",
    summary="Removes a collection of your own from the catalogue, and the files that were uploaded for it.",
    version="1.0.0",
    run=_unpublish,
    role=PUBLISHER_ROLE,
    personal=True,
    inputs={
        "collection": {
            "title": "Collection",
            "description": "Id of the collection.",
            "schema": {"type": "string", "pattern": COLLECTION_ID},
        }
    },
    outputs={
        "was_there": {"title": "Whether the catalogue had it", "schema": {"type": "boolean"}},
        "files": {"title": "Number of removed objects", "schema": {"type": "integer"}},
    },
)
