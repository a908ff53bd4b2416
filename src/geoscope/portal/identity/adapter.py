"""What this platform's tokens say, and how its provider behaves."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from allauth.core import context
from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from allauth.idp.oidc.models import Client, PrivateKey, Token
from django.utils.translation import gettext_lazy as _

from geoscope import access
from geoscope.access.signing_keys import signing_keys
from geoscope.portal.accounts.models import User
from geoscope.portal.identity.clients import PLATFORM_SCOPE, audience_of, owner_of
from geoscope.portal.identity.models import TokenFamily
from geoscope.portal.identity.oauth import TOKEN_EXCHANGE
from geoscope.portal.identity.realms import issuer_of
from geoscope.portal.principals import principal_for
from geoscope.portal.storage.access import open_home_soon
from geoscope.settings import current_settings


class ProviderAdapter(DefaultOIDCAdapter):  # type: ignore[misc]  # allauth has no types
    """The OpenID provider of this platform."""

    scope_display = DefaultOIDCAdapter.scope_display | {
        "openid": _("Know that it is you, by your user name"),
        "email": _("See your e-mail address"),
        "profile": _("See your name"),
        "offline_access": _("Stay signed in when you have closed your browser"),
        PLATFORM_SCOPE: _("Use this platform as you: find, order and process data, and change what is yours"),
    }

    def get_issuer(self) -> str:
        """Return one stable address, whatever host name the request came by."""
        return issuer_of(self.request)

    def list_private_keys(
        self, *, did_activate: bool | None = None, is_active: bool | None = None
    ) -> list[PrivateKey]:
        """Return the keys of the ring, read again when it changes."""
        keys = [
            PrivateKey(
                pem=key.pem, issued_at=key.not_before, not_before=key.not_before, expires_at=key.expires_at
            )
            for key in signing_keys(current_settings())
        ]
        return _filtered(keys, did_activate=did_activate, is_active=is_active)

    def get_user_sub(self, client: Client, user: User) -> str:  # noqa: ARG002 (allauth's)
        """Return the user's name: it never changes and is never given again."""
        return user.get_username()

    def get_user_by_sub(self, client: Client, sub: str) -> User | None:  # noqa: ARG002 (allauth's)
        """Return the active user of a name, or None."""
        return User.objects.filter(username=sub, is_active=True).first()

    def populate_access_token(
        self,
        access_token: dict[str, Any],
        *,
        client: Client,
        scopes: Iterable[str],
        user: User | None,
        **_: object,
    ) -> None:
        """Say who somebody is and what they may do; a client that belongs to a user acts for that user."""
        who = user or owner_of(client)
        access_token |= {"azp": client.id, "nbf": access_token["iat"]}
        access_token |= claims_of(who, client) if who else {"sub": f"service-{client.id}"}
        audience = audience_of(client, scopes, access_token.get("aud"))
        if who and access.AUDIENCE in audience:
            open_home_soon(who)
        access_token.pop("aud", None)
        if audience:
            access_token["aud"] = audience

    def populate_id_token(
        self,
        id_token: dict[str, Any],
        client: Client,
        scopes: Iterable[str],  # noqa: ARG002 (allauth's)
        **_: object,
    ) -> None:
        """Say when and how the user signed in (OpenID Connect Core 1.0, section 2)."""
        family: TokenFamily | None = getattr(context.request, "token_family", None)
        id_token["azp"] = client.id
        if family is not None:
            id_token["auth_time"] = int(family.authenticated.timestamp())
            id_token["amr"] = family.methods

    def populate_introspection_response(self, *, response: dict[str, Any], token: Token) -> None:
        """Name the user in words as well."""
        if token.user is not None:
            response["username"] = token.user.get_username()

    def populate_server_metadata(self, data: dict[str, Any]) -> None:
        """Announce what is offered here, and nothing else."""
        data["grant_types_supported"] = [
            *("authorization_code", "refresh_token", "client_credentials"),
            *("urn:ietf:params:oauth:grant-type:device_code", TOKEN_EXCHANGE),
        ]
        data["response_types_supported"] = ["code"]
        data["response_modes_supported"] = ["query"]
        data["scopes_supported"] = list(self.scope_display)
        data["prompt_values_supported"] = ["none", "login"]
        data["claims_supported"] = [
            *("sub", "iss", "aud", "exp", "iat", "auth_time", "amr", "nonce"),
            *("email", "email_verified", "name", "given_name", "family_name", "preferred_username"),
        ]


def claims_of(user: User, client: Client) -> dict[str, Any]:
    """Return what data services need to know of a user; a client may hold fewer roles than its owner."""
    principal = principal_for(user)
    kept = (client.data or {}).get("roles")
    if kept is not None:
        principal = replace(principal, roles=principal.roles & set(kept))
    return access.claims_of(principal) | {"preferred_username": user.get_username()}


def _filtered(keys: list[PrivateKey], **which: bool | None) -> list[PrivateKey]:
    from allauth.idp.oidc.internal.private_keys import filter_keys  # noqa: PLC0415 (models first)

    found: list[PrivateKey] = filter_keys(keys, **which)
    return found
