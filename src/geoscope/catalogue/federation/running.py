"""The federation while the catalogue runs: opened, kept up to date in the background, and closed."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from geoscope.catalogue.federation.backends import BackendError
from geoscope.catalogue.federation.collections import discovered_collection
from geoscope.catalogue.federation.federation import Federation
from geoscope.catalogue.federation.finder import FederatedFinder
from geoscope.catalogue.federation.keys import token_key
from geoscope.catalogue.federation.members import Member
from geoscope.catalogue.federation.portfolio import PortfolioCollection, ServedBy, read_portfolio
from geoscope.catalogue.federation.synchronising import known_collections, synchronise
from geoscope.catalogue.store import CatalogueStore
from geoscope.errors import GeoscopeError
from geoscope.settings import Settings

PORTFOLIO = "portfolio"
RETRY_S = 60.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_federation(
    settings: Settings, store: CatalogueStore
) -> AsyncIterator[tuple[Federation, FederatedFinder]]:
    """Open the federation and a finder that asks it.

    The store is brought up to date in the background; at the start no other server is waited for.
    """
    federation = Federation(settings, read_portfolio(settings))
    for problem in federation.portfolio.problems:
        _log.warning("Portfolio: %s", problem)
    tasks = [asyncio.create_task(_keep_portfolio(federation, store))]
    tasks += [
        asyncio.create_task(_discover(federation, store, member, settings))
        for member in federation.members.values()
        if member.settings.all_collections
    ]
    try:
        yield federation, FederatedFinder(store, federation, token_key(settings))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await federation.close()


async def _keep_portfolio(federation: Federation, store: CatalogueStore) -> None:
    """Write the portfolio's collections into the store, until it has worked."""
    while True:
        try:
            written = await synchronise(
                store, PORTFOLIO, federation.portfolio.collections, federation.portfolio
            )
        except GeoscopeError as error:
            _log.warning("The portfolio cannot be written to the catalogue yet: %s", error)
            await asyncio.sleep(RETRY_S)
        except Exception:  # noqa: BLE001 (a task in the background is not to end unseen)
            _log.exception("The portfolio cannot be written to the catalogue yet")
            await asyncio.sleep(RETRY_S)
        else:
            if written:
                _log.info("%d collections of the portfolio were written to the catalogue.", written)
            return


async def _discover(
    federation: Federation, store: CatalogueStore, member: Member, settings: Settings
) -> None:
    """Show all collections of a backend: those known from before, then whenever what it said is old."""
    federation.show(member.name, await _known(store, member))
    while True:
        pause_s = settings.catalogue.federation.description_lifetime_s
        try:
            found = await _discovered(federation, member)
            await synchronise(store, member.name, found, federation.portfolio)
        except GeoscopeError as error:
            member.health.failed(error.problem)
            pause_s = min(pause_s, RETRY_S)
        except Exception:  # noqa: BLE001 (as above)
            _log.exception("The collections of %s cannot be read", member.name)
            member.health.failed("What it says cannot be read.")
            pause_s = min(pause_s, RETRY_S)
        else:
            federation.show(member.name, found)
        await asyncio.sleep(pause_s)


async def _known(store: CatalogueStore, member: Member) -> dict[str, PortfolioCollection]:
    """Return the collections that a backend told of before the last start."""
    names = await known_collections(store, member.name)
    return {
        id_: PortfolioCollection(
            id=id_, title=id_, backends=(ServedBy(name=member.name, collection=remote_id),)
        )
        for id_, remote_id in names.items()
    }


async def _discovered(federation: Federation, member: Member) -> dict[str, PortfolioCollection]:
    found: dict[str, PortfolioCollection] = {}
    for remote in await member.backend.collections({}):
        collection = discovered_collection(remote, member.name, member.settings.prefix)
        # What the portfolio says of a collection is better than what its backend does.
        if collection is not None and collection.id not in federation.portfolio.collections:
            found.setdefault(collection.id, collection)
    if not found:
        raise BackendError("It tells of no collection.")
    return found
