"""Who belongs to an entity, and as what: joining goes by invitation, the rest is here."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from geoscope.errors import ConflictError, NotAllowedError, NotFoundError
from geoscope.portal.accounts.models import User
from geoscope.portal.audit.log import record
from geoscope.portal.changes import announce_changed_rights
from geoscope.portal.entities.models import Entity, Membership, Place
from geoscope.portal.letters.posting import write_to


def find_entity(slug: str) -> Entity:
    """Return an entity that is not closed.

    Raises
    ------
    NotFoundError
        If there is none of this name.
    """
    entity = Entity.objects.filter(slug=slug, closed=None).first()
    if entity is None:
        raise NotFoundError(_("There is no such entity."))
    return entity


def place_of(user: User, entity: Entity) -> Membership | None:
    """Return what somebody is in an entity, or None."""
    return Membership.objects.filter(user=user, entity=entity, entity__closed=None).first()


def require_administrator(user: User, entity: Entity) -> None:
    """Refuse whoever does not manage an entity.

    Raises
    ------
    NotAllowedError
        If they are no administrator of it.
    """
    place = place_of(user, entity)
    if place is None or not place.is_administrator:
        raise NotAllowedError(_("Only its administrators can do this."))


def add_member(entity: Entity, user: User, *, by: str, place: Place = Place.MEMBER) -> Membership:
    """Make somebody a member, and tell the administrators.

    Raises
    ------
    ConflictError
        If they are one already.
    """
    with transaction.atomic():
        membership, is_new = Membership.objects.get_or_create(
            entity=entity, user=user, defaults={"place": place}
        )
        if not is_new:
            raise ConflictError(_("%(name)s is a member already.") % {"name": user.username})
        record(by, "member.joined", f"entity:{entity.slug}", member=user.username, place=place.value)
        others = [administrator for administrator in administrators_of(entity) if administrator != user]
        write_to(others, "member_joined.txt", entity=entity, member=user)
        announce_changed_rights({user.username})
    return membership


def change_place(actor: User, entity: Entity, name: str, place: Place) -> None:
    """Make a member an administrator, or an administrator a member again.

    Raises
    ------
    NotAllowedError
        If the actor does not manage the entity.
    ConflictError
        If nobody would manage it any more.
    """
    require_administrator(actor, entity)
    with transaction.atomic():
        membership = _locked_member(entity, name)
        if membership.place == place:
            return
        if membership.is_administrator:
            _require_other_administrator(entity, membership)
        membership.place = place
        membership.save(update_fields=["place"])
        record(actor.username, "member.changed", f"entity:{entity.slug}", member=name, place=place.value)
        write_to([membership.user], "place_changed.txt", entity=entity, membership=membership)


def remove_member(actor: User, entity: Entity, name: str) -> None:
    """Take a member out of an entity; everybody may take themselves out.

    Raises
    ------
    NotAllowedError
        If it is somebody else, and the actor does not manage the entity.
    ConflictError
        If nobody would manage it any more.
    """
    if actor.username != name:
        require_administrator(actor, entity)
    with transaction.atomic():
        membership = _locked_member(entity, name)
        if membership.is_administrator:
            _require_other_administrator(entity, membership)
        membership.delete()
        record(actor.username, "member.left", f"entity:{entity.slug}", member=name)
        if actor.username != name:
            write_to([membership.user], "member_removed.txt", entity=entity)
        announce_changed_rights({name})


def close_entity(actor: str, entity: Entity, reason: str) -> None:
    """Close an entity for good: its members have nothing from it any more, its name stays taken."""
    with transaction.atomic():
        changed = Entity.objects.filter(pk=entity.pk, closed=None).update(closed=timezone.now())
        if not changed:
            return
        members = [membership.user for membership in entity.memberships.select_related("user")]
        entity.invitations.all().delete()
        record(actor, "entity.closed", f"entity:{entity.slug}", reason=reason)
        write_to(members, "entity_closed.txt", entity=entity, reason=reason)
        announce_changed_rights(user.username for user in members)


def administrators_of(entity: Entity) -> list[User]:
    """Return who manages an entity."""
    places = entity.memberships.filter(place=Place.ADMINISTRATOR).select_related("user")
    return [membership.user for membership in places]


def require_leavable(user: User) -> None:
    """Refuse to let go whoever is the only administrator of an entity with other members.

    Raises
    ------
    ConflictError
        Naming the entity.
    """
    for membership in _places(user):
        if membership.is_administrator and membership.entity.memberships.count() > 1:
            _require_other_administrator(membership.entity, membership)


def leave_all(user: User) -> None:
    """Take somebody who goes out of all entities; one that has no other member is closed.

    Raises
    ------
    ConflictError
        As `require_leavable` says.
    """
    for membership in _places(user):
        if membership.entity.memberships.count() == 1:
            close_entity(user.username, membership.entity, _("Its last member left."))
        else:
            remove_member(user, membership.entity, user.username)


def _places(user: User) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user, entity__closed=None).select_related("entity")


def _locked_member(entity: Entity, name: str) -> Membership:
    """Return a member, while nobody else changes the entity's members."""
    list(Membership.objects.select_for_update().filter(entity=entity).values_list("pk"))
    membership = entity.memberships.select_related("user").filter(user__username=name).first()
    if membership is None:
        raise NotFoundError(_("There is no such member."))
    return membership


def _require_other_administrator(entity: Entity, membership: Membership) -> None:
    others = entity.memberships.filter(place=Place.ADMINISTRATOR, user__is_active=True).exclude(
        pk=membership.pk
    )
    if membership.is_administrator and not others.exists():
        raise ConflictError(
            _("%(entity)s would have no administrator any more.") % {"entity": entity.title},
            _("Make another member its administrator first."),
        )
