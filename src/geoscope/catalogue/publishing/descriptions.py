"""What a file says of itself, in the words of STAC."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

type Json = dict[str, Any]

EXTENSIONS = {
    name: f"https://stac-extensions.github.io/{name}/{version}/schema.json"
    for name, version in {
        "alternate-assets": "v1.2.0",
        "datacube": "v2.3.0",
        "eo": "v1.1.0",
        "projection": "v2.0.0",
        "raster": "v1.1.0",
        "xarray-assets": "v1.0.0",
    }.items()
}


@dataclass(frozen=True)
class Description:
    """What a file says of itself.

    Parameters
    ----------
    geometry, bbox : dict, list of float
        In degrees (CRS84); cut at the antimeridian (RFC 7946, section 3.1.9).
    media_type : str
        Of the file.
    start, end : str or None
        First and last time, RFC 3339 in UTC; None where the file does not say.
    written : str or None
        When the file says it was written: a last resort where it says no other time.
    properties, asset : dict
        Further members of the item's properties, and of the asset.
    extensions : tuple of str
        Names of the STAC extensions that are used (see `EXTENSIONS`).
    """

    geometry: Json
    bbox: list[float]
    media_type: str
    start: str | None = None
    end: str | None = None
    written: str | None = None
    properties: Json = field(default_factory=dict)
    asset: Json = field(default_factory=dict)
    extensions: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read what `to_json` made."""
        return cls(**{**document, "extensions": tuple(document["extensions"])})
