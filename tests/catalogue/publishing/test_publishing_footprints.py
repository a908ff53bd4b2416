"""Footprints lie where the pixels are, whatever the coordinate reference system."""

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer

from geoscope.catalogue.areas import footprint_of
from geoscope.catalogue.publishing.extents import arc_of, extent_of
from geoscope.catalogue.publishing.footprints import footprint

OUTLINES = {
    "UTM zone 33": (32633, (300_000, 4_600_000, 400_000, 4_700_000)),
    "UTM zone 60, across 180 degrees": (32660, (700_000, 0, 1_000_000, 300_000)),
    "UTM zone 1, across 180 degrees, south": (32701, (0, 8_000_000, 400_000, 8_300_000)),
    "North Pole": (3413, (-3e6, -3e6, 3e6, 3e6)),
    "North Pole near the edge": (3413, (-1e5, -3e6, 3e6, 3e6)),
    "South Pole": (3031, (-3e6, -3e6, 3e6, 3e6)),
    "beside the North Pole": (3413, (1e5, 1e5, 3e6, 3e6)),
    "polar, across 180 degrees": (3413, (-3e6, 1e6, -1e6, 3e6)),
    "Europe, equal area": (3035, (2.5e6, 1.4e6, 7.4e6, 5.5e6)),
    "the world in Mercator": (3857, (-20037508.34, -2e7, 20037508.34, 2e7)),
    "the world, 0 to 360": (4326, (0, -90, 360, 90)),
    "the world by half a pixel": (4326, (-180.125, -90, 179.875, 90)),
    "170 to 190 degrees": (4326, (170, -10, 190, 10)),
    "the western half as 180 to 360": (4326, (180, -10, 360, 10)),
    "Rome": (4326, (12, 41, 13, 42)),
}


@pytest.mark.parametrize("name", OUTLINES)
def test_every_pixel_lies_in_the_footprint(name):
    code, box = OUTLINES[name]
    crs = CRS.from_epsg(code)
    geometry, bbox = footprint(shapely.box(*box), crs)
    footprint_of(geometry, bbox)  # the catalogue takes it
    outline = shapely.geometry.shape(geometry)
    assert outline.is_valid
    random = np.random.default_rng(5)
    x, y = random.uniform(box[0], box[2], 2000), random.uniform(box[1], box[3], 2000)
    longitude, latitude = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform(x, y)
    longitude = (np.asarray(longitude) + 180) % 360 - 180
    found = shapely.contains_xy(shapely.buffer(outline, 0.02), longitude, latitude)
    assert found.mean() > 0.995, (name, np.column_stack([longitude, latitude])[~found][:3])
    west, south, east, north = bbox
    inside = longitude >= west - 0.01, longitude <= east + 0.01
    in_arc = (inside[0] & inside[1]) if west <= east else (inside[0] | inside[1])
    assert in_arc.all()
    assert ((latitude >= south - 0.01) & (latitude <= north + 0.01)).all()


@pytest.mark.parametrize("name", OUTLINES)
def test_the_footprint_is_no_larger_than_the_raster(name):
    code, box = OUTLINES[name]
    crs = CRS.from_epsg(code)
    outline = shapely.geometry.shape(footprint(shapely.box(*box), crs)[0])
    random = np.random.default_rng(6)
    west, south, east, north = outline.bounds
    places = random.uniform((west, south), (east, north), (40_000, 2))
    places = places[shapely.contains_xy(shapely.buffer(outline, -0.05), places[:, 0], places[:, 1])]
    back = Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
    x, y = back.transform(places[:, 0], places[:, 1])
    if crs.is_geographic:
        x = (x - box[0]) % 360 + box[0]
    margin = (box[2] - box[0]) * 0.01
    inside = (x >= box[0] - margin) & (x <= box[2] + margin) & (y >= box[1] - margin) & (y <= box[3] + margin)
    assert len(places) > 100
    assert inside.mean() > 0.995


def test_a_footprint_across_180_degrees_is_cut_and_its_box_too():
    geometry, bbox = footprint(shapely.box(170, -10, 190, 10), CRS.from_epsg(4326))
    assert geometry["type"] == "MultiPolygon"
    assert bbox == [170.0, -10.0, -170.0, 10.0]


@pytest.mark.parametrize(
    ("arcs", "expected"),
    [
        ([(10, 20), (15, 30)], (10, 30)),
        ([(-120, -100), (130, 140)], (-120, 140)),
        ([(170, -170), (160, 165)], (160, -170)),
        ([(170, -170), (0, 10)], (0, -170)),
        ([(-180, 180)], (-180, 180)),
        ([(90, -90), (-100, 100)], (-180, 180)),
        ([(175, 180), (-180, -175)], (175, -175)),
    ],
)
def test_the_arc_around_arcs(arcs, expected):
    assert arc_of(arcs) == expected


def test_the_extent_spans_instants_and_intervals():
    items = [
        {"bbox": [1, 2, 3, 4], "properties": {"datetime": "2024-05-01T00:00:00+02:00"}},
        {
            "bbox": [0, 2, 0, 3, 4, 10],
            "properties": {
                "datetime": None,
                "start_datetime": "2024-04-30T22:30:00Z",
                "end_datetime": "2024-06-01T00:00:00Z",
            },
        },
    ]
    extent = extent_of(items)
    assert extent["spatial"]["bbox"] == [[0, 2, 3, 4]]
    assert extent["temporal"]["interval"] == [["2024-05-01T00:00:00+02:00", "2024-06-01T00:00:00Z"]]
