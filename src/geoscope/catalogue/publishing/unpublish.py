"""Removing a collection of one's own: first from the catalogue, then the files that were uploaded for it."""

from typing import Any

from geoscope.catalogue.manifest import PUBLISHER_ROLE
from geoscope.catalogue.publishing.object_errors import told_object_store_errors
from geoscope.catalogue.publishing.places import uploads_of
from geoscope.objects import open_bucket
from geoscope.processes import Job
from geoscope.registration import CatalogueClient
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings

IDENTITY = "jobs"


def unpublish_collection(job: Job, settings: Settings, owner: str, collection: str) -> dict[str, Any]:
    """Remove a collection; files in its owner's own bucket stay.

    Returns
    -------
    dict
        `was_there`: whether the catalogue had it; `files`: how many uploaded objects were removed.
    """
    job.report(0, 2, "Removing it from the catalogue")

    def remove_collection() -> bool:
        with CatalogueClient(settings, owner, PUBLISHER_ROLE) as catalogue:
            catalogue.require_own(collection)
            return catalogue.delete_collection(collection)

    was_there = job.step("Remove it from the catalogue", remove_collection)
    job.report(1, 2, "Removing its files")

    def remove_files() -> int:
        folder = uploads_of(owner, collection)
        keys = read_s3_keys(settings, IDENTITY)
        with told_object_store_errors():
            bucket = open_bucket(settings, folder.bucket, keys)
            paths = [each["path"] for page in bucket.list(f"{folder.key}/") for each in page]
            bucket.delete(paths)
        return len(paths)

    return {"was_there": was_there, "files": job.step("Remove its files", remove_files)}
