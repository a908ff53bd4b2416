"""Write the Data Lake's portfolio anew, from the lists that the installed eodag brings; no network.

.venv/bin/python scripts/portfolio.py > src/geoscope/catalogue/portfolio/data-lake.toml
"""

import json
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

import yaml

# Asked in this order: who makes the data before who passes it on.
PROVIDERS = (
    "cop_dataspace",
    "eumetsat_ds",
    "cop_marine",
    "cop_cds",
    "cop_ads",
    "cop_ewds",
    "dedt_lumi",
    "dedt_mn5",
    "dedt_leonardo",
    "planetary_computer",
    "cop_ghsl",
    "dedl",
    "creodias",
    "wekeo_main",
    "wekeo_ecmwf",
    "usgs_satapi_aws",
    "geodes",
)

# The second part of an id says whose data it is.
MAKERS = {
    "AERIS": "AERIS",
    "BSC": "Barcelona Supercomputing Center",
    "CLMS": "European Environment Agency",
    "DEM": "European Space Agency",
    "DWD": "Deutscher Wetterdienst",
    "ECMWF": "ECMWF",
    "EEA": "European Environment Agency",
    "ESA": "European Space Agency",
    "EUM": "EUMETSAT",
    "EUROSAT": "German Research Center for Artificial Intelligence",
    "EUSTAT": "Eurostat",
    "FMI": "Finnish Meteorological Institute",
    "GBIF": "Global Biodiversity Information Facility",
    "GHSL": "European Commission, Joint Research Centre",
    "GSW": "European Commission, Joint Research Centre",
    "ISIMIP": "Potsdam Institute for Climate Impact Research",
    "MO": "Mercator Ocean International",
    "NASA": "NASA and USGS",
    "SPACENET": "SpaceNet",
    "UFZ": "Helmholtz Centre for Environmental Research",
}

MAX_DESCRIPTION = 300
ONGOING = "2026"
WHOLE_EARTH = [-180.0, -90.0, 180.0, 90.0]

type Json = dict[str, Any]


def main() -> None:
    """Print the portfolio."""
    resources = files("eodag") / "resources"
    known = json.loads((resources / "ext_collections.json").read_text())["dedl"]["collections_config"]
    providers: dict[str, Json] = {}
    for path in (resources / "providers").iterdir():
        providers |= yaml.safe_load(path.read_text())
    print("# The Data Lake's portfolio, made by scripts/portfolio.py from the lists of the package eodag")
    print("# (Copyright CS GROUP - France, Apache-2.0).")
    used = {name for id_ in known for name, _ in _backends(id_, providers)}
    for name in (name for name in PROVIDERS if name in used):
        print(*_backend(name, providers[name]), sep="\n")
    for id_, collection in sorted(known.items()):
        print(*_collection(id_, collection, providers), sep="\n")


def _backend(name: str, config: Json) -> Iterator[str]:
    yield f"\n[backends.{name}]"
    yield 'kind = "eodag"'
    yield f"provider = {_text(name)}"
    yield f"title = {_text(config.get('description') or name)}"
    yield f"about = {_text(config['url'])}"
    if _section(config).get("need_auth"):
        yield "needs_credentials = true"


def _collection(id_: str, collection: Json, providers: dict[str, Json]) -> Iterator[str]:
    maker = MAKERS[id_.split(".")[1]]
    yield "\n[[collections]]"
    yield f"id = {_text(id_)}"
    yield f"title = {_text(collection['title'])}"
    yield f"description = {_text(_short(collection['description']))}"
    yield f"provider = {_text(maker)}"
    yield f"access = {_text('restricted' if '.DT_' in id_ else 'registered')}"
    yield f"licence = {_text(collection['license'])}"
    names = ("", _plain(id_))
    keywords = [word for word in collection.get("keywords") or () if _plain(word) not in names]
    if keywords:
        yield f"keywords = {_list(dict.fromkeys(keywords))}"
    for name in ("platform", "constellation"):
        if isinstance(value := collection.get(name), str):
            yield f"{name} = {_list(part.strip() for part in value.split(','))}"
    if instruments := collection.get("instruments"):
        yield f"instruments = {_list(instruments)}"
    box = list(map(float, collection["extent"]["spatial"]["bbox"][0]))
    interval = collection["extent"]["temporal"]["interval"][0]
    # Some boxes of the list are written in metres, or from 0 to 360 degrees.
    if box != WHOLE_EARTH and all(abs(degrees) <= 180 for degrees in box):
        yield f"bbox = {box}"
    for name, instant in zip(("start", "end"), interval, strict=True):
        # A series that goes on has as its end the day on which the list was made.
        if instant and not (name == "end" and instant >= ONGOING):
            yield f"{name} = {_text(instant)}"
    serving = _backends(id_, providers)
    if ".DT_" in id_ or any(name in ("cop_cds", "cop_ads", "cop_ewds") for name, _ in serving):
        yield "orderable = true"
    backends = (f"{{ name = {_text(name)}, collection = {_text(remote)} }}" for name, remote in serving)
    yield f"backends = [{', '.join(backends)}]"


def _backends(id_: str, providers: dict[str, Json]) -> list[tuple[str, str]]:
    names = [
        name for name, product in providers["dedl"]["products"].items() if product.get("_collection") == id_
    ]
    serving = [
        (provider, name)
        for provider in PROVIDERS
        for name in names
        if name in (providers[provider].get("products") or {})
    ]
    return serving or [("dedl", id_)]


def _section(config: Json) -> Json:
    section: Json = config.get("search") or config.get("api") or {}
    return section


def _short(text: str) -> str:
    """Return the first sentences of a description."""
    plain = " ".join(re.sub(r"<[^>]*>|[#*`]", " ", text).split())
    if len(plain) <= MAX_DESCRIPTION:
        return plain
    cut = plain[:MAX_DESCRIPTION]
    end = cut.rfind(". ")
    return cut[: end + 1] if end > MAX_DESCRIPTION // 3 else cut[: cut.rfind(" ")] + " ..."


def _text(value: str) -> str:
    # A JSON string is a TOML string too, except for DEL, which none of these holds.
    return json.dumps(value, ensure_ascii=False)


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _plain(text: str) -> str:
    return re.sub(r"\W|_", "", text).casefold()


if __name__ == "__main__":
    main()
