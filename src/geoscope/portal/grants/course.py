"""The course of a request: which step leads from which state to which, and whose step it is."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from geoscope.access import Principal
from geoscope.errors import ConflictError, NotAllowedError
from geoscope.portal.accounts.models import User
from geoscope.portal.entities.members import place_of
from geoscope.portal.grants.boards import decides_on, is_own
from geoscope.portal.grants.models import BOARD_STEPS, Kind, Request, State, Step

_OPEN = frozenset({State.WAITING, State.ASKED})
# Step to the states in which it can be taken, and the state that follows.
COURSE: Mapping[Step, tuple[frozenset[State], State]] = {
    Step.QUESTION: (frozenset({State.WAITING}), State.ASKED),
    Step.ANSWER: (frozenset({State.ASKED}), State.WAITING),
    Step.GRANT: (_OPEN, State.GRANTED),
    Step.REDUCE: (_OPEN | {State.GRANTED}, State.GRANTED),
    Step.REFUSE: (_OPEN, State.REFUSED),
    Step.REVOKE: (frozenset({State.GRANTED}), State.REVOKED),
    Step.WITHDRAW: (_OPEN | {State.GRANTED}, State.WITHDRAWN),
    Step.LAPSE: (frozenset({State.ASKED}), State.LAPSED),
}
WITHOUT_REASON = (Step.GRANT, Step.WITHDRAW)


def possible_steps(request: Request) -> set[Step]:
    """Return the steps that lead on from where a request is, whosoever they are."""
    possible = {step for step, (states, _next) in COURSE.items() if request.state in states}
    if request.kind == Kind.ENTITY:
        # There is nothing less than an entity; and whoever has one closes it on its own page.
        possible -= {Step.REDUCE, Step.WITHDRAW} if request.state == State.GRANTED else {Step.REDUCE}
    return possible


def steps_for(user: User, principal: Principal, request: Request) -> set[Step]:
    """Return the steps that somebody may take on a request now."""
    on_board = decides_on(user, principal, request.service) and not is_own(user, request)
    theirs = set(BOARD_STEPS) if on_board else set()
    if _speaks_for(user, request):
        theirs |= {Step.ANSWER, Step.WITHDRAW}
    return possible_steps(request) & theirs


def require_possible(request: Request, step: Step) -> None:
    """Refuse a step that does not lead on from where a request is.

    Raises
    ------
    ConflictError
        Saying how far it is.
    """
    if step not in possible_steps(request):
        raise ConflictError(
            _("This request is %(state)s: this cannot be done (any more).")
            % {"state": State(request.state).label}
        )


def require_theirs(user: User, principal: Principal, request: Request, step: Step) -> None:
    """Refuse a step that is not somebody's to take.

    Raises
    ------
    NotAllowedError
        Also to everybody on the board whose own request it is.
    """
    if step in BOARD_STEPS:
        if is_own(user, request):
            raise NotAllowedError(
                _("Nobody decides on their own request."), _("Somebody else of the board has to.")
            )
        allowed = decides_on(user, principal, request.service)
    else:
        allowed = step != Step.LAPSE and _speaks_for(user, request)
    if not allowed:
        raise NotAllowedError(_("This is not yours to do."))


def _speaks_for(user: User, request: Request) -> bool:
    """Tell whether somebody answers for a request, or gives back what it brought."""
    if request.holder_entity is not None:
        place = place_of(user, request.holder_entity)
        return place is not None and place.is_administrator
    return user.username in (request.applicant, request.holder)
