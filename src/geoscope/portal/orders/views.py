"""The pages of orders: see them, order, cancel, order again."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from geoscope.errors import GeoscopeError, InvalidInputError
from geoscope.portal.accounts.signing_in import for_signed_in
from geoscope.portal.explorer.data_half import DataHalf
from geoscope.portal.explorer.fragments import wants_fragment
from geoscope.portal.orders.orders import cancel_order, find_order, list_orders, place_order


@require_safe
@for_signed_in
def orders(request: HttpRequest) -> HttpResponse:
    """Show one's orders; only the list when the page itself asks."""
    return _show(request)


@require_POST
@for_signed_in
def order(request: HttpRequest, collection_id: str) -> HttpResponse:
    """Order what the item's page or the list of products has said, then show the orders."""
    try:
        wanted = json.loads(request.POST.get("request", ""))
        order_id = place_order(DataHalf(request), collection_id, wanted)
    except ValueError:
        return _show(request, problem=InvalidInputError("The form holds no order."))
    except GeoscopeError as error:
        return _show(request, problem=error)
    return redirect(f"{reverse('orders')}#{order_id}")


@require_POST
@for_signed_in
def cancel(request: HttpRequest, order_id: str) -> HttpResponse:
    """Cancel an order, or remove its product."""
    try:
        cancel_order(DataHalf(request), order_id)
    except GeoscopeError as error:
        return _show(request, problem=error)
    return redirect("orders")


@require_POST
@for_signed_in
def order_again(request: HttpRequest, order_id: str) -> HttpResponse:
    """Order once more what was ordered before."""
    data = DataHalf(request)
    before = find_order(data, order_id)
    try:
        new_id = place_order(data, before.collection_id, before.request)
    except GeoscopeError as error:
        return _show(request, problem=error)
    return redirect(f"{reverse('orders')}#{new_id}")


def _show(request: HttpRequest, problem: GeoscopeError | None = None) -> HttpResponse:
    token = request.GET.get("token", "")
    context = {"list": list_orders(DataHalf(request), token), "token": token, "problem": problem}
    template = "pages/orders.html#orders" if wants_fragment(request) else "pages/orders.html"
    return render(request, template, context, status=problem.status if problem else 200)
