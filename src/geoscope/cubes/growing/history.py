"""The versions of a growing cube: listed, opened, and forgotten when they are old."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import icechunk

from geoscope.cubes.growing.fields import Version
from geoscope.cubes.growing.repository import BRANCH, open_repository, told_in_our_words

# Objects younger than this may belong to a version that is being written.
SPARED = timedelta(days=1)


@dataclass(frozen=True)
class Forgotten:
    """What `expire` removed: the ids of versions, and how many bytes of the storage."""

    versions: frozenset[str]
    freed_bytes: int


def open_version(storage: icechunk.Storage, version: str | None = None) -> icechunk.IcechunkStore:
    """Open a cube for reading: a Zarr store that stays as it is, whatever is written meanwhile.

    Parameters
    ----------
    storage : icechunk.Storage
        Where the repository lies.
    version : str, optional
        Id of a version; the newest by default.

    Raises
    ------
    NotFoundError
        If there is no repository, or no such version.
    UnavailableError
        If the storage does not answer.
    """
    repository = open_repository(storage)
    with told_in_our_words():
        if version is None:
            return repository.readonly_session(BRANCH).store
        return repository.readonly_session(snapshot_id=version).store


def versions_of(repository: icechunk.Repository) -> list[Version]:
    """Return the versions of a repository, the newest first; not the empty one that it began with."""
    with told_in_our_words():
        return [
            Version(
                info.id,
                info.written_at,
                info.message,
                {key: value for key, value in info.metadata.items() if key != "steps"},
                int(info.metadata["steps"]),
            )
            for info in repository.ancestry(branch=BRANCH)
            if "steps" in info.metadata
        ]


def expire(storage: icechunk.Storage, older_than: datetime) -> Forgotten:
    """Forget the versions before a time, and remove what only they, or writers that were killed, have left.

    The newest version always stays. Who reads an older one at this moment loses it.

    Parameters
    ----------
    storage : icechunk.Storage
        Where the repository lies.
    older_than : datetime
        With a time zone. Objects of the last day are spared: they may belong to a version in the making.
    """
    repository = open_repository(storage)
    with told_in_our_words():
        expired = repository.expire_snapshots(older_than)
        found = repository.garbage_collect(min(older_than, datetime.now(UTC) - SPARED))
    return Forgotten(frozenset(expired), found.bytes_deleted)
