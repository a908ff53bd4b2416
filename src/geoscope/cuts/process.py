"""Cutting as processes: `cut`, for what is too large for one answer, and `remove-expired-cuts`."""

from geoscope.cuts.parameters import Kind
from geoscope.processes import Job, Json, Process

PROCESS = "cut"
# Of the cuts service itself.
SWEEPER_ROLE = "cut-sweeper"


def _cut(job: Job, inputs: Json) -> Json:
    # Imported here: a worker that only waits for work should stay small.
    from geoscope.cuts.job import cut_out  # noqa: PLC0415
    from geoscope.settings import current_settings  # noqa: PLC0415

    return cut_out(job, current_settings(), inputs)


def _remove(job: Job, _inputs: Json) -> Json:
    from geoscope.cuts.job import remove_leftovers  # noqa: PLC0415 (as above)
    from geoscope.settings import current_settings  # noqa: PLC0415

    settings = current_settings()
    return {"removed": job.step("Remove products", lambda: remove_leftovers(settings))}


def _text(title: str, description: str, *, needed: bool = True) -> Json:
    return {
        "title": title,
        "description": description,
        "schema": {"type": "string"},
        "minOccurs": 1 if needed else 0,
    }


CUT = Process(
    id=PROCESS,
    title="Cut",
    summary=(
        "Answers a query of Environmental Data Retrieval (/edr) that is too large for one answer, part by "
        "part, and keeps the result at an address of its own until it expires. Ask the query itself with "
        "estimate=true for the request of the job."
    ),
    version="1.0.0",
    run=_cut,
    role=None,
    personal=True,
    inputs={
        "collection": _text("Collection", "Id of the collection."),
        "instance": _text("Instance", "Id of an instance; by default all are cut.", needed=False),
        "location": _text("Location", "Of a query for a location: a country.", needed=False),
        "query": {
            "title": "Query",
            "description": "Kind of the query.",
            "schema": {"type": "string", "enum": [str(kind) for kind in Kind]},
        },
        "parameters": {
            "title": "Parameters",
            "description": "Those of the query, as in its address: coords, datetime, f ...",
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
            "minOccurs": 0,
        },
    },
    outputs={
        "href": {
            "title": "Address of the result",
            "description": "Whoever has it may download the result until it expires.",
            "schema": {"type": "string", "format": "uri"},
        },
        "type": {"title": "Media type", "schema": {"type": "string"}},
        "bytes": {"title": "Size", "schema": {"type": "integer"}},
        "values": {"title": "Number of values", "schema": {"type": "integer"}},
        "expires": {"title": "When it is removed", "schema": {"type": "string", "format": "date-time"}},
    },
)

REMOVE_EXPIRED_CUTS = Process(
    id="remove-expired-cuts",
    title="Remove expired cuts",
    summary="Removes the results of cuts whose time is over.",
    version="1.0.0",
    run=_remove,
    role=SWEEPER_ROLE,
    outputs={"removed": {"title": "Number of removed objects", "schema": {"type": "integer"}}},
)
