"""Between the words of eodag and those of this catalogue: errors, parameters and items.

Importing this module imports eodag, which takes seconds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from eodag import EOProduct
from eodag.plugins.search.build_search_result import ECMWFSearch
from eodag.plugins.search.qssearch import ODataV4Search
from eodag.utils.exceptions import (
    AuthenticationError,
    MisconfiguredError,
    NotAvailableError,
    RequestError,
    UnsupportedCollection,
    UnsupportedProvider,
    ValidationError,
)

_PLACEHOLDER = "ORDERABLE"
_MILLISECOND = timedelta(milliseconds=1)

type Json = dict[str, Any]


class ProviderError(Exception):
    """What went wrong at a provider: `kind` is `credentials`, `missing`, `refused` or `failed`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn eodag's errors into the one that crosses the border of the process."""
    try:
        yield
    except ProviderError:
        raise
    except (AuthenticationError, MisconfiguredError) as error:
        raise ProviderError("credentials", str(error)) from error
    except (UnsupportedProvider, UnsupportedCollection, NotAvailableError) as error:
        raise ProviderError("missing", str(error)) from error
    except ValidationError as error:
        raise ProviderError("refused", str(error)) from error
    except RequestError as error:
        code = getattr(error, "status_code", None)
        kind = "credentials" if code in (401, 403) else "refused" if code in (400, 422) else "failed"
        raise ProviderError(kind, str(error)) from error
    except Exception as error:
        raise ProviderError("failed", f"{type(error).__name__}: {error}") from error


def sorts(plugin: Any, sort: list[list[str]]) -> bool:  # noqa: ANN401 (what a plugin can stands in its config)
    """Tell whether a provider sorts so."""
    sortables: Json = getattr(plugin.config, "sort", {})
    names = sortables.get("sort_param_mapping", {})
    most = sortables.get("max_sort_params") or len(sort)
    return len(sort) <= most and all(name in names for name, _ in sort)


def search_parameters(plugin: object, asked: Json) -> Json:
    """Return parameters that find all that was asked for, and as little else as may be.

    Of the chosen values, a product that is made on order needs all. Elsewhere providers call them otherwise,
    and would find nothing; but all take a cloud cover as the largest.
    """
    takes_all = isinstance(plugin, ECMWFSearch)
    chosen = {
        name: value
        for name, value in asked["chosen"].items()
        if takes_all or name == "eo:cloud_cover" or name.startswith("ecmwf:")
    }
    parameters: Json = dict(asked["parameters"])
    if isinstance(plugin, ODataV4Search):
        # It leaves out what lies on the very ends of an interval.
        for name, step in (("start", -_MILLISECOND), ("end", _MILLISECOND)):
            if name in parameters:
                parameters[name] = (datetime.fromisoformat(parameters[name]) + step).isoformat()
    return chosen | parameters


def in_eodag_words(request: Json) -> Json:
    """Return a request in ECMWF's words as parameters of eodag's search."""
    return {name if ":" in name else f"ecmwf:{name}": value for name, value in request.items()}


def item_of(product: EOProduct) -> Json:
    """Return a product as a STAC item, with what this catalogue calls its state."""
    item: Json = product.as_dict()
    properties = item["properties"]
    is_placeholder = _PLACEHOLDER in item["id"]
    if is_placeholder or properties.get("order:status") == "orderable":
        properties |= {"order:status": "orderable", "storage:tier": "offline"}
    download = product.properties.get("eodag:download_link")
    if not item["assets"] and isinstance(download, str) and download.startswith(("http", "s3")):
        item["assets"]["downloadLink"] = {"href": download, "roles": ["data"], "title": "Whole product"}
    for name, rel in (("eodag:quicklook", "overview"), ("eodag:thumbnail", "thumbnail")):
        href = product.properties.get(name)
        if isinstance(href, str) and href.startswith("http"):
            item["assets"].setdefault(rel, {"href": href, "roles": [rel], "title": rel.capitalize()})
    request = properties.pop("qs", None)
    item["links"] = [{"rel": "retrieve", "body": request}] if is_placeholder and request else []
    for name in [name for name in properties if name.startswith("eodag:")]:
        del properties[name]
    return item
