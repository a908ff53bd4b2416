from django.apps import AppConfig


class StorageConfig(AppConfig):
    """Rights at the object store."""

    name = "geoscope.portal.storage"
    label = "storage"

    def ready(self) -> None:
        """Listen to what changes rights."""
        from geoscope.portal.storage import listening  # noqa: PLC0415 (models are ready only now)

        listening.connect()
