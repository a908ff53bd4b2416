"""The services as one user has them: what they may do with each, and what they can ask for."""

from dataclasses import dataclass, field

from geoscope.access import Principal
from geoscope.portal.accounts.models import User
from geoscope.portal.entities.models import Place, entities_of
from geoscope.portal.grants.models import OPEN_STATES, Request, in_force_for
from geoscope.portal.grants.offers import Offer, offers_of
from geoscope.portal.registry.manifests import all_manifests
from geoscope.service import AccessPolicy, Manifest, Role


@dataclass
class OwnService:
    """A service, with what somebody has of it."""

    manifest: Manifest
    roles: list[Role] = field(default_factory=list)
    grants: list["OwnGrant"] = field(default_factory=list)
    waiting: list[Request] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    is_open: bool = True

    @property
    def has_something(self) -> bool:
        """Whether anything was granted or asked for."""
        return bool(self.roles or self.grants or self.waiting)


@dataclass(frozen=True)
class OwnGrant:
    """What was granted, in words of the service's manifest."""

    request: Request
    title: str
    amounts: list[tuple[float, str]]


def own_services(user: User, principal: Principal) -> list[OwnService]:
    """Return every service with what a user has of it; those with something first."""
    grants = list(in_force_for(user).select_related("holder_entity"))
    managed = entities_of(user).filter(memberships__place=Place.ADMINISTRATOR)
    waiting = list(
        Request.objects.filter(state__in=OPEN_STATES, applicant=user.username)
        | Request.objects.filter(state__in=OPEN_STATES, holder_entity__in=managed)
    )
    own = [_own(manifest, principal, grants, waiting) for manifest in all_manifests().values()]
    return sorted(own, key=lambda one: not one.has_something)


def _own(
    manifest: Manifest, principal: Principal, grants: list[Request], waiting: list[Request]
) -> OwnService:
    titles = {offer.name: offer for offer in offers_of(manifest)}
    roles = {role.name: role for role in manifest.roles}
    own = OwnService(manifest)
    for grant in grants:
        if grant.service == manifest.id:
            offer = titles.get(
                f"{manifest.id}/{grant.granted_quota}" if grant.granted_quota else grant.granted_role
            )
            title = offer.title if offer else grant.granted_quota or grant.granted_role
            own.grants.append(OwnGrant(grant, title, offer.amounts if offer else []))
    by_request = {grant.granted_role for grant in grants}
    own.roles = [roles[name] for name in sorted(principal.roles & roles.keys()) if name not in by_request]
    own.waiting = [request for request in waiting if request.service == manifest.id]
    held = {role.name for role in own.roles}
    own.offers = [offer for offer in titles.values() if offer.quota or offer.role_name not in held]
    access = manifest.access
    own.is_open = access.policy is not AccessPolicy.ROLES or any(map(principal.has_role, access.roles))
    return own
