"""A cut as a durable job: read part by part into a folder, then written in its form and stored.

Each part is a step. What was read lies in plain arrays on the platform's disk; a part that a crash has cut
off is read again into the same place. The result appears in the object store whole or not at all.
"""

import asyncio
import os
import re
import shutil
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoscope.access import Principal
from geoscope.acting import authorization_of, principal_now
from geoscope.cubes.cube import Variable
from geoscope.cuts.answers import write_answer
from geoscope.cuts.asking import cuts_of_collection, cuts_of_instance
from geoscope.cuts.cutting import BLOCK_VALUES, Cut
from geoscope.cuts.estimates import estimate
from geoscope.cuts.parameters import Kind
from geoscope.cuts.products import new_product, product_address, remove_expired, store_product
from geoscope.cuts.queries import Question, read_question
from geoscope.cuts.room import NO_ROOM, room_needed
from geoscope.errors import (
    GeoscopeError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    TooLargeError,
    UnavailableError,
)
from geoscope.holdings import Holdings, SeenHoldings
from geoscope.processes import Job, Json
from geoscope.settings import Settings

ASKER = "service:job-worker"
# After so long a folder belongs to a job that was dismissed.
_ABANDONED_AFTER_S = 3 * 86_400.0
_VALUE_BYTES = 4
# Values of one time, which are held at once: a worker out of memory would be killed again and again.
MOST_OF_STEP = 100_000_000
_GONE = "What was read for this job is gone from the disk."


def cut_out(job: Job, settings: Settings, inputs: Json) -> dict[str, Any]:
    """Answer a query by a product.

    Raises
    ------
    GeoscopeError
        As the query itself would; also if the asker may not have the data, when the job runs.
    """
    wish = Wish.parse(inputs)
    owner = job.owner
    plan = job.step("Plan the cut", partial(_run, partial(_plan, settings, wish, owner)))
    folder = _folder(settings, plan["product"])
    try:
        stored = _read_and_store(job, settings, wish, plan, folder)
    except GeoscopeError:
        # It ends here for good: a job that is taken up again was killed, and has raised nothing.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    expires = datetime.fromtimestamp(int(plan["product"].partition("-")[0]), UTC)
    return {
        "href": product_address(settings, plan["product"], stored["name"]),
        "type": wish.question.form.media_type,
        "bytes": stored["bytes"],
        "values": plan["values"],
        "expires": expires.isoformat().replace("+00:00", "Z"),
    }


def _read_and_store(
    job: Job, settings: Settings, wish: "Wish", plan: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    owner, parts, values = job.owner, plan["parts"], plan["values"]
    for number in range(parts):
        job.report(number, parts + 1, f"Reading part {number + 1} of {parts}")
        read = partial(_read_part, settings, wish, owner, folder, number, values)
        job.step(f"Read part {number + 1}", partial(_run, read))
    job.report(parts, parts + 1, "Writing the result")
    store = partial(_store, settings, wish, owner, folder, plan["product"], values)
    return job.step("Store the result", partial(_run, store))


def remove_leftovers(settings: Settings) -> int:
    """Remove products that have expired, and what dismissed jobs have left on the disk."""
    for folder in _folders(settings).glob("*"):
        if time.time() - folder.stat().st_mtime > _ABANDONED_AFTER_S:
            shutil.rmtree(folder, ignore_errors=True)
    return remove_expired(settings)


@dataclass(frozen=True)
class Wish:
    """The inputs of a job, read and checked."""

    collection: str
    instance: str | None
    question: Question

    @classmethod
    def parse(cls, inputs: Mapping[str, Any]) -> "Wish":
        """Read the inputs.

        Raises
        ------
        InvalidInputError
            Naming what cannot be read.
        """
        parameters = inputs.get("parameters", {})
        texts = {name: inputs.get(name) for name in ("collection", "instance", "location", "query")}
        for name, text in texts.items():
            if not isinstance(text, str) and not (text is None and name in ("instance", "location")):
                raise InvalidInputError(f"The input {name!r} is no text.")
        if not isinstance(parameters, Mapping) or not all(
            isinstance(each, str) for each in parameters.values()
        ):
            raise InvalidInputError("The input 'parameters' is no object of texts.")
        if texts["query"] not in list(Kind):
            raise InvalidInputError(
                f"There is no query {texts['query']!r}.", f"There are: {', '.join(Kind)}."
            )
        kind = Kind(texts["query"])
        if (kind is Kind.LOCATIONS) != (texts["location"] is not None):
            raise InvalidInputError(
                "The input 'location' belongs to the query 'locations'.", "Give both, or neither."
            )
        question = read_question(kind, dict(parameters), location=texts["location"])
        return cls(str(texts["collection"]), texts["instance"], question)

    @property
    def file_name(self) -> str:
        """What the client shall call the result."""
        title = "-".join(filter(None, (self.collection, self.instance, self.question.name)))
        return re.sub(r"[^A-Za-z0-9._-]", "_", title)[:150] + self.question.form.suffix


@dataclass(frozen=True)
class StoredCut(Cut):
    """A cut whose values lie in files, one for each variable."""

    files: tuple[Path, ...] = ()

    async def read(self, variable: Variable, block: slice) -> NDArray[np.float32]:
        """Read one block from its file; see `Cut.read`."""
        number = [each.name for each in self.variables].index(variable.name)
        values = np.lib.format.open_memmap(self.files[number], mode="r")
        first = 0 if self.own_steps is not None else block.start - self.steps.start
        return np.array(values[first : first + block.stop - block.start])


async def _plan(settings: Settings, wish: Wish, owner: str) -> dict[str, Any]:
    async with Holdings(settings) as holdings:
        cuts = await _cuts(holdings, wish, owner)
    read = sum(cut.read_count for cut in cuts)
    if read > settings.cuts.max_job_values:
        raise TooLargeError(
            f"This would be {read:,} values; a job may have {settings.cuts.max_job_values:,}.",
            "Ask for fewer parameters, a smaller region or less time.",
        )
    of_step = max((cut.shape[1] * cut.shape[2] for cut in cuts), default=0)
    if of_step > MOST_OF_STEP:
        raise TooLargeError(
            f"One time of this would be {of_step:,} values; {MOST_OF_STEP:,} can be read together.",
            "Ask for fewer levels, or less space.",
        )
    values = sum(cut.value_count for cut in cuts)
    folders = _folders(settings)
    folders.mkdir(parents=True, exist_ok=True)
    # The answer lies on the disk twice until it is in the object store.
    room = values * _VALUE_BYTES + 2 * estimate(cuts, wish.question.form).answer_bytes
    if shutil.disk_usage(folders).free < room:
        raise UnavailableError(NO_ROOM)
    return {"product": new_product(settings.cuts.keep_days), "values": values, "parts": len(_parts(cuts))}


async def _read_part(
    settings: Settings, wish: Wish, owner: str, folder: Path, number: int, values: int
) -> int:
    """Read one part of a cut into the files of the job; return how many values it had."""
    async with Holdings(settings) as holdings:
        cuts = await _unchanged_cuts(holdings, wish, owner, values)
        for index, variable, block in _parts(cuts)[number]:
            cut = cuts[index]
            found = await cut.read(cut.cube.variables[variable], block)
            await asyncio.to_thread(_keep, folder, cuts, index, variable, block, found)
    return number


async def _store(
    settings: Settings, wish: Wish, owner: str, folder: Path, product: str, values: int
) -> dict[str, Any]:
    """Write the answer from the files, and bring it into the object store."""
    form = wish.question.form
    async with Holdings(settings) as holdings:
        cuts = await _unchanged_cuts(holdings, wish, owner, values)
        kept: list[Cut] = []
        for index, cut in enumerate(cuts):
            files = tuple(_file(folder, index, variable.name) for variable in cut.variables)
            if not all(file.is_file() for file in files):
                raise GeoscopeError(_GONE, "Ask for it again.")
            own = {each.name: getattr(cut, each.name) for each in fields(Cut)}
            kept.append(StoredCut(**own, files=files))
        path = folder / f"answer{form.suffix}"
        title = "-".join(filter(None, (wish.collection, wish.instance)))
        await write_answer(kept, form, title, path)
    await asyncio.to_thread(store_product, settings, product, wish.file_name, path)
    return {"name": wish.file_name, "bytes": path.stat().st_size}


async def _unchanged_cuts(holdings: Holdings, wish: Wish, owner: str, values: int) -> list[Cut]:
    cuts = await _cuts(holdings, wish, owner)
    if sum(cut.value_count for cut in cuts) != values:
        raise GeoscopeError("The data changed while they were being cut.", "Ask for it again.")
    return cuts


async def _cuts(holdings: Holdings, wish: Wish, owner: str) -> list[Cut]:
    """Plan the cut with the rights that the owner of the job has now; a stranger's often do."""
    try:
        return await _cuts_seen(holdings.seen_by(), wish)
    except (NotFoundError, NotSignedInError, NotAllowedError):
        principal = await asyncio.to_thread(principal_now, holdings.settings, owner, ASKER)
        return await _cuts_seen(_seen(holdings, principal), wish)


async def _cuts_seen(seen: SeenHoldings, wish: Wish) -> list[Cut]:
    if wish.instance is None:
        return await cuts_of_collection(seen, wish.collection, wish.question)
    return await cuts_of_instance(seen, wish.collection, wish.instance, wish.question)


def _seen(holdings: Holdings, principal: Principal) -> SeenHoldings:
    return holdings.seen_by(principal, authorization_of(holdings.settings, principal))


def _parts(cuts: list[Cut]) -> list[list[tuple[int, str, slice]]]:
    """Put blocks of variables together to parts of about equal size: (number of the cut, variable, block)."""
    parts: list[list[tuple[int, str, slice]]] = []
    room = 0
    for index, cut in enumerate(cuts):
        for variable in cut.variables:
            for block in cut.blocks():
                size = (block.stop - block.start) * cut.values_of_step
                if not parts or size > room:
                    parts.append([])
                    room = BLOCK_VALUES
                parts[-1].append((index, variable.name, block))
                room -= size
    return parts


def _keep(
    folder: Path, cuts: list[Cut], index: int, variable: str, block: slice, found: NDArray[np.float32]
) -> None:
    """Write a block to its place in the file of its variable, which is made at the first."""
    cut, file = cuts[index], _file(folder, index, variable)
    if not file.is_file():
        if block.start > cut.steps.start and cut.own_steps is None:
            raise GeoscopeError(_GONE, "Ask for it again.")
        folder.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        with room_needed():
            np.lib.format.open_memmap(fresh, mode="w+", dtype=np.float32, shape=cut.shape).flush()
        fresh.rename(file)
    os.utime(folder)  # (it is in use)
    values = np.lib.format.open_memmap(file, mode="r")
    first = 0 if cut.own_steps is not None else block.start - cut.steps.start
    # Not through the map: a disk without room would end the process by a signal.
    with room_needed(), file.open("r+b") as kept:
        kept.seek(values.offset + first * values.strides[0])
        kept.write(np.ascontiguousarray(found).data)


def _file(folder: Path, index: int, variable: str) -> Path:
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", variable)[:80]
    return folder / f"{index}-{safe}.npy"


def _folders(settings: Settings) -> Path:
    return settings.data_dir / "cuts"


def _folder(settings: Settings, product: str) -> Path:
    return _folders(settings) / product


def _run[Result](work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    return asyncio.run(work())
