"""The data services as the platform runs them, but that they forget documents soon: nobody waits for that."""

from geoscope import holdings

LIFETIME_S = 3.0


def create_application():
    holdings.DOCUMENT_LIFETIME_S = LIFETIME_S
    from geoscope.runtime.data_apis import create_application  # noqa: PLC0415

    return create_application()
