"""STAC files beside the data are taken as they are, in Destination Earth's layout and in others."""

import json

import pytest
from published_files import write_cog, write_netcdf
from publishing_steps import execute, publish, upload

COLLECTION = {
    "type": "Collection",
    "stac_version": "1.0.0",
    "id": "their-name-for-it",
    "title": "Floods",
    "description": "Floods of the Tiber",
    "license": "CC-BY-4.0",
    "keywords": ["floods"],
    "extent": {
        "spatial": {"bbox": [[0, 0, 1, 1]]},
        "temporal": {"interval": [["2000-01-01T00:00:00Z", None]]},
    },
    "links": [
        {"rel": "license", "href": "https://creativecommons.org/licenses/by/4.0/"},
        {"rel": "item", "href": "./items/a.json"},
    ],
}


def stac_item(name, **assets):
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "their-name-for-it",
        "geometry": {"type": "Point", "coordinates": [12.5, 41.9]},
        "bbox": [12.5, 41.9, 12.5, 41.9],
        "properties": {"datetime": "2024-03-01T00:00:00Z", "eo:cloud_cover": 12},
        "assets": {key: {"href": href, "roles": ["data"], "title": key} for key, href in assets.items()},
        "links": [
            {"rel": "self", "href": "https://example.org/self.json"},
            {"rel": "via", "href": "https://example.org"},
        ],
    }


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def test_destination_earths_layout(anna, tmp_path):
    metadata = tmp_path / "floods" / "metadata"
    data = tmp_path / "floods" / "data" / "2024" / "03" / "01" / "a"
    data.mkdir(parents=True)
    write_cog(data / "flood.tif", shape=(200, 200))
    (data / "report.pdf").write_bytes(b"%PDF")
    write(metadata / "collection.json", COLLECTION)
    write(metadata / "collection_config.json", {"id": "their-name-for-it", "item_folder_level": "DD"})
    place = "data/2024/03/01/a"
    item = stac_item(
        "a", flood=f"{place}/flood.tif", report=f"{place}/report.pdf", web="https://example.org/x"
    )
    write(metadata / "items" / "a.json", item)
    write(metadata / "items" / "lost.json", stac_item("lost", flood="data/gone.tif"))
    write(metadata / "items" / "thief.json", stac_item("thief", flood="s3://home-administrator/secret.tif"))
    write(metadata / "items" / "climber.json", stac_item("climber", flood="../../../../../etc/passwd"))
    write(metadata / "items" / "broken.json", "{ no json")
    write(metadata / "items" / "askew.json", stac_item("askew") | {"bbox": [50, 50, 51, 51]})
    upload(anna, "anna-floods", tmp_path)

    outcome = publish(anna, "anna-floods", title="My floods")
    problems = {each["file"].rpartition("/")[2]: each["problem"] for each in outcome["set_aside"]}
    assert set(problems) == {"lost.json", "thief.json", "climber.json", "broken.json", "askew.json"}
    assert "data/gone.tif" in problems["lost.json"]
    assert "assets.flood" in problems["thief.json"]
    assert "bbox" in problems["askew.json"]
    collection = anna.get("/stac/collections/anna-floods").json()
    assert collection["title"] == "My floods"
    assert collection["description"] == "Floods of the Tiber"
    assert collection["keywords"] == ["floods"]
    assert collection["extent"]["spatial"]["bbox"] == [[12.5, 41.9, 12.5, 41.9]]
    assert [each["rel"] for each in collection["links"] if "creativecommons" in each["href"]] == ["license"]
    (stored,) = anna.get("/stac/collections/anna-floods/items").json()["features"]
    assert stored["properties"]["eo:cloud_cover"] == 12
    assert stored["assets"]["web"]["href"] == "https://example.org/x"
    assert "https://example.org/self.json" not in [each["href"] for each in stored["links"]]
    assert anna.get(stored["assets"]["report"]["href"]).content == b"%PDF"
    assert anna.get(stored["assets"]["thumbnail"]["href"]).headers["content-type"] == "image/webp"
    assert publish(anna, "anna-floods", title="My floods")["unchanged"] == 1
    execute(anna, "unpublish-collection", {"collection": "anna-floods"})


def test_a_folder_for_each_item(anna, tmp_path):
    write(tmp_path / "metadata" / "collection.json", COLLECTION)
    write(
        tmp_path / "metadata" / "collection_config.json",
        {"item_folder_level": "MM", "item_asset_ignore_list": ["notes.txt"]},
    )
    for name in ("a_20240301T100000", "b_20240302T100000_20240302T110000"):
        folder = tmp_path / "data" / "2024" / "03" / name
        folder.mkdir(parents=True)
        write_cog(folder / "flood.tif", shape=(200, 200))
        (folder / "notes.txt").write_text("not for others")
        (folder / "table.csv").write_text("a,b")
    upload(anna, "anna-folders", tmp_path)
    assert publish(anna, "anna-folders")["published"] == 2
    found = anna.get("/stac/collections/anna-folders/items").json()["features"]
    items = {item["id"]: item for item in found}
    assert set(items) == {"a_20240301T100000", "b_20240302T100000_20240302T110000"}
    first = items["a_20240301T100000"]
    assert first["properties"]["datetime"] == "2024-03-01T10:00:00Z"
    assert set(first["assets"]) == {"data", "table.csv", "thumbnail"}
    assert first["assets"]["table.csv"]["type"] == "text/csv"
    assert items["b_20240302T100000_20240302T110000"]["properties"]["end_datetime"] == "2024-03-02T11:00:00Z"
    execute(anna, "unpublish-collection", {"collection": "anna-folders"})


@pytest.mark.parametrize("collection", ["[]", "{}", '{"title": 5}', '{"extent": "all"}', '{"links": "all"}'])
def test_a_wrong_collection_file_is_refused_or_mended(anna, tmp_path, collection):
    write(tmp_path / "collection.json", collection)
    write_netcdf(tmp_path / "waves.nc")
    upload(anna, "anna-wrong", tmp_path)
    job = execute(anna, "publish-collection", {"collection": "anna-wrong"})
    assert job["status"] == "successful" or "title" in job["message"], job["message"]
    execute(anna, "unpublish-collection", {"collection": "anna-wrong"})
