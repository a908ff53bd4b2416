"""What we ask of every SAML identity provider, from the settings or from /admin."""

import logging

from allauth.socialaccount.models import SocialApp

# allauth binds a response to the session by `InResponseTo`, which it reads from the outer message: that must
# be signed, and the assertion as well.
_RULES = {
    "strict": True,
    "want_message_signed": True,
    "want_assertion_signed": True,
    "reject_deprecated_algorithm": True,
    "reject_idp_initiated_sso": True,
    "allow_single_label_domains": True,
}
# An identifier that is another one at each sign-in would make an account at each sign-in.
_DEFAULTS = {"name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"}


def with_saml_rules(app: SocialApp) -> SocialApp:
    """Return a provider whose messages must hold to our rules.

    Parameters
    ----------
    app : SocialApp
        A SAML identity provider; it is changed, not saved.
    """
    told = app.settings.get("advanced") or {}
    app.settings = app.settings | {"advanced": _DEFAULTS | told | _RULES}
    return app


def is_told_apart(app: SocialApp) -> bool:
    """Tell whether accounts are kept by the entity that signs; else two providers could share some.

    Parameters
    ----------
    app : SocialApp
        A SAML identity provider.
    """
    entity = (app.settings.get("idp") or {}).get("entity_id")
    if entity and app.provider_id == entity:
        return True
    logging.getLogger(__name__).warning(
        "The SAML provider %s is left out: its provider ID must be the entity_id of its idp.", app.client_id
    )
    return False
