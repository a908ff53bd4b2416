"""A simulation as a job: segment by segment the model runs, and its fields become a twin's cubes."""

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from geoscope import __version__
from geoscope.cubes.growing.cube import GrowingCube
from geoscope.cubes.growing.fields import Field
from geoscope.cubes.growing.outline import CubeOutline
from geoscope.cubes.healpix import HealpixGrid
from geoscope.cubes.rectilinear import RectilinearGrid
from geoscope.cubes.sampling import sampling
from geoscope.errors import ConflictError, GeoscopeError, InvalidInputError
from geoscope.processes import Job
from geoscope.registration import CatalogueClient
from geoscope.settings import Settings
from geoscope.twins.ingest.documents import collection_document, item_document, versions_patch
from geoscope.twins.ingest.outlines import cube_outline
from geoscope.twins.ingest.plan import PlannedRepository
from geoscope.twins.ingest.repositories import Repositories, describe_cube
from geoscope.twins.ingest.wish import Wish
from geoscope.twins.live import documents
from geoscope.twins.live.environment import ModelEnvironment
from geoscope.twins.live.experiment import SEGMENT_DAYS, Experiment
from geoscope.twins.live.folder import Progress, SimulationFolder
from geoscope.twins.live.model import Event, ModelProcess
from geoscope.twins.live.variables import VARIABLES

type Json = dict[str, Any]


@dataclass(frozen=True)
class Segment:
    """Some days of the simulation: from the beginning of one to the beginning of another."""

    first: int
    end: int

    @property
    def words(self) -> str:
        """How people call it."""
        return f"days {self.first + 1} to {self.end}" if self.end > self.first + 1 else f"day {self.end}"


class Simulation:
    """One simulation, from where it stands to as many days as are asked for.

    Parameters
    ----------
    settings : Settings
        Say where the parts of the platform are.
    experiment : Experiment
        What is asked for.
    """

    def __init__(self, settings: Settings, experiment: Experiment) -> None:
        if experiment.days > settings.live_twin.max_days:
            raise InvalidInputError(
                f"{experiment.days} days are more than this platform allows.",
                f"Expected at most {settings.live_twin.max_days}.",
            )
        self._settings, self._experiment = settings, experiment
        self._folder = SimulationFolder(settings, experiment.collection)
        environment = ModelEnvironment(settings)
        self._identity = _digest(experiment.identity, environment.digest)
        self._planned = documents.repositories_of(experiment)
        self._wish = Wish(
            sources=("run-twin",),
            title=documents.title_of(experiment),
            description=documents.description_of(experiment),
            policy=experiment.policy,
        )
        self._repositories = Repositories(settings, self._wish)

    def run(self, job: Job) -> Json:
        """Run, store and register, and return what there is then.

        Raises
        ------
        NotFoundError
            If the model is not installed.
        ConflictError
            If the name is another simulation's, or another job runs this one.
        GeoscopeError
            If the model's values become none.
        """
        ModelEnvironment(self._settings).require()
        configuration = self._experiment.configuration(self._settings.live_twin.nice)
        with (
            self._folder.alone(),
            ModelProcess(self._settings, configuration, self._folder.model_log) as model,
        ):
            begun = job.step("Look where the simulation stands", self._begin)
            reports = _Reports(job, self._experiment, begun["day"])
            if begun["spins_up"]:
                job.step("Spin up", partial(self._spin_up, model, reports))
            for segment in _segments(begun["day"], self._experiment.days):
                described = job.step(
                    f"Simulate {segment.words}", partial(self._simulate, model, segment, reports)
                )
                job.step(f"Store {segment.words}", partial(self._store, segment, described, reports))
            outcome = job.step("Complete the twin", self._complete)
        job.report(1, 1, f"{self._experiment.collection} has {self._experiment.days} days")
        return {
            "collection": self._experiment.collection,
            "new_days": max(0, self._experiment.days - begun["day"]),
        } | outcome

    def _begin(self) -> Json:
        """Find out from which day to go on, and that the name is free or ours."""
        with self._catalogue() as catalogue:
            registered = catalogue.collection(self._experiment.collection)
        ours = registered.get(documents.IDENTITY_KEY) if registered else self._identity
        progress = self._folder.progress()
        if ours != self._identity or (registered and progress and progress.identity != self._identity):
            raise ConflictError(
                f"{self._experiment.collection} is there already, and is another simulation.",
                "Choose another --name, or the same conditions to go on with it.",
            )
        if registered is None or progress is None or progress.identity != self._identity:
            # Also where the state is gone: what is stored already comes out the same again, and is skipped.
            return {"day": 0, "spins_up": True}
        return {"day": progress.days, "spins_up": False}

    def _spin_up(self, model: ModelProcess, reports: "_Reports") -> Json:
        task = {
            "outputs": self._experiment.spin_up * self._experiment.outputs_per_day,
            "from": None,
            "checkpoint": str(self._folder.checkpoint(0)),
            "values": None,
        }
        return model.run(task, partial(reports.simulated, -self._experiment.spin_up))

    def _simulate(self, model: ModelProcess, segment: Segment, reports: "_Reports") -> Json:
        """Run the model over a segment; returns what the model says of itself."""
        before = self._folder.checkpoint(segment.first)
        if not before.exists():
            raise GeoscopeError(
                f"The state at the beginning of {segment.words} is gone from {before}.",
                "Run the same command again: it begins anew, and stores nothing twice.",
            )
        self._folder.forget_before(segment.first)
        task = {
            "outputs": (segment.end - segment.first) * self._experiment.outputs_per_day,
            "from": str(before),
            "checkpoint": str(self._folder.checkpoint(segment.end)),
            "values": str(self._folder.values(segment.first)),
        }
        return model.run(task, partial(reports.simulated, segment.first))

    def _store(self, segment: Segment, model: Json, reports: "_Reports") -> Json:
        """Regrid a segment, store it and tell the catalogue."""
        reports.stores(segment)
        facts = documents.provenance(self._experiment, model, self._identity)
        counts = {}
        with np.load(self._folder.values(segment.first), allow_pickle=False) as values:
            for repository in self._planned:
                counts[repository.item] = self._store_in(repository, values, segment, facts)
        self._folder.keep_progress(Progress(self._identity, segment.end))
        return counts

    def _store_in(self, repository: PlannedRepository, values: Any, segment: Segment, facts: Json) -> Json:  # noqa: ANN401 (numpy's archive)
        outline = _outline(repository, self._wish.title or "", facts)
        place = self._repositories.place(repository)
        cube = self._repositories.open(place, outline)
        report = cube.write(
            self._fields(repository, values),
            message=f"Simulated {segment.words}",
            metadata={
                "geoscope": __version__,
                "experiment": self._identity,
                "days": [segment.first, segment.end],
            },
        )
        aside = [*report.conflicts, *report.refused]
        if aside:
            raise GeoscopeError(
                f"{len(aside)} fields of {segment.words} do not fit what is stored: {aside[0].reason}",
                "Choose another --name.",
            )
        about = describe_cube(cube, outline)
        with self._catalogue() as catalogue:
            existing = catalogue.collection(repository.collection)
            # What people wrote in a collection stays.
            kept = {} if existing is None else {"title": self._experiment.title, "description": None}
            wish = self._wish.model_copy(update=kept)
            collection = collection_document(repository, about, place, wish, existing)
            collection["providers"] = documents.providers(self._settings)
            catalogue.put_collection(documents.with_provenance(collection, facts))
            if self._experiment.policy is not None:
                catalogue.put_policy(repository.collection, self._experiment.policy)
            item = catalogue.item(repository.collection, repository.item)
            document = item_document(repository, about, place, cube.versions(), item)
            catalogue.put_item(repository.collection, documents.with_provenance(document, facts))
        return {"stored": len(report.stored), "duplicates": len(report.duplicates)}

    def _fields(self, repository: PlannedRepository, values: Any) -> Iterator[Field]:  # noqa: ANN401 (as above)
        """Yield the fields on HEALPix, step by step."""
        source = RectilinearGrid(values["longitudes"], values["latitudes"], ("latitude", "longitude"))
        regridded = sampling(source, HealpixGrid(self._experiment.level), "bilinear")
        pressures = values["pressures_hpa"].tolist()
        arrays = {each.name: values[each.name] for each in repository.variables.values()}
        for step, time in enumerate(values["times"]):
            for variable in repository.variables.values():
                fields = regridded.apply(arrays[variable.name][step]).astype(np.float32, copy=False)
                if not variable.has_levels:
                    yield Field(variable.name, time, None, fields)
                    continue
                for pressure, field in zip(pressures, fields, strict=True):
                    yield Field(variable.name, time, pressure, field)

    def _complete(self) -> Json:
        """Make the series complete, and forget what was only needed on the way."""
        found: Json = {"items": {}}
        for repository in self._planned:
            cube = self._repositories.find(self._repositories.place(repository))
            cube.settle(everything=True)
            with self._catalogue() as catalogue:
                told = partial(_versions_patch, cube)
                catalogue.change_item(repository.collection, repository.item, told)
            found["items"][repository.item] = {"steps": len(cube.times), "version": cube.versions()[0].id}
        progress = self._folder.progress()
        if progress is not None:
            self._folder.forget_before(progress.days)
        return found

    def _catalogue(self) -> CatalogueClient:
        return CatalogueClient(self._settings, "service:workflows", "catalogue-editor")


class _Reports:
    """Tells the job how far the simulation is, in outputs of the model; ends a job that was dismissed."""

    def __init__(self, job: Job, experiment: Experiment, first_day: int) -> None:
        self._job, self._experiment = job, experiment
        begin = first_day or -experiment.spin_up
        self._begin, self._total = begin, max(1, experiment.days - begin)
        self._latest = (0.0, "Starting the model")
        job.report(0, self._total, self._latest[1])

    def simulated(self, first_day: int, event: Event | None) -> None:
        """Take an event of the model; with None only listen whether the job was dismissed."""
        if event is not None:
            day = first_day + event["done"] / self._experiment.outputs_per_day
            date = datetime.combine(self._experiment.start, datetime.min.time()) + timedelta(days=day)
            verb = "Spinning up" if day <= 0 else "Simulated"
            self._latest = (day - self._begin, f"{verb}, {date:%Y-%m-%d %H:%M}")
        self._tell()

    def stores(self, segment: Segment) -> None:
        """Tell that a segment is stored now."""
        self._latest = (segment.end - self._begin, f"Storing {segment.words}")
        self._tell()

    def _tell(self) -> None:
        done, words = self._latest
        self._job.report(round(done * 1000), self._total * 1000, words)


def _versions_patch(cube: GrowingCube, item: Json) -> Json | None:
    return versions_patch(item, cube.versions())


def _segments(first: int, days: int) -> Iterator[Segment]:
    for begin in range(first, days, SEGMENT_DAYS):
        yield Segment(begin, min(begin + SEGMENT_DAYS, days))


def _outline(repository: PlannedRepository, title: str, facts: Json) -> CubeOutline:
    outline = cube_outline(repository, {}, title)
    comments = {each.name: each.comment for each in VARIABLES if each.comment}
    return dataclasses.replace(
        outline,
        attributes=dict(outline.attributes) | documents.root_attributes(facts),
        variables=tuple(
            dataclasses.replace(each, attributes=dict(each.attributes) | {"comment": comments[each.name]})
            if each.name in comments
            else each
            for each in outline.variables
        ),
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
