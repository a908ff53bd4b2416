"""The registry's JSON API: `GET /services`, `GET /services/ID`, `PUT /services/ID/health`."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe
from pydantic import ValidationError

from geoscope.error_documents import problem_document
from geoscope.errors import GeoscopeError, InvalidInputError, NotSignedInError, TooLargeError
from geoscope.portal.principals import token_principal
from geoscope.portal.registry.documents import service_document
from geoscope.portal.registry.health import Health, Observation, health_by_service, record_observation
from geoscope.portal.registry.manifests import find_manifest, search_manifests

MAX_OBSERVATION_BYTES = 4096
WATCH_ROLE = "service-watch"


def problem_answer(error: GeoscopeError) -> JsonResponse:
    """Answer an error as problem details (RFC 9457)."""
    document, media_type = problem_document(error)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return JsonResponse(document, status=error.status, content_type=media_type, headers=headers)


def answers_problems[**P](view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
    """Turn the errors of a JSON view into problem details."""

    @wraps(view)
    def answering(*args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(*args, **kwargs)
        except GeoscopeError as error:
            return problem_answer(error)

    return answering


@require_safe
@answers_problems
def services(request: HttpRequest) -> JsonResponse:
    """List the services whose manifest holds every word of `q`."""
    health = health_by_service()
    base = request.build_absolute_uri("/").rstrip("/")
    found = [
        service_document(manifest, health.get(manifest.id, Health()), base)
        for manifest in search_manifests(request.GET.get("q", ""))
    ]
    return JsonResponse({"services": found, "numberReturned": len(found)})


@require_safe
@answers_problems
def service(request: HttpRequest, service_id: str) -> JsonResponse:
    """Describe one service."""
    manifest = find_manifest(service_id)
    health = health_by_service().get(manifest.id, Health())
    return JsonResponse(service_document(manifest, health, request.build_absolute_uri("/").rstrip("/")))


@csrf_exempt  # authenticated by a bearer token, never by a cookie
@require_http_methods(["PUT"])
@answers_problems
def service_health(request: HttpRequest, service_id: str) -> JsonResponse:
    """Take an observation of the watch."""
    principal = token_principal(request)
    if principal is None:
        raise NotSignedInError(
            "This needs an access token.", "Send 'Authorization: Bearer TOKEN' (RFC 6750)."
        )
    principal.require_role(WATCH_ROLE)
    manifest = find_manifest(service_id)
    if int(request.headers.get("content-length") or 0) > MAX_OBSERVATION_BYTES:
        raise TooLargeError(f"An observation holds at most {MAX_OBSERVATION_BYTES} bytes.")
    try:
        observation = Observation.model_validate_json(request.body)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, part['loc'])) or 'body'}: {part['msg']}" for part in error.errors()
        )
        raise InvalidInputError(f"The observation is not valid: {problems}.") from error
    return JsonResponse(record_observation(manifest.id, observation).document)
