"""The Icechunk repository of a cube: made, opened, and its errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager

import icechunk

from geoscope.errors import ConflictError, GoneError, NotFoundError, UnavailableError

BRANCH = "main"

# Icechunk keeps where chunks lie in manifests. They are cut so that an appended step rewrites one of a few
# thousand entries, whatever the cube holds, and a series reads one or two small ones.
_MAP_STEPS, _MAP_OTHERS = 128, 16
_SERIES_BLOCKS, _SERIES_OTHERS = 8, 256

# An object store that is started again answers within half a minute.
PATIENCE = icechunk.StorageRetriesSettings(max_tries=15, initial_backoff_ms=200, max_backoff_ms=5000)


def create_repository(storage: icechunk.Storage) -> icechunk.Repository:
    """Open the repository in a storage, or make an empty one."""
    with told_in_our_words():
        try:
            return _opened(storage)
        except icechunk.RepositoryNotFoundError:
            pass
        try:
            icechunk.Repository.create(storage, config=_configuration()).save_config()
        except icechunk.IcechunkError:
            # Somebody else may have made it in this moment.
            if not icechunk.Repository.exists(storage):
                raise
        return _opened(storage)


def open_repository(storage: icechunk.Storage) -> icechunk.Repository:
    """Open the repository in a storage.

    Raises
    ------
    NotFoundError
        If there is none.
    UnavailableError
        If the storage does not answer.
    """
    with told_in_our_words():
        return _opened(storage)


@contextmanager
def told_in_our_words() -> Iterator[None]:
    """Turn Icechunk's errors into those of this library."""
    try:
        yield
    except (icechunk.RepositoryNotFoundError, icechunk.RefNotFoundError) as error:
        raise NotFoundError("There is no cube in this storage.") from error
    except icechunk.SnapshotNotFoundError as error:
        # Over HTTP, 404 would tell a reader of Zarr that a chunk holds nothing: it would read missing values.
        raise GoneError(
            "The cube has no such version.", "Old ones are removed; its item lists those that are there."
        ) from error
    except (icechunk.ConflictError, icechunk.RebaseFailedError) as error:
        raise ConflictError("Somebody else writes to the cube all the time.", "Try again.") from error
    except icechunk.IcechunkError as error:
        raise UnavailableError(f"The cube's storage does not answer: {_first_line(error)}") from error


def _opened(storage: icechunk.Storage) -> icechunk.Repository:
    patient = icechunk.StorageSettings(retries=PATIENCE)
    return icechunk.Repository.open(storage, config=icechunk.RepositoryConfig(storage=patient))


def _configuration() -> icechunk.RepositoryConfig:
    paths, by = icechunk.ManifestSplitCondition, icechunk.ManifestSplitDimCondition
    splitting = icechunk.ManifestSplittingConfig.from_dict(
        {
            paths.path_matches("^/series/"): {
                by.DimensionName("^time$"): _SERIES_BLOCKS,
                by.Any(): _SERIES_OTHERS,
            },
            paths.AnyArray(): {by.DimensionName("^time$"): _MAP_STEPS, by.Any(): _MAP_OTHERS},
        }
    )
    return icechunk.RepositoryConfig(manifest=icechunk.ManifestConfig(splitting=splitting))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
