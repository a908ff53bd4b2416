"""What can be asked for: the roles and quotas that the services' manifests declare."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from geoscope.errors import NotFoundError
from geoscope.portal.grants.models import Request
from geoscope.portal.registry.manifests import all_manifests
from geoscope.service import Manifest, Quota, Role


@dataclass(frozen=True)
class Offer:
    """A role, or a quota with the role that comes with it."""

    service: Manifest
    role: Role | None
    quota: Quota | None = None

    @property
    def name(self) -> str:
        """What forms and addresses call it; unique on the platform."""
        return f"{self.service.id}/{self.quota.name}" if self.quota else self.role.name if self.role else ""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.quota.title if self.quota else self.role.title if self.role else ""

    @property
    def summary(self) -> str:
        """What it is for, in a sentence."""
        if self.quota:
            return self.quota.summary or ""
        return self.role.summary if self.role else ""

    @property
    def amounts(self) -> list[tuple[float, str]]:
        """How much, by unit."""
        return [(amount, unit) for unit, amount in self.quota.amounts.items()] if self.quota else []

    @property
    def role_name(self) -> str:
        """The role that it gives, or nothing."""
        return self.role.name if self.role else ""

    @property
    def quota_name(self) -> str:
        """The quota that it gives, or nothing."""
        return self.quota.name if self.quota else ""


def offers_of(manifest: Manifest) -> list[Offer]:
    """Return what people can ask a service for; a role that comes with quotas only with one of them."""
    roles = {role.name: role for role in manifest.roles if role.on_request}
    with_quota = {quota.role for quota in manifest.quotas}
    alone = [Offer(manifest, role) for role in roles.values() if role.name not in with_quota]
    return alone + [Offer(manifest, roles.get(quota.role or ""), quota) for quota in manifest.quotas]


def all_offers() -> list[Offer]:
    """Return all that people can ask for, in the order of the services."""
    return [offer for manifest in all_manifests().values() for offer in offers_of(manifest)]


def find_offer(name: str) -> Offer:
    """Return the offer of a name.

    Raises
    ------
    NotFoundError
        If no service offers it.
    """
    for offer in all_offers():
        if offer.name == name:
            return offer
    raise NotFoundError(_("No service offers “%(name)s”.") % {"name": name[:100]})


def offers_with_role(role: str) -> list[Offer]:
    """Return what gives a role."""
    return [offer for offer in all_offers() if offer.role_name == role]


def offer_of(request: Request) -> Offer | None:
    """Return what a request is for, as the service's manifest says it now; None if it does not any more."""
    name = f"{request.service}/{request.quota}" if request.quota else request.role
    return next((offer for offer in all_offers() if offer.name == name), None)
