"""The live twin as a process: `run-twin`."""

from geoscope.inputs import parsed, process_inputs
from geoscope.processes import Job, Json, Process
from geoscope.twins.live.experiment import Experiment


def run(job: Job, inputs: Json) -> Json:
    """Simulate what the inputs ask for, and store it as a twin."""
    experiment = parsed(Experiment, dict(inputs))
    # Imported here: a worker that only waits for work should stay small.
    from geoscope.settings import current_settings  # noqa: PLC0415
    from geoscope.twins.live.simulation import Simulation  # noqa: PLC0415

    return Simulation(current_settings(), experiment).run(job)


RUN_TWIN = Process(
    id="run-twin",
    title="Run a live twin",
    summary=(
        "Runs a small global atmosphere model on this machine, as it is or under changed conditions, and "
        "stores its output on HEALPix as a twin. The same simulation with more days goes on where it ended."
    ),
    version="1.0.0",
    run=run,
    inputs=process_inputs(Experiment),
    outputs={
        "collection": {"title": "Id of the collection", "schema": {"type": "string"}},
        "new_days": {"title": "Days that were simulated by this job", "schema": {"type": "integer"}},
        "items": {
            "title": "Items: how many steps, and the version that has them",
            "schema": {"type": "object", "additionalProperties": {"type": "object"}},
        },
    },
)
