"""Routes of orders: order, list, look, cancel. Whoever is not an order's owner does not find it."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response

from geoscope.access import Principal
from geoscope.catalogue.documents import GEOJSON, JSON, link
from geoscope.catalogue.orders.documents import ROOT, order_document, ordered_item
from geoscope.catalogue.orders.keeper import OrderKeeper
from geoscope.catalogue.orders.models import Order, OrderState
from geoscope.catalogue.orders.ordering import BACKENDS, OrderDesk, parse_request
from geoscope.catalogue.orders.store import OrderStore
from geoscope.catalogue.orders.twin_orders import submit_twin_request
from geoscope.catalogue.readers import require_data_of
from geoscope.catalogue.stac_api.exchange import Asker, Items, Store, read_body, respond
from geoscope.catalogue.stac_api.openapi import REFUSALS
from geoscope.errors import NotFoundError
from geoscope.mars.datasets import TWINS_BACKEND
from geoscope.settings import current_settings
from geoscope.web import SignedInPrincipal

MAX_REQUEST_BYTES = 64 * 1024
MAX_PAGE = 100

router = APIRouter(prefix="/stac/v2", default_response_class=Response, responses=REFUSALS)


async def _orders(request: Request) -> OrderStore:
    orders: OrderStore = request.app.state.orders
    return orders


async def _keeper(request: Request) -> OrderKeeper:
    keeper: OrderKeeper = request.app.state.order_keeper
    return keeper


Orders = Annotated[OrderStore, Depends(_orders)]
Keeper = Annotated[OrderKeeper, Depends(_keeper)]

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"type": "object", "description": "The body of an item's link `retrieve`."}}
        },
    }
}


@router.post("/collections/{collection}/order", summary="Order", openapi_extra=_BODY)
async def order(
    request: Request,
    principal: SignedInPrincipal,
    reader: Asker,
    store: Store,
    finder: Items,
    orders: Orders,
    keeper: Keeper,
    collection: str,
) -> Response:
    """Order a product that is not online; while an identical order lives, that is the answer."""
    settings = current_settings().catalogue.orders
    wanted = parse_request(await read_body(request, MAX_REQUEST_BYTES))
    await require_data_of(store, principal, collection)
    desk = OrderDesk(store, finder, settings)
    new = await desk.new_order(collection, wanted, principal.subject, reader)
    if new.backend == TWINS_BACKEND:
        new = await _passed_on(orders, new, principal)
    placed = await anyio.to_thread.run_sync(orders.place, new, settings.max_waiting_per_user)
    keeper.wake()
    return respond(request, ordered_item(placed), GEOJSON)


@router.get("/orders", summary="Orders")
async def list_orders(
    request: Request,
    principal: SignedInPrincipal,
    orders: Orders,
    status: Annotated[list[OrderState] | None, Query(description="Only those that stand so.")] = None,
    limit: Annotated[int, Query(ge=1, description="Most orders of a page.")] = 20,
    token: Annotated[str | None, Query(max_length=100, description="From the link `next`.")] = None,
) -> Response:
    """Return one's own orders, newest first."""
    page = await anyio.to_thread.run_sync(
        orders.orders, principal.subject, min(limit, MAX_PAGE), token, tuple(status or ())
    )
    links = [link("self", f"{ROOT}/orders", title="Orders"), link("root", ROOT, title="Catalogue")]
    if page.end is not None:
        href = request.url.include_query_params(token=page.end)
        links.append(link("next", f"{ROOT}/orders?{href.query}", title="Next page", method="GET"))
    document = {
        "orders": [order_document(each) for each in page.orders],
        "links": links,
        "numberMatched": page.matched,
        "numberReturned": len(page.orders),
    }
    return respond(request, document)


@router.get("/orders/{order_id}", summary="Order")
async def get_order(
    request: Request, principal: SignedInPrincipal, orders: Orders, order_id: str
) -> Response:
    """Return an order and how far it is."""
    return respond(request, order_document(await _own_order(orders, principal.subject, order_id)))


@router.delete("/orders/{order_id}", summary="Cancel an order")
async def cancel_order(
    request: Request, principal: SignedInPrincipal, orders: Orders, keeper: Keeper, order_id: str
) -> Response:
    """Cancel an order that is not delivered yet; of one that is, remove the product."""
    found = await _own_order(orders, principal.subject, order_id)
    await anyio.to_thread.run_sync(orders.cancel, found.id)
    if found.state is OrderState.SUCCEEDED:
        keeper.remove_soon()
    else:
        await keeper.withdraw(found)
    return respond(request, order_document(await _own_order(orders, principal.subject, order_id)))


async def _passed_on(orders: OrderStore, new: Order, principal: Principal) -> Order:
    """Ask for twin data in the asker's name, unless an identical order lives."""
    same = await anyio.to_thread.run_sync(orders.same_as, new)
    if same is not None:
        return new
    request = {name: value for name, value in new.request.items() if name != BACKENDS}
    return replace(new, reference=await submit_twin_request(current_settings(), principal, request))


async def _own_order(orders: OrderStore, subject: str, id_: str) -> Order:
    found = await anyio.to_thread.run_sync(partial(orders.order, id_, subject))
    if found is None:
        raise NotFoundError(f"There is no order {id_!r}.")
    return found
