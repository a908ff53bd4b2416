"""Forgetting old versions: twin by twin, cube and item together. Each step is kept, and safe to run twice."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from geoscope.cubes.growing.history import expire, versions_of
from geoscope.cubes.growing.repository import open_repository
from geoscope.errors import GeoscopeError, InvalidInputError, NotFoundError
from geoscope.objects import Place, icechunk_storage
from geoscope.processes import Job
from geoscope.registration import CatalogueClient, Document
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings
from geoscope.twins.expiry.wish import ExpiryWish
from geoscope.twins.ingest.documents import VERSIONS_KEY, versions_patch
from geoscope.twins.ingest.repositories import CLOSED_BUCKET, IDENTITY, OPEN_BUCKET, place_of

MOST_TOLD = 100

type Json = dict[str, Any]


class Expiry:
    """One round through the twins.

    Parameters
    ----------
    settings : Settings
        Say where the parts of the platform are, and how long versions are kept.
    wish : ExpiryWish
        Which twin, and how old.
    """

    def __init__(self, settings: Settings, wish: ExpiryWish) -> None:
        self._settings, self._wish = settings, wish

    def run(self, job: Job) -> Json:
        """Forget, and return what was freed; a twin that cannot be looked at now does not stop the others.

        Raises
        ------
        NotFoundError
            If there is no such twin.
        InvalidInputError
            If it is none that this platform stores.
        """
        job.report(0, 1, "Looking for twins")
        looked = job.step("Look for twins", self._look)
        older_than = datetime.fromisoformat(looked["older_than"])
        versions = freed = 0
        problems: list[Json] = []
        for number, (collection, item) in enumerate(looked["twins"]):
            twin = f"{collection}/{item}"
            job.report(number, len(looked["twins"]), f"Looking at {twin}")
            done = job.step(f"Expire {twin}", partial(self._expire, collection, item, older_than))
            versions, freed = versions + done["versions"], freed + done["bytes"]
            if done["problem"]:
                problems.append({"twin": twin, "problem": done["problem"]})
        job.report(1, 1, f"{versions:,} versions forgotten, {freed:,} bytes freed")
        return {
            "older_than": looked["older_than"],
            "twins": len(looked["twins"]),
            "versions": versions,
            "bytes": freed,
            "problems": problems[:MOST_TOLD],
            "problem_count": len(problems),
        }

    def _look(self) -> Json:
        """Find the twins, and say how old is old: it stays the same when the job goes on after a crash."""
        days = self._wish.older_than_days or self._settings.twins.keep_versions_days
        with self._catalogue() as catalogue:
            twins = [self._named(catalogue)] if self._wish.twin else _twins(catalogue)
        return {"older_than": (utc_now() - timedelta(days=days)).isoformat(), "twins": twins}

    def _named(self, catalogue: CatalogueClient) -> list[str]:
        collection, _, name = str(self._wish.twin).partition("/")
        item = catalogue.item(collection, name)
        if item is None:
            raise NotFoundError(
                f"There is no twin {self._wish.twin}.", "`geoscope twins list` shows those that are."
            )
        if _own_place(item) is None:
            raise InvalidInputError(f"{self._wish.twin} is no twin that this platform stores.")
        return [collection, name]

    def _expire(self, collection: str, name: str, older_than: datetime) -> Json:
        """Forget what is old of one cube, and bring its item up to date: also after one who was killed."""
        done: Json = {"versions": 0, "bytes": 0, "problem": ""}
        try:
            with self._catalogue() as catalogue:
                place = _own_place(catalogue.item(collection, name))
                if place is None:
                    return done  # removed meanwhile
                storage = icechunk_storage(self._settings, place, read_s3_keys(self._settings, IDENTITY))
                repository = open_repository(storage)
                try:
                    forgotten = expire(storage, older_than)
                    done |= {"versions": len(forgotten.versions), "bytes": forgotten.freed_bytes}
                finally:
                    # Versions are read after the item: what somebody else registers between is not lost.
                    catalogue.change_item(
                        collection, name, lambda item: versions_patch(item, versions_of(repository))
                    )
        except GeoscopeError as error:
            done["problem"] = str(error)
        return done

    def _catalogue(self) -> CatalogueClient:
        return CatalogueClient(self._settings, "service:workflows", "catalogue-editor")


def utc_now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)


def _twins(catalogue: CatalogueClient) -> list[list[str]]:
    collections = [str(each["id"]) for each in catalogue.collections() if "cube:variables" in each]
    return [
        [collection, str(item["id"])]
        for collection in collections
        for item in catalogue.items(collection)
        if _own_place(item) is not None
    ]


def _own_place(item: Document | None) -> Place | None:
    """Return where a twin lies that this platform has stored; of others' cubes nothing is removed."""
    place = place_of(item)
    if item is None or place is None or not item["properties"].get(VERSIONS_KEY):
        return None
    return place if place.bucket in (OPEN_BUCKET, CLOSED_BUCKET) and place.key else None
