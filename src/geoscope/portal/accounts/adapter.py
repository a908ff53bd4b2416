"""How allauth's accounts behave here."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.contrib.sites.requests import RequestSite
from django.http import HttpRequest

from geoscope.portal.accounts.saml_rules import is_told_apart, with_saml_rules
from geoscope.settings import current_settings


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts of this platform."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 (allauth's)
        """Tell whether anybody may make an account."""
        return current_settings().identity.registration

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send mail in the platform's name; allauth would write the host and its port."""
        settings = current_settings()
        site = RequestSite(self.request)
        site.name, site.domain = settings.site_name, urlsplit(settings.public_url).netloc
        super().send_mail(template_prefix, email, context | {"current_site": site})

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:  # noqa: ANN401
        """Count failures by login and address: a stranger elsewhere must not lock somebody out."""
        key: str = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{key}@{self.get_client_ip(request)}"


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Second factors."""

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return for whom passkeys are made: the host without its port, and the name that people know."""
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": current_settings().site_name}


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts of other providers."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:  # noqa: ARG002
        """Tell whether somebody who is known elsewhere may make an account."""
        return current_settings().identity.registration

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the other providers; those of SAML by our rules, whatever was written under /admin."""
        apps = super().list_apps(request, provider, client_id)
        return [
            with_saml_rules(app) if app.provider == "saml" else app
            for app in apps
            if app.provider != "saml" or is_told_apart(app)
        ]
