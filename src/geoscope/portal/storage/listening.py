"""What happens to accounts and entities reaches the object store at once."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save

from geoscope.portal.accounts.models import User
from geoscope.portal.changes import rights_changed
from geoscope.portal.storage import store
from geoscope.portal.storage.access import forget_key, quietly, refresh_access
from geoscope.portal.storage.models import Home, StorageKey


def connect() -> None:
    """Listen to changes of rights, accounts and keys."""
    rights_changed.connect(_rights_changed, dispatch_uid="geoscope.storage.rights")
    post_save.connect(_user_saved, sender=User, dispatch_uid="geoscope.storage.user")
    post_delete.connect(_home_gone, sender=Home, dispatch_uid="geoscope.storage.home")
    post_delete.connect(_key_gone, sender=StorageKey, dispatch_uid="geoscope.storage.key")


def _rights_changed(names: Iterable[str], **_: Any) -> None:  # noqa: ANN401 (a signal's)
    for user in User.objects.filter(username__in=names, home__isnull=False):
        quietly(refresh_access, user)


def _user_saved(instance: User, **_: Any) -> None:  # noqa: ANN401 (a signal's)
    """Take everything from an account that was switched off; it begins anew when it is switched on again."""
    if not instance.is_active:
        StorageKey.objects.filter(user=instance).delete()
        Home.objects.filter(user=instance).delete()


def _home_gone(instance: Home, **_: Any) -> None:  # noqa: ANN401 (a signal's)
    transaction.on_commit(partial(quietly, store.remove, "policies", instance.user.username), robust=True)


def _key_gone(instance: StorageKey, **_: Any) -> None:  # noqa: ANN401 (a signal's)
    transaction.on_commit(partial(quietly, forget_key, instance.access_key), robust=True)
