"""Collections and items as the pages speak of them, read from their STAC documents."""

import json
import math
import re
from dataclasses import dataclass
from functools import cached_property

from geoscope.access import ANNOUNCED_AS, Policy
from geoscope.portal.explorer.data_half import Json

type Box = tuple[float, float, float, float]

# An extent larger than this share of the globe tells nothing on a map.
NEARLY_ALL = 0.95

# What is longer than this does not name a variable, it tells of it.
LONGEST_TITLE = 80

# How the platform itself is named among those that serve items.
LOCAL_BACKEND = "geoscope"
# Fields of twins are ordered from the platform's own service; their items lie in the catalogue as all others.
OWN_BACKENDS = (LOCAL_BACKEND, "twins")


@dataclass(frozen=True)
class Variable:
    """A data variable of a cube."""

    name: str
    title: str
    unit: str
    description: str
    dimensions: tuple[str, ...]


@dataclass(frozen=True)
class Levels:
    """The levels of a variable, as numbers are written, in the order in which they are stored."""

    values: tuple[str, ...]
    unit: str

    def chosen(self, asked: str) -> str:
        """Return the level that was asked for, or else the first."""
        return asked if asked in self.values else self.values[0]


@dataclass(frozen=True)
class Provider:
    """Who made, processed or serves the data."""

    name: str
    url: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Period:
    """A span of time; the ends are ISO 8601 strings in UTC, empty where the span is open."""

    start: str
    end: str


class Described:
    """What a collection and an item have in common."""

    def __init__(self, document: Json, fields: Json) -> None:
        self.document = document
        self.fields = fields
        self.id: str = document["id"]

    @property
    def title(self) -> str:
        """Its title, or else its id."""
        return str(self.fields.get("title") or self.id)

    @property
    def short_title(self) -> str:
        """Its title up to the first colon: "Scenario A1B: emissions grow" is known as "Scenario A1B"."""
        return self.title.partition(": ")[0]

    @property
    def description(self) -> str:
        """What it is, in plain text."""
        return str(self.fields.get("description") or "")

    @property
    def policy(self) -> Policy | None:
        """Whom its data is for, as the catalogue announces it; None: everybody who finds it."""
        announced = self.fields.get(ANNOUNCED_AS)
        return Policy.parse(str(announced)) if announced else None

    @property
    def renders(self) -> dict[str, Json]:
        """How each variable is drawn unless told otherwise (STAC render extension)."""
        renders = self.document.get("renders") or self.fields.get("renders") or {}
        return dict(renders)

    @cached_property
    def variables(self) -> list[Variable]:
        """The data variables (STAC datacube extension), in order of name."""
        described = self.fields.get("cube:variables") or {}
        found = []
        for name, fields in sorted(described.items()):
            if fields.get("type", "data") != "data":
                continue
            description = str(fields.get("description") or "")
            title = (
                self.renders.get(name, {}).get("title")
                or fields.get("long_name")
                or (description if len(description) <= LONGEST_TITLE else "")
                or name.replace("_", " ")
            )
            title = title[:1].upper() + title[1:]
            found.append(
                Variable(
                    name, title, fields.get("unit") or "", description, tuple(fields.get("dimensions") or ())
                )
            )
        return found

    def variable(self, name: str) -> Variable | None:
        """Return a variable by name, or the first that can be drawn when there is none of that name."""
        by_name = {variable.name: variable for variable in self.variables}
        drawn = [variable for variable in self.variables if variable.name in self.renders]
        return by_name.get(name) or next(iter(drawn or self.variables), None)

    def levels(self, variable: Variable) -> Levels | None:
        """Return the levels of a variable, where they are told (STAC datacube extension)."""
        dimensions = self.fields.get("cube:dimensions") or {}
        for name in variable.dimensions:
            about = dimensions.get(name) or {}
            if about.get("axis") == "z" and about.get("values"):
                return Levels(tuple(f"{value:.10g}" for value in about["values"]), about.get("unit") or "")
        return None

    @property
    def healpix_nside(self) -> int | None:
        """Of cells on HEALPix, how many lie along a side of each of the twelve faces."""
        found = re.fullmatch(r"h(\d+)", str(self.fields.get("geoscope:grid") or ""))
        return int(found[1]) if found else None

    @property
    def spacing(self) -> tuple[float, float, str] | None:
        """Cell size along x and y with its unit, where the axes are regular."""
        dimensions = self.fields.get("cube:dimensions") or {}
        steps = {
            dimension.get("axis"): (abs(dimension["step"]), dimension.get("unit") or "")
            for dimension in dimensions.values()
            if dimension.get("type") == "spatial" and dimension.get("step")
        }
        if not {"x", "y"} <= steps.keys():
            return None
        (x_step, unit), (y_step, _unit) = steps["x"], steps["y"]
        is_degree = not unit or unit.startswith("deg")
        return x_step, y_step, "°" if is_degree else unit

    @property
    def time_step(self) -> str:
        """The regular time step as an ISO 8601 duration, or nothing."""
        dimensions = self.fields.get("cube:dimensions") or {}
        steps = (part.get("step") for part in dimensions.values() if part.get("type") == "temporal")
        return next((str(step) for step in steps if step), "")

    @property
    def box(self) -> Box | None:
        """West, south, east, north in degrees."""
        return None

    @property
    def is_global(self) -> bool:
        """Whether its extent is unknown, or says no more than: somewhere on the Earth."""
        return self.box is None or share_of_globe(self.box) > NEARLY_ALL

    def thumbnail_at(self, base: str) -> str:
        """Return the address of its picture if this platform serves it; other sites are not asked."""
        href = (self.document.get("assets") or {}).get("thumbnail", {}).get("href", "")
        return href if href.startswith((base + "/", "/")) else ""


class Collection(Described):
    """A STAC collection."""

    def __init__(self, document: Json) -> None:
        super().__init__(document, document)

    @property
    def box(self) -> Box | None:
        """West, south, east, north in degrees."""
        boxes = (self.document.get("extent") or {}).get("spatial", {}).get("bbox") or [None]
        return flat_box(boxes[0])

    @property
    def period(self) -> Period | None:
        """The span of time."""
        intervals = (self.document.get("extent") or {}).get("temporal", {}).get("interval") or []
        return Period(*(end or "" for end in intervals[0])) if intervals else None

    @property
    def keywords(self) -> list[str]:
        """Words by which it is found."""
        return list(self.document.get("keywords") or [])

    @property
    def licence(self) -> str:
        """SPDX identifier of the licence, or `other`."""
        return str(self.document.get("license") or "")

    @property
    def has_known_licence(self) -> bool:
        """Whether the licence is one that a name says."""
        return self.licence not in ("", "other", "proprietary", "various")

    @property
    def licence_url(self) -> str:
        """Where the licence stands."""
        links = self.document.get("links") or []
        return next((web_address(link.get("href")) for link in links if link.get("rel") == "license"), "")

    @property
    def providers(self) -> list[Provider]:
        """Who made, processed or serves it."""
        return [
            Provider(one["name"], web_address(one.get("url")), tuple(one.get("roles") or ()))
            for one in self.document.get("providers") or []
        ]

    @property
    def is_orderable(self) -> bool:
        """Whether its items are made when they are ordered."""
        return "orderable" in self._summary("order:status")

    @property
    def access(self) -> str:
        """Who may have its items: `open` to all, `registered` or `restricted`; empty where it is not said."""
        return next(iter(self._summary("federation:access")), "")

    def _summary(self, name: str) -> list[str]:
        values = (self.document.get("summaries") or {}).get(name)
        return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []

    @property
    def maker(self) -> str:
        """Name of the first provider: the one to whom people attribute it."""
        return self.providers[0].name if self.providers else ""

    @property
    def backends(self) -> tuple[str, ...]:
        """Names of those who serve its items."""
        return backend_names(self.document.get("summaries"))

    @property
    def is_local(self) -> bool:
        """Whether the platform itself serves its items, so that answers come at once."""
        return not self.backends or any(name in OWN_BACKENDS for name in self.backends)


class Item(Described):
    """A STAC item, with the collection that speaks for it where it is silent."""

    def __init__(self, document: Json, collection: Collection | None = None) -> None:
        super().__init__(document, document.get("properties") or {})
        self.collection = collection
        self.collection_id = str(document.get("collection") or "")

    @property
    def renders(self) -> dict[str, Json]:
        """Its own, or those of its collection."""
        return super().renders or (self.collection.renders if self.collection else {})

    @property
    def box(self) -> Box | None:
        """West, south, east, north in degrees."""
        return flat_box(self.document.get("bbox"))

    @property
    def period(self) -> Period | None:
        """The span of time; one instant is a span with equal ends."""
        instant = self.fields.get("datetime") or ""
        start, end = self.fields.get("start_datetime") or instant, self.fields.get("end_datetime") or instant
        return Period(start, end) if start or end else None

    @property
    def lineage(self) -> str:
        """How it was made, in plain text (STAC processing extension)."""
        return str(self.fields.get("processing:lineage") or "")

    @property
    def request_keys(self) -> str:
        """By which keys of MARS its fields are asked for, such as `class=d1, dataset=climate-dt`."""
        keys = ((name, str(value)) for name, value in self.fields.items() if name.startswith("mars:"))
        return ", ".join(f"{name.removeprefix('mars:')}={value}" for name, value in keys)

    @property
    def calendar(self) -> str:
        """The calendar of its times, if it is not the standard one."""
        return str(self.fields.get("geoscope:calendar") or "")

    @property
    def backends(self) -> tuple[str, ...]:
        """Names of those who serve it."""
        return backend_names(self.fields)

    @property
    def is_local(self) -> bool:
        """Whether the platform itself serves it."""
        return not self.backends or any(name in OWN_BACKENDS for name in self.backends)

    @property
    def order_status(self) -> str:
        """Where it stands on its way here (STAC order extension), or nothing."""
        return str(self.fields.get("order:status") or "")

    @property
    def is_online(self) -> bool:
        """Whether somebody else has it ready to be fetched."""
        return not self.is_local and self.fields.get("storage:tier") == "online"

    @property
    def is_orderable(self) -> bool:
        """Whether it must be ordered, and can be."""
        return self.order_status == "orderable"

    @property
    def is_placeholder(self) -> bool:
        """Whether it stands for what will be made when it is ordered, and has no page of its own."""
        return self.is_orderable and bool(self._retrieve_body)

    @property
    def order_request(self) -> str:
        """What to send to order it, as JSON: as its link `retrieve` says, or else its id."""
        return json.dumps(self._retrieve_body or {"id": self.id}, separators=(",", ":"))

    @property
    def _retrieve_body(self) -> Json:
        links = self.document.get("links") or []
        found = (link.get("body") for link in links if link.get("rel") == "retrieve")
        return next((body for body in found if isinstance(body, dict)), {})

    @property
    def assets(self) -> list[Json]:
        """Its files, each with its key, the data first."""
        assets = [{"key": key, **asset} for key, asset in (self.document.get("assets") or {}).items()]
        return sorted(assets, key=lambda asset: "data" not in (asset.get("roles") or ()))

    @property
    def size_bytes(self) -> int | None:
        """Size of the data, where it is told (STAC file extension)."""
        sizes = [asset["file:size"] for asset in self.assets if asset.get("file:size")]
        return sum(sizes) if sizes else None


def flat_box(numbers: list[float] | None) -> Box | None:
    """Return the four horizontal numbers of a STAC bounding box of four or six."""
    if not numbers or len(numbers) not in (4, 6):
        return None
    half = len(numbers) // 2
    return float(numbers[0]), float(numbers[1]), float(numbers[half]), float(numbers[half + 1])


def backend_names(fields: object) -> tuple[str, ...]:
    """Return who serves something, as its `federation:backends` says."""
    names = fields.get("federation:backends") if isinstance(fields, dict) else None
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def share_of_globe(box: Box | None) -> float:
    """Return how much of the Earth's surface a box covers, 0 to 1."""
    if box is None:
        return 0.0
    west, south, east, north = box
    width = (east - west) % 360 or 360.0 * (east != west)
    return width / 360 * (math.sin(math.radians(north)) - math.sin(math.radians(south))) / 2


def web_address(text: object) -> str:
    """Return an address only if a browser may be sent there."""
    return text if isinstance(text, str) and text.startswith(("https://", "http://")) else ""
