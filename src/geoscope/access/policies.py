"""Who may have a collection's data: its policy, and the one place that decides.

Who finds a collection is another thing: what may be known of data is mostly known to all, and what may be had
is said by the policy. The catalogue keeps both, and every door through which data leaves asks here.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import quote

from geoscope.access.principals import ADMINISTRATOR, Principal
from geoscope.errors import InvalidInputError, NotAllowedError, NotSignedInError

# Other platforms' roles count too, such as DPAD_Direct_Access. An entity's name can stand in a path.
_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{1,60}")
_ENTITY = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

# How an answer of the catalogue announces the policy of what it describes; not there: for everybody.
ANNOUNCED_AS = "geoscope:access"


class Audience(StrEnum):
    """What kind of people data is for."""

    PUBLIC = "public"
    REGISTERED = "registered"
    ROLE = "role"
    ENTITY = "entity"


@dataclass(frozen=True)
class Policy:
    """Whom data is for: everybody, all who have signed in, a role, or the members of an entity.

    Written as `public`, `registered`, `role:NAME` or `entity:SLUG`.

    Parameters
    ----------
    audience : Audience
        The kind.
    name : str
        Of the role, or the slug of the entity; empty for other kinds.
    """

    audience: Audience
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a policy as it is written.

        Raises
        ------
        InvalidInputError
            If it is none. A role or an entity that nobody has is one: it closes the data to all but the
            owner.
        """
        kind, _, name = text.partition(":")
        pattern = {"role": _ROLE, "entity": _ENTITY}.get(kind)
        is_known = text in ("public", "registered") if pattern is None else pattern.fullmatch(name)
        if not is_known:
            raise InvalidInputError(
                f"The policy {text[:100]!r} is not known.",
                "Expected public, registered, role:NAME or entity:SLUG.",
            )
        return cls(Audience(kind), name)

    def __str__(self) -> str:
        return f"{self.audience}:{self.name}" if self.name else str(self.audience)

    @property
    def sentence(self) -> str:
        """Whom the data is for, in one sentence."""
        return {
            Audience.PUBLIC: "This data is for everybody.",
            Audience.REGISTERED: "This data is for people who have signed in.",
            Audience.ROLE: f"This data is for people with the role {self.name!r}.",
            Audience.ENTITY: f"This data is for members of the entity {self.name!r}.",
        }[self.audience]

    @property
    def request_path(self) -> str:
        """The page on which somebody asks to be let in; empty where there is nothing to ask for."""
        name = quote(self.name, safe="")
        return {
            Audience.ROLE: f"/account/requests/new?role={name}",
            Audience.ENTITY: f"/entities/{name}",
        }.get(self.audience, "")


PUBLIC = Policy(Audience.PUBLIC)
REGISTERED = Policy(Audience.REGISTERED)


def may_have(policy: Policy, principal: Principal | None, owner: str | None = None) -> bool:
    """Tell whether a principal, or a stranger, may have data.

    The owner always may, and so may administrators. The platform's own parts (`service:NAME`) have no more
    than their token says: a part that works for somebody carries that person's token.

    Parameters
    ----------
    policy : Policy
        Of the collection.
    principal : Principal or None
        Who asks; None for a stranger. What was granted to a person and left out of the token does not count.
    owner : str or None
        The collection's owner, as `user:SUBJECT`.
    """
    if policy.audience is Audience.PUBLIC:
        return True
    if principal is None:
        return False
    if ADMINISTRATOR in principal.roles or owner == f"user:{principal.subject}":
        return True
    if policy.audience is Audience.ROLE:
        return policy.name in principal.roles
    if policy.audience is Audience.ENTITY:
        return policy.name in principal.entities
    return policy.audience is Audience.REGISTERED


def require_data(
    public_url: str, policy: Policy, principal: Principal | None, owner: str | None = None
) -> None:
    """Refuse whoever may not have data; parameters as of `may_have`, and the platform's own address.

    Raises
    ------
    NotSignedInError, NotAllowedError
        As `refusal` says it.
    """
    if not may_have(policy, principal, owner):
        raise refusal(public_url, policy, principal)


def refusal(
    public_url: str, policy: Policy, principal: Principal | None
) -> NotSignedInError | NotAllowedError:
    """Return the error for somebody who may not have data: whom it is for, and where to ask to be let in.

    A stranger has to sign in first; others are told that this is not enough.
    """
    page = f"{public_url}{policy.request_path}" if policy.request_path else ""
    ask = f"Ask for it at {page}" if page else ""
    if principal is None:
        remedy = f"Sign in, or send an access token (RFC 6750). {ask}".strip()
        return NotSignedInError(policy.sentence, remedy, page)
    return NotAllowedError(policy.sentence, ask, page)
