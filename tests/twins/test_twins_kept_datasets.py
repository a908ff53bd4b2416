"""Items are read once for as long as they are the same, and not one moment longer."""

from geoscope.twins.vocabulary.kept_datasets import KeptDatasets

BIG = 10_000_000


def item(name="clte", days=3, updated="2026-01-01T00:00:00Z"):
    extent = ["2021-01-01T00:00:00Z", f"2021-01-{days:02}T00:00:00Z"]
    time = {"type": "temporal", "extent": extent, "step": "P1D"}
    properties = {"mars:class": "d1", "cube:dimensions": {"time": time}, "cube:variables": {}}
    if updated:
        properties["updated"] = updated
    return {"id": name, "collection": "twins", "properties": properties}


def test_an_item_is_read_once_until_it_is_changed():
    kept = KeptDatasets(BIG)
    first = kept.of_item(item())
    assert len(first.instants) == 3
    assert kept.of_item(item()) is first
    grown = kept.of_item(item(days=5, updated="2026-01-02T00:00:00Z"))
    assert len(grown.instants) == 5
    # Also back again: what somebody else sees may be older.
    assert len(kept.of_item(item()).instants) == 3


def test_items_of_other_names_and_collections_are_others():
    kept = KeptDatasets(BIG)
    one, other = kept.of_item(item("a", 2)), kept.of_item(item("b", 4))
    elsewhere = kept.of_item(item("a", 6) | {"collection": "others"})
    assert [len(each.instants) for each in (one, other, elsewhere)] == [2, 4, 6]


def test_without_a_stamp_an_item_is_read_each_time():
    kept = KeptDatasets(BIG)
    assert len(kept.of_item(item(updated=None)).instants) == 3
    assert len(kept.of_item(item(days=4, updated=None)).instants) == 4


def test_what_is_no_twin_data_is_known_as_such():
    kept = KeptDatasets(BIG)
    plain = {"id": "scene", "collection": "scenes", "properties": {"updated": "2026-01-01T00:00:00Z"}}
    assert kept.of_item(plain) is None
    assert kept.of_item(plain) is None


def test_those_not_asked_for_longest_go_first():
    kept = KeptDatasets(3 * 5000)
    first, second = kept.of_item(item("1")), kept.of_item(item("2"))
    kept.of_item(item("3"))
    assert kept.of_item(item("1")) is first
    kept.of_item(item("4"))
    assert kept.of_item(item("1")) is first
    assert kept.of_item(item("2")) is not second
