"""What the operator changes in Django's administration stands in the audit log as well."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db.models.signals import m2m_changed, post_save

from geoscope.portal.accounts.models import User
from geoscope.portal.audit.log import record
from geoscope.portal.changes import announce_changed_rights


def connect() -> None:
    """Listen to changes that nobody else writes down."""
    post_save.connect(_administered, sender=LogEntry, dispatch_uid="geoscope.audit.admin")
    m2m_changed.connect(_groups_changed, sender=User.groups.through, dispatch_uid="geoscope.audit.groups")


def _administered(instance: LogEntry, **_: Any) -> None:  # noqa: ANN401 (a signal's)
    kind = instance.content_type.model if instance.content_type else "object"
    subject = f"{instance.object_repr} ({instance.object_id})"
    record(instance.user.get_username(), f"admin.{kind}", subject, what=instance.get_change_message())
    if kind == "user":
        announce_changed_rights({instance.object_repr})


def _groups_changed(
    instance: User | Group,
    action: str,
    reverse: bool,
    pk_set: set[int] | None,
    **_: Any,  # noqa: ANN401
) -> None:
    """Write down which roles users got or lost; who did it stands in the entry beside it."""
    if action not in ("post_add", "post_remove") or not pk_set:
        return
    changed = Group.objects.filter(pk__in=pk_set).values_list("name", flat=True)
    users = User.objects.filter(pk__in=pk_set).values_list("username", flat=True)
    roles, names = ([str(instance)], sorted(users)) if reverse else (sorted(changed), [str(instance)])
    for name in names:
        verb = "roles.given" if action == "post_add" else "roles.taken"
        record("service:portal", verb, f"user:{name}", roles=roles)
    announce_changed_rights(names)
