"""Clients: this platform's own, those of Destination Earth, and what each may ask for."""

from collections.abc import Iterable
from typing import Any

from allauth.idp.oidc.models import Client
from django.contrib.auth.hashers import make_password

from geoscope.access import AUDIENCE
from geoscope.portal.accounts.models import User
from geoscope.portal.identity.secret_hash import ALGORITHM
from geoscope.settings import current_settings

# Whoever holds a token with it acts as the user on this platform.
PLATFORM_SCOPE = "platform"
COMMAND_LINE = "geoscope-cli"

_CODE = "authorization_code"
_REFRESH = "refresh_token"
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"

# Client id to the redirect addresses that the real clients send, and scopes beyond `openid`.
_DESTINATION_EARTH: dict[str, tuple[tuple[str, ...], str]] = {
    "dedl-hda": (
        ("https://hda.data.destination-earth.eu/stac", "https://hda.data.destination-earth.eu/stac/v2"),
        "",
    ),
    "dedl-hook": (("https://odp.data.destination-earth.eu/odata/v1/",), ""),
    "polytope-api-public": (
        tuple(
            f"https://polytope.{site}.apps.dte.destination-earth.eu/" for site in ("lumi", "mn5", "leonardo")
        ),
        "offline_access",
    ),
    "hda-broker-public": (("https://broker.eden.destine.eu/",), ""),
    "edh-public": (("https://cacheb.dcms.destine.eu/",), "offline_access"),
    "dea_client": (("https://dea.destine.eu/",), ""),
    "insula-public": (("https://insula.destine.eu/",), ""),
    "streaming-fe": (("https://streamer.destine.eu/",), ""),
    "highway-public": (
        ("https://highway.esa.int/sso/auth/realms/highway/broker/DESP_IAM_PROD/endpoint",),
        "",
    ),
}
# The same services under this platform's own address.
_OWN_PATHS = {
    "dedl-hda": ("/stac", "/stac/v2"),
    "dedl-hook": ("/odata/v1/",),
    "polytope-api-public": ("/polytope/",),
}


def ensure_clients() -> None:
    """Register the platform's own clients, and those of Destination Earth; keep what the operator changed."""
    base = current_settings().public_url
    _ensure(
        COMMAND_LINE,
        name="Geoscope command line",
        scopes=("openid", "profile", "offline_access", PLATFORM_SCOPE),
        grants=(_DEVICE, _REFRESH),
    )
    for client_id, (foreign, scope) in _DESTINATION_EARTH.items():
        own = tuple(base + path for path in _OWN_PATHS.get(client_id, ()))
        _ensure(
            client_id,
            name=client_id,
            scopes=("openid", *scope.split()),
            grants=(_CODE, _REFRESH),
            redirects=(*foreign, *own),
            data={"without_pkce": True, "audience": []},
        )
    _ensure("hda-public", name="hda-public", scopes=("openid",), grants=(), data={"token_exchange": True})


def _ensure(
    client_id: str,
    *,
    name: str,
    scopes: tuple[str, ...],
    grants: tuple[str, ...],
    redirects: tuple[str, ...] = (),
    data: dict[str, Any] | None = None,
) -> None:
    client = Client.objects.filter(pk=client_id).first()
    if client is None:
        client = Client(
            pk=client_id,
            name=name,
            type=Client.Type.PUBLIC,
            secret=make_password(None),  # none: else a random one is hashed, a quarter of a second for each
            skip_consent=True,
            data=data,
        )
        client.set_scopes(list(scopes))
        client.set_default_scopes(["openid"])
        client.set_grant_types(list(grants))
    elif set(redirects) <= set(client.get_redirect_uris()):
        return
    client.set_redirect_uris(sorted({*client.get_redirect_uris(), *redirects}))
    client.save()


def hash_of_random_secret(secret: str) -> str:
    """Return how a secret is kept that a program made."""
    return make_password(secret, hasher=ALGORITHM)


def needs_no_pkce(client: Client) -> bool:
    """Tell whether a client is one of those that were made before PKCE."""
    return bool((client.data or {}).get("without_pkce"))


def owner_of(client: Client) -> User | None:
    """Return the user whom a service account acts for, or None."""
    owner: User | None = client.owner
    return owner


def audience_of(client: Client, scopes: Iterable[str], resources: list[str] | None) -> list[str]:
    """Return for whom an access token is good: nobody else takes it.

    Parameters
    ----------
    client : Client
        Who asks for it.
    scopes : iterable of str
        What was granted.
    resources : list of str, optional
        The resources that the client named (RFC 8707).
    """
    fixed: list[str] | None = (client.data or {}).get("audience")
    if fixed is not None:
        return fixed
    platform = [AUDIENCE] if PLATFORM_SCOPE in set(scopes or ()) else []
    if resources:
        own = current_settings().public_url
        return [name for resource in resources for name in (platform if resource == own else [resource])]
    return platform or [client.id]
