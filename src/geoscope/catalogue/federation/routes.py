"""Routes of the federation: how its backends do, and the credentials that persons bring for them."""

from datetime import datetime
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from geoscope.catalogue.federation.federation import Federation
from geoscope.catalogue.federation.members import Member
from geoscope.catalogue.stac_api.openapi import REFUSALS
from geoscope.errors import NotFoundError
from geoscope.web import SignedInPrincipal

router = APIRouter(prefix="/stac/federation", tags=["Federation"], responses=REFUSALS)


async def _federation(request: Request) -> Federation:
    federation: Federation = request.app.state.federation
    return federation


Known = Annotated[Federation, Depends(_federation)]


class BackendState(BaseModel):
    """How a backend did lately, as this process has seen it."""

    id: str = Field(description="Its name in `federation:backends`.")
    title: str
    kind: str
    about: str | None
    collections: int = Field(description="How many collections it serves.")
    state: str = Field(description="`unknown` before it was asked, `well`, `failing`, or `paused`.")
    last_answer: datetime | None = Field(description="In UTC.")
    latency_s: float | None = Field(description="How long its last answer took.")
    failures: int = Field(description="How often it failed since it last answered.")
    pause_s: float = Field(description="For how long it is still left alone.")
    message: str
    needs_credentials: bool = Field(description="Whether it answers only to those who sign in.")
    has_credentials: bool = Field(description="Whether the operator of this platform has signed in to it.")


class FederationState(BaseModel):
    """How all backends did lately."""

    backends: list[BackendState]
    problems: list[str] = Field(description="What is wrong with the operator's portfolios.")


class SentCredentials(BaseModel):
    """Credentials for a backend: values such as `username` and `password`, or `token`, or `apikey`."""

    model_config = ConfigDict(extra="forbid")

    credentials: dict[str, SecretStr]


class KeptCredentials(BaseModel):
    """What is told of credentials: that there are some, and since when (UTC)."""

    backend: str
    set: datetime


@router.get("")
async def state(federation: Known) -> FederationState:
    """Return how each backend of the federation did lately."""
    served: dict[str, int] = {}
    for collection in federation.collections.values():
        for name in {backend.name for backend in collection.backends}:
            served[name] = served.get(name, 0) + 1
    return FederationState(
        backends=[_state(member, served.get(name, 0)) for name, member in sorted(federation.members.items())],
        problems=list(federation.portfolio.problems),
    )


@router.put("/credentials/{backend}")
async def put_credentials(
    federation: Known, principal: SignedInPrincipal, backend: str, sent: SentCredentials
) -> KeptCredentials:
    """Keep your own credentials for a backend: it is then asked with them when you search."""
    _require_backend(federation, backend)
    values = {name: value.get_secret_value() for name, value in sent.credentials.items()}
    owner = f"user:{principal.subject}"
    set_at = await anyio.to_thread.run_sync(federation.credentials.put, owner, backend, values)
    return KeptCredentials(backend=backend, set=set_at)


@router.get("/credentials/{backend}")
async def credentials(federation: Known, principal: SignedInPrincipal, backend: str) -> KeptCredentials:
    """Return when you gave credentials for a backend; they themselves are never shown."""
    _require_backend(federation, backend)
    set_at = federation.credentials.set_at(f"user:{principal.subject}", backend)
    if set_at is None:
        raise NotFoundError(f"You have given no credentials for {backend!r}.")
    return KeptCredentials(backend=backend, set=set_at)


@router.delete("/credentials/{backend}", status_code=204)
async def delete_credentials(federation: Known, principal: SignedInPrincipal, backend: str) -> Response:
    """Forget your credentials for a backend."""
    _require_backend(federation, backend)
    if not federation.credentials.remove(f"user:{principal.subject}", backend):
        raise NotFoundError(f"You have given no credentials for {backend!r}.")
    return Response(status_code=204)


def _require_backend(federation: Federation, backend: str) -> None:
    if backend not in federation.members:
        raise NotFoundError(f"There is no backend {backend!r}.", "See /stac/federation.")


def _state(member: Member, collections: int) -> BackendState:
    health = member.health
    if health.is_paused:
        word = "paused"
    elif health.failures:
        word = "failing"
    else:
        word = "well" if health.answers else "unknown"
    return BackendState(
        id=member.name,
        title=member.title,
        kind=member.settings.kind,
        about=member.settings.about,
        collections=collections,
        state=word,
        last_answer=health.last_answer,
        latency_s=None if health.latency_s is None else round(health.latency_s, 3),
        failures=health.failures,
        pause_s=round(health.pause_s, 1),
        message=health.message,
        needs_credentials=member.settings.needs_credentials,
        has_credentials=member.has_credentials,
    )
