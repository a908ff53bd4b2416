from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users and their sign-in."""

    name = "geoscope.portal.accounts"
    label = "accounts"
