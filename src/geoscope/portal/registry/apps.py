from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """The registry of services."""

    name = "geoscope.portal.registry"
    label = "registry"
