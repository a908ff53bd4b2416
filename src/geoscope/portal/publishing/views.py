"""The pages of those who publish: choose a folder, preview, publish, share, remove."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from geoscope.errors import GeoscopeError, NotFoundError
from geoscope.portal.accounts.signing_in import for_signed_in, signed_in_user
from geoscope.portal.entities.models import entities_of
from geoscope.portal.explorer.catalogue import find_collection
from geoscope.portal.explorer.data_half import DataHalf, Json
from geoscope.portal.explorer.fragments import wants_fragment
from geoscope.portal.principals import PUBLISHER_ROLE, may_publish
from geoscope.portal.publishing import publications
from geoscope.portal.publishing.forms import POLICIES, VISIBILITIES, PublishForm, SharingForm

# What somebody asked for is kept in their session, so that the publishing itself can follow a preview.
KEPT_INPUTS = "publications"
MAX_KEPT = 10


@require_http_methods(["GET", "HEAD", "POST"])
@for_signed_in
def publish(request: HttpRequest) -> HttpResponse:
    """Show folders, form and one's own collections; a sent form starts a preview or the publishing."""
    if not may_publish(request):
        ask = f"{reverse('new-request')}?role={PUBLISHER_ROLE}"
        return render(request, "errors/403.html", {"help_url": ask}, status=403)
    data = DataHalf(request)
    form = PublishForm(
        request.POST or None, initial={"licence": "CC-BY-4.0", "visibility": "private", "policy": "public"}
    )
    if request.method == "POST" and form.is_valid():
        try:
            return _start(request, form.inputs | {"dry_run": "preview" in request.POST})
        except GeoscopeError as error:
            form.add_error(None, str(error))
    source = str(form["source"].value() or "") if form.is_bound else request.GET.get("folder", "")
    context = {"form": form, "source": source, "visibilities": VISIBILITIES, "policies": POLICIES}
    context["own_entities"] = entities_of(signed_in_user(request)).values_list("slug", "title")
    context |= _folder(data, source) | _own(data)
    return render(request, "pages/publish.html", context, status=400 if form.is_bound else 200)


@require_safe
@for_signed_in
def publication(request: HttpRequest, job_id: str) -> HttpResponse:
    """Show how a job stands and, when it is done, what became of each file."""
    data = DataHalf(request)
    job = publications.find_publication(data, job_id)
    inputs = _kept(request).get(job_id, {})
    name = inputs.get("title") or inputs.get("collection") or ""
    context: dict[str, object] = {"job": job, "inputs": inputs, "name": name}
    if job.has_succeeded:
        outcome = publications.read_outcome(data, job_id)
        # A template would take the name `items` of a document for the method of its class.
        context |= {"outcome": outcome, "published_items": outcome.get("items") or []}
    template = "pages/publication.html#job" if wants_fragment(request) else "pages/publication.html"
    return render(request, template, context)


@require_POST
@for_signed_in
def publish_previewed(request: HttpRequest, job_id: str) -> HttpResponse:
    """Publish what a preview has shown."""
    inputs = _kept(request).get(job_id)
    if inputs is None:
        raise NotFoundError("Nobody remembers this preview any more.", "Fill in the form once more.")
    return _start(request, inputs | {"dry_run": False})


@require_POST
@for_signed_in
def stop(request: HttpRequest, job_id: str) -> HttpResponse:
    """Stop a job."""
    publications.dismiss(DataHalf(request), job_id)
    return redirect("publish")


@require_POST
@for_signed_in
def share(request: HttpRequest, collection_id: str) -> HttpResponse:
    """Say who finds a collection and whom its data is for; what is closed is closed before it is shown."""
    form = SharingForm(request.POST)
    if not form.is_valid():
        problems = " ".join(str(problem) for found in form.errors.values() for problem in found)
        return render(request, "errors/problem.html", {"problem": problems}, status=400)
    asked = form.cleaned_data
    if asked["policy"]:
        publications.limit(DataHalf(request), collection_id, asked["policy"])
    publications.share(DataHalf(request), collection_id, asked["visibility"], asked["entity"])
    return redirect(f"{reverse('publish')}#own")


@require_http_methods(["GET", "HEAD", "POST"])
@for_signed_in
def remove(request: HttpRequest, collection_id: str) -> HttpResponse:
    """Ask whether a collection shall be removed, and begin with it when that is confirmed."""
    data = DataHalf(request)
    if request.method == "POST":
        return redirect("publication", publications.remove(data, collection_id))
    return render(
        request, "pages/remove_collection.html", {"collection": find_collection(data, collection_id)}
    )


def _start(request: HttpRequest, inputs: Json) -> HttpResponse:
    job_id = publications.start(DataHalf(request), inputs)
    kept = _kept(request) | {job_id: inputs}
    request.session[KEPT_INPUTS] = dict(list(kept.items())[-MAX_KEPT:])
    return redirect("publication", job_id)


def _kept(request: HttpRequest) -> dict[str, Json]:
    kept: dict[str, Json] = request.session.get(KEPT_INPUTS, {})
    return kept


def _folder(data: DataHalf, address: str) -> dict[str, object]:
    try:
        return {"folder": publications.open_folder(data, address)}
    except GeoscopeError as error:
        return {"folder_problem": str(error)}


def _own(data: DataHalf) -> dict[str, object]:
    try:
        return {"own": publications.list_own_collections(data)}
    except GeoscopeError as error:
        return {"own_problem": str(error)}
