"""Keys that live long: made for a user, and revoked."""

from datetime import date

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from geoscope.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from geoscope.portal.accounts.models import User
from geoscope.portal.audit.log import record
from geoscope.portal.letters.posting import write_to
from geoscope.portal.storage.access import open_home, write_key
from geoscope.portal.storage.models import StorageKey
from geoscope.portal.storage.policies import home_of
from geoscope.portal.storage.store import wait_until_accepted
from geoscope.secrets import S3Keys, new_s3_keys

MOST_KEYS = 20


def make_key(user: User, name: str, until: date | None) -> tuple[StorageKey, S3Keys]:
    """Make a key, tell its user by mail, and return it when the object store takes it.

    Parameters
    ----------
    user : User
        Whose buckets it opens.
    name : str
        What it is called.
    until : date, optional
        Its last day, in UTC.

    Returns
    -------
    StorageKey
        The key.
    S3Keys
        The same with its secret, which nobody can ask for again.

    Raises
    ------
    InvalidInputError
        If the last day is over.
    ConflictError
        If the user has as many keys as one may have.
    UnavailableError
        If the object store does not answer; then there is no key.
    """
    if until is not None and until < timezone.now().date():
        raise InvalidInputError(_("The last day is over."))
    open_home(user)
    pair = new_s3_keys()
    with transaction.atomic():
        # Whoever makes several at once waits here: the limit holds.
        User.objects.select_for_update().get(pk=user.pk)
        if StorageKey.objects.filter(user=user).count() >= MOST_KEYS:
            raise ConflictError(_("You have as many keys as one may have. Remove one first."))
        key = StorageKey.objects.create(access_key=pair.access_key, user=user, name=name, until=until)
        _record(user, "storage-key.made", key)
    try:
        write_key(key, pair.secret_key)
        wait_until_accepted(pair, home_of(user.username))
    except UnavailableError:
        key.delete()
        raise
    write_to([user], "storage_key_made.txt", key=key)
    return key, pair


def revoke_key(user: User, access_key: str) -> None:
    """Revoke a key of a user: the object store refuses it from now on.

    Raises
    ------
    NotFoundError
        If they have no such key.
    """
    with transaction.atomic():
        key = StorageKey.objects.select_for_update().filter(user=user, access_key=access_key).first()
        if key is None:
            raise NotFoundError(_("You have no such key."))
        _record(user, "storage-key.revoked", key)
        key.delete()


def _record(user: User, action: str, key: StorageKey) -> None:
    record(user.username, action, f"storage-key:{key.access_key}", name=key.name)
