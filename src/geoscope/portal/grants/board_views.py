"""The pages of a board: what waits for a decision, giving without a request, the audit log."""

import csv
import json
from itertools import chain

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from geoscope.access import Principal
from geoscope.errors import GeoscopeError, NotAllowedError
from geoscope.portal.accounts.models import User
from geoscope.portal.accounts.signing_in import for_signed_in, signed_in_user
from geoscope.portal.audit.log import first_broken_entry
from geoscope.portal.audit.models import AuditEntry
from geoscope.portal.grants.boards import BOARD_ROLE, decides_on, is_on_a_board, queue
from geoscope.portal.grants.deciding import allot
from geoscope.portal.grants.forms import AllotmentForm
from geoscope.portal.grants.models import OPEN_STATES, State
from geoscope.portal.grants.offers import all_offers
from geoscope.portal.principals import principal_for

PAGE_SIZE = 25
AUDIT_PAGE_SIZE = 50
AUDIT_COLUMNS = ("id", "at", "actor", "action", "subject", "details", "previous", "digest")


@require_safe
@for_signed_in
def board(request: HttpRequest) -> HttpResponse:
    """Show the requests that the visitor decides on: those that wait first, the longest wait first."""
    user, principal = _member(request)
    shown = queue(user, principal).select_related("holder_entity")
    counts = {state.value: shown.filter(state=state).count() for state in State}
    wanted = request.GET.get("state", State.WAITING)
    if wanted in counts:
        shown = shown.filter(state=wanted)
    service = request.GET.get("service", "")
    if service:
        shown = shown.filter(service=service)
    order = ("due", "created") if wanted in OPEN_STATES else ("-created",)
    page = Paginator(shown.order_by(*order), PAGE_SIZE).get_page(request.GET.get("page"))
    states = [(state.value, state.label, counts[state.value]) for state in State]
    choice = {"states": states, "wanted": wanted, "service": service}
    context = {"page": page, "sees_audit": principal.has_role(BOARD_ROLE), **choice}
    return render(request, "grants/board.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_signed_in
def new_allotment(request: HttpRequest) -> HttpResponse:
    """Give a role or a quota to somebody who did not ask for it."""
    user, principal = _member(request)
    offers = [offer for offer in all_offers() if decides_on(user, principal, offer.service.id)]
    form = AllotmentForm(request.POST or None, offers=offers)
    status = 200
    if request.method == "POST" and form.is_valid():
        told = {name: form.cleaned_data[name] for name in ("purpose", "until")}
        try:
            made = allot(user, principal, form.wanted, holder=form.user, entity=form.entity, **told)
        except GeoscopeError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            return redirect("request", made.pk)
    elif form.is_bound:
        status = 422
    return render(request, "grants/allot.html", {"form": form, "offers": offers}, status=status)


@require_safe
@for_signed_in
def audit(request: HttpRequest) -> HttpResponseBase:
    """Show the audit log, newest first, and whether it is whole; `format=csv` gives all of it."""
    _user, principal = _member(request)
    principal.require_role(BOARD_ROLE)
    entries = AuditEntry.objects.order_by("-pk")
    text = request.GET.get("q", "").strip()
    if text:
        entries = entries.filter(actor=text) | entries.filter(subject=text) | entries.filter(action=text)
    if request.GET.get("format") == "csv":
        return _csv()
    page = Paginator(entries, AUDIT_PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "text": text, "broken": first_broken_entry()}
    return render(request, "grants/audit.html", context)


def _member(request: HttpRequest) -> tuple[User, Principal]:
    user = signed_in_user(request)
    principal = principal_for(user)
    if not is_on_a_board(user, principal):
        raise NotAllowedError(_("This page is for the approval board, and for providers of services."))
    return user, principal


class _Line:
    """What a CSV writer writes to: it hands each line on."""

    def write(self, line: str) -> str:
        return line


def _csv() -> StreamingHttpResponse:
    writer = csv.writer(_Line())
    entries = AuditEntry.objects.order_by("pk").iterator()
    rows = chain([AUDIT_COLUMNS], map(_row, entries))
    headers = {"Content-Disposition": 'attachment; filename="audit-log.csv"'}
    return StreamingHttpResponse(map(writer.writerow, rows), content_type="text/csv", headers=headers)


def _row(entry: AuditEntry) -> tuple[str, ...]:
    details = json.dumps(entry.details, ensure_ascii=False)
    told = (entry.at.isoformat(), entry.actor, entry.action, entry.subject, details)
    return (str(entry.pk), *told, entry.previous, entry.digest)
