"""Makes the object store agree with the database: one policy a user, one identity a key.

Whatever changes rights calls `refresh_access`, or announces the change (`portal.changes`). Each minute
`refresh_all` mends what was missed: a crash in between, a store that was away.
"""

import logging
from collections import defaultdict
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from geoscope.access import Principal
from geoscope.errors import ConflictError, UnavailableError
from geoscope.portal.accounts.models import User
from geoscope.portal.entities.models import Membership
from geoscope.portal.principals import principal_for
from geoscope.portal.storage import store
from geoscope.portal.storage.models import Home, StorageKey
from geoscope.portal.storage.policies import MARK, buckets_of, can_name_buckets, policy_of

_log = logging.getLogger(__name__)

_IDENTITY = "geoscope-key-"
# Nobody was told the secret of a key that did not reach the store within this time.
_MAKING = timedelta(minutes=1)


def open_home(user: User) -> None:
    """Make what somebody needs to use the object store: their bucket, and the policy that opens it.

    Raises
    ------
    ConflictError
        If the user's name can stand in no bucket's name.
    UnavailableError
        If the object store does not answer.
    """
    if not can_name_buckets(user.username):
        raise ConflictError(f"The user name {user.username!r} cannot stand in the name of a bucket.")
    Home.objects.get_or_create(user=user)
    refresh_access(user)


def open_home_soon(user: User) -> None:
    """Do the same when the transaction is done, once in a user's life; the next round mends a failure."""
    if can_name_buckets(user.username) and Home.objects.get_or_create(user=user)[1]:
        transaction.on_commit(partial(quietly, refresh_access, user), robust=True)


def refresh_access(user: User) -> None:
    """Give the policy of a user to the store, and make the buckets that it names; idempotent.

    Raises
    ------
    UnavailableError
        If the object store does not answer.
    """
    if Home.objects.filter(user=user, user__is_active=True).exists():
        _write_policy(principal_for(user))
    else:
        store.remove("policies", user.username)


def refresh_all() -> None:
    """Make the store equal to the database: policies, and the identities of keys.

    Raises
    ------
    UnavailableError
        If the object store does not answer; the next round goes on.
    """
    StorageKey.objects.filter(until__lt=timezone.now().date()).delete()
    for gone in (StorageKey, Home):
        gone.objects.filter(user__is_active=False).delete()
    # The store first: what it knows by then stood in the database before.
    policies, identities = store.entries("policies"), store.entries("identities")
    wanted = {principal.subject: principal for principal in _principals()}
    for name, principal in wanted.items():
        if policies.get(name) != policy_of(principal):
            _write_policy(principal)
    for name, document in policies.items():
        if name not in wanted and (not document or document.get("Id") == MARK):
            store.remove("policies", name)
    _match_identities(identities)
    store.sweep()


def _match_identities(identities: dict[str, dict[str, Any]]) -> None:
    """Remove identities whose key was revoked, or that are broken, and keys that never reached the store."""
    made = dict(StorageKey.objects.values_list("access_key", "created"))
    ours = {
        name.removeprefix(_IDENTITY): each for name, each in identities.items() if name.startswith(_IDENTITY)
    }
    whole = {access_key for access_key, document in ours.items() if document}
    for access_key in ours.keys() - (whole & made.keys()):
        forget_key(access_key)
    for access_key in made.keys() - whole:
        if timezone.now() - made[access_key] > _MAKING:
            StorageKey.objects.filter(pk=access_key).delete()


def write_key(key: StorageKey, secret_key: str) -> None:
    """Let the store accept a key, with the rights that its user has at each moment.

    Raises
    ------
    UnavailableError
        If the object store does not answer.
    """
    credentials = {"access_key": key.access_key, "secret_key": secret_key, "status": "Active"}
    name, owner = _IDENTITY + key.access_key, key.user.username
    identity = {
        "name": name,
        "credentials": [credentials],
        "account": {"id": owner, "display_name": owner},
        "policy_names": [owner],
    }
    store.put("identities", name, identity)


def forget_key(access_key: str) -> None:
    """Let the store refuse a key from now on.

    Raises
    ------
    UnavailableError
        If the object store does not answer.
    """
    store.remove("identities", _IDENTITY + access_key)


def _principals() -> list[Principal]:
    """Return everybody who uses the store, with their entities: two questions, however many they are."""
    entities: defaultdict[str, set[str]] = defaultdict(set)
    belongs = Membership.objects.filter(entity__closed=None, user__home__isnull=False)
    for name, slug in belongs.values_list("user__username", "entity"):
        entities[name].add(slug)
    names = Home.objects.values_list("user__username", flat=True)
    return [Principal(name, entities=frozenset(entities[name])) for name in names]


def _write_policy(principal: Principal) -> None:
    for bucket in buckets_of(principal):
        store.make_bucket(bucket)
    store.put("policies", principal.subject, policy_of(principal))


def quietly(change: Any, *arguments: object) -> None:  # noqa: ANN401 (any of the above)
    """Do what the next round does again, if it fails now."""
    try:
        change(*arguments)
    except UnavailableError as error:
        _log.warning("The object store is not up to date: %s", error)
