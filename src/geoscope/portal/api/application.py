"""The API as a whole: who may ask, and how errors look."""

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError

import geoscope
from geoscope.errors import GeoscopeError, InvalidInputError, NotSignedInError
from geoscope.portal.api import entities, keys, requests, storage_keys
from geoscope.portal.api.askers import SessionAsker, TokenAsker
from geoscope.portal.registry.views import problem_answer

api = NinjaAPI(
    title="Entities, roles and quotas",
    version=geoscope.__version__,
    description="Everything that the pages about entities, requests and the approval board do.",
    auth=[TokenAsker(), SessionAsker()],
    docs_url=None,  # its page fetches scripts from elsewhere
    urls_namespace="api",
)
api.add_router("/entities", entities.router)
api.add_router("", requests.router)

# At addresses of their own, beside the pages of accounts.
account_api = NinjaAPI(
    title="Keys",
    version=geoscope.__version__,
    auth=[TokenAsker(), SessionAsker()],
    docs_url=None,
    openapi_url="/s3-keys/openapi.json",
    urls_namespace="account-api",
)
account_api.add_router("/s3-keys", storage_keys.router)
account_api.add_router("/keys", keys.router)


@api.exception_handler(GeoscopeError)
@account_api.exception_handler(GeoscopeError)
def problem(_request: HttpRequest, error: GeoscopeError) -> HttpResponse:
    """Answer an error of the platform as problem details (RFC 9457)."""
    return problem_answer(error)


@api.exception_handler(ValidationError)
@account_api.exception_handler(ValidationError)
def invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Say which fields cannot be used, and why."""
    problems = "; ".join(
        f"{'.'.join(str(part) for part in detail['loc'][1:])}: {detail['msg']}" for detail in error.errors
    )
    return problem_answer(InvalidInputError(f"The request is not valid: {problems}."))


@api.exception_handler(AuthenticationError)
@account_api.exception_handler(AuthenticationError)
def stranger(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    """Ask a stranger for a token."""
    return problem_answer(
        NotSignedInError("This needs an access token.", "Send 'Authorization: Bearer TOKEN' (RFC 6750).")
    )
