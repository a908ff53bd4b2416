"""The audit log under /admin."""

from django.contrib import admin

from geoscope.portal.audit.models import AuditEntry
from geoscope.portal.read_only_admin import ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Only to be read."""

    list_display = ("at", "actor", "action", "subject")
    list_filter = ("action",)
    search_fields = ("actor", "subject")
