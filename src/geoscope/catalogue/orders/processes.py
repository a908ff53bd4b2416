"""What the job worker does for orders: `deliver-order` and `remove-expired-products`."""

from geoscope.processes import Job, Json, Process

# Of the catalogue itself, which asks for these processes; persons order through the catalogue.
DELIVERER_ROLE = "order-deliverer"


def _deliver(job: Job, inputs: Json) -> Json:
    # Imported here: a worker that only waits for work should stay small.
    from geoscope.catalogue.orders.delivery import deliver_order  # noqa: PLC0415
    from geoscope.settings import current_settings  # noqa: PLC0415

    return deliver_order(job, current_settings(), inputs["order"])


def _remove(job: Job, _inputs: Json) -> Json:
    from geoscope.catalogue.orders.expiry import remove_unneeded_products  # noqa: PLC0415
    from geoscope.settings import current_settings  # noqa: PLC0415

    settings = current_settings()
    return {"removed": job.step("Remove products", lambda: remove_unneeded_products(settings))}


DELIVER_ORDER = Process(
    id="deliver-order",
    title="Deliver an order",
    summary="Fetches the product of an order of the catalogue and keeps it until it expires.",
    version="1.0.0",
    run=_deliver,
    role=DELIVERER_ROLE,
    inputs={"order": {"title": "Order", "schema": {"type": "string", "format": "uuid"}}},
    outputs={
        "order": {"title": "Order", "schema": {"type": "string", "format": "uuid"}},
        "bytes": {"title": "Size of the product", "schema": {"type": "integer"}},
        "sha256": {"title": "SHA-256 of the product", "schema": {"type": "string"}},
    },
)

REMOVE_EXPIRED_PRODUCTS = Process(
    id="remove-expired-products",
    title="Remove expired products",
    summary="Removes the delivered products that nobody may download any more.",
    version="1.0.0",
    run=_remove,
    role=DELIVERER_ROLE,
    outputs={"removed": {"title": "Number of removed objects", "schema": {"type": "integer"}}},
)
