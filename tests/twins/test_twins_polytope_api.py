"""Requests are durable, are their owner's alone, and their results open by an address that expires."""

import base64
import re
import sqlite3
import threading
import time
from contextlib import closing

import httpx
import orjson
import pytest

from geoscope.access import Principal
from geoscope.errors import TooManyError, UnavailableError
from geoscope.settings import PolytopeSettings, Settings
from geoscope.twins.polytope.kept_request import Status
from geoscope.twins.polytope.requests_kept import MOST_ATTEMPTS, RequestStore
from local_holdings import LocalHoldings
from running import until
from twins.asking import PRESSURE, SERIES, SURFACE, ended, result, state, submit
from twins.twin_store import TwinServer

ADA = Principal("ada", frozenset({"DPAD_Direct_Access"}), frozenset({"met"}), frozenset({"a/b"}))
POINT = SURFACE | {"feature": SERIES}


def ask(twins, path, headers=None, method="GET"):
    return httpx.request(method, f"{twins.address}/api/v1{path}", headers=headers or {}, timeout=30)


# --- States ---


def test_open_routes_say_that_it_is_there(twins):
    assert ask(twins, "/test").json() == {"message": "Polytope server is alive"}
    assert ask(twins, "/collections").json() == {"message": ["destination-earth"]}
    assert httpx.get(f"{twins.address}/?code=a&state=b").status_code == 200


def test_a_request_goes_its_way(twins):
    accepted = submit(twins, POINT)
    assert accepted.status_code == 202
    assert accepted.json() == {"message": "Request queued", "status": "queued"}
    assert accepted.headers["retry-after"] == "5"
    location = accepted.headers["location"]
    assert re.fullmatch(rf"{twins.address}/api/v1/requests/[a-z2-7]{{26}}", location)

    answer = ended(twins, location)
    assert answer.status_code == 303
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told["location"] == answer.headers["location"]
    assert told["contentType"] == "application/prs.coverage+json"

    found = httpx.get(told["location"])
    assert found.status_code == 200
    assert int(found.headers["content-length"]) == told["contentLength"] == len(found.content)
    assert found.headers["content-type"] == "application/prs.coverage+json"
    assert httpx.head(told["location"]).headers["content-length"] == str(told["contentLength"])


def test_a_small_feature_is_there_at_the_first_question(twins, monkeypatch):
    # Longer than any machine takes: what is asked for too early is waited for, and not put off.
    monkeypatch.setattr("geoscope.twins.polytope.routes.MOMENT_S", 30)
    for _ in range(10):
        accepted = submit(twins, POINT)
        assert state(twins, accepted.headers["location"]).status_code == 303


def test_a_resumed_download_gets_the_rest_with_200_and_a_strangers_range_gets_all(twins):
    answer = ended(twins, submit(twins, POINT).headers["location"])
    address = answer.headers["location"]
    whole = httpx.get(address).content
    resumed = httpx.get(address, headers=twins.headers() | {"Range": "bytes=100-"})
    assert (resumed.status_code, resumed.content) == (200, whole[100:])
    assert resumed.headers["content-length"] == str(len(whole) - 100)
    stranger = httpx.get(address, headers={"Range": "bytes=100-"})
    assert (stranger.status_code, stranger.content) == (200, whole)
    beyond = httpx.get(address, headers=twins.headers() | {"Range": "bytes=999999999-"})
    assert (beyond.status_code, beyond.content) == (200, b"")


def test_own_requests_are_listed_and_counted(twins):
    headers = twins.headers("lister")
    accepted = submit(twins, POINT, headers)
    id_ = accepted.headers["location"].rpartition("/")[2]
    ended(twins, accepted.headers["location"], headers)
    for path in ("/requests", "/requests/destination-earth"):
        (listed,) = ask(twins, path, headers).json()["message"]
        assert (listed["id"], listed["status"], listed["verb"]) == (id_, "processed", "retrieve")
    assert ask(twins, "/user", headers).json() == {"live requests": "0"}


def test_a_request_is_nobody_elses(twins):
    location = submit(twins, POINT).headers["location"]
    id_ = location.rpartition("/")[2]
    other = twins.headers("eve")
    assert state(twins, location, other).status_code == 404
    assert ask(twins, f"/requests/{id_}", other, "DELETE").status_code == 404
    assert ask(twins, "/requests", other).json() == {"message": []}
    assert ended(twins, location).status_code == 303


def test_a_revoked_request_and_its_result_are_gone(twins):
    answer = ended(twins, submit(twins, POINT).headers["location"])
    id_ = str(answer.request.url).rpartition("/")[2]
    assert twins.settings.data_dir.joinpath("polytope/results", id_).exists()
    assert ask(twins, f"/requests/{id_}", twins.headers(), "DELETE").json() == {"message": "Request revoked"}
    assert not twins.settings.data_dir.joinpath("polytope/results", id_).exists()
    gone = httpx.get(answer.headers["location"])
    assert (gone.status_code, list(gone.json())) == (410, ["message"])
    assert ask(twins, f"/requests/{id_}", twins.headers()).status_code == 404
    assert ask(twins, "/requests/all", twins.headers(), "DELETE").status_code == 200


def test_results_expire(twins):
    answer = ended(twins, submit(twins, POINT).headers["location"])
    id_ = str(answer.request.url).rpartition("/")[2]
    with sqlite3.connect(twins.settings.data_dir / "polytope" / "requests.sqlite") as connection:
        connection.execute("UPDATE requests SET expires = 1 WHERE id = ?", (id_,))
    assert httpx.get(answer.headers["location"]).status_code == 410


def test_guessed_addresses_open_nothing(twins):
    assert ask(twins, f"/downloads/{'a' * 43}").status_code == 410
    assert ask(twins, "/downloads/..%2f..%2frequests.sqlite").status_code in (404, 410)


# --- Who asks ---


@pytest.mark.parametrize(
    "header",
    [
        "Bearer {}",
        "bearer {}",
        "EmailKey ada@example.org:{}",
        "Basic {basic}",
        "Bearer wrong, EmailKey ada@example.org:{}",
        "EmailKey nobody:none, Bearer {}, Basic bm86bm8=",
    ],
)
def test_credentials_are_taken_as_clients_send_them(twins, header):
    token = twins.token("carol")
    basic = base64.b64encode(f"anonymous:{token}".encode()).decode()
    headers = {"Authorization": header.format(token, basic=basic)}
    assert ask(twins, "/user", headers).json() == {"live requests": "0"}


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer a.b.c", "Basic ???", "EmailKey x:y", "Digest z"]
)
def test_without_valid_credentials_nothing_is_told(twins, header):
    headers = {} if header is None else {"Authorization": header}
    for path in ("/user", "/requests", "/requests/abc"):
        answer = ask(twins, path, headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert list(answer.json()) == ["message"]
    assert submit(twins, POINT, headers or {"X-None": "1"}).status_code == 401


def test_data_that_is_not_for_the_asker_is_refused_and_given_to_those_who_may(
    twin_store, tmp_path, monkeypatch
):
    folder, documents, _ = twin_store
    collection = POINT and next(path for path in documents if path.endswith(".R1"))
    closed = dict(documents)
    for path, document in documents.items():
        if path.startswith(f"{collection}/items/"):
            closed[path] = document | {
                "properties": document["properties"]
                | {"geoscope:access": {"policy": "role:DPAD_Direct_Access"}}
            }
    place = f"s3://demo/{collection.rpartition('/')[2]}"
    access = {"granted": False, "policy": "role:DPAD_Direct_Access", "places": [place]}
    closed[f"{collection}/access"] = access
    server = TwinServer(tmp_path, folder, closed)
    with server.running(monkeypatch):
        refused = submit(server, POINT)
        assert refused.status_code == 403
        assert "DPAD_Direct_Access" in refused.json()["message"]
        assert ask(server, "/requests", server.headers()).json() == {"message": []}
    closed[f"{collection}/access"] = access | {"granted": True}
    other = TwinServer(tmp_path / "other", folder, closed)
    with other.running(monkeypatch):
        assert result(other, POINT, other.headers("ada", "DPAD_Direct_Access")).status_code == 200


# --- What is wrong is said at once ---


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"no json", 400, "no valid JSON"),
        (b"[]", 400, "The body has no request"),
        (b'{"verb": "archive", "request": {}}', 400, "verb: 'archive' is not offered"),
        (b'{"request": "a: [1"}', 400, "no valid YAML"),
        (b'{"request": 7}', 400, "no object of keys and values"),
        (b'{"request": {"class": "d1", "dataset": "climate"}}', 400, "Did you mean climate-dt?"),
        (
            orjson.dumps({"request": SURFACE | {"grid": "O32"}}),
            400,
            "grid: fields are given on their own grid",
        ),
        (orjson.dumps({"request": SURFACE | {"area": [60, 0, 40, 20]}}), 400, "area: fields are given"),
        (orjson.dumps({"request": POINT | {"format": "netcdf"}}), 400, "format: this is answered as covjson"),
        (b'{"request": "' + b"a" * 2_100_000 + b'"}', 413, "too long"),
    ],
)
def test_bad_bodies(twins, body, status, said):
    answer = httpx.post(
        f"{twins.address}/api/v1/requests/destination-earth",
        content=body,
        headers=twins.headers(),
        timeout=30,
    )
    assert answer.status_code == status
    assert list(answer.json()) == ["message"]
    assert said in answer.json()["message"]


def test_other_collections_and_paths_are_not_there(twins):
    answer = submit(twins, POINT, collection="ecmwf-mars")
    assert answer.status_code == 404
    assert "There is destination-earth" in answer.json()["message"]
    assert list(ask(twins, "/nowhere").json()) == ["message"]


def test_limits_are_kept(twin_store, tmp_path, monkeypatch):
    folder, documents, _ = twin_store
    server = TwinServer(tmp_path, folder, documents)
    limits = {"max_values": 100, "max_field_bytes": 10_000, "max_bytes_per_user": 1000}
    server.settings = Settings(data_dir=tmp_path, polytope=PolytopeSettings(**limits))
    with server.running(monkeypatch):
        many = submit(server, POINT | {"date": "20210101/to/20210131", "time": "0/to/23"})
        assert (many.status_code, "744 values; 100 are allowed" in many.json()["message"]) == (413, True)
        whole = submit(server, SURFACE)
        assert (whole.status_code, "GB are allowed" in whole.json()["message"]) == (413, True)
        box = {"type": "boundingbox", "points": [[-40, -40], [40, 40]]}
        area = ended(server, submit(server, SURFACE | {"feature": box}).headers["location"])
        assert (area.status_code, "values; 100 are allowed" in area.json()["message"]) == (400, True)
        result(server, POINT)
        full = ended(server, submit(server, POINT).headers["location"])
        assert (full.status_code, "too much room" in full.json()["message"]) == (400, True)
        assert [path.suffix for path in (tmp_path / "polytope" / "results").iterdir()] == [""]


# --- What can be asked for ---


def test_queryables_are_narrowed_by_what_is_chosen(twins):
    def told(**chosen):
        answer = httpx.get(f"{twins.url}/twins/queryables", params=chosen)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/schema+json"
        return answer.json()["properties"]

    assert told()["ecmwf:dataset"]["enum"] == ["climate-dt", "extremes-dt"]
    narrowed = told(**{"ecmwf:dataset": "climate-dt", "ecmwf:levtype": "pl"})
    assert narrowed["ecmwf:model"] == {"title": "model", "type": "string", "const": "ifs-nemo"}
    assert narrowed["ecmwf:levelist"]["items"]["enum"] == ["1000", "850", "500", "250"]
    wrong = httpx.get(f"{twins.url}/twins/queryables", params={"collection": "nothing"})
    assert (wrong.status_code, list(wrong.json())) == (404, ["message"])


# --- The queue ---


@pytest.fixture
def store(tmp_path):
    return RequestStore(tmp_path / "requests.sqlite")


def test_who_has_less_at_work_comes_first(store):
    first = [store.add(ADA, {"n": n}, 10).id for n in range(3)]
    bob = store.add(Principal("bob"), {}, 10).id
    assert [store.claim().id for _ in range(4)] == [first[0], bob, first[1], first[2]]
    assert store.claim() is None


def test_a_principal_comes_back_with_all_that_was_granted(store):
    assert store.find(store.add(ADA, {}, 1).id, "ada").principal == ADA


def test_one_has_no_more_at_a_time_than_allowed(store):
    store.add(ADA, {}, 1)
    with pytest.raises(TooManyError, match="1 of your requests are not answered yet"):
        store.add(ADA, {}, 1)
    store.add(Principal("bob"), {}, 1)


def test_many_claims_at_once_give_each_request_once(store):
    ids = {store.add(ADA, {}, 100).id for _ in range(40)}
    found = []

    def claim():
        while (kept := store.claim()) is not None:
            found.append(kept.id)

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(ids)


def test_what_was_at_work_is_taken_back_but_not_for_ever(store):
    id_ = store.add(ADA, {}, 1).id
    for _ in range(MOST_ATTEMPTS):
        assert store.claim().id == id_
        store.take_back()
    kept = store.find(id_, "ada")
    assert (kept.status, kept.message) == (Status.FAILED, "It was interrupted several times.")


def test_a_request_revoked_at_work_is_not_finished(store):
    id_ = store.add(ADA, {}, 1).id
    store.claim()
    assert store.remove(id_, "ada")
    assert not store.finish(id_, "text/plain", 1, 60)
    assert store.find(id_, "ada") is None


def test_what_has_expired_is_known_for_a_while_and_then_forgotten(store):
    id_ = store.add(ADA, {}, 1).id
    store.claim()
    assert store.finish(id_, "text/plain", 5, -10)
    assert store.bytes_of("ada") == 5
    assert store.expire(forget_after_s=60) == set()
    assert store.find(id_, "ada").status is Status.EXPIRED
    assert store.bytes_of("ada") == 0
    store.expire(forget_after_s=1)
    assert store.find(id_, "ada") is None


def test_a_started_service_takes_up_what_was_left(twin_store, tmp_path, monkeypatch):
    """A process that is killed leaves its request at work and a part of the result."""
    folder, documents, _ = twin_store
    server = TwinServer(tmp_path, folder, documents)
    left = RequestStore(tmp_path / "polytope" / "requests.sqlite")
    id_ = left.add(Principal("ada"), {"request": PRESSURE | {"levelist": "500", "feature": SERIES}}, 9).id
    left.claim()
    results = tmp_path / "polytope" / "results"
    results.mkdir()
    (results / "nobody.part").write_bytes(b"half")
    with server.running(monkeypatch):
        answer = ended(server, f"{server.address}/api/v1/requests/{id_}")
        assert answer.status_code == 303
        assert httpx.get(answer.headers["location"]).json()["domainType"] == "PointSeries"
        assert [path.name for path in results.iterdir()] == [id_]


def test_a_queue_that_cannot_be_written_for_a_while_loses_nothing(twin_store, tmp_path, monkeypatch):
    """As while the disk is full: what was at work ends later, and what comes after is answered too."""
    monkeypatch.setattr("geoscope.twins.polytope.requests_kept.BUSY_TIMEOUT_S", 0.05)
    monkeypatch.setattr("geoscope.twins.polytope.desk.LOOK_AGAIN_S", 0.1)
    folder, documents, _ = twin_store
    server = TwinServer(tmp_path, folder, documents)
    path = tmp_path / "polytope" / "requests.sqlite"
    with server.running(monkeypatch), closing(sqlite3.connect(path, isolation_level=None)) as other:
        fields = submit(server, SURFACE).headers["location"]
        # Read from the file: the answer to a question may wait until there is nothing left to disturb.
        until(lambda: other.execute("SELECT status FROM requests").fetchone() == ("processing",))
        other.execute("BEGIN IMMEDIATE")
        time.sleep(2)  # the encoder has started and ended meanwhile
        other.execute("ROLLBACK")
        assert ended(server, fields).status_code == 303
        assert result(server, POINT).json()["domainType"] == "PointSeries"


def test_a_catalogue_that_does_not_answer_yet_is_waited_for(twin_store, tmp_path, monkeypatch):
    """As after a restart: the queue is taken up before the catalogue, in the same process, listens."""
    folder, documents, _ = twin_store
    refused = []

    async def starting(holdings, path, _authorization):
        if len(refused) < 2:
            refused.append(path)
            raise UnavailableError("The catalogue does not answer.")
        return await answered(holdings, path, _authorization)

    answered = LocalHoldings._ask_catalogue
    monkeypatch.setattr(LocalHoldings, "_ask_catalogue", starting)
    server = TwinServer(tmp_path, folder, documents)
    left = RequestStore(tmp_path / "polytope" / "requests.sqlite")
    id_ = left.add(Principal("ada"), {"request": POINT}, 9).id
    with server.running(monkeypatch):
        answer = ended(server, f"{server.address}/api/v1/requests/{id_}")
    assert answer.status_code == 303
    assert refused
