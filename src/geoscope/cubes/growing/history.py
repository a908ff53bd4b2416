"""The versions of a growing cube: listed, opened, and forgotten when they are old."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import icechunk

from geoscope.cubes.growing.fields import Version
from geoscope.cubes.growing.repository import BRANCH, open_repository, told_in_our_words
from geoscope.errors import UnavailableError

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
        If there is no repository.
    GoneError
        If there is no such version, or no longer.
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
    """Forget the versions that others had followed before a time, and remove what only they have left.

    What killed writers have left before it goes too. The newest version always stays, and so does what was
    the newest at that time or later, however old it is: somebody may have begun to read it then. Safe to run
    again, and to end at any moment: what is left is removed the next time.

    Parameters
    ----------
    storage : icechunk.Storage
        Where the repository lies.
    older_than : datetime
        With a time zone. Objects of the last day are spared always: they may belong to a version in the
        making, which nothing refers to yet.

    Raises
    ------
    NotFoundError
        If there is no repository.
    UnavailableError
        If the storage does not answer, or does not remove what it is told to.
    """
    repository = open_repository(storage)
    newest_then = next((each for each in versions_of(repository) if each.when <= older_than), None)
    with told_in_our_words():
        # Icechunk forgets what precedes a time, not what is of that time itself.
        expired = repository.expire_snapshots(newest_then.when) if newest_then else set()
        found = repository.garbage_collect(min(older_than, datetime.now(UTC) - SPARED))
    if found.objects_failed_to_delete:
        raise UnavailableError(
            f"{found.objects_failed_to_delete:,} objects could not be removed: "
            f"{next(iter(found.delete_errors), 'the storage did not say why')}",
            "Run it again.",
        )
    return Forgotten(frozenset(expired), found.bytes_deleted)
