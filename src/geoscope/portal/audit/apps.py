from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The audit log."""

    name = "geoscope.portal.audit"
    label = "audit"
