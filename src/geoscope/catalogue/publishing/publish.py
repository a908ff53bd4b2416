"""Publishing a folder of files: look, read, register, share. Each step is kept, and safe to run twice."""

from functools import partial
from itertools import batched
from typing import Any

from obstore.store import S3Store

from geoscope.catalogue.manifest import PUBLISHER_ROLE
from geoscope.catalogue.publishing.documents import collection_document
from geoscope.catalogue.publishing.items import ItemMaker
from geoscope.catalogue.publishing.object_errors import told_object_store_errors
from geoscope.catalogue.publishing.places import BUCKET, require_own, uploads_of
from geoscope.catalogue.publishing.planning import Plan, PlannedItem, make_plan
from geoscope.catalogue.publishing.reading import FileReaders
from geoscope.catalogue.publishing.wish import Wish
from geoscope.catalogue.records import collection_record
from geoscope.errors import GeoscopeError, InvalidInputError, UnavailableError
from geoscope.objects import PUBLIC_BUCKETS, Place, open_bucket
from geoscope.processes import Job
from geoscope.registration import BATCH_SIZE, CatalogueClient
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings

IDENTITY = "jobs"
FILES_PER_STEP = 8
MOST_TOLD = 1000

type Json = dict[str, Any]


class Publication:
    """One publishing of a folder in somebody's name.

    Parameters
    ----------
    settings : Settings
        Says where the parts of the platform are, and the limits.
    owner : str
        The subject in whose name it is done.
    wish : Wish
        What they ask for.

    Raises
    ------
    NotAllowedError
        If they may not publish from there.
    """

    def __init__(self, settings: Settings, owner: str, wish: Wish) -> None:
        self._settings, self._owner, self._wish = settings, owner, wish
        self._uploads = uploads_of(owner, wish.collection)
        self._folder = Place.parse(wish.source) if wish.source else self._uploads
        require_own(self._folder, owner, wish.collection)
        if wish.policy not in (None, "public") and self._folder.bucket in PUBLIC_BUCKETS:
            raise InvalidInputError(
                f"Everybody may read the bucket {self._folder.bucket!r}: its files cannot be for some only.",
                "Publish from another place, or for everybody.",
            )

    def run(self, job: Job) -> Json:
        """Publish, and return what became of each file."""
        job.report(0, 1, "Looking at the files")
        plan = Plan.from_json(job.step("Look at the files", self.look))
        total = len(plan.items) + 2
        items: list[Json] = []
        problems = [list(problem) for problem in plan.problems]
        with FileReaders(self._settings) as readers:
            for number, batch in enumerate(batched(plan.items, FILES_PER_STEP)):
                job.report(number * FILES_PER_STEP + 1, total, f"Reading {batch[0].path}")
                read = job.step(f"Read {batch[0].path} and what follows", partial(self.read, readers, batch))
                items += read["items"]
                problems += read["problems"]
        outcome = self._outcome(plan, items, problems)
        if self._wish.dry_run:
            return outcome
        if problems and self._wish.strict:
            told = " ".join(f"{path}: {problem}" for path, problem in problems[:10])
            raise InvalidInputError(f"Nothing was published: {len(problems)} files cannot be used. {told}")
        job.report(total - 1, total, f"Registering {len(items)} items")
        self._register(job, plan, items)
        job.report(total, total, f"{self._wish.collection} is published")
        return outcome

    def look(self) -> Json:
        """Compare the folder with the catalogue, and return the plan as JSON."""
        most = self._settings.catalogue.publishing.max_items
        with told_object_store_errors(), self._catalogue() as catalogue:
            catalogue.require_own(self._wish.collection)
            return make_plan(self._open(self._folder), catalogue, self._wish, most).to_json()

    def read(self, readers: FileReaders, planned: tuple[PlannedItem, ...]) -> Json:
        """Make the items of some files; those that cannot be used are named with the reason."""
        items: list[Json] = []
        problems: list[list[str]] = []
        with told_object_store_errors():
            maker = ItemMaker(
                wish=self._wish,
                folder=self._folder,
                readers=readers,
                max_grib_bytes=self._settings.catalogue.publishing.max_grib_bytes,
                pictures=None if self._wish.dry_run else (self._open(Place(BUCKET, "")), self._uploads),
            )
            for each in planned:
                try:
                    items.append(maker.make(each))
                except UnavailableError:
                    raise
                except GeoscopeError as error:
                    problems.append([each.path, str(error)])
        return {"items": items, "problems": problems}

    def _catalogue(self) -> CatalogueClient:
        return CatalogueClient(self._settings, self._owner, PUBLISHER_ROLE)

    def _register(self, job: Job, plan: Plan, items: list[Json]) -> None:
        if items:
            job.step("Register the collection", partial(self._put_collection, plan, items))
        for batch in batched(items, BATCH_SIZE):
            job.step(f"Register {batch[0]['id']} and what follows", partial(self._put_items, list(batch)))
        if self._wish.prune and plan.vanished:
            job.step("Remove the items whose files are gone", partial(self._remove_items, plan.vanished))
        job.step("Complete the collection", partial(self._complete, plan))

    def _put_collection(self, plan: Plan, items: list[Json]) -> None:
        """Add a collection that is not there yet, hidden until it is whole; no item precedes its policy."""
        if plan.existing is None:
            document = collection_document(self._wish, plan.stac, None, self._folder, items)
            collection_record(document)
            with self._catalogue() as catalogue:
                catalogue.put_collection(document)
        self._limit()

    def _put_items(self, items: list[Json]) -> None:
        with self._catalogue() as catalogue:
            catalogue.put_items(self._wish.collection, items)

    def _remove_items(self, ids: list[str]) -> None:
        with self._catalogue() as catalogue:
            for id_ in ids:
                catalogue.delete_item(self._wish.collection, id_)

    def _complete(self, plan: Plan) -> None:
        """Write the collection over all of its items, and share it as was asked."""
        with self._catalogue() as catalogue:
            items = list(catalogue.items(self._wish.collection))
            document = collection_document(self._wish, plan.stac, plan.existing, self._folder, items)
            catalogue.put_collection(document)
            self._limit()
            if self._wish.visibility is not None:
                catalogue.share(self._wish.collection, self._wish.visibility, self._wish.entity)

    def _limit(self) -> None:
        """Say whom the data is for, if that was asked."""
        if self._wish.policy is not None:
            with self._catalogue() as catalogue:
                catalogue.put_policy(self._wish.collection, self._wish.policy)

    def _outcome(self, plan: Plan, items: list[Json], problems: list[list[str]]) -> Json:
        return {
            "collection": self._wish.collection,
            "published": 0 if self._wish.dry_run else len(items),
            "unchanged": len(plan.unchanged),
            "removed": len(plan.vanished) if self._wish.prune and not self._wish.dry_run else 0,
            "gone": plan.vanished[:MOST_TOLD],
            "set_aside": [{"file": path, "problem": problem} for path, problem in problems[:MOST_TOLD]],
            "ignored": plan.ignored[:MOST_TOLD],
            "items": [_summary(item) for item in items[:MOST_TOLD]],
        }

    def _open(self, place: Place) -> S3Store:
        keys = read_s3_keys(self._settings, IDENTITY)
        return open_bucket(self._settings, place.bucket, keys, prefix=place.key or None)


def _summary(item: Json) -> Json:
    """Return what a person wants to see of an item before and after it is published."""
    properties = item["properties"]
    return {
        "id": item["id"],
        "title": properties.get("title", ""),
        "start": properties.get("start_datetime") or properties.get("datetime"),
        "end": properties.get("end_datetime") or properties.get("datetime"),
        "bbox": item.get("bbox"),
        "assets": {key: asset.get("type", "") for key, asset in item["assets"].items()},
    }
