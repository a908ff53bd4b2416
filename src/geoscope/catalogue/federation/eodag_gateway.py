"""Asking one provider through eodag; runs in eodag's own process only.

Importing this module imports eodag, which takes seconds.
"""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from eodag import EODataAccessGateway, EOProduct
from eodag.api.collection import Collection
from eodag.config import EODAGSettings
from eodag.plugins.download.http import HTTPDownload
from eodag.utils import ProgressCallback
from eodag.utils.exceptions import DownloadError

from geoscope.catalogue.federation.eodag_translation import (
    ProviderError,
    in_eodag_words,
    item_of,
    search_parameters,
    sorts,
    translated_errors,
)

# An answer is late long before; a thread that waits longer is in the way of others.
REQUEST_TIMEOUT_S = 30

# Sections of a provider's definition that may ask for credentials.
_AUTHENTICATIONS = ("auth", "search_auth", "download_auth", "api")

_READY = "succeeded"

# A download that breaks off is begun anew after so long, until so long.
RETRY_MINUTES = 0.05
GIVE_UP_MINUTES = 1.0
PROGRESS_EVERY_S = 0.25

type Json = dict[str, Any]
type Progress = Callable[[int, int | None], None]


def _know_no_downloader(product: EOProduct, plugins: object) -> None:
    """Leave a product that was found without what would download it."""
    del product, plugins


# For each product found, eodag prepares a download and asks the identity server for it. Here a download has
# its own request, which prepares it (`_setup_downloader`); a search waits for no other server than its own.
EOProduct._register_downloader_from_manager = _know_no_downloader  # noqa: SLF001


class ProviderGateway:
    """One provider with one set of credentials; one request at a time, as eodag's plugins keep state.

    Parameters
    ----------
    folder : Path
        Where eodag keeps its configuration.
    provider : str
        Name of the provider in eodag, or of a new one that `definition` describes.
    definition : mapping
        Parts of its definition that are different here.
    credentials : mapping
        As its definition names them.
    delivers : bool
        Whether it orders and downloads; for a search it signs in only where the provider asks for it, so that
        nobody waits for a server that is not needed.
    """

    def __init__(
        self,
        folder: Path,
        provider: str,
        definition: Mapping[str, Any],
        credentials: Mapping[str, str],
        *,
        delivers: bool,
    ) -> None:
        self._provider = provider
        self._turn = threading.Lock()
        settings = EODAGSettings(
            cfg_dir=folder,
            ext_collections_cfg_uri="",
            strict_collections=True,
            providers_whitelist=[provider],
        )
        self._eodag = EODataAccessGateway(settings=settings)
        search = {"timeout": REQUEST_TIMEOUT_S, "discover_collections": {"fetch_url": None}}
        changes: Json = {**definition, "search": search | dict(definition.get("search", {}))}
        known = self._known_definition()
        signs_in = delivers or getattr(getattr(known, "search", None), "need_auth", False)
        for section in _AUTHENTICATIONS if credentials and signs_in else ():
            if section in definition or hasattr(known, section):
                changes[section] = dict(definition.get(section, {})) | {"credentials": dict(credentials)}
        self._eodag.update_providers_config(dict_conf={provider: changes})
        if provider not in self._eodag._providers:  # noqa: SLF001 (eodag tells it nowhere else)
            raise ProviderError("credentials", "It answers only to those who sign in.")

    def _known_definition(self) -> object:
        """Return what eodag knows of the provider, also where it has put it aside for want of credentials."""
        providers = self._eodag._providers  # noqa: SLF001 (eodag tells it nowhere else)
        if self._provider in providers:
            return providers[self._provider].config
        return providers.pruned_providers_config.get(self._provider)

    def search(self, asked: Json) -> Json:
        """Return a page of items.

        Parameters
        ----------
        asked : dict
            `collection`, `size`, `cursor`, `parameters` (of eodag's search), `chosen` (values that properties
            have) and `sort`: names, each with `ASC` or `DESC`.
        """
        with self._turn, translated_errors():
            self._know(asked["collection"])
            plugin = self._plugin(asked["collection"])
            is_sorted = sorts(plugin, asked["sort"])
            more: Json = {"sort_by": [tuple(key) for key in asked["sort"]]} if is_sorted else {}
            if asked["cursor"] is not None:
                token, key = asked["cursor"]
                more |= {"next_page_token": token, "next_page_token_key": key}
            found = self._eodag.search(
                provider=self._provider,
                collection=asked["collection"],
                limit=asked["size"],
                raise_errors=True,
                validate=False,
                **search_parameters(plugin, asked),
                **more,
            )
            cursor = None
            if found.next_page_token is not None:
                cursor = [str(found.next_page_token), found.next_page_token_key]
            return {
                "items": [item_of(product) for product in found],
                "cursor": cursor,
                "is_sorted": is_sorted,
            }

    def item(self, asked: Json) -> Json:
        """Return the item of a collection that has an id."""
        with self._turn, translated_errors():
            self._know(asked["collection"])
            product = self._product(asked["collection"], asked["id"])
            return {"item": None if product is None else item_of(product)}

    def queryables(self, asked: Json) -> Json:
        """Return the JSON Schema of what a search in a collection can name."""
        with self._turn, translated_errors():
            self._know(asked["collection"])
            found = self._eodag.list_queryables(
                provider=self._provider,
                collection=asked["collection"],
                fetch_providers=False,
                **asked["parameters"],
            )
            schema: Json = found.get_model().model_json_schema()
            return {"queryables": schema}

    def order(self, asked: Json) -> Json:
        """Order a product and return how it stands, with what leads back to it."""
        with self._turn, translated_errors():
            self._know(asked["collection"])
            if "id" in asked["request"]:
                product = self._product(asked["collection"], asked["request"]["id"])
            else:
                found = self._eodag.search(
                    provider=self._provider,
                    collection=asked["collection"],
                    limit=1,
                    raise_errors=True,
                    validate=False,
                    **in_eodag_words(asked["request"]),
                )
                product = found[0] if len(found) else None
            if product is None:
                raise ProviderError("missing", "It has no such item.")
            return self._progress(product)

    def poll(self, asked: Json) -> Json:
        """Return how an order stands."""
        with self._turn, translated_errors():
            return self._progress(EOProduct.from_dict(asked["product"]))

    def download(self, asked: Json, progress: Progress) -> Json:
        """Fetch a product that is ready into a folder, and return its files."""
        with translated_errors():
            with self._turn:
                product = EOProduct.from_dict(asked["product"])
                self._eodag._setup_downloader(product)  # noqa: SLF001 (what its own download does first)
            product.download(
                progress_callback=_Progress(progress),
                output_dir=asked["folder"],
                extract=False,
                wait=RETRY_MINUTES,
                timeout=GIVE_UP_MINUTES,
            )
            folder = Path(asked["folder"])
            # eodag keeps records of its downloads in a folder with a dot.
            files = [path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path, folder)]
            return {"files": sorted(map(str, files))}

    def _progress(self, product: EOProduct) -> Json:
        """Ask once how an order stands, and order it first if that was not done."""
        self._eodag._setup_downloader(product)  # noqa: SLF001
        downloader, sign_in = product.downloader, product.downloader_auth
        has_failed = False
        if product.properties.get("order:status", _READY) != _READY and isinstance(downloader, HTTPDownload):
            authentication = sign_in.authenticate() if sign_in is not None else None
            try:
                # eodag's own `order` waits until the product is there.
                downloader._order_request(product, authentication)  # noqa: SLF001
            except DownloadError:
                failure = getattr(downloader.config, "order_status", {}).get("error", {})
                has_failed = bool(failure) and failure.items() <= product.properties.items()
                if not has_failed:
                    raise
        is_ready = product.properties.get("order:status", _READY) == _READY
        said = product.properties.get("eodag:order_message") or product.properties.get("eodag:order_status")
        return {
            "state": "failed" if has_failed else "succeeded" if is_ready else "shipping",
            "message": str(said or ""),
            "product": product.as_dict(skip_invalid=False),
        }

    def _product(self, collection: str, id_: str) -> EOProduct | None:
        found = self._eodag.search(
            provider=self._provider, collection=collection, id=id_, raise_errors=True, validate=False
        )
        return next((product for product in found if product.properties.get("id") == id_), None)

    def _know(self, collection: str) -> None:
        """Tell eodag of a collection that its lists lack; else it would ask the provider for all of its."""
        products = self._eodag._providers[self._provider].collections_config  # noqa: SLF001
        if collection not in products:
            self._eodag.collections_config[collection] = Collection.create_with_dag(
                self._eodag, id=collection, title=collection
            )
            self._eodag.update_providers_config(
                dict_conf={self._provider: {"products": {collection: {"_collection": collection}}}}
            )

    def _plugin(self, collection: str) -> object:
        plugins = self._eodag._plugins_manager.get_search_plugins(  # noqa: SLF001
            collection=collection, provider=self._provider
        )
        return next(plugins)


class _Progress(ProgressCallback):
    """Passes on how many bytes have come, some times a second."""

    def __init__(self, tell: Progress) -> None:
        super().__init__(disable=True)
        self._tell = tell
        self._done = 0
        self._whole: int | None = None
        self._told_s = 0.0

    def __call__(self, increment: int, total: int | None = None) -> None:
        if total is not None and total != self._whole:
            self.reset(total)
        self._done += increment
        if time.monotonic() - self._told_s > PROGRESS_EVERY_S or self._done == self._whole:
            self._told_s = time.monotonic()
            self._tell(self._done, self._whole)

    def reset(self, total: float | None = None) -> None:
        self._done, self._whole = 0, None if total is None else int(total)


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
