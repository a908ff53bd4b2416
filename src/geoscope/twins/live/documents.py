"""Where a live twin's data comes from, said in the store and in the catalogue alike."""

import json
from typing import Any

from geoscope import __version__
from geoscope.settings import Settings
from geoscope.twins.ingest.plan import PlannedRepository, PlannedVariable
from geoscope.twins.live.experiment import Experiment
from geoscope.twins.live.variables import PRESSURES_HPA

PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
RENDER = "https://stac-extensions.github.io/render/v2.0.0/schema.json"
IDENTITY_KEY = "geoscope:experiment_sha256"
MODEL_NAME = "JCM-SPEEDY"
OF_INTERVAL = "time: mean (comment: over the interval that ends at the time)"

type Document = dict[str, Any]


def repositories_of(experiment: Experiment) -> list[PlannedRepository]:
    """Return what is stored: fields of the surface, and fields at pressures."""
    planned = []
    for levtype in ("sfc", "pl"):
        variables = [each for each in experiment.chosen if each.levtype == levtype]
        if not variables:
            continue
        has_levels = levtype == "pl"
        planned.append(
            PlannedRepository(
                collection=experiment.collection,
                item=f"clte-{levtype}-standard",
                mars=mars_keys(experiment) | {"levtype": levtype},
                base=None,
                grid={"kind": "healpix", "level": experiment.level},
                cells=12 * 4**experiment.level,
                level_type="isobaricInhPa" if has_levels else "",
                levels=sorted(PRESSURES_HPA) if has_levels else [],
                variables={
                    number: PlannedVariable(
                        name=each.name,
                        facts={
                            "name": each.name,
                            "param": each.param,
                            "title": each.title,
                            "unit": each.unit,
                            "standard_name": each.standard_name,
                            "step_type": each.step_type,
                            "cell_methods": OF_INTERVAL if each.step_type == "avg" else "",
                        },
                        has_levels=has_levels,
                        dtype="float32",
                    )
                    for number, each in enumerate(variables)
                },
            )
        )
    return planned


def mars_keys(experiment: Experiment) -> dict[str, str]:
    """Return keys in ECMWF's vocabulary that none of its own data has: research, a dataset of our name."""
    return {
        "class": "rd",
        "dataset": "geoscope-live",
        "activity": "control" if experiment.is_control else "what-if",
        "experiment": experiment.label,
        "generation": "1",
        "model": MODEL_NAME,
        "realization": str(experiment.realization),
        "expver": "live",
        "stream": "clte",
        "type": "fc",
        "resolution": "standard",
    }


def title_of(experiment: Experiment) -> str:
    """Return the title of the collection."""
    if experiment.title is not None:
        return experiment.title
    words = experiment.label.replace("-", " ")
    return f"Live twin: {words} (member {experiment.realization})"


def description_of(experiment: Experiment) -> str:
    """Return what the collection holds."""
    condition = (
        "A control: nothing is changed." if experiment.is_control else f"What if: {experiment.what_if}."
    )
    return (
        "Output of a small global atmosphere model (jcm with SPEEDY physics, T31, eight layers) that was run "
        f"on this platform, regridded to HEALPix. {condition} Sea surface temperature, sea ice and the state "
        "of the land are prescribed by a climatology, so that only the air answers. It is a simulation of a "
        "weather that never was, not a forecast and not an observation."
    )


def provenance(experiment: Experiment, model: Document, identity: str) -> Document:
    """Return the facts of the processing extension, and the experiment itself.

    Parameters
    ----------
    experiment : Experiment
        What was asked for.
    model : dict
        What the model's process says of itself.
    identity : str
        Digest of all that decides about the values.
    """
    versions = model.get("versions", {})
    inputs = ", ".join(f"{name} {digest}" for name, digest in model.get("inputs_sha256", {}).items())
    steps = f"time step {model.get('time_step_s')} s" if model else "time step unknown"
    return {
        "processing:software": {"geoscope": __version__, **versions},
        "processing:level": "L4",
        "processing:lineage": (
            f"jcm {versions.get('jcm')}, SPEEDY physics, T31 on 96 x 48 Gaussian points, {steps}; "
            f"{experiment.what_if}; seed {experiment.realization}; {experiment.spin_up} days of spin-up; "
            f"surface climatology and terrain by SHA-256: {inputs}; "
            f"regridded to HEALPix level {experiment.level}, bilinear."
        ),
        "geoscope:experiment": experiment.model_dump(
            mode="json", exclude={"days", "policy", "title", "variables"}
        ),
        "geoscope:model": model,
        IDENTITY_KEY: identity,
    }


def root_attributes(facts: Document) -> Document:
    """Return provenance as attributes of a store: plain text, as netCDF-minded readers want it."""
    plain = {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in facts.items()
    }
    return plain | {
        "source": "jcm, an atmosphere model in JAX, with SPEEDY physics",
        "references": REFERENCES,
    }


REFERENCES = "Molteni (2003), Climate Dynamics 20, 175-191, https://doi.org/10.1007/s00382-002-0268-2"


def with_provenance(document: Document, facts: Document) -> Document:
    """Return an item or a collection that also says where its data comes from."""
    extensions = [*document["stac_extensions"], PROCESSING]
    if document["type"] == "Feature":
        properties = document["properties"] | facts
        if "2t" in properties["cube:variables"]:
            properties["renders"] = {"2t": _drawing()}
            extensions.append(RENDER)
        return document | {"properties": properties, "stac_extensions": _once(extensions)}
    # Versions and lineage stand in the items: the next segment may be made by other ones.
    own = {key: facts[key] for key in ("geoscope:experiment", IDENTITY_KEY)}
    keywords = ["live twin", "climate model", "HEALPix", "what-if", "SPEEDY", "digital twin", "model output"]
    return document | own | {"keywords": keywords}


def providers(settings: Settings) -> list[Document]:
    """Return who made the data: this platform, with others' model."""
    return [
        {"name": settings.site_name, "roles": ["producer", "host"]},
        {
            "name": "jcm (JAX circulation model)",
            "description": "The atmosphere model",
            "roles": ["processor"],
        },
    ]


def _drawing() -> Document:
    return {
        "title": "2 metre temperature",
        "assets": ["cube"],
        "rescale": [[230.0, 310.0]],
        "colormap_name": "cmocean:thermal",
    }


def _once(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))
