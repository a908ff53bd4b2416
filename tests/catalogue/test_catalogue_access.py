"""Whom data is for: kept by both stores, changed by who may, announced by answers, not opened by accident."""

import asyncio
import json
import sqlite3

import httpx
import psycopg
import pytest
from catalogue_documents import make_collection, make_item
from jsonschema import Draft7Validator

from geoscope.access import AUDIENCE, PUBLIC, Policy, issue_token
from geoscope.access.tokens import sign, verified_claims
from geoscope.catalogue.copying import copy_catalogue
from geoscope.catalogue.manifest import EDITOR_ROLE, PUBLISHER_ROLE
from geoscope.catalogue.models import Reader, Sharing
from geoscope.catalogue.records import collection_record
from geoscope.catalogue.store import open_store, open_store_at
from geoscope.catalogue.store.pgstac_migration import migrate
from geoscope.catalogue.store.sqlite import SqliteStore

LIMITED = "/stac/collections/limited"
ROLE = "role:DPAD_Direct_Access"
EXTENSION = "https://stac-extensions.github.io/authentication/v1.1.0/schema.json"


def token_of(settings, subject, *roles, entities=()):
    """Return a token as the portal writes it, with the entities that somebody is a member of."""
    claims = verified_claims(settings, issue_token(settings, subject, frozenset(roles)))
    return sign(settings, claims | {"entity": list(entities), "aud": AUDIENCE})


@pytest.fixture
def client_of(running, settings):
    clients = []

    def make(subject=None, *roles, entities=()):
        headers = {}
        if subject:
            headers["Authorization"] = f"Bearer {token_of(settings, subject, *roles, entities=entities)}"
        clients.append(httpx.Client(base_url=running, headers=headers, timeout=30))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def share(settings, sharing):
    async def change():
        store = open_store(settings)
        try:
            await store.change(lambda transaction: transaction.put_sharing("limited", sharing))
        finally:
            store.close()

    asyncio.run(change())


@pytest.fixture
def limited(editor, settings, add_items):
    """A collection of olga's, found by everybody, whose data is for a role; and one for everybody."""
    add_items(make_item("open"), collection="public")
    add_items(
        make_item(
            "closed",
            assets={"data": {"href": "s3://archive/x"}, "see": {"href": "x", "roles": ["thumbnail"]}},
        ),
        collection="limited",
    )

    share(settings, Sharing("user:olga", None, Policy.parse(ROLE)))
    # This process's own change is announced at once.
    assert editor.put(f"{LIMITED}/access", json={"policy": ROLE}).is_success
    yield
    share(settings, Sharing())


def policy_of(client, collection="limited"):
    return client.get(f"/stac/collections/{collection}/access").json()["policy"]


def limited_ones(answer):
    """The documents of an answer that announce the policy, by id; all others must announce nothing."""
    document = answer.json()
    found = document.get("features") or document.get("collections") or document.get("children") or [document]
    announcing = {}
    for one in found:
        fields = one["properties"] if one["type"] == "Feature" else one
        if "geoscope:access" in fields:
            announcing[one["id"]] = fields["geoscope:access"]
            assert EXTENSION in one["stac_extensions"]
            assert fields["auth:schemes"]["geoscope"]["type"] == "openIdConnect"
        else:
            assert "auth:schemes" not in fields
            assert EXTENSION not in one.get("stac_extensions", [])
    return announcing


ANNOUNCING = {
    LIMITED: "limited",
    "/stac/collections": "limited",
    "/stac/children": "limited",
    f"{LIMITED}/items": "closed",
    f"{LIMITED}/items/closed": "closed",
    "/stac/search?limit=100": "closed",
    "/stac/v2/collections": "limited",
    "/stac/v2/collections/limited": "limited",
    "/stac/v2/collections/limited/items": "closed",
    "/stac/v2/collections/limited/items/closed": "closed",
    "/stac/v2/search?limit=100": "closed",
}


@pytest.mark.parametrize("path", ANNOUNCING)
def test_answers_announce_whom_data_is_for_and_everybody_finds_it(client_of, limited, path):
    for client in (client_of(), client_of("rita")):
        assert limited_ones(client.get(path)) == {ANNOUNCING[path]: ROLE}


def test_search_by_body_announces_too(client_of, limited):
    assert limited_ones(client_of().post("/stac/search", json={"limit": 100})) == {"closed": ROLE}
    assert limited_ones(client_of().post("/stac/v2/search", json={"limit": 100})) == {"closed": ROLE}


def test_assets_refer_to_the_scheme_and_the_scheme_says_where_to_ask(client_of, limited, running):
    item = client_of().get(f"{LIMITED}/items/closed").json()
    assert item["assets"]["data"]["auth:refs"] == ["geoscope"]
    assert "auth:refs" not in item["assets"]["see"]
    scheme = item["properties"]["auth:schemes"]["geoscope"]
    assert scheme["openIdConnectUrl"] == f"{running}/.well-known/openid-configuration"
    assert f"{running}/account/requests/new?role=DPAD_Direct_Access" in scheme["description"]
    assert list(item)[-1] == "links"


def test_announcement_is_as_the_extension_says(client_of, limited):
    """Held against what version 1.1.0 of the extension demands of schemes and references."""
    schemes = {
        "type": "object",
        "patternProperties": {
            ".*": {
                "required": ["type"],
                "properties": {
                    "type": {
                        "enum": ["http", "s3", "signedUrl", "oauth2", "apiKey", "openIdConnect"],
                    },
                    "openIdConnectUrl": {"type": "string", "pattern": "^https?://"},
                },
                "if": {"properties": {"type": {"const": "openIdConnect"}}},
                "then": {"required": ["openIdConnectUrl"]},
            }
        },
    }
    for document in (
        client_of().get(LIMITED).json(),
        client_of().get(f"{LIMITED}/items/closed").json()["properties"],
    ):
        Draft7Validator(schemes).validate(document["auth:schemes"])


def test_access_is_told_to_each_asker(client_of, limited):
    askers = {
        False: [
            client_of(),
            client_of("rita"),
            client_of("mia", entities=["DPAD_Direct_Access"]),
            client_of("service:x"),
        ],
        True: [
            client_of("rolf", "DPAD_Direct_Access"),
            client_of("olga"),
            client_of("root", "administrator"),
        ],
    }
    for granted, clients in askers.items():
        for client in clients:
            answer = client.get(f"{LIMITED}/access")
            assert answer.headers["Cache-Control"] == "no-cache"
            assert "Authorization" in answer.headers["Vary"]
            assert answer.json()["granted"] is granted
            assert ("request" in answer.json()) is not granted
            assert bool(answer.json()["places"]) is granted


def test_owner_and_editors_change_the_policy_and_nobody_else(client_of, limited):
    for client, status in [
        (client_of(), 401),
        (client_of("rita"), 403),
        (client_of("rolf", "DPAD_Direct_Access"), 403),
        (client_of("paul", PUBLISHER_ROLE), 403),
    ]:
        assert client.put(f"{LIMITED}/access", json={"policy": "public"}).status_code == status
    assert policy_of(client_of()) == ROLE
    for client, policy in [
        (client_of("olga"), "registered"),
        (client_of("edith", EDITOR_ROLE), "entity:met-office"),
        (client_of("root", "administrator"), "role:no-manifest-has-it"),
    ]:
        assert client.put(f"{LIMITED}/access", json={"policy": policy}).json()["policy"] == policy
        assert limited_ones(client_of().get(LIMITED)) == {"limited": policy}
    assert client_of("olga").put(f"{LIMITED}/access", json={"policy": "public"}).json()["granted"]
    assert limited_ones(client_of().get("/stac/search")) == {}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"policy":1}', b'{"policy":"all"}', b'{"policy":"role:a b"}']
)
def test_what_is_no_policy_is_refused(client_of, limited, body):
    answer = client_of("olga").put(f"{LIMITED}/access", content=body)
    assert answer.status_code == 400, answer.text
    assert policy_of(client_of()) == ROLE


def test_no_collection_has_no_access(client_of, limited):
    assert client_of().get("/stac/collections/none/access").status_code == 404
    assert (
        client_of("edith", EDITOR_ROLE)
        .put("/stac/collections/none/access", json={"policy": "public"})
        .status_code
        == 404
    )


def test_hidden_collection_has_no_access_to_be_told_of(client_of, limited):
    olga = client_of("olga")
    assert olga.put(f"{LIMITED}/sharing", json={"visibility": "private"}).is_success
    assert policy_of(olga) == ROLE
    assert client_of("rolf", "DPAD_Direct_Access").get(f"{LIMITED}/access").status_code == 404
    assert olga.put(f"{LIMITED}/sharing", json={"visibility": "entity", "entity": "met-office"}).is_success
    assert client_of("mia", entities=["met-office"]).get(f"{LIMITED}/items/closed").is_success
    assert client_of("max", entities=["met"]).get(f"{LIMITED}/items/closed").status_code == 404


def test_document_that_is_sent_again_neither_opens_nor_keeps_the_announcement(client_of, limited):
    editor = client_of("edith", EDITOR_ROLE)
    read = editor.get(LIMITED)
    assert (
        editor.put(LIMITED, json=read.json(), headers={"If-Match": read.headers["ETag"]}).status_code == 200
    )
    assert editor.put(LIMITED, json=make_collection("limited")).status_code == 200
    assert (
        editor.put(LIMITED, json=make_collection("limited", **{"geoscope:access": "public"})).status_code
        == 200
    )
    assert editor.patch(LIMITED, json={"geoscope:access": None, "title": "New"}).status_code == 200
    assert editor.patch(LIMITED, json={"geoscope:access": "public"}).status_code == 200
    assert policy_of(editor) == ROLE
    item = editor.get(f"{LIMITED}/items/closed")
    again = editor.put(
        f"{LIMITED}/items/closed", json=item.json(), headers={"If-Match": item.headers["ETag"]}
    )
    assert again.status_code == 200
    assert editor.put(f"{LIMITED}/access", json={"policy": "public"}).is_success
    for document in (editor.get(LIMITED).json(), editor.get(f"{LIMITED}/items/closed").json()):
        assert "auth:" not in json.dumps(document)
        assert "geoscope:access" not in json.dumps(document)


def test_new_collection_can_say_whom_it_is_for(client_of, limited):
    editor = client_of("edith", EDITOR_ROLE)
    new = make_collection("new-one", **{"geoscope:access": "entity:met-office"})
    assert editor.post("/stac/collections", json=new).json()["geoscope:access"] == "entity:met-office"
    assert editor.delete("/stac/collections/new-one").is_success
    assert (
        editor.put("/stac/collections/new-one", json=new, headers={"If-None-Match": "*"}).status_code == 201
    )
    assert policy_of(editor, "new-one") == "entity:met-office"
    assert editor.delete("/stac/collections/new-one").is_success
    assert editor.post("/stac/collections", json=new | {"geoscope:access": "everyone"}).status_code == 400


def test_entity_tag_tells_another_policy(client_of, limited):
    visitor, olga = client_of(), client_of("olga")
    for path in (LIMITED, f"{LIMITED}/items/closed"):
        known = {"If-None-Match": visitor.get(path).headers["ETag"]}
        assert visitor.get(path, headers=known).status_code == 304
        assert olga.put(f"{LIMITED}/access", json={"policy": "registered"}).is_success
        assert visitor.get(path, headers=known).status_code == 200
        assert olga.put(f"{LIMITED}/access", json={"policy": ROLE}).is_success
        assert visitor.get(path, headers=known).status_code == 304


def test_item_cannot_announce_a_policy_of_its_own(client_of, limited):
    editor = client_of("edith", EDITOR_ROLE)
    forged = make_item(
        "forged", properties={"geoscope:access": "role:mine", "auth:schemes": {"own": {"type": "http"}}}
    )
    stored = editor.post("/stac/collections/public/items", json=forged).json()["properties"]
    assert "geoscope:access" not in stored
    assert stored["auth:schemes"] == {"own": {"type": "http"}}


def test_order_of_what_one_may_not_have_is_refused(client_of, limited):
    body = {"id": "closed"}
    for client, status in [
        (client_of(), 401),
        (client_of("rita"), 403),
        (client_of("rolf", "DPAD_Direct_Access"), 404),
    ]:
        answer = client.post("/stac/v2/collections/limited/order", json=body)
        # Who may have it is told that it is online.
        assert answer.status_code == status, answer.text
    refused = client_of("rita").post("/stac/v2/collections/limited/order", json=body)
    assert "DPAD_Direct_Access" in refused.json()["description"]
    assert refused.json()["links"][0]["href"].endswith("/account/requests/new?role=DPAD_Direct_Access")
    assert refused.headers["Cache-Control"] == "no-store"


def test_policies_come_along_with_a_copy(settings, limited, tmp_path):
    async def copy():
        source, target = open_store(settings), open_store_at(str(tmp_path / "copy.sqlite"))
        try:
            assert await copy_catalogue(source, target, "copy", lambda _: None) == []
            return await target.sharing("limited"), await target.policies()
        finally:
            source.close()
            target.close()

    sharing, policies = asyncio.run(copy())
    assert sharing == Sharing("user:olga", None, Policy.parse(ROLE))
    assert policies == {"limited": Policy.parse(ROLE)}


async def _with_old_collection(store):
    record = collection_record(make_collection("old"))
    await store.change(lambda transaction: transaction.put_collection(record))
    sharing = Sharing("user:olga", frozenset({"user:olga"}))
    await store.change(lambda transaction: transaction.put_sharing("old", sharing))
    store.close()


async def _is_complete(store):
    try:
        assert await store.sharing("old") == Sharing("user:olga", frozenset({"user:olga"}), PUBLIC)
        limited = Sharing("user:olga", None, Policy.parse("registered"))
        await store.change(lambda transaction: transaction.put_sharing("old", limited))
        assert await store.policies() == {"old": Policy.parse("registered")}
        assert await store.collection("old", Reader()) is not None
    finally:
        store.close()


def test_sqlite_file_of_version_2_is_brought_up_to_date(tmp_path):
    path = tmp_path / "catalogue.sqlite"
    asyncio.run(_with_old_collection(SqliteStore(path)))
    with sqlite3.connect(path) as connection:
        connection.execute("DROP INDEX limited_collections")
        connection.execute("ALTER TABLE collections DROP COLUMN policy")
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    asyncio.run(_is_complete(SqliteStore(path)))


def test_database_of_schema_1_is_brought_up_to_date(new_database):
    url = new_database()
    asyncio.run(_with_old_collection(open_store_at(url)))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP INDEX geoscope.limited_collections")
        connection.execute("ALTER TABLE geoscope.collections DROP COLUMN policy")
        connection.execute("UPDATE geoscope.migrations SET version = 1")
    migrate(url)
    asyncio.run(_is_complete(open_store_at(url)))
