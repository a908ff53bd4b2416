from django.apps import AppConfig


class ExplorerConfig(AppConfig):
    """The pages about data."""

    name = "geoscope.portal.explorer"
    label = "explorer"
