from django.apps import AppConfig
from django.db.models.signals import post_migrate


class GrantsConfig(AppConfig):
    """Requests and what was granted."""

    name = "geoscope.portal.grants"
    label = "grants"

    def ready(self) -> None:
        """Make the triggers after each migration."""
        from geoscope.portal.append_only import make_triggers  # noqa: PLC0415 (models are ready only now)

        post_migrate.connect(make_triggers, dispatch_uid="geoscope.append_only")
