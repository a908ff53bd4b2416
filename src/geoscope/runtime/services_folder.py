"""Strangers' services: their TOML files in the folder `services`, followed while the platform runs."""

import shutil
from pathlib import Path

import anyio
import httpx

from geoscope.errors import NotFoundError, SetupError, UnavailableError
from geoscope.manifests import check_manifest, discover, read_manifest
from geoscope.runtime import edge
from geoscope.runtime.data_folder import socket_folder
from geoscope.service import Manifest
from geoscope.settings import Settings

LOOK_EVERY_S = 1.0
PATIENCE_S = 30.0


def services_folder(settings: Settings) -> Path:
    """Return the folder that holds strangers' manifests."""
    return settings.data_dir / "services"


def add_service(settings: Settings, path: Path) -> Manifest:
    """Check a manifest and copy it into the folder of services.

    Raises
    ------
    SetupError
        If it is not valid, or claims what belongs to another service.
    """
    manifest = read_manifest(path)
    target = services_folder(settings) / f"{manifest.id}.toml"
    others = [
        other
        for other in discover(services_folder(settings))[0]
        if other.id != manifest.id or not target.exists()
    ]
    check_manifest(manifest, others)
    partial = target.with_suffix(".partial")
    shutil.copyfile(path, partial)
    partial.replace(target)
    return manifest


def remove_service(settings: Settings, service_id: str) -> None:
    """Take a stranger's service off the platform; its server is let alone.

    Raises
    ------
    NotFoundError
        If no file of the folder has this id.
    """
    for path in services_folder(settings).glob("*.toml"):
        try:
            found = read_manifest(path).id == service_id
        except SetupError:
            found = path.stem == service_id
        if found:
            path.unlink()
            return
    raise NotFoundError(f"No added service is called {service_id!r}.", "`geoscope service list` shows them.")


class ServicesFollower:
    """Keeps the edge true to the folder of manifests.

    Parameters
    ----------
    settings : Settings
        Of the running platform.
    manifests : list of Manifest
        The services; changed in place, so that the health watch follows.
    """

    def __init__(self, settings: Settings, manifests: list[Manifest]) -> None:
        self._settings = settings
        self._manifests = manifests
        self._folder = services_folder(settings)
        self._known = _fingerprint(self._folder)
        self._one_at_a_time = anyio.Lock()

    async def run(self) -> None:
        """Look at the folder every second, for files that come without the command."""
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            await self._look()

    async def take_up(self) -> None:
        """Return when the edge routes by what the folder holds now; while it restarts, wait for it.

        Raises
        ------
        UnavailableError
            If it does not in half a minute.
        """
        deadline_s = anyio.current_time() + PATIENCE_S
        while not await self._look():
            if anyio.current_time() > deadline_s:
                raise UnavailableError(
                    "The edge does not take up the services.", "`geoscope logs edge` says why."
                )
            await anyio.sleep(0.1)

    async def _look(self) -> bool:
        async with self._one_at_a_time:
            now = _fingerprint(self._folder)
            if now == self._known:
                return True
            self._manifests[:] = discover(self._folder)[0]
            if await _load_edge(self._settings, self._manifests):
                self._known = now
            return self._known == now


def _fingerprint(folder: Path) -> frozenset[tuple[str, int, int]]:
    found = set()
    for path in folder.glob("*.toml"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        found.add((path.name, status.st_mtime_ns, status.st_size))
    return frozenset(found)


async def _load_edge(settings: Settings, manifests: list[Manifest]) -> bool:
    config = edge.write_config(settings, manifests)
    transport = httpx.AsyncHTTPTransport(uds=str(socket_folder(settings.data_dir) / edge.ADMIN_SOCKET))
    async with httpx.AsyncClient(transport=transport, timeout=10.0) as client:
        try:
            response = await client.post("http://localhost/load", json=config)
        except httpx.HTTPError:
            return False  # the edge restarts; it reads the file that was just written
    return response.is_success
