from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The audit log."""

    name = "geoscope.portal.audit"
    label = "audit"

    def ready(self) -> None:
        """Listen to what the operator changes."""
        from geoscope.portal.audit import listening  # noqa: PLC0415 (models are ready only now)

        listening.connect()
