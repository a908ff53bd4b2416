from django.apps import AppConfig


class LettersConfig(AppConfig):
    """Mails that wait to be sent."""

    name = "geoscope.portal.letters"
    label = "letters"
