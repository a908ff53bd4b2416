"""ECMWF's parameters: number, short name, name, unit and CF name, as ecCodes has them.

ecCodes keeps its definitions inside its library and comes with a tool that writes them out. That is asked
once, in processes of its own, and kept in the data folder by ecCodes' version: so the table is always that of
the ecCodes that is installed, an update brings a new one, and this process never loads the library.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from geoscope.errors import SetupError

# Where an id is defined twice, the first counts: WMO's tables for GRIB 2, then local ones, then GRIB 1.
FOLDERS = (
    "grib2",
    "grib2/localConcepts/ecmf",
    "grib2/localConcepts/destine",
    "grib2/localConcepts/era6",
    "grib1/localConcepts/ecmf",
    "grib1",
)
TOOL = "codes_export_resource"
TOOL_TIMEOUT_S = 60

# A definition: '167' = { discipline = 0 ; parameterCategory = 0 ; ... }
_DEFINITION = re.compile(r"^'([^'\n]*)'\s*=\s*\{([^}]*)\}", re.MULTILINE)
_CONDITION = re.compile(r"(\w+)\s*=\s*([^;]+?)\s*;")


@dataclass(frozen=True)
class EcmwfParameter:
    """A parameter of ECMWF's database.

    Attributes
    ----------
    id : int
        Its number.
    short_name, name, unit : str
        As ecCodes writes them; the unit in ECMWF's notation, `m s**-1`.
    cf_name : str
        CF standard name; empty if ecCodes knows none.
    """

    id: int
    short_name: str
    name: str
    unit: str
    cf_name: str


class ParameterTable:
    """The parameters by number and by short name, without regard to case."""

    def __init__(self, parameters: Iterable[EcmwfParameter]) -> None:
        self.by_id: dict[int, EcmwfParameter] = {}
        self._by_name: dict[str, list[EcmwfParameter]] = defaultdict(list)
        for parameter in parameters:
            if parameter.id not in self.by_id:
                self.by_id[parameter.id] = parameter
                self._by_name[parameter.short_name.lower()].append(parameter)

    def __len__(self) -> int:
        return len(self.by_id)

    def find(self, word: str, among: Iterable[int] = ()) -> EcmwfParameter | None:
        """Return the parameter of a number or short name, or None.

        Parameters
        ----------
        word : str
            A number, also with its table (`167.128`), or a short name.
        among : iterable of int
            Of several with one short name, one of these numbers is preferred.
        """
        plain = word.strip().lower().removesuffix(".128")
        if plain.isdigit():
            return self.by_id.get(int(plain))
        found = self._by_name.get(plain, [])
        preferred = set(among)
        return next((each for each in found if each.id in preferred), found[0] if found else None)


@lru_cache(maxsize=2)
def parameter_table(folder: Path) -> ParameterTable:
    """Return the table of the installed ecCodes, read from the data folder, or first written there.

    Parameters
    ----------
    folder : Path
        The platform's data folder.

    Raises
    ------
    SetupError
        If ecCodes is not installed, or its tool does not work.
    """
    path = folder / "twins" / f"parameters-{_eccodes_version()}.json"
    try:
        rows = json.loads(path.read_text())
        return ParameterTable(EcmwfParameter(**row) for row in rows)
    except (OSError, ValueError, TypeError):
        table = ParameterTable(read_definitions())
        _write(path, table)
        return table


def _write(path: Path, table: ParameterTable) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w") as file:
        json.dump([asdict(each) for each in table.by_id.values()], file)
    Path(name).replace(path)


def read_definitions() -> list[EcmwfParameter]:
    """Return every parameter of ecCodes' definitions, some several times.

    Raises
    ------
    SetupError
        If ecCodes is not installed, or its tool does not work.
    """
    tool = _tool()
    found: list[EcmwfParameter] = []
    with tempfile.TemporaryDirectory() as folder:
        for place in FOLDERS:
            texts = {
                what: _exported(tool, f"{place}/{what}.def", Path(folder) / what)
                for what in ("paramId", "shortName", "name", "units", "cfName")
            }
            found += parse_definitions(texts)
    if not found:
        raise SetupError("ecCodes does not give out its definitions.", f"Does {tool} work?")
    return found


def parse_definitions(texts: Mapping[str, str]) -> list[EcmwfParameter]:
    """Return the parameters of one folder of definitions.

    Its files `paramId`, `shortName`, `name` and `units` have the same entries in the same order; `cfName` has
    fewer, with fewer conditions: the one with most conditions that are all fulfilled counts.
    """
    entries = {what: _DEFINITION.findall(text) for what, text in texts.items()}
    named = [(value, frozenset(_CONDITION.findall(body))) for value, body in entries["cfName"]]
    found = []
    columns = (entries[what] for what in ("paramId", "shortName", "name", "units"))
    for (number, body), (short_name, _), (name, _), (unit, _) in zip(*columns, strict=True):
        conditions = frozenset(_CONDITION.findall(body))
        fitting = [(len(needed), value) for value, needed in named if needed <= conditions]
        if number.isdigit():
            cf_name = max(fitting)[1] if fitting else ""
            found.append(EcmwfParameter(int(number), short_name, name, unit, cf_name))
    return found


def _exported(tool: str, resource: str, path: Path) -> str:
    path.unlink(missing_ok=True)
    try:
        subprocess.run(
            [tool, "-d", resource, str(path)], capture_output=True, timeout=TOOL_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{tool} does not work: {error}.") from error
    # Not every folder has every file.
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _tool() -> str:
    spec = find_spec("eccodeslib")
    if spec is not None and spec.origin is not None:
        own = Path(spec.origin).parent / "bin" / TOOL
        if own.exists():
            return str(own)
    if found := shutil.which(TOOL):
        return found
    raise SetupError("ecCodes is not installed.", "It comes with: pip install 'geoscope[twins]'.")


def _eccodes_version() -> str:
    try:
        return version("eccodeslib")
    except PackageNotFoundError:
        return "system"
