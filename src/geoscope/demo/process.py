"""The demo as a process: `load-demo`."""

from geoscope.processes import Job, Json, Process


def run(job: Job, _inputs: Json) -> Json:
    """Load every demo collection that is not there yet."""
    # Imported here: a worker that only waits for work should stay small.
    from geoscope.demo.load import load_demo  # noqa: PLC0415
    from geoscope.settings import current_settings  # noqa: PLC0415

    return load_demo(job, current_settings())


LOAD_DEMO = Process(
    id="load-demo",
    title="Load the demo data",
    summary=(
        "Stores five collections of real data as Zarr cubes and registers them in the catalogue: two climate "
        "scenarios, sea surface temperature from an analysis and from a model, the latter also regridded to "
        "HEALPix as digital twins are, and a satellite picture. "
        "What is there already is left alone."
    ),
    version="1.0.0",
    run=run,
    outputs={
        "items": {
            "title": "Items",
            "description": "What happened to each item: stored, or unchanged.",
            "schema": {"type": "object", "additionalProperties": {"enum": ["stored", "unchanged"]}},
        }
    },
)
