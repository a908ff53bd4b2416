"""Realms: the same provider under the paths and names that clients of Destination Earth know."""

from dataclasses import dataclass

from django.http import HttpRequest

from geoscope.settings import DESTINATION_EARTH_ISSUERS, current_settings


@dataclass(frozen=True)
class Realm:
    """One realm.

    Parameters
    ----------
    name : str
        As it stands in paths.
    prefix : str
        What the paths begin with.
    foreign_issuer : str
        Its issuer under the host name of Destination Earth.
    """

    name: str
    prefix: str
    foreign_issuer: str

    def issuer(self, request: HttpRequest) -> str:
        """Return the issuer under the host name that the client used."""
        host = self.foreign_issuer.split("/")[2]
        if current_settings().identity.destination_earth_hosts and request.get_host() == host:
            return self.foreign_issuer
        return f"{current_settings().public_url}{self.prefix}/realms/{self.name}"


_DESP, _DEDL = DESTINATION_EARTH_ISSUERS
REALMS = {"desp": Realm("desp", "", _DESP), "dedl": Realm("dedl", "/auth", _DEDL)}


def set_realm(request: HttpRequest, realm: Realm) -> None:
    """Let what follows speak as this realm."""
    request.realm = realm  # type: ignore[attr-defined]


def issuer_of(request: HttpRequest) -> str:
    """Return who issues tokens for a request: a realm, or the platform itself."""
    realm: Realm | None = getattr(request, "realm", None)
    return realm.issuer(request) if realm else current_settings().public_url
