"""What the operator edits under /admin."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from geoscope.portal.accounts.models import AcceptedTerms, Terms, User

admin.site.site_header = admin.site.site_title = "Geoscope"


@admin.register(User)
class AccountAdmin(UserAdmin):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Accounts, with what people say of themselves."""

    fieldsets = (
        *(UserAdmin.fieldsets or ()),
        (_("Profile"), {"fields": ("organisation", "country", "language", "purpose")}),
    )

    def get_readonly_fields(self, request: object, obj: User | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """Keep the name of an account that is there: tokens and data carry it."""
        return ("username",) if obj else ()


@admin.register(Terms)
class TermsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Versions of the terms of use; everybody is asked to accept a new one."""

    list_display = ("version", "published")

    def get_readonly_fields(self, request: object, obj: Terms | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """Keep a version as it was accepted."""
        return ("version", "text") if obj else ()


@admin.register(AcceptedTerms)
class AcceptedTermsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Who accepted what: only to be read."""

    list_display = ("user", "terms", "at")

    def has_add_permission(self, request: object) -> bool:  # noqa: ARG002 (Django's)
        """Nobody accepts for somebody else."""
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:  # noqa: ARG002
        """Nothing is changed afterwards."""
        return False
