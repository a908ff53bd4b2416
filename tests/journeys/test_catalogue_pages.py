"""A person's way through the catalogue's pages, in real Chromium: find, filter, order, publish."""

import re
from pathlib import Path

import boto3
import httpx
import numpy as np
import pytest
import rasterio
from playwright.sync_api import expect
from rasterio.transform import from_origin

from chromium import faults_in_every_look, new_context
from geoscope.access import ADMINISTRATOR, issue_token
from geoscope.secrets import read_s3_keys

TAPED = "demo/uk-met-office-scenarios/a1b.zarr/zarr.json"


@pytest.fixture(scope="module")
def session(platform, browser, tmp_path_factory):
    """The cookies of the administrator, who has signed in."""
    context = new_context(browser, base_url=platform.url)
    page = context.new_page()
    page.goto(platform.run("login-link").stdout.strip())
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("banner")).to_contain_text("administrator")
    file = tmp_path_factory.mktemp("session") / "state.json"
    context.storage_state(path=file)
    context.close()
    return file


@pytest.fixture
def open_page(platform, browser):
    """Open pages and fail on whatever the browser complains about."""
    contexts, complaints = [], []

    def open_page(path, **options):
        context = new_context(browser, base_url=platform.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def editor(platform):
    token = issue_token(platform.settings, "test", frozenset({ADMINISTRATOR}))
    with httpx.Client(base_url=platform.url, headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


def put_collection(editor, id_, title, items):
    document = {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": id_,
        "title": title,
        "description": "For a journey.",
        "license": "CC-BY-4.0",
        "links": [],
        "extent": {"spatial": {"bbox": [[0, 40, 20, 55]]}, "temporal": {"interval": [[None, None]]}},
    }
    editor.post("/stac/collections", json=document).raise_for_status()
    for item in items:
        editor.post(f"/stac/collections/{id_}/items", json=item).raise_for_status()


def scene(collection, number, properties, assets=None):
    west, south = number % 6 * 3, 40 + number // 6 * 3
    ring = [[west, south], [west + 2, south], [west + 2, south + 2], [west, south + 2], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"scene-{number:02}",
        "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, west + 2, south + 2],
        "links": [],
        "assets": assets or {},
        "properties": {"datetime": f"2024-{number % 12 + 1:02}-10T10:00:00Z", **properties},
    }


@pytest.fixture(scope="module")
def archive(editor):
    id_ = "journey-archive"
    items = [
        scene(
            id_,
            number,
            {
                "title": f"Scene {number}",
                "platform": f"sentinel-2{'ab'[number % 2]}",
                "eo:cloud_cover": 3.5 * number,
            },
        )
        for number in range(24)
    ]
    put_collection(editor, id_, "Archive of scenes", items)
    yield id_
    editor.delete(f"/stac/collections/{id_}").raise_for_status()


@pytest.fixture(scope="module")
def tapes(editor):
    id_ = "journey-tapes"
    asset = {"href": f"s3://{TAPED}", "title": "zarr.json", "type": "application/json", "roles": ["data"]}
    about = {"title": "Taped product", "storage:tier": "offline", "order:status": "orderable"}
    put_collection(editor, id_, "Tapes", [scene(id_, 1, about, {"data": asset})])
    yield id_
    editor.delete(f"/stac/collections/{id_}").raise_for_status()


def test_filters_by_keyboard_keep_the_focus_and_the_address(open_page, archive):
    page = open_page(f"/explore/products?collection={archive}")
    expect(page.locator("#results")).to_contain_text("24 products")
    expect(page.locator("geo-map")).to_have_attribute("data-state", "ready")
    page.get_by_label("Platform").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#results")).to_contain_text("12 products")
    expect(page.get_by_label("Platform")).to_be_focused()
    expect(page).to_have_url(re.compile("eq.platform=sentinel-2a"))
    page.get_by_label("Cloud cover, %: at most").fill("20")
    page.keyboard.press("Tab")
    expect(page.locator("#results")).to_contain_text("3 products")
    page.go_back()
    expect(page.locator("#results")).to_contain_text("12 products")


def test_everything_works_without_script(open_page, archive):
    page = open_page("/explore", java_script_enabled=False)
    page.get_by_role("searchbox").fill("archive scenes")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Archive of scenes").click()
    page.get_by_role("link", name="Find products").click()
    page.get_by_label("Platform").select_option("sentinel-2b")
    page.get_by_role("button", name="Apply").first.click()
    expect(page.locator("#results")).to_contain_text("12 products")
    page.get_by_label("Sort").select_option("clearest")
    page.get_by_role("button", name="Apply").first.click()
    expect(page.locator(".result-list h3").first).to_have_text("Scene 1")


def test_bars_of_the_histogram_narrow_the_time(open_page, archive):
    page = open_page(f"/explore/products?collection={archive}")
    page.get_by_role("link", name="March 2024: 2 products").click()
    expect(page.locator("#results")).to_contain_text("2 products")
    expect(page.locator("#start")).to_have_value("2024-03-01")


def test_ordered_product_comes_and_is_downloaded(open_page, platform, session, tapes):
    page = open_page(f"/explore/collections/{tapes}/items/scene-01", storage_state=session)
    page.get_by_role("button", name="Order").click()
    expect(page).to_have_url(re.compile(r"/orders#[0-9a-f-]{36}$"))
    expect(page.locator("#orders")).to_contain_text("Ready")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    original = httpx.get(f"{platform.url}/data/{TAPED}").raise_for_status()
    assert Path(download.value.path()).read_bytes() == original.content
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#orders")).to_contain_text("No longer kept")


@pytest.fixture(scope="module")
def folder(platform, tmp_path_factory):
    """A folder of the administrator's bucket with two rasters and a file that is none."""
    keys = read_s3_keys(platform.settings, "administrator")
    client = boto3.client(
        "s3",
        endpoint_url=platform.s3_url,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        region_name="us-east-1",
    )
    files = tmp_path_factory.mktemp("rasters")
    values = np.linspace(1, 9000, 256 * 256).reshape(1, 256, 256).astype("uint16")
    for day in (1, 2):
        path = files / f"index_2026060{day}.tif"
        shape = {"driver": "COG", "width": 256, "height": 256, "count": 1, "dtype": "uint16"}
        place = {"crs": "EPSG:32632", "transform": from_origin(500_000 + day * 60_000, 5_400_000, 200, 200)}
        with rasterio.open(path, "w", **shape, **place) as raster:
            raster.write(values)
    (files / "broken.tif").write_text("not a raster")
    for path in sorted(files.iterdir()):
        client.upload_file(str(path), "home-administrator", f"journey/{path.name}")
    return "journey"


def test_folder_is_previewed_published_shared_and_removed(open_page, platform, session, folder):
    page = open_page("/publish", storage_state=session)
    page.get_by_role("link", name="home-administrator").click()
    page.get_by_role("link", name=folder).click()
    page.get_by_label("Title").fill("Index of a journey")
    page.get_by_label("Identifier").fill("journey-index")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2 products would be published")
    expect(page.get_by_role("main")).to_contain_text("broken.tif")
    page.get_by_role("button", name="Publish now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("journey-index is published")
    page.get_by_role("link", name="See the dataset").click()

    # The picture of a private product is asked for by the browser itself, which has a session and no token.
    expect(page.locator(".card img.picture")).to_have_count(2)
    page.locator(".card img.picture").first.scroll_into_view_if_needed()
    loaded = "() => [...document.querySelectorAll('.card img.picture')].every(image => image.naturalWidth)"
    page.wait_for_function(loaded)
    picture = page.locator(".card img.picture").first.get_attribute("src")
    address = f"{platform.url}/explore/collections/journey-index"
    assert httpx.get(picture).status_code == httpx.get(address).status_code == 404

    page.goto("/publish")
    page.get_by_label("Who finds it").select_option("public")
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_label("Who finds it")).to_have_value("public")
    assert httpx.get(picture).status_code == httpx.get(address).status_code == 200

    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The dataset is removed")
    assert httpx.get(address).status_code == 404


SETTLED = """() => [...document.querySelectorAll("geo-map")]
    .every(map => map.dataset.state && map.dataset.state !== "loading")
    && document.getAnimations().every(animation => animation.playState !== "running")"""
PAGES = ["/explore/products?collection=journey-archive", "/status", "/orders", "/publish?folder=s3://demo"]


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_no_serious_fault(browser, platform, session, path):
    context = new_context(
        browser,
        color_scheme="light",
        reduced_motion="reduce",
        base_url=platform.url,
        bypass_csp=True,
        storage_state=session,
    )
    page = context.new_page()
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.wait_for_function(SETTLED)
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    found = faults_in_every_look(page)
    context.close()
    assert found == {}
