"""The parameter `q`: how it is read, and what it finds."""

from contextlib import suppress

import pytest
from catalogue_documents import make_collection, make_item
from hypothesis import given
from hypothesis import strategies as st

from geoscope.catalogue.phrases import parse_phrases
from geoscope.catalogue.words import AllOf, AnyOf, Phrase, Without, phrases_of
from geoscope.errors import InvalidInputError

A, B, C, D = map(Phrase, "abcd")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", A),
        ("sea ice", Phrase("sea ice")),
        ('"sea ice"', Phrase("sea ice")),
        ("a,b", AnyOf((A, B))),
        ("a, ,b,", AnyOf((A, B))),
        ("a OR b", AnyOf((A, B))),
        ("a AND b", AllOf((A, B))),
        ("a AND b OR c AND d", AnyOf((AllOf((A, B)), AllOf((C, D))))),
        ("a AND (b OR c)", AllOf((A, AnyOf((B, C))))),
        ("a AND b,c", AnyOf((AllOf((A, B)), C))),
        ("a -b", AllOf((A, Without(B)))),
        ("a NOT b", AllOf((A, Without(B)))),
        ("a AND NOT (b OR c)", AllOf((A, Without(AnyOf((B, C)))))),
        ("a +b -c", AllOf((B, Without(C)))),
        ('+a +"b"', AllOf((A, B))),
        ("-a", Without(A)),
        ('"a" "b"', AnyOf((A, B))),
        ('"a AND b"', Phrase("a AND b")),
        ("IFS-NEMO", Phrase("IFS-NEMO")),
        ("a and b or not c", Phrase("a and b or not c")),
        (
            '"Future Projection" AND Generation-2 AND IFS-NEMO',
            AllOf((Phrase("Future Projection"), Phrase("Generation-2"), Phrase("IFS-NEMO"))),
        ),
        (["EO", "Earth Observation"], AnyOf((Phrase("EO"), Phrase("Earth Observation")))),
        ("", None),
        (" , ", None),
        ([], None),
        (None, None),
    ],
)
def test_phrases_are_read_with_their_operators(text, expected):
    assert parse_phrases(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "(a",
        "a)",
        '"a',
        "a AND",
        "OR a",
        "a OR",
        "NOT",
        "()",
        "+",
        "&",
        '""',
        "a\0b",
        "x" * 201,
        ",".join(map(str, range(100))),
        "(" * 500 + "a" + ")" * 500,
    ],
)
def test_what_cannot_be_read_is_refused_by_name(text):
    with pytest.raises(InvalidInputError, match=r"^q: "):
        parse_phrases(text)


@given(st.text(alphabet='ab "()+-,ANDORT\0é', max_size=60))
def test_any_text_is_read_or_refused(text):
    with suppress(InvalidInputError):
        query = parse_phrases(text)
        assert query is None or all(phrase.text for phrase in phrases_of(query))


@pytest.fixture
def filled(add_items, editor):
    add_items(
        make_item("ice", properties={"title": "Sea ice cover of the Arctic"}),
        make_item("drift", properties={"title": "Drift of sea ice", "keywords": ["Jökull"]}),
        make_item("wind", properties={"title": "Wind over land"}),
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("sea ice", {"ice", "drift"}),
        ('"ice cover"', {"ice"}),
        ("ice AND sea AND drift", {"drift"}),
        ("cover,wind", {"ice", "wind"}),
        ("ice -drift", {"ice"}),
        ("(cover OR wind) AND NOT land", {"ice"}),
        ("JOKULL", {"drift"}),
        # The words of the collection count for each of its items.
        ("satellite AND drift", {"drift"}),
        ("-satellite", set()),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_items_are_found_by_their_words_and_their_collections(filled, visitor, method, words, expected):
    if method == "GET":
        page = visitor.get("/stac/search", params={"q": words})
    else:
        page = visitor.post("/stac/search", json={"q": words})
    assert {item["id"] for item in page.json()["features"]} == expected


def test_collections_are_found_by_their_words(editor, visitor):
    for id_, title in (("one", "Climate Twin Generation-2 IFS-NEMO"), ("two", "Climate Twin Generation-1")):
        assert editor.post("/stac/collections", json=make_collection(id_, title=title)).status_code == 201
    for words, expected in (
        ('"Climate Twin" AND Generation-2 AND IFS-NEMO', ["one"]),
        ("Generation-1,Generation-2", ["one", "two"]),
        ('"Climate Twin" -IFS-NEMO', ["two"]),
    ):
        found = visitor.get("/stac/collections", params={"q": words}).json()["collections"]
        assert [collection["id"] for collection in found] == expected
