"""From a question to cuts: of one instance, or of all of a collection; and how large they may be."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from geoscope.cubes.cube import Cube
from geoscope.cuts.cutting import Cut, plan_cuts
from geoscope.cuts.estimates import CutTooLargeError, estimate
from geoscope.cuts.forms import Form
from geoscope.cuts.parameters import Kind
from geoscope.cuts.process import PROCESS
from geoscope.cuts.queries import Question
from geoscope.errors import NotFoundError, TooLargeError
from geoscope.holdings import SeenHoldings
from geoscope.settings import CutSettings

MOST_INSTANCES = 50


async def cuts_of_instance(
    holdings: SeenHoldings, collection: str, instance: str, question: Question
) -> list[Cut]:
    """Return what a question cuts out of one instance."""
    cube = await holdings.cube(collection, instance)
    return await asyncio.to_thread(plan_cuts, instance, cube, question)


async def cuts_of_collection(holdings: SeenHoldings, collection: str, question: Question) -> list[Cut]:
    """Return what a question cuts out of each instance; one that has nothing of it there is left out."""
    items = await holdings.items(collection)
    if len(items) > MOST_INSTANCES:
        raise TooLargeError(
            f"{collection!r} has {len(items)} instances; {MOST_INSTANCES} can be asked together.",
            f"Ask one of them: /edr/collections/{collection}/instances/ID/{question.kind}.",
        )
    names = [item["id"] for item in items]
    cubes = await asyncio.gather(*(holdings.cube(collection, name) for name in names))
    plans = (
        asyncio.to_thread(plan_cuts, name, cube, own)
        for name, cube, own in zip(names, cubes, _own_questions(cubes, question), strict=True)
        if own is not None
    )
    return _those_that_have_data(await asyncio.gather(*plans, return_exceptions=True), collection)


def _own_questions(cubes: Sequence[Cube], question: Question) -> list[Question | None]:
    """Ask each cube for the parameters that it has: what lies on levels is an instance of its own."""
    if not set(question.names) <= {name for cube in cubes for name in cube.variables}:
        return [question for _ in cubes]  # each refuses it, and says what it has
    own = [[name for name in question.names if name in cube.variables] for cube in cubes]
    return [replace(question, names=names) if names or not question.names else None for names in own]


def require_allowed(cuts: Sequence[Cut], form: Form, asked: Mapping[str, Any], settings: CutSettings) -> None:
    """Refuse cuts that are larger than one answer may be.

    Raises
    ------
    CutTooLargeError
        With the estimate and, if a job may be so large, the request for one.
    """
    values = sum(cut.read_count for cut in cuts)
    if values <= settings.max_values:
        return
    # What is aggregated is read all the same, so that it counts as much.
    made = "be made of" if any(cut.aggregation for cut in cuts) else "be"
    problem = f"This would {made} {values:,} values; one answer may hold {settings.max_values:,}."
    members: dict[str, Any] = {"estimate": estimate(cuts, form).document()}
    if values > settings.max_job_values:
        raise CutTooLargeError(
            problem,
            f"A job may have {settings.max_job_values:,}. Ask for fewer parameters, less space or less time.",
            members,
        )
    raise CutTooLargeError(
        problem,
        f"Ask for less, or for a job: POST the member 'job' to its href ({asked['href']}), signed in.",
        members | {"job": dict(asked)},
    )


def job_request(
    base: str, path: Mapping[str, str], kind: Kind, parameters: Mapping[str, str]
) -> dict[str, Any]:
    """Return how the same query is asked for as a job: address, method and body."""
    inputs: dict[str, Any] = {
        "collection": path["collection"],
        "query": str(kind),
        "parameters": {name: value for name, value in parameters.items() if name != "estimate"},
    }
    inputs |= {name: path[name] for name in ("instance", "location") if name in path}
    return {
        "href": f"{base}/processes/{PROCESS}/execution",
        "method": "POST",
        "body": {"inputs": inputs},
    }


def _those_that_have_data(plans: Sequence[list[Cut] | BaseException], collection: str) -> list[Cut]:
    """Leave out the instances that have nothing at this place or time, unless that is all of them."""
    for plan in plans:
        if isinstance(plan, BaseException) and not isinstance(plan, NotFoundError):
            raise plan
    found = [cut for plan in plans if isinstance(plan, list) for cut in plan]
    if not found:
        reasons = [plan for plan in plans if isinstance(plan, NotFoundError)]
        raise reasons[0] if reasons else NotFoundError(f"The collection {collection!r} has no instances yet.")
    return found
