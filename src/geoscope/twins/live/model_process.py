"""The process that runs the atmosphere model: a program of its own, in the model's own environment.

It imports nothing of Geoscope, and Geoscope never imports it. The first line of its input is the experiment,
each further line a segment to run; each line of its output is an event. All are JSON. It ends with its input,
so that it outlives nobody.

    experiment  {"start", "interval_h", "seed", "sst_offset", "sst_area", "co2_ppmv", "pressures_hpa",
                 "nice"}
    segment     {"outputs", "from": checkpoint or null, "checkpoint", "values": file or null}
    events      {"event": "ready", ...} once; then "output" per output and "done" per segment; or "failed" and
                the end
"""

import hashlib
import json
import os
import queue
import sys
import threading
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ISO = "%Y-%m-%dT%H:%M:%S"


def main() -> None:
    """Run segments until the input ends."""
    tasks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_take_in, args=(tasks,), daemon=True).start()
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no event

    def tell(event: str, **facts: Any) -> None:
        events.write(json.dumps({"event": event, **facts}) + "\n")

    experiment = tasks.get()
    os.nice(experiment["nice"])
    twin = Twin(experiment)
    tell("ready", **twin.provenance())
    while True:
        task = tasks.get()
        try:
            twin.run_segment(task, tell)
        except UnstableError as error:
            tell("failed", problem=str(error))
            os._exit(0)
        tell("done")


def _take_in(tasks: "queue.SimpleQueue[dict[str, Any]]") -> None:
    for line in sys.stdin:
        tasks.put(json.loads(line))
    os._exit(0)  # at once, also in the middle of a segment


class UnstableError(Exception):
    """The model's values are no numbers any more."""


class Twin:
    """The SPEEDY configuration of jcm: T31, eight sigma levels, real terrain, monthly surface climatology."""

    def __init__(self, experiment: dict[str, Any]) -> None:
        # The heavy part; only after the thread that ends this process with its parent.
        import jax.numpy as jnp
        import numpy as np
        from jcm.constants import physical_constants
        from jcm.forcing import ForcingData
        from jcm.model import Model
        from jcm.physics.speedy.speedy_coords import get_speedy_coords
        from jcm.terrain import TerrainData

        self._np = np
        self._constants = physical_constants
        self._experiment = experiment
        self._interval = f"{experiment['interval_h']}h"
        folder = _climatology_folder()
        self._coordinates = get_speedy_coords()
        horizontal = self._coordinates.horizontal
        self._latitudes = np.degrees(np.asarray(horizontal.latitudes, dtype=np.float64))
        self._longitudes = np.degrees(np.asarray(horizontal.longitudes, dtype=np.float64))
        terrain = TerrainData.from_file(str(folder / "terrain.nc"), coords=self._coordinates)
        forcing = ForcingData.from_file(
            str(folder / "forcing.nc"), coords=self._coordinates, align_mode="wrap_year"
        )
        warmed = forcing.sea_surface_temperature
        offset = self._offset(experiment["sst_offset"], experiment["sst_area"])
        self._forcing = forcing.copy(
            sea_surface_temperature=warmed.replace(values=warmed.values + offset),
            co2_vmr=jnp.asarray(experiment["co2_ppmv"], dtype=forcing.co2_vmr.dtype),
        )
        self._model = Model(coords=self._coordinates, terrain=terrain, start_time=experiment["start"])
        self._checkpoint: str | None = None

    def provenance(self) -> dict[str, Any]:
        """Say what runs here, down to the digest of each input."""
        from jcm.provenance import describe_params

        parameters = json.dumps(describe_params(self._model.physics), sort_keys=True, default=str)
        folder = _climatology_folder()
        return {
            "versions": {
                name: version(name) for name in ("jcm", "dinosaur", "jax", "jaxlib", "numpy", "xarray")
            },
            "python": sys.version.split()[0],
            "time_step_s": int(self._model.dt_si.m),
            "truncation": 31,
            "sigma_levels": [round(float(x), 6) for x in self._coordinates.vertical.centers],
            "physics": type(self._model.physics).__name__,
            "physics_parameters_sha256": hashlib.sha256(parameters.encode()).hexdigest(),
            "inputs_sha256": {
                name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
                for name in ("forcing.nc", "terrain.nc")
            },
        }

    def run_segment(self, task: dict[str, Any], tell: Any) -> None:
        """Run a number of outputs on; keep their values, and then the state for the next segment."""
        from jcm.checkpoint import save_checkpoint

        self._stand_at(task["from"])
        outputs = []
        for number in range(task["outputs"]):
            means = self._model.resume(
                forcing=self._forcing,
                save_interval=self._interval,
                total_time=self._interval,
                output_averages=True,
            )
            state = self._model.dycore.to_physics_state(self._model.dycore_state)
            if not self._np.isfinite(self._np.asarray(state.temperature)).all():
                raise UnstableError(f"The model became unstable before {self._now()}.")
            if task["values"] is not None:
                outputs.append((self._now(), self._surface(state, means) | self._levels(state)))
            tell("output", done=number + 1, total=task["outputs"], time=self._now())
        if task["values"] is not None:
            self._write(Path(task["values"]), outputs)
        save_checkpoint(self._model, task["checkpoint"])
        self._checkpoint = task["checkpoint"]

    def _stand_at(self, checkpoint: str | None) -> None:
        """Be at a checkpoint, or at the beginning."""
        from jcm.checkpoint import load_checkpoint

        if checkpoint is not None and self._checkpoint == checkpoint:
            return
        self._checkpoint = None
        self._model.bootstrap_state(self._at_rest())
        if checkpoint is not None:
            load_checkpoint(self._model, checkpoint)

    def _at_rest(self) -> Any:
        """Return air at rest of 288 K, stirred by the seed, with less of it above mountains.

        The model's own beginning has the pressure of a flat planet: too much air, and a violent start.
        """
        state = self._model.initial_state(random_seed=self._experiment["seed"])
        height, scale_height = self._model.terrain.orog, self._constants.rd * 288.0 / self._constants.grav
        lifted = self._coordinates.horizontal.to_modal(-height[None] / scale_height)
        state.log_surface_pressure = state.log_surface_pressure + lifted
        return state

    def _now(self) -> str:
        clock = self._model.run_state.time.delta
        seconds = int(clock.days) * 86_400 + int(clock.seconds)
        return datetime.fromtimestamp(seconds, UTC).strftime(ISO)

    def _offset(self, kelvin: float, area: list[float] | None) -> Any:
        """Return what is added to the sea surface temperature: everywhere, or in a box of degrees."""
        np = self._np
        if area is None:
            return np.float32(kelvin)
        inside = in_area(self._longitudes, self._latitudes, area)
        return np.where(inside, np.float32(kelvin), np.float32(0))

    def _surface(self, state: Any, means: Any) -> dict[str, Any]:
        """Fields of the surface: of this moment, and means over the interval that ends with it."""
        np = self._np
        now, mean = self._model.physics_carry, means.physics
        pressure = np.asarray(state.normalized_surface_pressure) * self._constants.p0
        near = now["_surface_flux"]
        return {
            "2t": np.asarray(near.t0),
            "10u": np.asarray(near.u0),
            "10v": np.asarray(near.v0),
            "skt": np.asarray(near.tskin),
            "sp": pressure,
            "msl": self._sea_level_pressure(state, pressure),
            "tcc": np.asarray(now["_shortwave_rad"].cloudc),
            "avg_tprate": np.asarray(mean["surface_exchange"].precipitation)[0],
            "avg_tnswrf": np.asarray(mean["_shortwave_rad"].ftop)[0],
            "avg_tnlwrf": -np.asarray(mean["_longwave_rad"].ftop)[0],
        }

    def _sea_level_pressure(self, state: Any, pressure: Any) -> Any:
        """Reduce the lowest level's pressure to the sea, by air that warms by 6.5 K a kilometre downwards.

        From the level's own geopotential: the dynamics feel smoother mountains than those of the file.
        """
        np, lapse = self._np, 0.0065
        sigma = float(self._coordinates.vertical.centers[-1])
        temperature = np.asarray(state.temperature)[-1]
        height = np.asarray(state.geopotential)[-1] / self._constants.grav
        exponent = self._constants.grav / (self._constants.rd * lapse)
        return sigma * pressure * np.power(1 + lapse * height / temperature, exponent)

    def _levels(self, state: Any) -> dict[str, Any]:
        """Fields at pressures, linear in the logarithm of pressure; missing below the lowest model level."""
        np = self._np
        pressures = np.asarray(self._experiment["pressures_hpa"], dtype=np.float64) * 100
        sigma = np.asarray(self._coordinates.vertical.centers, dtype=np.float64)
        surface = np.asarray(state.normalized_surface_pressure, dtype=np.float64) * self._constants.p0
        temperature = np.asarray(state.temperature, dtype=np.float64)
        fields = {
            "t": temperature,
            "u": np.asarray(state.u_wind, dtype=np.float64),
            "v": np.asarray(state.v_wind, dtype=np.float64),
            "q": np.asarray(state.specific_humidity, dtype=np.float64),
            "z": np.asarray(state.geopotential, dtype=np.float64),
        }
        found: dict[str, list[Any]] = {name: [] for name in fields}
        for pressure in pressures:
            x = np.log(pressure / surface)  # as log(sigma) is for the model's levels
            upper = np.clip(np.searchsorted(np.log(sigma), x) - 1, 0, len(sigma) - 2)
            low, high = np.log(sigma)[upper + 1], np.log(sigma)[upper]
            share = (x - low) / (high - low)
            missing = x > np.log(sigma[-1])
            at = {
                name: (
                    np.take_along_axis(field, upper[None] + 1, 0)[0],
                    np.take_along_axis(field, upper[None], 0)[0],
                )
                for name, field in fields.items()
            }
            for name, (below, above) in at.items():
                value = below + share * (above - below)
                if name == "z":  # exact where temperature is linear between the levels
                    slope = (at["t"][1] - at["t"][0]) / (high - low)
                    value = value + self._constants.rd * slope / 2 * (x - low) * (high - x)
                found[name].append(np.where(missing, np.nan, value))
        return {name: np.stack(levels) for name, levels in found.items()}

    def _write(self, path: Path, outputs: list[tuple[str, dict[str, Any]]]) -> None:
        """Write all fields as float32, rows from south to north; the file is there when it is whole."""
        np = self._np
        arrays = {
            name: np.stack([np.swapaxes(fields[name], -1, -2) for _, fields in outputs]).astype(np.float32)
            for name in outputs[0][1]
        }
        arrays |= {
            "times": np.array([time for time, _ in outputs], dtype="datetime64[s]"),
            "latitudes": self._latitudes,
            "longitudes": self._longitudes,
            "pressures_hpa": np.asarray(self._experiment["pressures_hpa"], dtype=np.float64),
        }
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


def in_area(longitudes: Any, latitudes: Any, area: list[float]) -> Any:
    """Tell which points (longitudes, latitudes) lie in a box: west, south, east, north in degrees."""
    west, south, east, north = area
    width = 360 if east - west >= 360 else (east - west) % 360
    within_longitudes = (longitudes - west) % 360 <= width
    within_latitudes = (latitudes >= south) & (latitudes <= north)
    return within_longitudes[:, None] & within_latitudes[None, :]


def _climatology_folder() -> Path:
    import jcm

    return Path(jcm.__file__).parent / "data" / "bc" / "t30" / "clim"


if __name__ == "__main__":
    main()
