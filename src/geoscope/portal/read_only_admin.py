"""Pages of Django's administration that only show."""

from django.contrib import admin
from django.http import HttpRequest


class _ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (Django's)
        """Nobody adds here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        """Nobody changes here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        """Nobody removes here."""
        return False


class ReadOnlyAdmin(_ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A table that is only read."""


class ReadOnlyInline(_ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Rows of another table that are only read."""
