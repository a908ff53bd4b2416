"""The pages of entities."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from geoscope.errors import GeoscopeError, InvalidInputError
from geoscope.portal.accounts.signing_in import for_signed_in, signed_in_user
from geoscope.portal.audit.log import record
from geoscope.portal.entities import invitations, members
from geoscope.portal.entities.forms import ClosingForm, EntityForm, InvitationForm, JoiningForm, ProposalForm
from geoscope.portal.entities.models import Entity, Membership, Place
from geoscope.portal.grants.asking import ask_for_entity
from geoscope.portal.grants.models import OPEN_STATES, Kind, Request, in_force
from geoscope.portal.grants.offers import offer_of


@require_safe
@for_signed_in
def entities(request: HttpRequest) -> HttpResponse:
    """Show the visitor's entities, those that they asked for, and how to join one."""
    user = signed_in_user(request)
    own = (
        Membership.objects.filter(user=user, entity__closed=None)
        .select_related("entity")
        .order_by("entity__title")
    )
    asked = Request.objects.filter(kind=Kind.ENTITY, applicant=user.username, state__in=OPEN_STATES)
    context = {"memberships": own, "asked": asked, "form": JoiningForm()}
    return render(request, "entities/entities.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_signed_in
def new_entity(request: HttpRequest) -> HttpResponse:
    """Ask for a new entity."""
    form = ProposalForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        proposed = form.save(commit=False)
        try:
            made = ask_for_entity(signed_in_user(request), proposed, form.cleaned_data["purpose"])
        except GeoscopeError as error:
            form.add_error("slug" if error.status == 409 else None, str(error))
            status = error.status
        else:
            return redirect("request", made.pk)
    elif form.is_bound:
        status = 422
    return render(request, "entities/new_entity.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@for_signed_in
@sensitive_variables("form")
def join(request: HttpRequest) -> HttpResponse:
    """Join an entity with an invitation code; only sending the form tries it."""
    form = JoiningForm(request.POST or None, initial={"code": request.GET.get("code", "")})
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            membership = invitations.join(request, signed_in_user(request), form.cleaned_data["code"])
        except GeoscopeError as error:
            form.add_error("code", str(error))
            status = error.status
        else:
            messages.success(
                request, _("You are a member of %(entity)s now.") % {"entity": membership.entity}
            )
            return redirect("entity", membership.entity.slug)
    elif form.is_bound:
        status = 422
    return render(request, "entities/join.html", {"form": form}, status=status)


@require_safe
@for_signed_in
def entity(request: HttpRequest, slug: str) -> HttpResponse:
    """Show an entity: what it is to everybody who signed in, the rest to its members."""
    return _show(request, members.find_entity(slug))


@require_POST
@for_signed_in
def describe(request: HttpRequest, slug: str) -> HttpResponse:
    """Change what an entity says of itself."""
    found = members.find_entity(slug)
    user = signed_in_user(request)
    members.require_administrator(user, found)
    form = EntityForm(request.POST, instance=found)
    if not form.is_valid():
        return _show(request, members.find_entity(slug), describing=form, status=422)
    form.save()
    record(user.username, "entity.described", f"entity:{slug}", changed=form.changed_data)
    messages.success(request, _("The description has been saved."))
    return redirect("entity", slug)


@require_POST
@for_signed_in
@sensitive_variables("code")
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Make an invitation; its code is shown once, unless it was mailed."""
    found = members.find_entity(slug)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _show(request, found, inviting=form, status=422)
    email, uses = form.cleaned_data["email"], form.cleaned_data["uses"] or 1
    try:
        _made, code = invitations.invite(
            signed_in_user(request), found, email=email, days=form.cleaned_data["days"], uses=uses
        )
    except GeoscopeError as error:
        form.add_error(None, str(error))
        return _show(request, found, inviting=form, status=error.status)
    if not email:
        return _show(request, found, code=code)
    messages.success(request, _("An invitation goes to %(email)s.") % {"email": email})
    return redirect("entity", slug)


@require_POST
@for_signed_in
def take_back(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Take an invitation back."""
    invitations.take_back(signed_in_user(request), members.find_entity(slug), number)
    messages.success(request, _("The invitation cannot be used any more."))
    return redirect("entity", slug)


@require_POST
@for_signed_in
def change_member(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Make a member an administrator or a member again, or take them out; oneself, too."""
    found, user = members.find_entity(slug), signed_in_user(request)
    wanted = request.POST.get("place", "")
    try:
        if wanted == "none":
            members.remove_member(user, found, name)
        else:
            members.change_place(user, found, name, _place(wanted))
    except GeoscopeError as error:
        return _show(request, found, problem=error, status=error.status)
    if wanted == "none" and name == user.username:
        messages.success(request, _("You have left %(entity)s.") % {"entity": found})
        return redirect("entities")
    return redirect("entity", slug)


@require_POST
@for_signed_in
def close(request: HttpRequest, slug: str) -> HttpResponse:
    """Close an entity for good, if its short name is typed."""
    found, user = members.find_entity(slug), signed_in_user(request)
    members.require_administrator(user, found)
    form = ClosingForm(request.POST)
    if not form.is_valid() or form.cleaned_data["name"] != slug:
        form.add_error("name", _("This is not its short name."))
        return _show(request, found, closing=form, status=422)
    members.close_entity(user.username, found, _("Its administrator closed it."))
    messages.success(request, _("%(entity)s has been closed") % {"entity": found})
    return redirect("entities")


def _place(name: str) -> Place:
    try:
        return Place(name)
    except ValueError as error:
        raise InvalidInputError(_("There is no such place in an entity.")) from error


def _show(request: HttpRequest, found: Entity, status: int = 200, **more: object) -> HttpResponse:
    own = members.place_of(signed_in_user(request), found)
    context: dict[str, object] = {"entity": found, "own": own}
    if own is not None:
        grants = in_force().filter(holder_entity=found)
        context |= {
            "members": found.memberships.select_related("user"),
            "grants": [(grant, offer_of(grant)) for grant in grants],
            "waiting": Request.objects.filter(holder_entity=found, state__in=OPEN_STATES),
        }
    if own is not None and own.is_administrator:
        context |= {
            "invitations": invitations.open_invitations(found),
            "inviting": InvitationForm(),
            "describing": EntityForm(instance=Entity.objects.get(pk=found.pk)),
            "closing": ClosingForm(),
        }
    return render(request, "entities/entity.html", context | more, status=status)
