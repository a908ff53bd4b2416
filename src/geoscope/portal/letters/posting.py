"""Sends mail so that a mail server that is away neither stops a decision nor loses the news of it."""

import logging
import threading
from collections.abc import Iterable
from datetime import timedelta
from smtplib import SMTPException

from allauth.account.models import EmailAddress
from django.core.mail import send_mail
from django.db import connection, transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from geoscope.portal.accounts.models import User
from geoscope.portal.letters.models import Letter
from geoscope.settings import current_settings

# Whoever took a letter and did not send it within this time failed, or was ended: it is sent again,
# each time after twice as long as before, for two days.
FIRST_WAIT = timedelta(minutes=5)
MOST_TRIES = 10
KEPT_FOR = timedelta(days=30)

_log = logging.getLogger(__name__)


def write_to(users: Iterable[User], template: str, **context: object) -> None:
    """Write a letter to each user's verified address, in their language; it goes after the transaction.

    Parameters
    ----------
    users : iterable of User
        To whom; who has no verified address gets none.
    template : str
        Name of a template below `letters/`; its first line is the subject.
    **context
        What the template tells.
    """
    wanted = {user.pk: user for user in users if user.is_active}
    addresses = EmailAddress.objects.filter(user__in=wanted, verified=True, primary=True)
    for address in addresses:
        user = wanted[address.user_id]
        with translation.override(user.language or "en"):
            _write(address.email, template, {"user": user, **context})


def write_to_address(email: str, template: str, **context: object) -> None:
    """Write a letter to somebody who may have no account, in the language of whoever asks."""
    _write(email, template, context)


def _write(email: str, template: str, context: dict[str, object]) -> None:
    settings = current_settings()
    told = {"site_name": settings.site_name, "public_url": settings.public_url, **context}
    subject, _, text = render_to_string(f"letters/{template}", told).strip().partition("\n")
    Letter.objects.create(
        to=email, subject=f"[{settings.site_name}] {subject}"[:200], text=text.strip() + "\n"
    )
    transaction.on_commit(_send_soon)


def _send_soon() -> None:
    threading.Thread(target=_send_and_leave, daemon=True).start()


def _send_and_leave() -> None:
    try:
        send_waiting()
    finally:
        connection.close()


def send_waiting() -> None:
    """Send every letter whose turn has come, and forget it: it may hold a code."""
    now = timezone.now()
    Letter.objects.filter(created__lt=now - KEPT_FOR).delete()
    for letter in Letter.objects.filter(tries__lt=MOST_TRIES).order_by("pk"):
        wait = FIRST_WAIT * 2 ** (letter.tries - 1) if letter.tries else timedelta(0)
        if letter.taken is None or now - letter.taken >= wait:
            _send(letter)


def _send(letter: Letter) -> None:
    """Send a letter, unless another process took it meanwhile."""
    mine = Letter.objects.filter(pk=letter.pk, tries=letter.tries)
    if not mine.update(taken=timezone.now(), tries=letter.tries + 1):
        return
    kept = Letter.objects.filter(pk=letter.pk)
    try:
        send_mail(letter.subject, letter.text, None, [letter.to])
    except (OSError, SMTPException) as error:
        _log.warning("Mail %d could not be sent: %s", letter.pk, error)
        kept.update(problem=str(error)[:500])
    else:
        kept.delete()
