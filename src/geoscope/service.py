"""The Service contract: all that the platform knows of a service, core or a stranger's.

From a manifest, and from nothing else, come the edge route, the health watch, the registry entry and
the place on the landing page. A core service announces its manifest by the entry-point group
`geoscope.services`; a stranger's is a TOML file in the folder `services` of the data folder.
"""

import re
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

ServiceId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,40}[a-z0-9]$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
RoutePath = Annotated[str, StringConstraints(pattern=r"^/[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$")]
RoleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{1,60}$")]
LocalPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/-]*$")]


def _web_address(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(:\d+)?(/\S*)?", text):
        raise ValueError(f"{text!r} is not an http or https address")
    return text


WebAddress = Annotated[str, AfterValidator(_web_address)]


class Entry(BaseModel):
    """A part of the manifest; a misspelt field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Category(StrEnum):
    """What a service helps to do, in the order of the main job."""

    FIND = "find"
    GET = "get"
    PROCESS = "process"
    SEE = "see"
    MANAGE = "manage"


class AccessPolicy(StrEnum):
    """Who may use a service."""

    PUBLIC = "public"
    REGISTERED = "registered"
    ROLES = "roles"


class Provider(Entry):
    """Who answers for the service."""

    name: Title
    url: WebAddress | None = None


class Endpoint(Entry):
    """One address of the service, as in a web link (RFC 8288)."""

    rel: Annotated[str, StringConstraints(min_length=1, max_length=80)] = "service"
    href: str = Field(
        pattern=r"^(/|https?://)\S*$", description="A path on this platform, or a whole address."
    )
    type: str = Field("application/json", description="Media type.")
    title: Title | None = None


class Access(Entry):
    """Who may use the service; `roles` only with the policy of that name."""

    policy: AccessPolicy = AccessPolicy.PUBLIC
    roles: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _roles_fit_policy(self) -> Self:
        if bool(self.roles) != (self.policy is AccessPolicy.ROLES):
            raise ValueError("access.roles names the roles if, and only if, access.policy is 'roles'")
        return self


class Role(Entry):
    """A role that the service defines and a person, or all members of an entity, can be granted."""

    name: RoleName
    title: Title
    summary: Text
    on_request: bool = Field(
        default=True, description="Whether people may ask for it; else the operator alone gives it."
    )


class Quota(Entry):
    """An amount of the service's resources that can be granted, such as 4 cores and 8 GiB."""

    name: ServiceId
    title: Title
    summary: Text | None = None
    amounts: dict[str, float] = Field(description="Amount by unit, such as {cores = 4, GiB = 8}.")
    role: RoleName | None = Field(None, description="A role of this service that comes with it.")


class Meter(Entry):
    """What the service counts for accounting."""

    name: ServiceId
    unit: Title


class Manifest(Entry):
    """All that the platform knows of a service.

    Exactly one of `app`, `part` and `upstream` says how it runs: `app` names an ASGI application factory
    (`package.module:function`) that the platform runs among the data APIs, `part` a part of the runtime's own
    plan, `upstream` the address of a server that somebody else runs.
    """

    id: ServiceId
    title: Title
    summary: Text
    provider: Provider
    category: Category
    version: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    routes: tuple[RoutePath, ...] = Field(
        min_length=1, description="Paths of the platform that belong to it."
    )
    app: str | None = Field(None, pattern=r"^[\w.]+:\w+$")
    part: Literal["portal", "object-store"] | None = None
    upstream: WebAddress | None = None
    strip_route: bool = Field(default=False, description="Take the route off the path before passing it on.")
    endpoints: tuple[Endpoint, ...] = ()
    openapi: str | None = Field(None, description="Path of its OpenAPI document.")
    health: LocalPath = Field(
        description="Path, on the platform, that answers 2xx while the service is well."
    )
    documentation: str | None = Field(None, pattern=r"^(/|https?://)\S*$")
    support: str | None = Field(None, description="E-mail or web address for questions.")
    access: Access = Access()
    personal: bool = Field(
        default=False,
        description="Whether its answers depend on who reads: a browser's session then counts like a token.",
    )
    roles: tuple[Role, ...] = ()
    quotas: tuple[Quota, ...] = ()
    meters: tuple[Meter, ...] = ()
    sustainability: Text | None = None

    @model_validator(mode="after")
    def _runs_one_way(self) -> Self:
        if sum(way is not None for way in (self.app, self.part, self.upstream)) != 1:
            raise ValueError("exactly one of 'app', 'part' and 'upstream' must be given")
        return self

    @model_validator(mode="after")
    def _health_is_its_own(self) -> Self:
        if not any(is_below(self.health, route) for route in self.routes):
            raise ValueError(f"health {self.health!r} must lie below one of its routes {self.routes}")
        return self

    @model_validator(mode="after")
    def _quotas_fit_roles(self) -> Self:
        own = {role.name for role in self.roles}
        names = [quota.name for quota in self.quotas]
        if len(set(names)) < len(names) or len(own) < len(self.roles):
            raise ValueError("two of its roles, or two of its quotas, have the same name")
        for quota in self.quotas:
            if quota.role is not None and quota.role not in own:
                raise ValueError(
                    f"the quota {quota.name!r} comes with {quota.role!r}, which is none of its roles"
                )
        return self

    @cached_property
    def search_text(self) -> str:
        """Everything a person may look for, in lower case."""
        words = [self.id, self.title, self.summary, self.provider.name, self.category, *self.routes]
        words += [part.title or part.href for part in self.endpoints]
        return " ".join(words).casefold()


def is_below(path: str, route: str) -> bool:
    """Tell whether a path is a route or lies below it; `/` holds everything."""
    return route in ("/", path) or path.startswith(route + "/")
