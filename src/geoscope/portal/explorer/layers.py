"""How an item is drawn: what the tile service says of a layer, and the colour maps it offers."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlencode

from geoscope.portal.explorer.data_half import DataHalf, Json, JsonList
from geoscope.portal.explorer.datasets import Item


@dataclass(frozen=True)
class LayerChoice:
    """What a visitor chose to see of an item; empty is the service's own choice."""

    variable: str = ""
    datetime: str = ""
    colormap: str = ""
    level: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """The choice as a query."""
        fields = {
            "variable": self.variable,
            "datetime": self.datetime,
            "colormap": self.colormap,
            "level": self.level,
        }
        return {name: value for name, value in fields.items() if value}

    @property
    def query(self) -> str:
        """The choice as the end of an address."""
        return f"?{urlencode(self.parameters)}" if self.parameters else ""


@dataclass(frozen=True)
class Swatch:
    """One colour of a legend: its place from 0 to 100 and the value it stands for."""

    place: float
    color: str
    value: float | None = None


@dataclass(frozen=True)
class Layer:
    """A drawn layer: where its pictures are, its times and levels, what its colours mean."""

    tilejson_url: str
    tile_url: str
    title: str
    unit: str
    colormap: str
    swatches: list[Swatch]
    times: list[str]
    time: str
    levels: list[str]
    level: str
    level_unit: str

    @classmethod
    def from_tilejson(cls, tilejson_url: str, tilejson: Json) -> Self:
        """Read a TileJSON document with the platform's own additions."""
        legend = tilejson.get("geoscope:legend") or {}
        stops = legend.get("stops") or []
        last = max(len(stops) - 1, 1)
        return cls(
            tilejson_url=tilejson_url,
            tile_url=tilejson["tiles"][0],
            title=legend.get("title") or tilejson.get("name") or "",
            unit=legend.get("unit") or "",
            colormap=legend.get("colormap") or "",
            swatches=[
                Swatch(100 * place / last, stop["color"], stop["value"]) for place, stop in enumerate(stops)
            ],
            times=list(tilejson.get("geoscope:times") or []),
            time=tilejson.get("geoscope:time") or "",
            levels=[f"{level:.10g}" for level in tilejson.get("geoscope:levels") or []],
            level=f"{level:.10g}" if (level := tilejson.get("geoscope:level")) is not None else "",
            level_unit=tilejson.get("geoscope:level_unit") or "",
        )

    @property
    def legend_marks(self) -> list[Swatch]:
        """The swatches whose values are written: first, middle and last."""
        last = len(self.swatches) - 1
        return [self.swatches[place] for place in (0, last // 2, last)] if last > 1 else self.swatches


def item_path(item: Item) -> str:
    """Return the path of an item's pictures."""
    return f"/tiles/collections/{quote(item.collection_id, safe='')}/items/{quote(item.id, safe='')}"


def find_layer(data: DataHalf, item: Item, choice: LayerChoice) -> Layer:
    """Return the layer that a choice makes of an item."""
    tilejson = data.get(
        "tiles",
        "collections",
        item.collection_id,
        "items",
        item.id,
        "tilejson.json",
        parameters=choice.parameters,
    )
    return Layer.from_tilejson(f"{item_path(item)}/tilejson.json{choice.query}", tilejson)


def list_colormaps(data: DataHalf) -> JsonList:
    """Return the colour maps that the tile service offers."""
    return data.get_list("tiles", "colormaps")
