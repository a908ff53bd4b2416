"""Who has to do with a request: who decides on it, who asked, who gets it.

The platform's board decides on everything, a service's provider on that service.
"""

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet

from geoscope.access import Principal
from geoscope.portal.accounts.models import User
from geoscope.portal.entities.models import Membership, Place, entities_of
from geoscope.portal.grants.models import Request, ServiceProvider

BOARD_ROLE = "approval-board"


def provided_services(user: User) -> frozenset[str]:
    """Return the services whose providers a user speaks for, as an administrator of the providing entity."""
    entities = entities_of(user).filter(memberships__place=Place.ADMINISTRATOR)
    return frozenset(ServiceProvider.objects.filter(entity__in=entities).values_list("service", flat=True))


def is_on_a_board(user: User, principal: Principal) -> bool:
    """Tell whether somebody decides on anything."""
    return principal.has_role(BOARD_ROLE) or bool(provided_services(user))


def decides_on(user: User, principal: Principal, service: str) -> bool:
    """Tell whether somebody decides on the roles and quotas of a service; without one, on new entities."""
    return principal.has_role(BOARD_ROLE) or service in provided_services(user)


def is_own(user: User, request: Request) -> bool:
    """Tell whether somebody asked for it, would get it, or belongs to the entity that would."""
    own_entity = request.holder_entity is not None and (
        Membership.objects.filter(user=user, entity=request.holder_entity).exists()
    )
    return user.username in (request.applicant, request.holder) or own_entity


def queue(user: User, principal: Principal) -> QuerySet[Request]:
    """Return the requests that somebody decides on, their own as well."""
    if principal.has_role(BOARD_ROLE):
        return Request.objects.all()
    return Request.objects.filter(service__in=provided_services(user))


def board_of(request: Request) -> list[User]:
    """Return who decides on a request: nobody who asked for it, or would get it."""
    group = Group.objects.filter(name=BOARD_ROLE)
    on_board = Q(groups__in=group) | Q(is_superuser=True)
    provider = ServiceProvider.objects.filter(service=request.service).first() if request.service else None
    if provider is not None:
        on_board |= Q(memberships__entity=provider.entity, memberships__place=Place.ADMINISTRATOR)
    members = User.objects.filter(on_board, is_active=True).distinct()
    return [member for member in members if not is_own(member, request)]


def people_of(request: Request) -> list[User]:
    """Return who hears of a request's course: the applicant, the holder, the administrators of the entity."""
    names = {request.applicant, request.holder} - {""}
    people = {user.pk: user for user in User.objects.filter(username__in=names, is_active=True)}
    if request.holder_entity is not None:
        places = request.holder_entity.memberships.filter(place=Place.ADMINISTRATOR).select_related("user")
        people |= {membership.user.pk: membership.user for membership in places}
    return list(people.values())


def holders_of(request: Request) -> list[User]:
    """Return who has what a request brought."""
    if request.holder_entity is None:
        return list(User.objects.filter(username=request.holder))
    return [membership.user for membership in request.holder_entity.memberships.select_related("user")]
