"""Loading as a process that an administrator asks for by the API: `load-catalogue`."""

from typing import Any

from geoscope.processes import Job, Json, Process


def run(job: Job, inputs: Json) -> Json:
    """Load what a server has at an address; a job that was stopped goes on where it was."""
    # Imported here: a worker that only waits for work should stay small.
    from geoscope.catalogue.loading.jobs import load_by_job  # noqa: PLC0415
    from geoscope.settings import current_settings  # noqa: PLC0415

    return load_by_job(job, current_settings(), inputs)


def _input(title: str, description: str, schema: dict[str, Any], *, is_optional: bool = True) -> Json:
    return {
        "title": title,
        "description": description,
        "minOccurs": 0 if is_optional else 1,
        "maxOccurs": 1,
        "schema": schema,
    }


def _count(title: str, description: str) -> Json:
    return {"title": title, "description": description, "schema": {"type": "integer", "minimum": 0}}


LOAD_CATALOGUE = Process(
    id="load-catalogue",
    title="Load collections and items",
    summary=(
        "Stores what another STAC API, a static catalogue, or a file of newline-delimited JSON or GeoParquet "
        "holds. Only public hosts are asked, by HTTPS, and those that the operator allows."
    ),
    version="1.0.0",
    run=run,
    inputs={
        "source": _input(
            "Source",
            "Address of a STAC API, a static catalogue, a search, or a file.",
            {"type": "string", "format": "uri", "pattern": "^https?://", "maxLength": 2000},
            is_optional=False,
        ),
        "collections": _input(
            "Collections",
            "Only these are loaded.",
            {"type": "array", "items": {"type": "string", "maxLength": 256}, "maxItems": 1000},
        ),
        "updateCollections": _input(
            "Update collections",
            "Replace collections that are there already.",
            {"type": "boolean", "default": False},
        ),
        "strict": _input(
            "Strict", "Store nothing if any document is refused.", {"type": "boolean", "default": False}
        ),
        "limit": _input("Limit", "Stop after so many items.", {"type": "integer", "minimum": 1}),
    },
    outputs={
        "items": _count("Items", "How many items were stored."),
        "collections": _count("Collections", "How many collections were added or replaced."),
        "refused": _count("Refused", "How many documents were not valid."),
        "problems": {
            "title": "Problems",
            "description": "The first documents that were refused: where they stand, and why.",
            "schema": {"type": "array", "items": {"type": "object"}},
        },
    },
)
