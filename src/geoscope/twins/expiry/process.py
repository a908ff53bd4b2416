"""Forgetting old versions as a process: `expire-twin-versions`."""

from geoscope.inputs import parsed, process_inputs
from geoscope.processes import Job, Json, Process
from geoscope.twins.expiry.wish import ExpiryWish

# Of the twins service itself, which asks for it every day; of persons, administrators may.
EXPIRER_ROLE = "twin-expirer"


def _expire(job: Job, inputs: Json) -> Json:
    # Imported here: a worker that only waits for work should stay small.
    from geoscope.settings import current_settings  # noqa: PLC0415
    from geoscope.twins.expiry.expiring import Expiry  # noqa: PLC0415

    return Expiry(current_settings(), parsed(ExpiryWish, dict(inputs))).run(job)


EXPIRE_TWIN_VERSIONS = Process(
    id="expire-twin-versions",
    title="Expire versions of twins",
    summary=(
        "Forgets old versions of twins' cubes, and frees what only they have and what writers that were "
        "killed have left. The newest version of each always stays."
    ),
    version="1.0.0",
    run=_expire,
    role=EXPIRER_ROLE,
    inputs=process_inputs(ExpiryWish),
    outputs={
        "older_than": {
            "title": "Versions that another had followed by then were forgotten",
            "schema": {"type": "string", "format": "date-time"},
        },
        "twins": {"title": "Twins that were looked at", "schema": {"type": "integer"}},
        "versions": {"title": "Versions that were forgotten", "schema": {"type": "integer"}},
        "bytes": {"title": "Bytes that were freed", "schema": {"type": "integer"}},
        "problem_count": {"title": "Twins that could not be looked at", "schema": {"type": "integer"}},
        "problems": {
            "title": "Which, and why",
            "schema": {"type": "array", "items": {"type": "object"}},
        },
    },
)
