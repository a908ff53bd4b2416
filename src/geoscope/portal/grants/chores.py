"""What goes on with requests while nobody looks: reminders, lapsed requests, grants that end."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from django.db import transaction

from geoscope.portal.accounts.models import User
from geoscope.portal.changes import announce_changed_rights
from geoscope.portal.grants.boards import board_of, holders_of, people_of
from geoscope.portal.grants.deciding import lapse
from geoscope.portal.grants.models import Request, State, today
from geoscope.portal.letters.posting import write_to

TOLD_BEFORE_END = timedelta(days=7)


def look_after_requests() -> None:
    """End what nobody answered; remind a board once of what is overdue, and holders of what ends soon."""
    for request in Request.objects.filter(state=State.ASKED, due__lt=today()):
        lapse(request)
    untold = Request.objects.filter(reminded=False)
    overdue = untold.filter(state=State.WAITING, due__lt=today())
    _tell_once(overdue, board_of, "request_overdue.txt")
    soon = today() + TOLD_BEFORE_END
    ending = untold.filter(state=State.GRANTED, granted_until__range=(today(), soon))
    _tell_once(ending, people_of, "grant_ends.txt")
    # Said again all day: whoever keeps copies of rights finds nothing to do the second time.
    ended = Request.objects.filter(state=State.GRANTED, granted_until=today() - timedelta(days=1))
    names = {user.username for request in ended for user in holders_of(request)}
    if names:
        announce_changed_rights(names)


def _tell_once(requests: Iterable[Request], readers: Callable[[Request], list[User]], template: str) -> None:
    for request in requests:
        with transaction.atomic():
            if Request.objects.filter(pk=request.pk, reminded=False).update(reminded=True):
                write_to(readers(request), template, request=request)
