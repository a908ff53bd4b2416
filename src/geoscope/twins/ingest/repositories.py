"""Where repositories lie, who may have them, and how the catalogue hears of them."""

import numpy as np
import xarray as xr

from geoscope.access import Policy
from geoscope.cubes.describe import CubeDescription, describe
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.outline import CubeOutline
from geoscope.cubes.layout import CHUNK_STEPS, series_chunks
from geoscope.errors import ConflictError
from geoscope.objects import PUBLIC_BUCKETS, Place, icechunk_storage, s3_address
from geoscope.registration import CatalogueClient, Document
from geoscope.secrets import read_s3_keys
from geoscope.settings import Settings
from geoscope.twins.ingest.documents import VERSIONS_KEY, collection_document, item_document
from geoscope.twins.ingest.plan import PlannedRepository
from geoscope.twins.ingest.wish import Wish

IDENTITY = "jobs"
OPEN_BUCKET, CLOSED_BUCKET = "public-twins", "twins"
# So many objects are written in some ten seconds.
MOST_SMALL_OBJECTS = 4000
EVERYBODY = str(Policy.parse("public"))


class Repositories:
    """The platform's repositories of twins, as an ingest writes them; to be made for one job.

    Parameters
    ----------
    settings : Settings
        Says where the catalogue and the object store listen.
    wish : Wish
        Policy, title and the like.
    """

    def __init__(self, settings: Settings, wish: Wish) -> None:
        self._settings, self._wish = settings, wish

    def place(self, repository: PlannedRepository) -> Place:
        """Return where a repository lies: as registered, or else in the bucket that its policy asks for.

        Raises
        ------
        ConflictError
            If its data is to be for some only, and lies where everybody may read it.
        """
        with self._catalogue() as catalogue:
            item = catalogue.item(repository.collection, repository.item)
            policy = self._wish.policy or catalogue.policy(repository.collection) or EVERYBODY
        place = place_of(item)
        if place is None:
            bucket = OPEN_BUCKET if policy == EVERYBODY else CLOSED_BUCKET
            return Place(bucket, f"{repository.collection}/{repository.item}")
        if place.bucket not in (OPEN_BUCKET, CLOSED_BUCKET):
            raise ConflictError(
                f"The item {repository.id} is there already, and is no twin of this platform.",
                "Choose another collection.",
            )
        if policy != EVERYBODY and place.bucket in PUBLIC_BUCKETS:
            raise ConflictError(
                f"{repository.id} lies where everybody may read it: it cannot be for some only.",
                "Ingest it into another collection.",
            )
        return place

    def open(self, place: Place, outline: CubeOutline) -> GrowingCube:
        """Open a repository for writing, and make it if it is not there."""
        keys = read_s3_keys(self._settings, IDENTITY)
        return GrowingCube.open_or_create(icechunk_storage(self._settings, place, keys), outline)

    def find(self, place: Place) -> GrowingCube:
        """Open a repository that is there; NotFoundError if there is none."""
        keys = read_s3_keys(self._settings, IDENTITY)
        return GrowingCube.open(icechunk_storage(self._settings, place, keys))

    def register(
        self, repository: PlannedRepository, cube: GrowingCube, outline: CubeOutline, place: Place
    ) -> str:
        """Tell the catalogue how a cube is now, unless it knows, and return its version.

        No item precedes the policy of its collection; a cube without a field is not registered.
        """
        versions = cube.versions()
        with self._catalogue() as catalogue:
            item = catalogue.item(repository.collection, repository.item)
            known = item["properties"].get(VERSIONS_KEY) if item else None
            if not len(cube.times) or (known and known[0]["id"] == versions[0].id):
                return versions[0].id
            about = describe_cube(cube, outline)
            existing = catalogue.collection(repository.collection)
            document = collection_document(repository, about, place, self._wish, existing)
            catalogue.put_collection(document)
            if self._wish.policy is not None and catalogue.policy(repository.collection) != self._wish.policy:
                catalogue.put_policy(repository.collection, self._wish.policy)
            catalogue.put_item(repository.collection, item_document(repository, about, place, versions, item))
        return versions[0].id

    def _catalogue(self) -> CatalogueClient:
        return CatalogueClient(self._settings, "service:workflows", "catalogue-editor")


def is_worth_settling(cube: GrowingCube) -> bool:
    """Tell whether the last steps, too few for a whole block, shall get their series now.

    That costs an object for each chunk of cells, however few steps wait: at nside 1024 12,288 for each
    variable. Without series their readers take the maps.
    """
    levels = len(cube.levels.values) if cube.levels is not None else 1
    arrays = sum(levels if variable.has_levels else 1 for variable in cube.variables)
    chunks = series_chunks(cube.grid.shape, CHUNK_STEPS)
    objects = arrays * int(np.ceil(np.divide(cube.grid.shape, chunks)).prod())
    return objects <= MOST_SMALL_OBJECTS or len(cube.times) - cube.settled >= CHUNK_STEPS // 2


def describe_cube(cube: GrowingCube, outline: CubeOutline) -> CubeDescription:
    """Describe a cube by its axes; its values are not read."""
    grid = outline.grid
    coordinates = {"time": ("time", cube.times.astype("datetime64[ns]"), {"standard_name": "time"})}
    dataset = outline.grid_coordinates.assign_coords(coordinates)
    levels = cube.levels
    if levels is not None:
        dataset = dataset.assign_coords({levels.name: (levels.name, levels.values, dict(levels.attributes))})
    for variable in outline.variables:
        axes = ("time", *((levels.name,) if variable.has_levels and levels is not None else ()))
        shape = (*(dataset.sizes[axis] for axis in axes), *grid.shape)
        values = np.broadcast_to(np.float32(0), shape)
        attributes = dict(variable.attributes)
        if variable.max_error is not None:
            attributes["geoscope:max_error"] = variable.max_error
        dataset[variable.name] = xr.Variable((*axes, *grid.dimensions), values, attributes)
    return describe(dataset)


def place_of(item: Document | None) -> Place | None:
    """Return where the cube of an item lies; None if it has none in the object store."""
    if item is None:
        return None
    address = next((s3_address(asset) for asset in item["assets"].values() if s3_address(asset)), None)
    return Place.parse(address) if address else None
