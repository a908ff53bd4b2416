"""Routes of access: whom a collection's data is for, whether the asker may have it, and who changes that."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from geoscope.access import Policy, Principal, may_have
from geoscope.catalogue.models import Sharing
from geoscope.catalogue.placeholders import BASE
from geoscope.catalogue.publishing.places import served_places
from geoscope.catalogue.readers import finds, reader_of, require_change
from geoscope.catalogue.records import parse_document
from geoscope.catalogue.stac_api.exchange import Store, read_body, respond
from geoscope.catalogue.stac_api.openapi import REFUSALS
from geoscope.catalogue.store import Transaction
from geoscope.catalogue.transactions import no_collection
from geoscope.inputs import parsed
from geoscope.web import AskingPrincipal, SignedInPrincipal

MAX_BODY_BYTES = 4096


class Access(BaseModel):
    """Whom a collection's data is for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: Annotated[str, AfterValidator(lambda text: str(Policy.parse(text)))] = Field(
        description="public, registered, role:NAME or entity:SLUG."
    )


router = APIRouter(prefix="/stac", default_response_class=Response, responses=REFUSALS, tags=["Access"])

_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": Access.model_json_schema()}}}
}


@router.get("/collections/{collection}/access", summary="Access to a collection's data")
async def get_access(request: Request, store: Store, principal: AskingPrincipal, collection: str) -> Response:
    """Return whom the data of a collection is for, and whether the asker may have it."""
    sharing = _seen(await store.sharing(collection), principal, collection)
    return respond(request, _document(collection, sharing, principal))


@router.put("/collections/{collection}/access", summary="Say whom the data is for", openapi_extra=_BODY)
async def put_access(
    request: Request, store: Store, principal: SignedInPrincipal, collection: str
) -> Response:
    """Say whom the data of a collection is for; for its owner and catalogue editors."""
    wanted = parsed(Access, parse_document(await read_body(request, MAX_BODY_BYTES)))
    change = partial(_change, collection=collection, principal=principal, policy=Policy.parse(wanted.policy))
    return respond(request, _document(collection, await store.change(change), principal))


def _change(transaction: Transaction, collection: str, principal: Principal, policy: Policy) -> Sharing:
    before = _seen(transaction.sharing(collection), principal, collection)
    require_change(principal, before)
    after = before._replace(policy=policy)
    if after != before:
        transaction.put_sharing(collection, after)
    return after


def _seen(sharing: Sharing | None, principal: Principal | None, collection: str) -> Sharing:
    if sharing is None or not finds(reader_of(principal), sharing):
        raise no_collection(collection)
    return sharing


def _document(collection: str, sharing: Sharing, principal: Principal | None) -> dict[str, Any]:
    """Describe access as the asker has it; `places` are the folders that the files may be read from."""
    policy = sharing.policy
    granted = may_have(policy, principal, sharing.owner)
    places = [place.address for place in served_places(sharing.owner, collection)] if granted else []
    return {
        "collection": collection,
        "policy": str(policy),
        "description": policy.sentence,
        "granted": granted,
        "places": places,
        **({"request": f"{BASE}{policy.request_path}"} if policy.request_path and not granted else {}),
    }
