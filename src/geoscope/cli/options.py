"""Options that several commands share, and the settings that they lead to."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from geoscope.errors import SetupError
from geoscope.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="The platform's folder.", envvar="GEOSCOPE_DATA_DIR", show_default="data home"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PlatformUrl = Annotated[
    str | None,
    typer.Option("--url", help="Address of a platform.", envvar="GEOSCOPE_URL", show_default="the local one"),
]


def settings_of(data_dir: Path | None, **edge: object) -> Settings:
    """Return the settings, with what the command line gave on top.

    Raises
    ------
    SetupError
        Naming the setting that is not valid.
    """
    given = {name: value for name, value in edge.items() if value is not None}
    arguments: dict[str, Any] = {"data_dir": data_dir} if data_dir else {}
    if given:
        arguments["edge"] = given
    try:
        return Settings(**arguments)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
        raise SetupError(f"The settings are not valid: {problems}.", "See docs/settings.") from error
    except ValueError as error:
        raise SetupError(f"The file geoscope.toml cannot be read: {error}.") from error
