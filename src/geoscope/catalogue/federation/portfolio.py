"""Portfolios: which collections of other catalogues appear in this one, and which backends serve them.

A portfolio is a TOML file: tables `[backends.NAME]` (see `geoscope.settings.FederatedBackend`) and an array
`[[collections]]`. Some come with the platform; an operator's own lie in the folder `portfolio` of the data
folder. What is not valid is left out, and said to be.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from geoscope.access import Policy
from geoscope.catalogue.areas import parse_bbox
from geoscope.catalogue.datetimes import parse_instant
from geoscope.catalogue.records import check_id
from geoscope.errors import InvalidInputError
from geoscope.settings import BackendName, FederatedBackend, Settings

WHOLE_EARTH = (-180.0, -90.0, 180.0, 90.0)

Words = tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...]


class _Entry(BaseModel):
    """A part of a portfolio; a misspelt name in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServedBy(_Entry):
    """A backend that serves a collection, and what it calls it."""

    name: BackendName
    collection: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class PortfolioCollection(_Entry):
    """A collection of other catalogues as it appears in this one; ids as in the Data Portfolio's scheme."""

    id: str
    title: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    description: str = ""
    provider: str = Field("", description="Who makes the data.")
    access: Literal["open", "registered", "restricted"] = "open"
    licence: str = Field("other", description="SPDX identifier, or `other`.")
    licence_url: str | None = None
    keywords: Words = ()
    platform: Words = ()
    constellation: Words = ()
    instruments: Words = ()
    bbox: tuple[float, float, float, float] = WHOLE_EARTH
    start: str | None = None
    end: str | None = None
    orderable: bool = Field(default=False, description="Whether items are made when they are ordered.")
    readers: Words | None = Field(
        None, description="Who finds it, such as `entity:ID`; everybody if not said."
    )
    policy: str | None = Field(
        None,
        description="Whom this platform gives its data to: public, registered, role:NAME or entity:ID. "
        "If not said, everybody, or whom a catalogue editor has named.",
    )
    backends: tuple[ServedBy, ...] = Field(min_length=1, description="The first that can answer is asked.")

    @model_validator(mode="after")
    def _can_be_stored(self) -> Self:
        try:
            check_id(self.id)
            if self.policy is not None:
                Policy.parse(self.policy)
            parse_bbox(list(self.bbox))
            for instant in (self.start, self.end):
                if instant is not None:
                    parse_instant(instant)
        except InvalidInputError as error:
            raise ValueError(str(error)) from error
        return self


class _PortfolioFile(_Entry):
    backends: dict[BackendName, FederatedBackend] = {}
    collections: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Portfolio:
    """All collections of other catalogues, and the backends that serve them.

    `problems` says of each file or entry that was left out why it was.
    """

    backends: dict[str, FederatedBackend] = field(default_factory=dict)
    collections: dict[str, PortfolioCollection] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_portfolio(settings: Settings) -> Portfolio:
    """Read the portfolios that the settings name, then the operator's own; later entries replace earlier."""
    federation = settings.catalogue.federation
    shipped = files("geoscope.catalogue") / "portfolio"
    own = settings.data_dir / "portfolio"
    paths: list[Traversable] = [shipped / f"{name}.toml" for name in federation.portfolios]
    paths += sorted(own.glob("*.toml"))
    portfolio = Portfolio()
    for path in paths:
        portfolio = _with_file(portfolio, path)
    return _without_orphans(replace(portfolio, backends=portfolio.backends | federation.backends))


def _with_file(portfolio: Portfolio, path: Traversable) -> Portfolio:
    try:
        read = _PortfolioFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return _with_problems(portfolio, [f"{path.name} cannot be read: {error}."])
    except ValidationError as error:
        return _with_problems(portfolio, [f"{path.name} is not valid: {_describe(error)}."])
    collections, problems = {}, []
    for number, entry in enumerate(read.collections):
        try:
            collection = PortfolioCollection.model_validate(entry)
        except ValidationError as error:
            name = entry.get("id", f"number {number}")
            problems.append(f"{path.name}: the collection {name} is not valid: {_describe(error)}.")
        else:
            collections[collection.id] = collection
    return replace(
        portfolio,
        backends=portfolio.backends | read.backends,
        collections=portfolio.collections | collections,
        problems=(*portfolio.problems, *problems),
    )


def _without_orphans(portfolio: Portfolio) -> Portfolio:
    """Leave out what names backends that are not there."""
    kept, problems = {}, []
    for id_, collection in portfolio.collections.items():
        served = tuple(backend for backend in collection.backends if backend.name in portfolio.backends)
        if served:
            kept[id_] = collection.model_copy(update={"backends": served})
        if len(served) < len(collection.backends):
            missing = sorted({backend.name for backend in collection.backends} - set(portfolio.backends))
            problems.append(f"The collection {id_} names backends that are not there: {', '.join(missing)}.")
    return _with_problems(replace(portfolio, collections=kept), problems)


def _with_problems(portfolio: Portfolio, problems: Iterable[str]) -> Portfolio:
    return replace(portfolio, problems=(*portfolio.problems, *problems))


def _describe(error: ValidationError) -> str:
    parts: list[Any] = error.errors(include_input=False)[:5]
    return "; ".join(f"{'.'.join(map(str, part['loc'])) or 'file'}: {part['msg']}" for part in parts)
