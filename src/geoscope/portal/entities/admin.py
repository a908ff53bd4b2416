"""What the operator edits of entities under /admin."""

from django.contrib import admin

from geoscope.portal.entities.models import Entity, Membership


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable when it runs
    """The members of an entity."""

    model = Membership
    extra = 0
    raw_id_fields = ("user",)


@admin.register(Entity)
class EntityAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Entities; they are closed, never removed, as their names must not be given again."""

    list_display = ("title", "slug", "created", "closed")
    search_fields = ("title", "slug")
    inlines = (MembershipInline,)

    def get_readonly_fields(self, request: object, obj: Entity | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """Keep the name of an entity that is there: buckets and tokens carry it."""
        return ("slug", "created") if obj else ("created",)

    def has_delete_permission(self, request: object, obj: object = None) -> bool:  # noqa: ARG002 (Django's)
        """Nobody removes an entity."""
        return False
