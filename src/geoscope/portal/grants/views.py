"""The pages "Services" and "Requests": what one has, what one asked for, and what became of it."""

from datetime import date

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from geoscope.errors import GeoscopeError, InvalidInputError, NotFoundError
from geoscope.portal.accounts.models import User
from geoscope.portal.accounts.signing_in import for_signed_in, signed_in_user
from geoscope.portal.grants.asking import ask_for
from geoscope.portal.grants.boards import is_own
from geoscope.portal.grants.course import steps_for
from geoscope.portal.grants.deciding import Less, find_request, smaller_offers, take_step
from geoscope.portal.grants.forms import AskingForm, StepForm
from geoscope.portal.grants.models import BOARD_STEPS, Request, Step
from geoscope.portal.grants.offers import Offer, all_offers, find_offer, offer_of, offers_of, offers_with_role
from geoscope.portal.grants.services import own_services
from geoscope.portal.grants.usage import USES, uses_of
from geoscope.portal.principals import principal_for
from geoscope.portal.registry.manifests import find_manifest

PAGE_SIZE = 25


@require_safe
@for_signed_in
def services(request: HttpRequest) -> HttpResponse:
    """Show every service with what the visitor has of it."""
    user = signed_in_user(request)
    return render(
        request,
        "grants/services.html",
        {"services": own_services(user, principal_for(user)), "told_uses": USES},
    )


@require_safe
@for_signed_in
def use(request: HttpRequest, service: str) -> HttpResponse:
    """Show what the visitor uses of a service now; the page "Services" asks for it when it has been drawn."""
    try:
        told = " · ".join(uses_of(request, service))
    except GeoscopeError:
        told = _("What you use of it is not known now.")
    return HttpResponse(escape(told))


@require_safe
@for_signed_in
def requests(request: HttpRequest) -> HttpResponse:
    """Show what the visitor asked for, newest first."""
    own = Request.objects.filter(applicant=signed_in_user(request).username).order_by("-created")
    page = Paginator(own, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "grants/requests.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@for_signed_in
def new_request(request: HttpRequest) -> HttpResponse:
    """Ask a service for a role or a quota; `offer`, `role` or `service` in the address say for which."""
    user = signed_in_user(request)
    offers = _offers_asked_for(request)
    holder = {"holder": request.GET.get("entity", "")}
    form = AskingForm(request.POST or None, user=user, offers=offers, initial=holder)
    status = 200
    if request.method == "POST" and form.is_valid():
        purpose, until = form.cleaned_data["purpose"], form.cleaned_data["until"]
        try:
            made = ask_for(user, form.wanted, purpose=purpose, until=until, entity=form.entity)
        except GeoscopeError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            return redirect("request", made.pk)
    elif form.is_bound:
        status = 422
    context = {"form": form, "offers": offers, "service": offers[0].service}
    return render(request, "grants/new_request.html", context, status=status)


def _offers_asked_for(request: HttpRequest) -> list[Offer]:
    """Return the offers among which one is chosen: of one service, those that are meant."""
    name, role, service = (request.GET.get(key, "") for key in ("offer", "role", "service"))
    if name:
        return [find_offer(name)]
    found = offers_with_role(role) if role else offers_of(find_manifest(service)) if service else all_offers()
    if not found:
        raise NotFoundError(_("This is not given on request."), _("Ask the operator of this platform."))
    return [offer for offer in found if offer.service.id == found[0].service.id]


@require_safe
@for_signed_in
def one_request(request: HttpRequest, number: int) -> HttpResponse:
    """Show a request, its course, and what the visitor may do about it now."""
    user = signed_in_user(request)
    return _show(request, find_request(user, principal_for(user), number))


@require_POST
@for_signed_in
def step(request: HttpRequest, number: int) -> HttpResponse:
    """Take a step on a request."""
    user = signed_in_user(request)
    principal = principal_for(user)
    found = find_request(user, principal, number)
    form = StepForm(request.POST, request=found, smaller=smaller_offers(found))
    if not form.is_valid():
        return _show(request, found, form, status=422)
    try:
        wanted = _step(request.POST.get("step", ""))
        reason, less = (
            form.cleaned_data["reason"].strip(),
            _less(form) if wanted is Step.REDUCE else None,
        )
        take_step(user, principal, number, wanted, reason=reason, less=less)
    except GeoscopeError as error:
        form.add_error(None, str(error))
        return _show(request, find_request(user, principal, number), form, status=error.status)
    return redirect("request", number)


def _step(name: str) -> Step:
    try:
        return Step(name)
    except ValueError as error:
        raise InvalidInputError(_("There is no such step.")) from error


def _less(form: StepForm) -> Less:
    until: date | None = form.cleaned_data["until"]
    quota = form.cleaned_data.get("quota", "")
    return Less(find_offer(quota) if quota else None, until)


def _show(
    request: HttpRequest, found: Request, form: StepForm | None = None, status: int = 200
) -> HttpResponse:
    user = signed_in_user(request)
    steps = steps_for(user, principal_for(user), found)
    context = {
        "request_": found,
        "offer": offer_of(found),
        "applicant": User.objects.filter(username=found.applicant or found.holder).first(),
        "decisions": found.decisions.all(),
        "steps": [step.value for step in steps],
        "is_deciding": any(step in BOARD_STEPS for step in steps),
        "is_own": is_own(user, found),
        "form": form or StepForm(request=found, smaller=smaller_offers(found)),
    }
    return render(request, "grants/request.html", context, status=status)
