"""What somebody asks the live twin for: the inputs of the process `run-twin`, and what follows from them."""

import hashlib
import json
import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from geoscope.access import Policy
from geoscope.errors import InvalidInputError
from geoscope.twins.live.variables import PRESSURES_HPA, VARIABLES, TwinVariable

# What the model's absorptivity is tuned to (jcm 3.0.0), parts per million by volume.
USUAL_CO2_PPMV = 420.0
COLLECTION_PREFIX = "live-twin"
# First and last day of what the model's calendar is asked for.
FIRST_DAY, LAST_DAY = date(1850, 1, 1), date(2150, 12, 31)
SEGMENT_DAYS = 5

type Degrees = Annotated[float, Field(ge=-360, le=360, allow_inf_nan=False)]
type VariableName = Literal[
    "2t",
    "10u",
    "10v",
    "skt",
    "sp",
    "msl",
    "tcc",
    "avg_tprate",
    "avg_tnswrf",
    "avg_tnlwrf",
    "t",
    "u",
    "v",
    "q",
    "z",
]


def _policy(text: str) -> str:
    return str(Policy.parse(text))


class Experiment(BaseModel):
    """One simulation, and how its output is stored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[int, Field(ge=1, le=36_600)] = Field(
        30, description="Length in days. A simulation of the same name that is shorter goes on from its end."
    )
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] | None = Field(
        None,
        description="Name of the experiment: small letters, digits and dashes. By default made of the "
        "what-if, and `control` without any.",
    )
    start: date = Field(date(2001, 1, 1), description="First day, by which the sun and the seasons go.")
    sst_offset: Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)] = Field(
        0.0, description="What-if: kelvins that are added to the sea surface temperature."
    )
    sst_area: tuple[Degrees, Degrees, Degrees, Degrees] | None = Field(
        None, description="Where they are added: west, south, east, north in degrees. By default everywhere."
    )
    co2: Annotated[float, Field(ge=50, le=5000, allow_inf_nan=False)] = Field(
        USUAL_CO2_PPMV, description="What-if: carbon dioxide, in parts per million by volume."
    )
    realization: Annotated[int, Field(ge=1, le=9999)] = Field(
        1, description="Number of the member of an ensemble: seed of the perturbation of the first state."
    )
    spin_up: Annotated[int, Field(ge=0, le=3660)] = Field(
        30,
        description="Days before the first one, in which the model forgets the resting air it begins with.",
    )
    interval: Literal[1, 3, 6, 12, 24] = Field(6, description="Hours between outputs.")
    variables: tuple[VariableName, ...] = Field(
        (), description="ECMWF's short names of what is stored. By default all that there are."
    )
    level: Annotated[int, Field(ge=0, le=7)] = Field(
        5, description="HEALPix level of the stored fields; 5 (nside 32) is a little finer than the model."
    )
    policy: Annotated[str, AfterValidator(_policy)] | None = Field(
        None,
        description="Whom the data is for: public, registered, role:NAME or entity:ID. A new one is public.",
    )
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)] | None = (
        Field(None, description="Title of the collection.")
    )

    @model_validator(mode="after")
    def _fits(self) -> "Experiment":
        first = self.start - timedelta(days=self.spin_up)
        if not FIRST_DAY <= first <= self.start + timedelta(days=self.days) <= LAST_DAY:
            raise InvalidInputError(
                f"A simulation lies between {FIRST_DAY} and {LAST_DAY}, spin-up included."
            )
        if self.sst_area is not None:
            west, south, east, north = self.sst_area
            if not -90 <= south < north <= 90 or west == east:
                raise InvalidInputError(
                    f"The area {self.sst_area} has no extent.",
                    "Expected west, south, east, north in degrees.",
                )
            if self.sst_offset == 0:
                raise InvalidInputError("An area was given, and no offset of the sea surface temperature.")
        return self

    @property
    def is_control(self) -> bool:
        """Whether nothing is changed."""
        return self.sst_offset == 0 and self.co2 == USUAL_CO2_PPMV

    @property
    def label(self) -> str:
        """Its name, given or made of the what-if."""
        if self.name is not None:
            return self.name
        parts = []
        if self.sst_offset:
            sign = "plus" if self.sst_offset > 0 else "minus"
            parts.append(f"sst-{sign}-{abs(self.sst_offset):g}k")
            if self.sst_area is not None:
                parts.append("in-" + hashlib.sha256(json.dumps(self.sst_area).encode()).hexdigest()[:6])
        if self.co2 != USUAL_CO2_PPMV:
            parts.append(f"co2-{self.co2:g}ppm")
        return re.sub(r"[^a-z0-9-]", "-", "-".join(parts)) or "control"

    @property
    def collection(self) -> str:
        """Id of the collection in the catalogue."""
        return f"{COLLECTION_PREFIX}-{self.label}-r{self.realization}"

    @property
    def what_if(self) -> str:
        """Say in words what is changed."""
        parts = []
        if self.sst_offset:
            where = ""
            if self.sst_area is not None:
                west, south, east, north = self.sst_area
                where = f" from {west:g}° to {east:g}° east and {south:g}° to {north:g}° north"
            parts.append(f"sea surface temperature {self.sst_offset:+g} K{where}")
        if self.co2 != USUAL_CO2_PPMV:
            parts.append(f"{self.co2:g} ppm of carbon dioxide instead of {USUAL_CO2_PPMV:g}")
        return " and ".join(parts) or "nothing is changed"

    @property
    def chosen(self) -> tuple[TwinVariable, ...]:
        """The variables to store."""
        return tuple(each for each in VARIABLES if not self.variables or each.name in self.variables)

    @property
    def outputs_per_day(self) -> int:
        """How many times a day the model's state is stored."""
        return 24 // self.interval

    def configuration(self, nice: int) -> dict[str, Any]:
        """Return what the model's process needs to know, all of it."""
        begin = datetime.combine(self.start - timedelta(days=self.spin_up), datetime.min.time())
        return {
            "start": begin.isoformat(),
            "interval_h": self.interval,
            "seed": self.realization,
            "sst_offset": self.sst_offset,
            "sst_area": self.sst_area,
            "co2_ppmv": self.co2,
            "pressures_hpa": PRESSURES_HPA,
            "nice": nice,
        }

    @property
    def identity(self) -> str:
        """Digest of all that decides which values come out: what differs in it is another simulation."""
        decisive = self.model_dump(
            mode="json",
            include={"start", "sst_offset", "sst_area", "co2", "realization", "spin_up", "interval", "level"},
        )
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
