"""Words and small parts that every OAuth endpoint here shares."""

import base64
from urllib.parse import unquote_plus

from allauth.core.internal.httpkit import extract_basic_auth
from allauth.idp.oidc.internal.clientkit import lookup_client
from django.http import HttpRequest, JsonResponse, QueryDict

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 (a grant's name)
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 (a type's name)
OFFLINE_ACCESS = "offline_access"


def decode_basic(request: HttpRequest) -> None:
    """Take the encoding off a client's id and secret in an `Authorization` header (RFC 6749, section 2.3.1).

    django-allauth 65.21.1 compares them as they come. Clients that do not encode are let in as well.
    """
    client_id, secret = extract_basic_auth(request.headers)
    if not client_id or not secret or not {"%", "+"} & set(client_id + secret):
        return
    client = lookup_client(client_id)
    if client is not None and client.check_secret(secret):
        return
    pair = f"{unquote_plus(client_id)}:{unquote_plus(secret)}"
    request.META["HTTP_AUTHORIZATION"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    # Django keeps what it has read of the headers.
    request.__dict__.pop("headers", None)


def caller_id(request: HttpRequest) -> str:
    """Return the id of the client that sends a request to the token endpoint, not verified yet."""
    basic, _secret = extract_basic_auth(request.headers)
    return str(basic or request.POST.get("client_id", ""))


def oauth_error(error: str, description: str, status: int = 400) -> JsonResponse:
    """Return an error as RFC 6749, section 5.2, wants it."""
    return oauth_answer({"error": error, "error_description": description}, status)


def oauth_answer(document: dict[str, object], status: int = 200) -> JsonResponse:
    """Return an answer that nobody keeps a copy of."""
    return JsonResponse(document, status=status, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def with_query(request: HttpRequest, query: QueryDict) -> HttpRequest:
    """Return the same visitor's request as a GET with another query: how one view asks another one."""
    inner = HttpRequest()
    kept = ("session", "user", "realm", "path", "path_info", "COOKIES", "resolver_match", "csp_nonce")
    for name in kept:
        if hasattr(request, name):
            setattr(inner, name, getattr(request, name))
    inner.method = "GET"
    inner.GET = query  # type: ignore[assignment]  # Django can, its stubs do not know
    inner.META = request.META | {"QUERY_STRING": query.urlencode(), "REQUEST_METHOD": "GET"}
    return inner
