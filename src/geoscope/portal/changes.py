"""The news that somebody's rights changed; whoever keeps copies of them outside the database listens."""

from collections.abc import Iterable

from django.db import transaction
from django.dispatch import Signal

# Sent with `names`, a set of user names, after the transaction.
rights_changed = Signal()


def announce_changed_rights(names: Iterable[str]) -> None:
    """Tell, when the transaction is done, that the rights of these users changed."""
    changed = frozenset(names)
    transaction.on_commit(lambda: rights_changed.send_robust(None, names=changed))
