"""The Filter extension: what unmodified clients ask in CQL2, in text and in JSON, and what they are told."""

import json
import threading

import cql2
import httpx
import pystac_client
import pytest
from catalogue_documents import make_item, rectangle

TEXT, JSON = "cql2-text", "cql2-json"


@pytest.fixture
def items(add_items):
    """Put in four items, newest first: clear, cloudy, sparse, crossing."""
    crossing = make_item("crossing", (179, 40, -179, 41), when="2026-01-01T12:00:00.5Z/2026-02-01T00:00:00Z")
    crossing["geometry"] = {
        "type": "Polygon",
        "coordinates": [[[179, 40], [-179, 40], [-179, 41], [179, 41], [179, 40]]],
    }
    add_items(
        make_item(
            "clear",
            (0, 0, 10, 10),
            "2026-04-01T12:00:00Z",
            properties={
                "title": "Emission scenario A1B",
                "eo:cloud_cover": 10,
                "flag": True,
                "keywords": ["sea", "ice"],
                "proj:code": "EPSG:32631",
                "view.angle": 5,
                "processing": {"level": {"name": "L2A"}},
                "type": "scene",
            },
        ),
        make_item(
            "cloudy",
            (20, 0, 30, 10),
            "2026-03-01T00:00:00+02:00",
            properties={
                "title": "100% in der Straße, Café O'Brien",
                "eo:cloud_cover": 99.5,
                "flag": False,
                "keywords": ["land"],
                "expires": "2026-03-02T00:00:00Z",
            },
        ),
        make_item("sparse", None, "2026-02-01T00:00:00Z", properties={"eo:cloud_cover": None, "note": "10"}),
        crossing,
    )


ALL = ["clear", "cloudy", "sparse", "crossing"]

EXPECTED = [
    # basic-cql2
    ("eo:cloud_cover = 10", ["clear"]),
    ("eo:cloud_cover <> 10", ["cloudy"]),
    ("eo:cloud_cover < 99.5", ["clear"]),
    ("eo:cloud_cover >= 10", ["clear", "cloudy"]),
    ("eo:cloud_cover IS NULL", ["sparse", "crossing"]),
    ("processing IS NOT NULL", ["clear"]),
    ("NOT eo:cloud_cover = 10", ["cloudy"]),
    ("eo:cloud_cover = 10 OR id = 'sparse'", ["clear", "sparse"]),
    ("NOT (eo:cloud_cover = 10 AND id = 'sparse')", ["clear", "cloudy", "crossing"]),
    ("eo:cloud_cover = 10 AND (id = 'clear' OR note = '10')", ["clear"]),
    ("note = 10", []),
    ("note <> 10", []),
    ("flag = true", ["clear"]),
    ("flag <> true", ["cloudy"]),
    ("true", ALL),
    ("false", []),
    ("id = 'clear' AND collection = 'sea-surface-temperature'", ["clear"]),
    ("collection <> 'sea-surface-temperature'", []),
    # the names of properties
    ("properties.eo:cloud_cover = 10", ["clear"]),
    ('"view.angle" = 5', ["clear"]),
    ("processing.level.name = 'L2A'", ["clear"]),
    ("processing.level = 'L2A' OR links IS NOT NULL OR assets.data IS NOT NULL", []),
    ("type = 'scene'", ["clear"]),
    ("\"id\" = 'clear'", ["clear"]),
    # times
    ("datetime > TIMESTAMP('2026-02-28T22:00:00Z')", ["clear"]),
    ("datetime >= TIMESTAMP('2026-02-28T22:00:00Z')", ["clear", "cloudy"]),
    ("datetime = TIMESTAMP('2026-02-28T22:00:00Z')", ["cloudy"]),
    ("datetime <> TIMESTAMP('2026-02-28T22:00:00Z')", ["clear", "sparse"]),
    ("datetime = DATE('2026-04-01')", ["clear"]),
    ("datetime >= DATE('2026-04-01')", ["clear"]),
    ("datetime > DATE('2026-04-01')", []),
    ("datetime <= DATE('2026-02-28')", ["cloudy", "sparse"]),
    ("datetime < DATE('2026-02-28')", ["sparse"]),
    ("datetime > '2026-03-31'", ["clear"]),
    ("datetime < '2026-04-01T14:00:00.1+02:00'", ["clear", "cloudy", "sparse"]),
    ("start_datetime > TIMESTAMP('2026-01-01T12:00:00Z')", ["crossing"]),
    ("start_datetime < end_datetime", ["crossing"]),
    ("expires = '2026-03-02T01:00:00+01:00'", ["cloudy"]),
    ("datetime IN ('2026-02-28T22:00:00Z', '2026-04-01')", ["clear", "cloudy"]),
    ("T_INTERSECTS(datetime, INTERVAL('2026-02-01', '2026-04-01'))", ["clear", "cloudy", "sparse"]),
    ("T_INTERSECTS(datetime, INTERVAL('..', '2026-02-28'))", ["cloudy", "sparse"]),
    (
        "T_INTERSECTS(INTERVAL(start_datetime, end_datetime), INTERVAL('2026-01-31T00:00:00Z', '..'))",
        ["crossing"],
    ),
    ("T_AFTER(datetime, DATE('2026-03-31')) OR T_BEFORE(datetime, DATE('2026-02-02'))", ["clear", "sparse"]),
    # advanced-comparison-operators
    ("title LIKE '%scenario%'", ["clear"]),
    ("title LIKE '%SCENARIO%'", []),
    ("title LIKE 'Emission_scenario%'", ["clear"]),
    (r"title LIKE '100\% %'", ["cloudy"]),
    ("title LIKE '%O''Brien'", ["cloudy"]),
    ("title NOT LIKE '%scenario%'", ["cloudy"]),
    ("eo:cloud_cover BETWEEN 10 AND 99", ["clear"]),
    ("eo:cloud_cover NOT BETWEEN 10 AND 99", ["cloudy"]),
    ("id IN ('clear', 'sparse', 'none')", ["clear", "sparse"]),
    ("id IN ('clear')", ["clear"]),
    ("eo:cloud_cover IN (10.0, 20)", ["clear"]),
    ("eo:cloud_cover NOT IN (10, 20)", ["cloudy"]),
    # case- and accent-insensitive-comparison
    ("CASEI(title) LIKE casei('%SCENARIO%')", ["clear"]),
    ("CASEI(title) LIKE CASEI('%STRASSE%')", ["cloudy"]),
    ("CASEI(id) IN (CASEI('CLEAR'), CASEI('Sparse'))", ["clear", "sparse"]),
    ("CASEI(title) = title", []),
    ("ACCENTI(title) IS NULL", ["sparse", "crossing"]),
    ("CASEI(title) IS NOT NULL AND keywords IS NOT NULL", ["clear", "cloudy"]),
    ("keywords = keywords OR processing = processing OR keywords < processing", []),
    ("ACCENTI(title) LIKE ACCENTI('%Cáfe%')", ["cloudy"]),
    ("CASEI(ACCENTI(title)) LIKE CASEI(ACCENTI('%CAFÉ%'))", ["cloudy"]),
    # spatial functions
    ("S_INTERSECTS(geometry, POINT(10 5))", ["clear"]),
    ("S_INTERSECTS(geometry, POINT Z (10 5 100))", ["clear"]),
    ("S_INTERSECTS(geometry, BBOX(5, 5, 25, 6))", ["clear", "cloudy"]),
    ("S_INTERSECTS(geometry, BBOX(5, 5, 5, 5))", ["clear"]),
    ("S_INTERSECTS(geometry, BBOX(170, 0, -170, 50))", ["crossing"]),
    ("S_INTERSECTS(geometry, BBOX(170, 40.5, -170, 40.5))", ["crossing"]),
    ("S_INTERSECTS(geometry, POINT(0 40.5))", []),
    ("S_INTERSECTS(geometry, POINT(-179.5 40.5))", ["crossing"]),
    ("S_INTERSECTS(geometry, POLYGON((0 0, 4 4, 4 0, 0 4, 0 0)))", ["clear"]),
    ("S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(5 5), LINESTRING(25 5, 25 6)))", ["clear", "cloudy"]),
    ("NOT S_DISJOINT(geometry, MULTIPOINT(5 5, 25 5))", ["clear", "cloudy"]),
    ("S_WITHIN(geometry, POLYGON((-1 -1, 15 -1, 15 15, -1 15, -1 -1)))", ["clear"]),
    ("geometry IS NULL", ["sparse"]),
    # array functions, property-property, arithmetic
    ("A_CONTAINS(keywords, ('sea'))", ["clear"]),
    ("A_OVERLAPS(keywords, ('land', 'ice'))", ["clear", "cloudy"]),
    ("A_CONTAINEDBY(keywords, ('land', 'ice'))", ["cloudy"]),
    ("A_EQUALS(keywords, ('ice', 'sea'))", ["clear"]),
    ("eo:cloud_cover = eo:cloud_cover", ["clear", "cloudy"]),
    ("id = title", []),
    ("eo:cloud_cover * 2 - 10 = 10", ["clear"]),
    ("-eo:cloud_cover < -50", ["cloudy"]),
    ("eo:cloud_cover ^ 2 = 100 AND eo:cloud_cover / 4 = 2.5 AND eo:cloud_cover div 4 = 2", ["clear"]),
    ("eo:cloud_cover % 3 = 1", ["clear"]),
    ("1 / 0 = eo:cloud_cover", []),
]


def ids(search):
    return [item.id for item in search.items()]


@pytest.mark.parametrize(("text", "expected"), EXPECTED)
def test_filter_finds_the_same_in_every_language_and_method(items, visitor, text, expected):
    as_json = cql2.parse_text(text).to_json()
    answers = [
        visitor.get("/stac/search", params={"filter": text}),
        visitor.get("/stac/search", params={"filter": json.dumps(as_json), "filter-lang": JSON}),
        visitor.post("/stac/search", json={"filter": as_json}),
        visitor.post("/stac/search", json={"filter": text, "filter-lang": TEXT}),
        visitor.get("/stac/collections/sea-surface-temperature/items", params={"filter": text}),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert [item["id"] for item in answer.json()["features"]] == expected
        assert answer.json()["numberMatched"] == len(expected)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "asked",
    [
        {"filter": "title LIKE '%scenario%'"},
        {"filter": {"op": "like", "args": [{"property": "title"}, "%scenario%"]}},
        {"filter": "title LIKE '%scenario%'", "filter_lang": TEXT},
        {"filter": {"op": "like", "args": [{"property": "title"}, "%scenario%"]}, "filter_lang": JSON},
    ],
)
@pytest.mark.filterwarnings("error::pystac_client.warnings.PystacClientWarning")
def test_pystac_client_searches_by_filter(items, address, method, asked):
    catalogue = pystac_client.Client.open(f"{address}/stac")
    search = catalogue.search(method=method, **asked)
    assert search.matched() == 1
    assert ids(search) == ["clear"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pystac_client_follows_pages_of_a_filter(add_items, address, method):
    add_items(*(make_item(f"i{n:02}", properties={"n": n}) for n in range(20)))
    catalogue = pystac_client.Client.open(f"{address}/stac")
    search = catalogue.search(method=method, filter="n >= 5 AND n <> 7", limit=4)
    assert [len(page) for page in search.pages()] == [4, 4, 4, 2]
    assert ids(search) == [f"i{n:02}" for n in range(20) if n >= 5 and n != 7]


def test_filter_narrows_what_all_other_parameters_leave(items, visitor):
    def found(**asked):
        page = visitor.get("/stac/search", params={"filter": "eo:cloud_cover >= 10"} | asked).json()
        return [item["id"] for item in page["features"]]

    assert found() == ["clear", "cloudy"]
    assert found(bbox="15,0,40,10") == ["cloudy"]
    assert found(datetime="2026-03-15T00:00:00Z/..") == ["clear"]
    assert found(ids="cloudy,sparse") == ["cloudy"]
    assert found(q="scenario") == ["clear"]
    assert found(collections="other") == []


def test_empty_filter_narrows_nothing(items, visitor):
    empty = {"filter": "", "filter-lang": "", "filter-crs": ""}
    assert visitor.get("/stac/search", params=empty).json()["numberMatched"] == 4
    assert visitor.post("/stac/search", json={"filter": None}).json()["numberMatched"] == 4


def test_coordinates_are_of_crs84_alone(items, visitor):
    asked = {"filter": "S_INTERSECTS(geometry, POINT(5 5))"}
    crs84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    answer = visitor.get("/stac/search", params=asked | {"filter-crs": crs84})
    assert answer.json()["numberMatched"] == 1
    refused = visitor.get("/stac/search", params=asked | {"filter-crs": "EPSG:3857"})
    assert refused.status_code == 400
    assert "filter-crs" in refused.json()["description"]


def test_queryables_name_what_the_items_of_a_collection_have(items, visitor):
    answer = visitor.get("/stac/collections/sea-surface-temperature/queryables").json()
    properties = answer["properties"]
    assert answer["additionalProperties"] is True
    assert properties["eo:cloud_cover"]["type"] == "number"
    assert properties["keywords"]["type"] == "array"
    assert properties["collection"]["const"] == "sea-surface-temperature"
    assert not {"processing", "type_", "links"} & properties.keys()
    everywhere = visitor.get("/stac/queryables").json()
    assert everywhere["properties"].keys() <= properties.keys()
    assert {"id", "collection", "geometry", "datetime", "title"} < everywhere["properties"].keys()
    for name in properties:
        asked = {"filter": f'"{name}" IS NULL'}
        assert visitor.get("/stac/search", params=asked).status_code == 200


def group(depth, inner="id = 'a'"):
    return "(" * depth + inner + ")" * depth


def chain(count, joint, part="id = 'a'"):
    return joint.join([part] * count)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("title =", "ends too soon"),
        ("   ", "ends too soon"),
        ("title = 'a' AND AND", "AND"),
        ("title = 'a", "'a"),
        ("id == 'a'", "= 'a'"),
        ("foo(title) = 'x'", "'foo' is not known"),
        ("soundex(title)", "'soundex' is not known"),
        ("flag", "the property 'flag' is neither true nor false"),
        ("NOT title", "the property 'title'"),
        ("flag AND id = 'a'", "the property 'flag'"),
        ("'a'", "'a' is neither"),
        ("null", "None"),
        ("id = null", "None"),
        ("id > 5", "text cannot be compared with a number"),
        ("1 = 'a'", "a number cannot be compared with text"),
        ("datetime > 5", "a time cannot be compared with a number"),
        ("datetime > 'yesterday'", "'yesterday'"),
        ("datetime > TIMESTAMP('2026-13-01T00:00:00Z')", "2026-13-01"),
        ("datetime > DATE('2026-02-30')", "2026-02-30"),
        ("T_AFTER(datetime, '2026-01-01')", "t_after cannot take '2026-01-01', text"),
        ("T_AFTER(title, DATE('2026-01-01'))", "the property 'title', text"),
        ("T_DURING(datetime, INTERVAL('2026-02-01', '2026-01-01'))", "ends before it starts"),
        ("T_DURING(datetime, INTERVAL('2026-02-01', 5))", "5.0 cannot bound an interval"),
        ("T_DURING(datetime, INTERVAL('2026-02-01'))", "'interval'"),
        ("title + 1 = 2", "+ cannot take the property 'title'"),
        ("title LIKE 5", "like cannot take 5.0, a number"),
        ("title LIKE id", "like takes a pattern"),
        ("title LIKE 'a\\'", "backslash"),
        ("title LIKE '\\a'", "backslash"),
        ("title BETWEEN 'a' AND 'b'", "between cannot take the property 'title'"),
        ("CASEI(5) = 'a'", "casei cannot take 5.0"),
        ("S_INTERSECTS(title, POINT(5 5))", "s_intersects cannot take the property 'title'"),
        ("S_INTERSECTS(geometry, 'x')", "s_intersects cannot take 'x'"),
        ("S_INTERSECTS(geometry)", "s_intersects has 1 operands"),
        ("S_INTERSECTS(geometry, POINT(500 5))", "-180"),
        ("S_INTERSECTS(geometry, POINT EMPTY)", "filter"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 1 1)))", "filter"),
        ("S_INTERSECTS(geometry, BBOX(0, 10, 1, 1))", "south"),
        ("S_INTERSECTS(geometry, BBOX(0, 10, 1))", "not a box"),
        ("A_CONTAINS(keywords, (title))", "filter"),
        ("A_CONTAINS(keywords, ((1, 2), 3))", "a list of 2 in an array"),
        ("gsd = 1e999", "filter"),
        ("x" * 9000 + " = 1", "at most 8192"),
        (group(22), "parentheses 22 deep"),
        ("(" * 22 + "1", "parentheses 22 deep"),
        ("id IN " + "(" * 22 + "1,2" + ",3)" * 21 + ")", "parentheses 22 deep"),
        ("f(" * 2000 + "1", "parentheses 2000 deep"),
        ("-" * 8000 + "1 = 1", "too many operators"),
        (chain(2000, "=", "1"), "too many operators"),
        (chain(2000, "<", "1"), "too many operators"),
        ("not " * 1500 + "id='a'", "too many operators"),
        ("not " * 500 + "id='a'", "nested too deeply"),
        (chain(600, " or "), "too many operators"),
        (chain(1000, "+", "1") + " = 1", "nested too deeply"),
        ("\0", "cannot be read"),
        ("id = 'a' 💥", "💥"),
    ],
)
def test_text_that_is_no_filter_is_refused_by_what_is_wrong(visitor, text, named):
    answers = [visitor.get("/stac/search", params={"filter": text})]
    answers.append(visitor.post("/stac/search", json={"filter": text, "filter-lang": TEXT}))
    for answer in answers:
        assert answer.status_code == 400, answer.text
        document = answer.json()
        assert document["code"] == "InvalidParameterValue"
        assert document["description"].startswith("filter")
        assert named.lower() in document["description"].lower()


def nested(depth, inner=True):
    for _ in range(depth):
        inner = {"op": "not", "args": [inner]}
    return inner


@pytest.mark.parametrize(
    ("filter_", "named"),
    [
        ({}, "an object with nothing"),
        ({"op": "="}, "=(...) is not CQL2"),
        ({"op": 5, "args": []}, "'op', 'args'"),
        ({"op": "=", "args": [1]}, "= has 1 operands"),
        ({"op": "=", "args": {"property": "id"}}, "=(...) is not CQL2"),
        ({"op": "eq", "args": [{"property": "id"}, "a"]}, "'eq' is not known"),
        ({"op": "and", "args": [True]}, "and has 1 operands"),
        ({"op": "and", "args": []}, "and has 0 operands"),
        ({"op": "not", "args": []}, "not has 0 operands"),
        ({"op": "isNull", "args": []}, "isNull has 0 operands"),
        ({"op": "between", "args": [{"property": "gsd"}, [5]]}, "between has 2 operands"),
        ({"op": "in", "args": [{"property": "id"}, "a"]}, "'a'"),
        ({"op": "in", "args": [{"property": "id"}, []]}, "a list of 0"),
        ({"op": "in", "args": [{"property": "id"}, ["a"] * 1001]}, "too many operators"),
        ({"op": "=", "args": [{"property": 5}, "a"]}, "'property'"),
        ({"op": "=", "args": [{"property": "id"}, {"function": "x"}]}, "'function'"),
        ({"op": "t_after", "args": [{"property": "datetime"}, {"timestamp": "x"}]}, "'x'"),
        (
            {
                "op": "s_intersects",
                "args": [{"property": "geometry"}, {"type": "Point", "coordinates": ["a", 1]}],
            },
            "coordinates",
        ),
        (
            {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Circle", "coordinates": []}]},
            "filter",
        ),
        ({"op": "like", "args": [{"property": "title"}, "x" * 70_000]}, "At most 65536"),
        (nested(50), "nested too deeply"),
        (nested(20, {"x": 1}), "'x'"),
        ("id = 'a'", "not JSON"),
    ],
)
def test_json_that_is_no_filter_is_refused_by_what_is_wrong(visitor, filter_, named):
    answers = [visitor.post("/stac/search", json={"filter": filter_})]
    text = filter_ if isinstance(filter_, str) else json.dumps(filter_)
    if len(text) < 60_000:
        answers.append(visitor.get("/stac/search", params={"filter": text, "filter-lang": JSON}))
    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert answer.json()["description"].startswith("filter")
        assert named in answer.json()["description"]


@pytest.mark.parametrize("filter_", [[], 5, [[[[{}]]]], nested(300)])
def test_json_of_a_wrong_type_is_refused(visitor, filter_):
    answer = visitor.post("/stac/search", json={"filter": filter_})
    assert answer.status_code == 400
    assert "filter" in answer.json()["description"]


@pytest.mark.parametrize("language", ["cql-text", "CQL2-TEXT", "sql"])
def test_language_that_is_not_known_is_refused(visitor, language):
    asked = {"filter": "id = 'a'", "filter-lang": language}
    for answer in (visitor.get("/stac/search", params=asked), visitor.post("/stac/search", json=asked)):
        assert answer.status_code == 400
        assert "filter-lang" in answer.json()["description"]
    assert visitor.get("/stac/search", params={"filter_lang": TEXT}).status_code == 400
    assert visitor.post("/stac/search", json={"filter": {}, "filter-lang": TEXT}).status_code == 400


def test_posted_filter_stays_in_the_link_to_the_next_page(items, visitor):
    asked = {"filter": "eo:cloud_cover >= 10", "filter-lang": TEXT, "limit": 1}
    first = visitor.post("/stac/search", json=asked).json()
    [link] = [link for link in first["links"] if link["rel"] == "next"]
    assert link["body"].items() > asked.items()
    second = visitor.post(link["href"], json=link["body"]).json()
    assert [item["id"] for item in second["features"]] == ["cloudy"]


def test_slow_filter_leaves_other_visitors_their_answers(add_items, running, visitor):
    description = " ".join(f"word{n}" for n in range(5000))
    add_items(*(make_item(f"i{n:03}", properties={"description": description}) for n in range(40)))
    slow = " OR ".join(f"description LIKE '%word{n}_%none'" for n in range(100))
    answers = []

    def search():
        answers.append(httpx.get(f"{running}/stac/search", params={"filter": slow}, timeout=60))

    searching = threading.Thread(target=search)
    searching.start()
    answered_meanwhile = 0
    while not answers:
        assert visitor.get("/stac/health", timeout=5).status_code == 200
        answered_meanwhile += not answers
    searching.join()
    assert answers[0].json()["numberMatched"] == 0
    assert answered_meanwhile > 2


def test_rectangle_in_json_is_the_same_as_a_box(items, visitor):
    for place in (
        rectangle(5, 5, 25, 6),
        {"bbox": [5, 5, 25, 6]},
        rectangle(5, 5, 25, 6) | {"bbox": [0] * 4},
    ):
        body = {"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, place]}}
        page = visitor.post("/stac/search", json=body).json()
        assert [item["id"] for item in page["features"]] == ["clear", "cloudy"]


@pytest.mark.parametrize("text", [r"\ud800", r"\u0000", r"\ud83d\ude00"])
def test_odd_characters_in_json_are_text_or_refused(items, visitor, text):
    body = '{"filter": {"op": "=", "args": [{"property": "title"}, "TEXT"]}}'.replace("TEXT", text)
    answer = visitor.post("/stac/search", content=body)
    assert (answer.status_code == 200) is (text != r"\ud800")
    assert answer.status_code in (200, 400)
