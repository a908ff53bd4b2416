"""Orders of local items, from the request to the download, with everything that can go wrong on the way."""

import hashlib
import io
import sqlite3
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from order_installation import content, until

COLLECTION = "/stac/v2/collections/EO.TEST.DAT.OFFLINE"


def new_id():
    return f"item-{uuid.uuid4().hex[:8]}"


def test_an_order_goes_from_the_retrieve_link_to_the_download(anna, origin, publish, ended):
    id_ = publish(new_id(), f"{origin.url}/good/20000000/a.grib", type="application/x-grib")
    item = anna.get(f"{COLLECTION}/items/{id_}").json()
    assert item["properties"]["storage:tier"] == "offline"
    assert item["properties"]["order:status"] == "orderable"
    assert set(item["assets"]) == {"thumbnail"}
    [retrieve] = [link for link in item["links"] if link["rel"] == "retrieve"]
    assert (retrieve["method"], retrieve["type"]) == ("POST", "application/geo+json")

    ordered = anna.post(retrieve["href"], json=retrieve["body"])
    assert (ordered.status_code, ordered.headers["Content-Type"]) == (200, "application/geo+json")
    ordered = ordered.json()
    assert uuid.UUID(ordered["id"])
    assert ordered["properties"]["order:status"] in ("ordered", "shipping")
    [itself] = [link["href"] for link in ordered["links"] if link["rel"] == "self"]

    order = ended(ordered)
    assert (order["status"], order["progress"]) == (
        "succeeded",
        {"percent": 100, "bytes": 20_000_000, "bytesTotal": 20_000_000},
    )
    polled = anna.get(itself)
    assert polled.headers["Content-Type"] == "application/geo+json"
    asset = polled.json()["assets"]["downloadLink"]
    downloaded = anna.get(asset["href"])
    wanted = content("a.grib", 20_000_000)
    assert downloaded.content == wanted
    assert downloaded.headers["Content-Disposition"] == 'attachment; filename="a.grib"'
    assert downloaded.headers["Content-Length"] == "20000000"
    assert downloaded.headers["Content-Type"] == "application/x-grib"
    assert asset["file:checksum"] == "1220" + hashlib.sha256(wanted).hexdigest()


def test_ranges_of_a_product(anna, origin, publish, order, ended):
    ordered = order(publish(new_id(), f"{origin.url}/good/1000/r.bin"))
    ended(ordered)
    href = f"/stac/v2/data/geoscope/EO.TEST.DAT.OFFLINE/{ordered['id']}/downloadLink"
    wanted = content("r.bin", 1000)
    head = anna.head(href)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "1000", b"")
    part = anna.get(href, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.headers["Content-Range"], part.content) == (
        206,
        "bytes 10-19/1000",
        wanted[10:20],
    )
    assert anna.get(href, headers={"Range": "bytes=-5"}).content == wanted[-5:]
    assert anna.get(href, headers={"Range": "bytes=990-5000"}).content == wanted[990:]
    assert anna.get(href, headers={"Range": "bytes=1000-"}).status_code == 416
    same = {"Range": "bytes=0-1", "If-Range": head.headers["ETag"]}
    assert anna.get(href, headers=same).status_code == 206
    assert anna.get(href, headers=same | {"If-Range": '"other"'}).content == wanted
    assert anna.get(href, headers={"If-None-Match": head.headers["ETag"]}).status_code == 304


def test_identical_orders_at_once_are_one(installation, anna, origin, publish, ended):
    id_ = publish(new_id(), f"{origin.url}/good/1000/same-{uuid.uuid4()}.bin")

    def place(_):
        with installation.client("anna") as client:
            return client.post(f"{COLLECTION}/order", json={"id": id_}).json()["id"]

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(place, range(16)))
    assert len(ids) == 1
    [id_of_order] = ids
    assert ended({"id": id_of_order})["status"] == "succeeded"
    assert place(0) == id_of_order
    with installation.client("bernd") as bernd:
        assert bernd.post(f"{COLLECTION}/order", json={"id": id_}).json()["id"] != id_of_order


def test_nobody_else_finds_an_order(installation, anna, origin, publish, order, ended):
    ordered = order(publish(new_id(), f"{origin.url}/good/1000/mine.bin"))
    ended(ordered)
    paths = [
        f"{COLLECTION}/items/{ordered['id']}",
        f"/stac/v2/data/geoscope/EO.TEST.DAT.OFFLINE/{ordered['id']}/downloadLink",
    ]
    for client in (installation.client("eve"), installation.client()):
        with client:
            assert [client.get(path).status_code for path in paths] == [404, 404]
    with installation.client("eve") as eve:
        assert eve.get(f"/stac/v2/orders/{ordered['id']}").status_code == 404
        assert eve.delete(f"/stac/v2/orders/{ordered['id']}").status_code == 404
        assert eve.get("/stac/v2/orders").json()["numberMatched"] == 0
    assert anna.get(paths[0]).status_code == 200


def test_a_stranger_is_asked_to_sign_in(installation, origin, publish):
    id_ = publish(new_id(), f"{origin.url}/good/1000/x.bin")
    with installation.client() as stranger:
        answer = stranger.post(f"{COLLECTION}/order", json={"id": id_})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert set(answer.json()) == {"code", "ticket", "description"}
        assert "token" in answer.json()["description"]
        assert stranger.get("/stac/v2/orders").status_code == 401


@pytest.mark.parametrize("part", ["worker", "services", "object-store"])
def test_an_order_survives_the_death_of_a_process(part, installation, anna, origin, publish, order, ended):
    name = f"{part}.bin"
    ordered = order(publish(new_id(), f"{origin.url}/slow/15000000/{name}"))
    until(lambda: anna.get(f"/stac/v2/orders/{ordered['id']}").json()["progress"]["bytes"] > 1_000_000)
    installation.kill(part)
    {
        "worker": installation.start_worker,
        "services": installation.start_services,
        "object-store": installation.start_object_store,
    }[part]()
    order = ended(ordered, timeout_s=120)
    assert (order["status"], order["message"]) == ("succeeded", "Ready to be downloaded.")
    href = anna.get(f"{COLLECTION}/items/{ordered['id']}").json()["assets"]["downloadLink"]["href"]
    assert anna.get(href).content == content(name, 15_000_000)


def test_an_order_waits_for_the_worker(installation, anna, origin, publish, order, ended):
    installation.kill("worker")
    ordered = order(publish(new_id(), f"{origin.url}/good/1000/waiting.bin"))
    assert ordered["properties"]["order:status"] == "ordered"
    installation.start_worker()
    assert ended(ordered)["status"] == "succeeded"


def test_a_source_that_breaks_off_is_taken_up_where_it_broke(anna, origin, publish, order, ended):
    ordered = order(publish(new_id(), f"{origin.url}/breaks/4000000/broken.bin"))
    assert ended(ordered)["status"] == "succeeded"
    ranges = [asked for name, asked in origin.asked if name == "broken.bin"]
    assert len(ranges) == 2
    assert 0 < int(ranges[1].removeprefix("bytes=").rstrip("-")) <= 2_000_000
    href = anna.get(f"{COLLECTION}/items/{ordered['id']}").json()["assets"]["downloadLink"]["href"]
    assert anna.get(href).content == content("broken.bin", 4_000_000)


def test_a_source_without_ranges_is_fetched_anew(anna, origin, publish, order, ended):
    ordered = order(publish(new_id(), f"{origin.url}/no-ranges/4000000/again.bin"))
    assert ended(ordered)["status"] == "succeeded"
    assert origin.count("again.bin") == 2
    href = anna.get(f"{COLLECTION}/items/{ordered['id']}").json()["assets"]["downloadLink"]["href"]
    assert anna.get(href).content == content("again.bin", 4_000_000)


@pytest.mark.parametrize(
    ("manner", "size", "words"),
    [
        ("refuses", 1, "status 404"),
        ("redirects", 1, "may not be fetched from http://169.254.169.254"),
        ("good", 70_000_000, "larger than the"),
        ("endless", 1, "larger than the"),
    ],
)
def test_a_source_that_does_not_deliver_says_why(
    installation, manner, size, words, origin, publish, order, ended
):
    with installation.client("carla") as carla:
        ordered = order(publish(new_id(), f"{origin.url}/{manner}/{size}/bad.bin"), carla)
        order = ended(ordered, carla)
        assert order["status"] == "failed"
        assert words in order["message"]
        item = carla.get(f"{COLLECTION}/items/{ordered['id']}").json()
        assert (item["properties"]["order:status"], item["assets"]) == ("failed", {})
    assert not objects_of(installation, ordered)


def test_a_file_that_is_not_what_its_item_says_is_not_delivered(origin, publish, order, ended, installation):
    wrong = publish(new_id(), f"{origin.url}/good/1000/wrong.bin", **{"file:checksum": "1220" + "0" * 64})
    ordered = order(wrong)
    order = ended(ordered)
    assert (order["status"], "is not what its item says" in order["message"]) == ("failed", True)
    assert not objects_of(installation, ordered)


def test_an_order_that_is_canceled_while_shipping_leaves_nothing(installation, anna, origin, publish, order):
    ordered = order(publish(new_id(), f"{origin.url}/slow/40000000/canceled.bin"))
    until(lambda: anna.get(f"/stac/v2/orders/{ordered['id']}").json()["progress"]["bytes"] > 0)
    assert anna.delete(f"/stac/v2/orders/{ordered['id']}").json()["status"] == "canceled"
    until(lambda: no_delivery_runs(installation))
    assert origin.count("canceled.bin") == 1
    assert not objects_of(installation, ordered)
    assert anna.get(f"/stac/v2/orders/{ordered['id']}").json()["status"] == "canceled"
    again = anna.post(
        f"{COLLECTION}/order", json=anna.get(f"/stac/v2/orders/{ordered['id']}").json()["request"]
    )
    assert again.json()["id"] != ordered["id"]
    anna.delete(f"/stac/v2/orders/{again.json()['id']}")


def test_a_delivered_product_is_removed_when_it_is_not_wanted_any_more(
    installation, anna, origin, publish, order, ended
):
    ordered = order(publish(new_id(), f"{origin.url}/good/1000/unwanted.bin"))
    ended(ordered)
    assert objects_of(installation, ordered)
    assert anna.delete(f"/stac/v2/orders/{ordered['id']}").json()["status"] == "expired"
    until(lambda: not objects_of(installation, ordered))
    assert anna.get(f"{COLLECTION}/items/{ordered['id']}").status_code == 404


def test_a_product_is_removed_when_its_time_is_over(installation, anna, origin, publish, order, ended):
    ordered = order(publish(new_id(), f"{origin.url}/good/1000/old.bin"))
    ended(ordered)
    with sqlite3.connect(installation.settings.data_dir / "catalogue" / "orders.sqlite") as orders:
        orders.execute(
            "UPDATE orders SET expires = '2026-01-01T00:00:00.000Z' WHERE id = ?", (ordered["id"],)
        )
    until(lambda: not objects_of(installation, ordered))
    assert anna.get(f"/stac/v2/orders/{ordered['id']}").json()["status"] == "expired"
    assert anna.get(f"{COLLECTION}/items/{ordered['id']}").status_code == 404


def test_several_files_are_delivered_as_one_archive(anna, origin, publish, order, ended):
    names = ["one.tif", "two.tif"]
    ordered = order(publish(new_id(), *(f"{origin.url}/good/3000000/{name}" for name in names)))
    assert ended(ordered)["status"] == "succeeded"
    asset = anna.get(f"{COLLECTION}/items/{ordered['id']}").json()["assets"]["downloadLink"]
    assert asset["type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(anna.get(asset["href"]).content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            name: content(name, 3_000_000) for name in names
        }


def test_a_product_of_the_archive_is_delivered_from_the_object_store(
    installation, anna, publish, order, ended
):
    body = content("archived", 12_000_000)
    installation.bucket("archive").put("cold/a b.nc", body)
    ordered = order(publish(new_id(), "s3://archive/cold/a%20b.nc"))
    assert ended(ordered)["status"] == "succeeded"
    asset = anna.get(f"{COLLECTION}/items/{ordered['id']}").json()["assets"]["downloadLink"]
    download = anna.get(asset["href"])
    assert (download.content == body, download.headers["Content-Disposition"]) == (
        True,
        'attachment; filename="a_b.nc"',
    )


@pytest.mark.parametrize(
    ("href", "words"),
    [
        ("https://elsewhere.example.org/x.bin", "may not be fetched from https://elsewhere.example.org"),
        ("http://127.0.0.1:1/x.bin", "may not be fetched from http://127.0.0.1"),
        ("s3://home-administrator/secret", "may not be fetched from the bucket 'home-administrator'"),
        ("s3://products/orders/other", "may not be fetched from the bucket 'products'"),
        ("file:///etc/passwd", "may not be fetched"),
    ],
)
def test_items_cannot_point_where_nothing_may_be_fetched(href, words, anna, publish):
    answer = anna.post(f"{COLLECTION}/order", json={"id": publish(new_id(), href)})
    assert (answer.status_code, answer.json()["code"]) == (422, "422")
    assert words in answer.json()["description"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("EO.TEST.DAT.OFFLINE", b"{", 400),
        ("EO.TEST.DAT.OFFLINE", b"[]", 400),
        ("EO.TEST.DAT.OFFLINE", b"{}", 400),
        ("EO.TEST.DAT.OFFLINE", b'{"id": "x", "federation:backends": "geoscope"}', 400),
        ("EO.TEST.DAT.OFFLINE", b'{"id": "no-such-item"}', 404),
        ("EO.TEST.DAT.OFFLINE", b'{"class": "d1", "date": "20260528"}', 404),
        ("EO.NO.SUCH.COLLECTION", b'{"id": "x"}', 404),
        ("EO.TEST.DAT.OFFLINE", b'{"id": "' + b"x" * 70_000 + b'"}', 413),
        ("EO.TEST.DAT.OFFLINE", b'{"id": "\xff"}', 400),
        ("EO.TEST.DAT.OFFLINE", b'{"id": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400),
    ],
)
def test_bad_orders_are_refused_clearly(path, body, status, anna):
    answer = anna.post(f"/stac/v2/collections/{path}/order", content=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == str(status)
    assert len(answer.json()["ticket"]) == 8


def test_a_user_has_only_so_many_orders_at_once(installation, origin, publish):
    with installation.client("dora") as dora:
        ids = [publish(new_id(), f"{origin.url}/slow/9000000/dora{number}.bin") for number in range(6)]
        answers = [dora.post(f"{COLLECTION}/order", json={"id": id_}) for id_ in ids]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        listed = dora.get("/stac/v2/orders").json()
        assert [order["request"]["id"] for order in listed["orders"]] == ids[4::-1]
        for order in listed["orders"]:
            assert dora.delete(f"/stac/v2/orders/{order['id']}").status_code == 200
        assert dora.get("/stac/v2/orders", params={"status": "canceled"}).json()["numberMatched"] == 5
        assert dora.get("/stac/v2/orders", params={"status": "wrong"}).status_code == 400

        seen, href = [], "/stac/v2/orders?limit=2"
        while href:
            page = dora.get(href).json()
            seen += [order["request"]["id"] for order in page["orders"]]
            href = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
        assert seen == ids[4::-1]
        assert dora.get("/stac/v2/orders?token=wrong").status_code == 400


def objects_of(installation, ordered):
    bucket = installation.bucket("products")
    return [found["path"] for page in bucket.list(f"orders/{ordered['id']}") for found in page]


def no_delivery_runs(installation):
    with installation.administrator() as administrator:
        jobs = administrator.get("/jobs", params={"status": ["accepted", "running"]}).json()["jobs"]
    return not [job for job in jobs if job["processID"] == "deliver-order"]
