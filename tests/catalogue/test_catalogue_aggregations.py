"""Counts, ranges and histograms of all items that a search finds."""

from collections import Counter

import pytest
from catalogue_documents import make_item, rectangle

COLLECTION = "/stac/collections/sea-surface-temperature"
CLOUDS = [0, 4.9, 5, 12, 12, 99, 100]


@pytest.fixture
def filled(add_items):
    add_items(
        *(
            make_item(
                f"i{n}",
                (n, 40.0, n + 1, 41.0),
                f"2026-0{n + 1}-1{n}T06:00:00Z",
                properties={"eo:cloud_cover": clouds, "platform": "s2a" if n % 2 else "s2b"},
            )
            for n, clouds in enumerate(CLOUDS)
        )
    )
    add_items(make_item("other", (-70, -40, -69, -39), "2020-01-01T00:00:00Z"), collection="other")


def ask(visitor, *names, path="/stac/aggregate", **asked):
    by_get = visitor.get(path, params={"aggregations": ",".join(names)} | asked)
    assert by_get.status_code == 200, by_get.text
    document = by_get.json()
    assert document["type"] == "AggregationCollection"
    assert {link["rel"] for link in document["links"]} == {"self", "root"}
    answers = {answer["name"]: answer for answer in document["aggregations"]}
    assert list(answers) == list(names)
    return answers


def frequencies(answer):
    return {bucket["key"]: bucket["frequency"] for bucket in answer["buckets"]}


def test_number_and_time_span_of_all_items_are_told(filled, visitor):
    answers = ask(visitor, "total_count", "datetime_min", "datetime_max")
    assert answers["total_count"] == {"name": "total_count", "data_type": "integer", "value": 8}
    assert answers["datetime_min"]["value"] == "2020-01-01T00:00:00Z"
    assert answers["datetime_max"]["value"] == "2026-07-16T06:00:00Z"
    assert answers["datetime_max"]["data_type"] == "datetime"


def test_without_names_number_and_time_span_are_told(filled, visitor):
    names = [answer["name"] for answer in visitor.get("/stac/aggregate").json()["aggregations"]]
    assert names == ["total_count", "datetime_min", "datetime_max"]


@pytest.mark.parametrize(
    ("narrowing", "count"),
    [
        ({"collections": ["other"]}, 1),
        ({"ids": ["i1", "other"]}, 2),
        ({"bbox": [2.5, 40, 4.5, 41]}, 3),
        ({"intersects": rectangle(2.5, 40, 4.5, 41)}, 3),
        ({"datetime": "2026-03-01T00:00:00Z/.."}, 5),
        ({"query": {"eo:cloud_cover": {"gt": 10}}}, 4),
        ({"filter": {"op": "=", "args": [{"property": "platform"}, "s2a"]}}, 3),
        ({"q": "i3"}, 1),
        ({"ids": ["none"]}, 0),
    ],
)
def test_only_items_that_are_found_count(filled, visitor, narrowing, count):
    answer = visitor.post("/stac/aggregate", json=narrowing | {"aggregations": ["total_count"]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["aggregations"][0]["value"] == count
    assert visitor.post("/stac/search", json=narrowing).json()["numberReturned"] == count


def test_values_are_counted(filled, visitor):
    answers = ask(visitor, "platform_frequency", "collection_frequency")
    assert frequencies(answers["platform_frequency"]) == {"s2a": 3, "s2b": 4}
    assert frequencies(answers["collection_frequency"]) == {"sea-surface-temperature": 7, "other": 1}
    assert answers["platform_frequency"]["overflow"] == 0
    assert {bucket["data_type"] for bucket in answers["platform_frequency"]["buckets"]} == {"string"}


def test_numbers_are_counted_in_bins(filled, visitor):
    width = 5
    answer = ask(visitor, "cloud_cover_frequency")["cloud_cover_frequency"]
    expected = Counter(clouds // width * width for clouds in CLOUDS)
    assert {
        bucket["from"]: bucket["frequency"] for bucket in answer["buckets"] if bucket["frequency"]
    } == expected
    assert all(bucket["to"] == bucket["from"] + width for bucket in answer["buckets"])


@pytest.mark.parametrize("width", [None, 50, 3.5])
def test_bins_hold_every_number(filled, visitor, width):
    name = "eo:cloud_cover_histogram"
    answer = ask(visitor, name, **({} if width is None else {"histogram_width": width}))[name]
    assert sum(frequencies(answer).values()) + answer["overflow"] == len(CLOUDS)
    for bucket in answer["buckets"]:
        held = [clouds for clouds in CLOUDS if bucket["from"] <= clouds < bucket["to"]]
        assert len(held) == bucket["frequency"]
        assert width is None or bucket["to"] - bucket["from"] == pytest.approx(width)


def test_least_and_largest_values_are_told(filled, visitor):
    answers = ask(visitor, "eo:cloud_cover_min", "eo:cloud_cover_max")
    assert [answer["value"] for answer in answers.values()] == [0, 100]


@pytest.mark.parametrize(
    ("interval", "keys"),
    [
        ("year", ["2026"]),
        ("month", [f"2026-0{n}" for n in range(1, 8)]),
        ("day", [f"2026-0{n + 1}-1{n}" for n in range(7)]),
        ("week", None),
        (None, None),
    ],
)
def test_items_are_counted_in_periods(filled, visitor, interval, keys):
    asked = {"collections": "sea-surface-temperature"}
    if interval is not None:
        asked["datetime_frequency_interval"] = interval
    answer = ask(visitor, "datetime_frequency", **asked)["datetime_frequency"]
    counted = {key: count for key, count in frequencies(answer).items() if count}
    assert sum(counted.values()) == len(CLOUDS)
    assert answer["interval"] == (interval or "week")
    if keys is not None:
        assert len(counted) == len(keys)
        assert all(key.startswith(start) for key, start in zip(sorted(counted), keys, strict=True))


@pytest.mark.parametrize("name", ["centroid_geohash_grid_frequency", "centroid_geotile_grid_frequency"])
def test_items_are_counted_in_cells(filled, visitor, name):
    coarse = frequencies(ask(visitor, name, **{f"{name}_precision": 1})[name])
    fine = frequencies(ask(visitor, name, **{f"{name}_precision": 6})[name])
    assert sum(coarse.values()) == sum(fine.values()) == len(CLOUDS) + 1
    assert len(coarse) < len(fine)


def test_geohash_of_a_place_is_the_known_one(add_items, visitor):
    # The example of Wikipedia's article on geohashes.
    add_items(make_item("jutland", (10.40744, 57.64911, 10.40744, 57.64911)))
    asked = {"centroid_geohash_grid_frequency_precision": 7, "ids": "jutland"}
    answer = ask(visitor, "centroid_geohash_grid_frequency", **asked)
    assert frequencies(answer["centroid_geohash_grid_frequency"]) == {"u4pruyd": 1}


def test_everything_that_is_listed_can_be_asked(filled, visitor):
    for place in ("/stac", COLLECTION):
        listed = visitor.get(f"{place}/aggregations").json()
        assert listed["type"] == "AggregationCollection"
        names = [each["name"] for each in listed["aggregations"]]
        assert {"total_count", "platform_frequency", "eo:cloud_cover_histogram"} <= set(names)
        for start in range(0, len(names), 20):
            ask(visitor, *names[start : start + 20], path=f"{place}/aggregate")


def test_collection_of_the_path_narrows(filled, visitor):
    path = "/stac/collections/other/aggregate"
    assert ask(visitor, "total_count", path=path)["total_count"]["value"] == 1
    assert visitor.post(path, json={}).json()["aggregations"][0]["value"] == 1
    assert visitor.get(path, params={"collections": "sea-surface-temperature"}).status_code == 400
    for missing in ("aggregate", "aggregations"):
        assert visitor.get(f"/stac/collections/none/{missing}").status_code == 404


def test_nothing_found_has_no_extremes(visitor):
    answers = ask(visitor, "total_count", "datetime_min", "datetime_frequency", "gsd_histogram")
    assert answers["total_count"]["value"] == 0
    assert answers["datetime_min"]["value"] is None
    assert answers["datetime_frequency"]["buckets"] == answers["gsd_histogram"]["buckets"] == []


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"aggregations": "nothing"}, "aggregations"),
        ({"aggregations": "_frequency"}, "aggregations"),
        ({"aggregations": "x" * 300 + "_min"}, "aggregations"),
        ({"aggregations": ",".join(f"p{n}_min" for n in range(30))}, "aggregations"),
        ({"datetime_frequency_interval": "hour"}, "datetime_frequency_interval"),
        ({"centroid_geohash_grid_frequency_precision": "13"}, "centroid_geohash_grid_frequency_precision"),
        ({"centroid_geotile_grid_frequency_precision": "-1"}, "centroid_geotile_grid_frequency_precision"),
        ({"histogram_width": "0"}, "histogram_width"),
        ({"histogram_width": "nan"}, "histogram_width"),
        ({"limit": "10"}, "limit"),
        ({"bbox": "1"}, "bbox"),
    ],
)
def test_question_that_cannot_be_is_refused_by_name(filled, visitor, asked, named):
    answer = visitor.get("/stac/aggregate", params=asked)
    assert answer.status_code == 400
    assert named in answer.json()["description"]


def test_too_narrow_bins_are_no_burden(filled, visitor):
    asked = {"aggregations": "eo:cloud_cover_histogram", "histogram_width": "1e-9"}
    answer = visitor.get("/stac/aggregate", params=asked)
    assert answer.status_code in (200, 400)
    assert len(answer.content) < 10_000_000
