"""How requests are written on pages and in letters."""

from django import template
from django.utils.translation import gettext as _

from geoscope.portal.grants.forms import describe
from geoscope.portal.grants.models import Kind, Request, State
from geoscope.portal.grants.offers import Offer, offer_of

register = template.Library()

_LOOKS = {
    State.WAITING: "waiting",
    State.ASKED: "waiting",
    State.GRANTED: "up",
    State.REFUSED: "down",
    State.REVOKED: "down",
}


@register.filter
def what(request: Request) -> str:
    """Return what a request is for, in a few words."""
    if request.kind == Kind.ENTITY:
        return _("the new entity %(title)s") % {"title": request.proposal.get("title", "")}
    offer = offer_of(request)
    title = offer.title if offer else request.quota or request.role
    words = _("%(service)s: %(title)s") % {
        "title": title,
        "service": offer.service.title if offer else request.service,
    }
    if request.holder_entity is not None:
        words = _("%(what)s, for %(entity)s") % {"what": words, "entity": request.holder_entity}
    return words


@register.filter
def state_words(request: Request) -> str:
    """Return how far a request is, as everybody reads it."""
    if request.state == State.GRANTED and not request.is_in_force:
        return _("ended")
    if request.state == State.ASKED:
        return _("waiting for an answer")
    return str(State(request.state).label)


@register.filter
def state_look(request: Request) -> str:
    """Return the class of a request's state."""
    if request.state == State.GRANTED and not request.is_in_force:
        return "unknown"
    return _LOOKS.get(State(request.state), "unknown")


@register.filter
def translated(text: str) -> str:
    """Return a text of a manifest in the visitor's language, where it is known."""
    return _(text) if text else ""


@register.filter
def words(value: object) -> str:
    """Return what stands in the audit log as people write it."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@register.filter
def in_a_line(offer: Offer) -> str:
    """Return an offer with its amounts."""
    return describe(offer)
