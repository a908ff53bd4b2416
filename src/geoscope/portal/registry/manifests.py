"""The manifests of all services, read again only when a file of the services folder changed."""

from functools import lru_cache
from pathlib import Path

from geoscope.errors import NotFoundError
from geoscope.manifests import discover
from geoscope.service import Category, Manifest
from geoscope.settings import current_settings

type Stamp = tuple[tuple[str, int, int], ...]

CATEGORY_ORDER = {category: place for place, category in enumerate(Category)}


def all_manifests() -> dict[str, Manifest]:
    """Return every service's manifest by id, in the order of the main job."""
    folder = current_settings().data_dir / "services"
    return _read_manifests(folder, _stamp(folder))


def find_manifest(service_id: str) -> Manifest:
    """Return one service's manifest.

    Raises
    ------
    NotFoundError
        If no service has this id.
    """
    try:
        return all_manifests()[service_id]
    except KeyError as error:
        raise NotFoundError(
            f"There is no service {service_id!r}.", "GET /services lists them all."
        ) from error


def search_manifests(text: str) -> list[Manifest]:
    """Return the services whose manifest holds every word of a text."""
    words = text.casefold().split()
    return [
        manifest
        for manifest in all_manifests().values()
        if all(word in manifest.search_text for word in words)
    ]


def _stamp(folder: Path) -> Stamp:
    states = ((path.name, path.stat()) for path in sorted(folder.glob("*.toml")))
    return tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)


@lru_cache(maxsize=2)
def _read_manifests(folder: Path, _stamp: Stamp) -> dict[str, Manifest]:
    manifests, _problems = discover(folder)
    manifests.sort(key=lambda manifest: (CATEGORY_ORDER[manifest.category], manifest.title))
    return {manifest.id: manifest for manifest in manifests}
