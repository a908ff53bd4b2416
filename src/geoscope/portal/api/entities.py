"""`/api/entities`: entities, members and invitations."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from ninja import Router

from geoscope.errors import InvalidInputError, NotAllowedError
from geoscope.portal.api.askers import asker_of
from geoscope.portal.api.documents import (
    Code,
    EntityDocument,
    InvitationDocument,
    MemberDocument,
    NewEntity,
    NewInvitation,
    NewPlace,
    RequestDocument,
)
from geoscope.portal.entities import invitations, members
from geoscope.portal.entities.forms import RESERVED
from geoscope.portal.entities.models import Entity, Membership
from geoscope.portal.grants.asking import ask_for_entity

router = Router(tags=["Entities"])


@router.get("")
def entities(request: HttpRequest) -> list[EntityDocument]:
    """Return the entities that one belongs to."""
    user = asker_of(request).user
    own = Membership.objects.filter(user=user, entity__closed=None).select_related("entity")
    return [EntityDocument.of(membership.entity, membership) for membership in own]


@router.post("", response={201: RequestDocument})
def new_entity(request: HttpRequest, body: NewEntity) -> tuple[int, RequestDocument]:
    """Ask for a new entity; the approval board decides."""
    proposed = Entity(**body.model_dump(exclude={"purpose"}))
    try:
        proposed.clean_fields()
    except ValidationError as error:
        raise InvalidInputError("; ".join(error.messages)) from error
    if body.slug in RESERVED:
        raise InvalidInputError("This name cannot be used.", "Choose another one.")
    return 201, RequestDocument.of(ask_for_entity(asker_of(request).user, proposed, body.purpose))


@router.post("/join")
def join(request: HttpRequest, body: Code) -> EntityDocument:
    """Join an entity with an invitation code."""
    membership = invitations.join(request, asker_of(request).user, body.code)
    return EntityDocument.of(membership.entity, membership)


@router.get("/{slug}")
def entity(request: HttpRequest, slug: str) -> EntityDocument:
    """Return an entity."""
    found = members.find_entity(slug)
    return EntityDocument.of(found, members.place_of(asker_of(request).user, found))


@router.delete("/{slug}", response={204: None})
def close(request: HttpRequest, slug: str) -> tuple[int, None]:
    """Close an entity for good; its short name is never given again."""
    found, user = members.find_entity(slug), asker_of(request).user
    members.require_administrator(user, found)
    members.close_entity(user.username, found, "Its administrator closed it.")
    return 204, None


@router.get("/{slug}/members")
def all_members(request: HttpRequest, slug: str) -> list[MemberDocument]:
    """Return the members of an entity, to its members."""
    found = members.find_entity(slug)
    if members.place_of(asker_of(request).user, found) is None:
        raise NotAllowedError("Only its members see who they are.")
    return [MemberDocument.of(one) for one in found.memberships.select_related("user")]


@router.put("/{slug}/members/{name}", response={204: None})
def change_member(request: HttpRequest, slug: str, name: str, body: NewPlace) -> tuple[int, None]:
    """Make a member an administrator, or a member again."""
    members.change_place(asker_of(request).user, members.find_entity(slug), name, body.place)
    return 204, None


@router.delete("/{slug}/members/{name}", response={204: None})
def remove_member(request: HttpRequest, slug: str, name: str) -> tuple[int, None]:
    """Take a member out; everybody may take themselves out."""
    members.remove_member(asker_of(request).user, members.find_entity(slug), name)
    return 204, None


@router.get("/{slug}/invitations")
def open_invitations(request: HttpRequest, slug: str) -> list[InvitationDocument]:
    """Return the invitations that can still be used, without their codes."""
    found = members.find_entity(slug)
    members.require_administrator(asker_of(request).user, found)
    return [InvitationDocument.of(one) for one in invitations.open_invitations(found)]


@router.post("/{slug}/invitations", response={201: InvitationDocument})
def invite(request: HttpRequest, slug: str, body: NewInvitation) -> tuple[int, InvitationDocument]:
    """Make an invitation: mailed to an address, or a code that is told this once."""
    found = members.find_entity(slug)
    made, code = invitations.invite(asker_of(request).user, found, **body.model_dump())
    return 201, InvitationDocument.of(made, None if body.email else code)


@router.delete("/{slug}/invitations/{int:number}", response={204: None})
def take_back(request: HttpRequest, slug: str, number: int) -> tuple[int, None]:
    """Make an invitation useless."""
    invitations.take_back(asker_of(request).user, members.find_entity(slug), number)
    return 204, None
