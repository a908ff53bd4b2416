"""What somebody sends, checked against a pydantic model, and how a process describes such inputs."""

import re
from typing import Any

from pydantic import BaseModel, ValidationError

from geoscope.errors import InvalidInputError


def parsed[Model: BaseModel](model: type[Model], sent: object) -> Model:
    """Check what was sent.

    Raises
    ------
    InvalidInputError
        Naming what is wrong.
    """
    try:
        return model.model_validate(sent)
    except (ValidationError, InvalidInputError) as error:
        if isinstance(error, InvalidInputError):
            raise
        problems = "; ".join(
            f"{'.'.join(map(str, part['loc'])) or 'input'}: {re.sub('^Value error, ', '', part['msg'])}"
            for part in error.errors()[:5]
        )
        raise InvalidInputError(f"{problems}.") from error


def process_inputs(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a model's fields as the inputs of a process (OGC API - Processes)."""
    schema = model.model_json_schema()
    needed = schema.get("required", [])
    described = {}
    for name, about in schema["properties"].items():
        about = {key: value for key, value in about.items() if key != "title"}  # noqa: PLW2901 (a copy of its own)
        described[name] = {
            "title": name.replace("_", " ").capitalize(),
            "description": about.pop("description", ""),
            "minOccurs": int(name in needed),
            "schema": about,
        }
    return described
