"""Finds manifests: those of installed services by entry points, strangers' as TOML files in a folder."""

import tomllib
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path

from pydantic import ValidationError

from geoscope.errors import SetupError
from geoscope.service import Manifest, is_below

ENTRY_POINT_GROUP = "geoscope.services"

# No service defines these: whoever is the board of a service grants its roles.
RESERVED_ROLES = ("administrator",)

# Kept for services that the platform will bring itself; a stranger's route may not begin with any of these.
RESERVED_ROUTES = (
    "/.well-known",
    "/gateway",
    "/hub",
    "/odata",
    "/openeo",
    "/polytope",
    "/wms",
    "/wmts",
)


def core_manifests() -> list[Manifest]:
    """Return the manifests of the installed services, in order of id."""
    found = (point.load() for point in entry_points(group=ENTRY_POINT_GROUP))
    return sorted(found, key=lambda manifest: manifest.id)


def read_manifest(path: Path) -> Manifest:
    """Read a stranger's manifest from a TOML file.

    Raises
    ------
    SetupError
        If the file is no TOML, misses a field, or claims what belongs to the platform.
    """
    try:
        manifest = Manifest(**tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetupError(f"The manifest {path} cannot be read: {error}.") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, detail['loc'])) or 'manifest'}: {detail['msg']}" for detail in error.errors()
        )
        raise SetupError(f"The manifest {path} is not valid: {problems}.") from error
    if manifest.upstream is None:
        raise SetupError(
            f"The manifest {path} has no upstream.", "A manifest in a file says the address of its server so."
        )
    return manifest


def check_manifest(manifest: Manifest, others: Iterable[Manifest]) -> None:
    """Refuse a stranger's manifest that would take what belongs to the platform or to another service.

    Raises
    ------
    SetupError
        Naming the id, the role or the route, and whose it is.
    """
    for route in manifest.routes:
        if any(is_below(route, reserved) for reserved in RESERVED_ROUTES):
            raise SetupError(f"The service {manifest.id!r} asks for {route}, which is kept for the platform.")
    for role in manifest.roles:
        if role.name in RESERVED_ROLES:
            raise SetupError(f"The role {role.name!r} belongs to the platform.")
    for other in others:
        _check_beside(manifest, other)


def _check_beside(manifest: Manifest, other: Manifest) -> None:
    if other.id == manifest.id:
        raise SetupError(f"The id {manifest.id!r} belongs to a service that is there already.")
    taken_roles = {role.name for role in other.roles}
    for role in manifest.roles:
        if role.name in taken_roles:
            raise SetupError(f"The role {role.name!r} belongs to the service {other.id!r}.")
    for route in manifest.routes:
        for taken in other.routes:
            if is_below(route, taken) or is_below(taken, route):
                raise SetupError(
                    f"The service {manifest.id!r} asks for {route}, but {other.id!r} holds {taken}."
                )


def discover(folder: Path) -> tuple[list[Manifest], dict[Path, str]]:
    """Find every service: the installed ones, then the TOML files of a folder in order of name.

    Returns
    -------
    manifests : list of Manifest
        All that are valid.
    problems : dict of Path to str
        Why a file was left out.
    """
    manifests = core_manifests()
    problems: dict[Path, str] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            manifest = read_manifest(path)
            check_manifest(manifest, manifests)
        except SetupError as error:
            problems[path] = str(error)
        else:
            manifests.append(manifest)
    return manifests, problems
