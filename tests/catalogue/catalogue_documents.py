"""Collections and items for tests, in the shape of real ones."""


def make_collection(id_="sea-surface-temperature", **members):
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": id_,
        "title": "Sea surface temperature",
        "description": "Monthly means of an analysis of satellite and in-situ measurements.",
        "keywords": ["ocean", "Météo"],
        "license": "OGL-UK-3.0",
        "providers": [{"name": "Met Office", "roles": ["producer"]}],
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["2006-01-01T00:00:00Z", None]]},
        },
        "links": [
            {"rel": "license", "href": "https://example.org/licence", "type": "text/html"},
            {"rel": "self", "href": "https://elsewhere.example.org/collection.json"},
        ],
    } | members


def make_item(id_="a", bbox=(10.0, 40.0, 11.0, 41.0), when="2026-03-01T00:00:00Z", **members):
    """Return an item; `when` is an instant, or start/end."""
    start, _, end = when.partition("/")
    time = {"datetime": None, "start_datetime": start, "end_datetime": end} if end else {"datetime": start}
    where = {"geometry": None}
    if bbox is not None:
        where = {"geometry": rectangle(*bbox), "bbox": list(bbox)}
    properties = time | members.pop("properties", {})
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": id_,
        **where,
        "properties": properties,
        "assets": {"data": {"href": f"geoscope://base/data/demo/{id_}.zarr", "roles": ["data"]}},
        "links": [],
    } | members


def rectangle(west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
