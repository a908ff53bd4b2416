"""Ingest as processes: `ingest-twin` from anywhere, `ingest-twin-objects` from one's own bucket."""

import re

from geoscope.errors import NotAllowedError
from geoscope.inputs import parsed, process_inputs
from geoscope.objects import PUBLIC_BUCKETS, Place
from geoscope.processes import Job, Json, Process
from geoscope.twins.ingest.wish import Wish
from geoscope.twins.manifest import EDITOR_ROLE

_BUCKET_SUBJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,50}[a-z0-9]")


def _ingest(job: Job, inputs: Json) -> Json:
    """Ingest what an administrator names."""
    return _run(job, parsed(Wish, dict(inputs)))


def _ingest_objects(job: Job, inputs: Json) -> Json:
    """Ingest objects that whoever asks may read."""
    wish = parsed(Wish, dict(inputs))
    for source in wish.sources:
        _require_own(source, job.owner)
    return _run(job, wish)


def _run(job: Job, wish: Wish) -> Json:
    # Imported here: a worker that only waits for work should stay small.
    from geoscope.settings import current_settings  # noqa: PLC0415
    from geoscope.twins.ingest.ingesting import Ingest  # noqa: PLC0415

    with Ingest(current_settings(), wish) as ingest:
        return ingest.run(job)


def _require_own(source: str, subject: str) -> None:
    """Refuse what the job could read, and who asked for it could not."""
    if not source.startswith("s3://"):
        raise NotAllowedError(
            f"Files of the platform's machine are for administrators: {source[:200]}.",
            "Put them into your bucket, and name them as s3://BUCKET/FOLDER.",
        )
    bucket = Place.parse(source).bucket
    own = [f"home-{subject}"] if _BUCKET_SUBJECT.fullmatch(subject) else []
    if bucket not in (*own, *PUBLIC_BUCKETS):
        raise NotAllowedError(
            f"You may not ingest from the bucket {bucket!r}.",
            f"You may from {', '.join([*own, *PUBLIC_BUCKETS])}.",
        )


def _count(title: str) -> Json:
    return {"title": title, "schema": {"type": "integer"}}


_OUTPUTS = {
    "stored": _count("Fields that were stored"),
    "duplicates": _count("Fields that were there already, with the same values"),
    "conflicts": _count("Fields that were there already, with other values, which were kept"),
    "set_aside_count": _count("Messages and fields that were not stored, conflicts among them"),
    "set_aside": {
        "title": "What was not stored: file, offset and reason",
        "schema": {"type": "array", "items": {"type": "object"}},
    },
    "files": _count("Files that were read"),
    "ignored": {
        "title": "Files of kinds that are not read",
        "schema": {"type": "array", "items": {"type": "string"}},
    },
    "warnings": {
        "title": "What should be known before the data are used",
        "schema": {"type": "array", "items": {"type": "string"}},
    },
    "fields": _count("Fields that the files hold"),
    "bytes": _count("Size of their values, decoded"),
    "repositories": {
        "title": "Repositories: collection, item, address, version, variables, steps",
        "schema": {"type": "array", "items": {"type": "object"}},
    },
}
_SUMMARY = (
    "Stores the fields of GRIB, NetCDF and Zarr files as cubes that grow. What is there is not stored "
    "again; what is broken is named with file, offset and reason, and the rest goes in."
)

INGEST_TWIN = Process(
    id="ingest-twin",
    title="Ingest a twin",
    summary=_SUMMARY,
    version="1.0.0",
    run=_ingest,
    inputs=process_inputs(Wish),
    outputs=_OUTPUTS,
)

INGEST_TWIN_OBJECTS = Process(
    id="ingest-twin-objects",
    title="Ingest a twin from a bucket of one's own",
    summary=f"{_SUMMARY} The files lie in your own bucket, or in one that everybody reads.",
    version="1.0.0",
    run=_ingest_objects,
    role=EDITOR_ROLE,
    personal=True,
    inputs=process_inputs(Wish),
    outputs=_OUTPUTS,
)
