from django.apps import AppConfig


class EntitiesConfig(AppConfig):
    """Entities and their members."""

    name = "geoscope.portal.entities"
    label = "entities"
