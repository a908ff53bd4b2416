"""The federation as a whole: which collections of other catalogues there are, and where to ask for them."""

from collections.abc import Mapping
from typing import Literal

from geoscope.catalogue.federation.answers import AnswerCache
from geoscope.catalogue.federation.backends import Credentials
from geoscope.catalogue.federation.collections import collection_document
from geoscope.catalogue.federation.credentials import CredentialStore
from geoscope.catalogue.federation.desk import Desk
from geoscope.catalogue.federation.eodag_process import EodagProcess
from geoscope.catalogue.federation.members import Member, open_members
from geoscope.catalogue.federation.portfolio import Portfolio, PortfolioCollection
from geoscope.catalogue.federation.sheets import Counter
from geoscope.catalogue.finding import BackendReport
from geoscope.catalogue.models import Reader
from geoscope.catalogue.words import collection_text
from geoscope.settings import Settings

CREDENTIALS_NEEDED = "It answers only to those who sign in, and there are no credentials for it."


class Federation:
    """Knows the other catalogues; nothing is asked, and no process started, before somebody asks for them.

    Parameters
    ----------
    settings : Settings
        Name the deadlines and lifetimes.
    portfolio : Portfolio
        Says what there is.
    """

    def __init__(self, settings: Settings, portfolio: Portfolio) -> None:
        self._settings = settings.catalogue.federation
        self._cache = AnswerCache(self._settings.cache_bytes)
        self.eodag = EodagProcess(settings.data_dir / "catalogue" / "eodag", self._settings.worker_idle_s)
        self.portfolio = portfolio
        self.members: Mapping[str, Member] = open_members(portfolio, self._settings, self.eodag)
        self.collections: dict[str, PortfolioCollection] = dict(portfolio.collections)
        self.credentials = CredentialStore(settings)
        self.desk = Desk(self._cache, self._settings)

    @property
    def deadline_s(self) -> float:
        """How long a search waits for backends."""
        return self._settings.deadline_s

    @property
    def always_asked(self) -> list[str]:
        """The collections that are asked also by a search that names none."""
        always = {name for name, member in self.members.items() if member.settings.always}
        return [id_ for id_, collection in self.collections.items() if collection.backends[0].name in always]

    def counters(self, collection: str, reader: Reader) -> tuple[list[Counter], list[BackendReport]]:
        """Return where to ask for a collection, the preferred backend first, and why not at others.

        A reason is told only where there is nobody to ask.
        """
        entry = self.collections[collection]
        text = collection_text(collection_document(entry, self.portfolio))
        owner = next((name for name in sorted(reader.names) if name.startswith("user:")), "")
        counters, problems = [], []
        for served in entry.backends:
            member = self.members[served.name]
            own = self.credentials.get(owner, member.name) if owner else {}
            problem = _problem(member, own)
            if problem is None:
                counters.append(
                    Counter(member, served.collection, collection, text, own, owner if own else "")
                )
            else:
                problems.append(problem)
        return counters, [] if counters else problems

    def show(self, backend: str, found: Mapping[str, PortfolioCollection]) -> None:
        """Take a backend's own collections, in place of those that it told of before."""
        others = {
            id_: collection
            for id_, collection in self.collections.items()
            if id_ in self.portfolio.collections or collection.backends[0].name != backend
        }
        self.collections = others | {id_: entry for id_, entry in found.items() if id_ not in others}

    async def close(self) -> None:
        """Give back connections and processes."""
        await self._cache.close()
        await self.eodag.close()
        for member in self.members.values():
            await member.backend.close()


def _problem(member: Member, own: Credentials) -> BackendReport | None:
    state: Literal["failed"] = "failed"
    if member.health.is_paused:
        message = (
            f"It is left alone for {member.health.pause_s:.0f} s after failures: {member.health.message}"
        )
        return BackendReport(member.name, state, message)
    if member.settings.needs_credentials and not own and not member.has_credentials:
        return BackendReport(member.name, state, CREDENTIALS_NEEDED)
    return None
