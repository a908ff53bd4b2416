"""Keys that live long: made and revoked by API and on the page, and what becomes of them in every fault."""

import html
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import psutil
import pytest
from botocore.exceptions import ClientError
from cloud import PASSWORD, denied_within, put

from running import answers, until


@pytest.fixture
def name(cloud):
    return cloud.person()


def listed(s3, name):
    return s3.list_objects_v2(Bucket=f"home-{name}")


def test_a_key_works_at_once_and_its_secret_is_told_once(cloud, name):
    key, s3 = cloud.long_lived(name, name="nightly run")
    assert put(s3, f"home-{name}") == b"Hello!"
    buckets = {each["Name"] for each in s3.list_buckets()["Buckets"]}
    assert buckets == {"demo", "public-twins", f"home-{name}"}
    told = cloud.keys("GET", name).json()
    assert told["endpoint"] == cloud.platform.s3_url
    assert told["buckets"] == [f"home-{name}"]
    assert [each["access_key"] for each in told["keys"]] == [key["access_key"]]
    assert "secret" not in cloud.keys("GET", name).text


def test_a_key_opens_what_its_user_may_open_and_no_more(cloud, name, refused):
    other = cloud.person()
    put(cloud.long_lived(other)[1], f"home-{other}")
    key, s3 = cloud.long_lived(name)
    assert refused(listed, s3, other) == "AccessDenied"
    assert refused(s3.create_bucket, Bucket="mine") == "AccessDenied"
    assert refused(s3.delete_bucket, Bucket=f"home-{name}") == "AccessDenied"
    # Also from this machine, behind the edge, a key makes no further keys.
    behind = cloud.platform.settings.internal.object_store_url
    iam = cloud.client("iam", key["access_key"], key["secret_key"], endpoint=behind)
    with pytest.raises(ClientError):
        iam.create_access_key()
    with pytest.raises(ClientError):
        iam.create_user(UserName="evil")
    cloud.make(entities=[{"slug": f"lab-{name}", "title": "Lab", "members": [name]}])
    until(lambda: f"entity-lab-{name}" in {each["Name"] for each in s3.list_buckets()["Buckets"]})
    assert put(s3, f"entity-lab-{name}") == b"Hello!"
    cloud.make(left={name: f"lab-{name}"})
    assert denied_within(lambda: s3.list_objects_v2(Bucket=f"entity-lab-{name}")) == "AccessDenied"


def test_a_revoked_key_is_refused_at_once_and_so_is_what_it_signed(cloud, name):
    key, s3 = cloud.long_lived(name)
    other_key, other_s3 = cloud.long_lived(name)
    put(s3, f"home-{name}")
    where = {"Bucket": f"home-{name}", "Key": "tests/hello.txt"}
    address = s3.generate_presigned_url("get_object", Params=where, ExpiresIn=3600)
    assert httpx.get(address).content == b"Hello!"
    assert cloud.keys("DELETE", name, f"/{key['access_key']}").status_code == 204
    assert denied_within(lambda: listed(s3, name)) == "InvalidAccessKeyId"
    assert httpx.get(address).status_code == 403
    assert listed(other_s3, name)["KeyCount"] == 1
    assert cloud.keys("DELETE", name, f"/{key['access_key']}").status_code == 404
    assert [each["access_key"] for each in cloud.keys("GET", name).json()["keys"]] == [
        other_key["access_key"]
    ]


def test_nobody_revokes_the_key_of_somebody_else(cloud, name):
    key, s3 = cloud.long_lived(name)
    other = cloud.person()
    assert cloud.keys("DELETE", other, f"/{key['access_key']}").status_code == 404
    for odd in ("platform", "geoscope-key-x", "..%2f..%2fpolicies%2fada", "x" * 500):
        assert cloud.keys("DELETE", other, f"/{odd}").status_code == 404
    assert listed(s3, name)["KeyCount"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 61},
        {"name": "x", "until": "yesterday"},
        {"name": "x", "until": "2020-01-01"},
        {"name": "x", "user": "bob"},
        {"name": "x", "access_key": "GEOCHOSENBYMYSELF000"},
        [],
    ],
)
def test_what_makes_no_sense_makes_no_key(cloud, name, body):
    answer = cloud.keys("POST", name, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert cloud.keys("GET", name).json()["keys"] == []


def test_strangers_and_forged_forms_make_no_keys(cloud, name):
    address = f"{cloud.platform.url}/account/s3-keys"
    assert httpx.post(address, json={"name": "x"}).status_code == 403
    assert httpx.get(address).status_code == 401
    bad = {"Authorization": "Bearer nonsense"}
    assert httpx.post(address, json={"name": "x"}, headers=bad).status_code == 401
    visitor = cloud.visitor(name)
    assert visitor.get("/account/s3-keys").json()["keys"] == []
    forged = visitor.http.post("/account/s3-keys", json={"name": "x"})
    assert forged.status_code == 403
    assert visitor.get("/account/s3-keys").json()["keys"] == []
    page = visitor.get("/account/storage")
    token = re.search(r'name="csrfmiddlewaretoken" value="(.*?)"', page.text)[1]
    headers = {"X-CSRFToken": token, "Referer": str(page.url)}
    assert visitor.http.post("/account/s3-keys", json={"name": "x"}, headers=headers).status_code == 201
    assert len(visitor.get("/account/s3-keys").json()["keys"]) == 1


def test_a_revoked_token_makes_no_key_that_outlives_it(cloud, name):
    token = cloud.token(name)
    data = {"token": token, "client_id": "notebook"}
    revoked = httpx.post(f"{cloud.platform.url}/identity/o/api/revoke", data=data)
    assert revoked.status_code == 200, revoked.text
    assert cloud.keys("POST", name, token=token, json={"name": "x"}).status_code == 403


def test_there_is_a_limit_also_for_many_at_once(cloud, name):
    token = cloud.token(name)
    statuses = []

    def make():
        statuses.append(cloud.keys("POST", name, token=token, json={"name": "one of many"}).status_code)

    threads = [threading.Thread(target=make) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] * 20 + [409] * 4
    assert len(cloud.keys("GET", name).json()["keys"]) == 20


def test_the_owner_is_told_by_mail(cloud, name):
    key, _s3 = cloud.long_lived(name, name="from the train")
    folder = cloud.platform.data_dir / "mail"

    def mail():
        texts = [path.read_text() for path in folder.glob("*.log")]
        return next((text for text in texts if f"To: {name}@example.org" in text), None)

    text = until(mail)
    assert "from the train" in text
    assert key["access_key"] in text
    assert key["secret_key"] not in text
    assert f"{cloud.platform.url}/account/storage" in text


def test_a_key_ends_after_its_last_day(cloud, name):
    today = datetime.now(UTC).date()
    key, s3 = cloud.long_lived(name, until=str(today))
    _other, other_s3 = cloud.long_lived(name, until=str(today + timedelta(days=1)))
    cloud.do_chores()
    assert listed(s3, name)["KeyCount"] == 0
    cloud.make(last_day={key["access_key"]: str(today - timedelta(days=1))})
    cloud.do_chores()
    assert denied_within(lambda: listed(s3, name)) == "InvalidAccessKeyId"
    assert listed(other_s3, name)["KeyCount"] == 0
    assert len(cloud.keys("GET", name).json()["keys"]) == 1


@pytest.mark.parametrize("change", ["switched_off", "deleted"])
def test_keys_end_with_the_account_and_the_data_stay(cloud, name, change, platform_s3):
    _key, s3 = cloud.long_lived(name)
    put(s3, f"home-{name}")
    cloud.make(**{change: [name]})
    # The policy goes first, then the key.
    assert denied_within(lambda: listed(s3, name)) in ("AccessDenied", "InvalidAccessKeyId")
    assert platform_s3.list_objects_v2(Bucket=f"home-{name}")["KeyCount"] == 1


def test_what_was_changed_behind_the_portals_back_is_mended_within_a_round(cloud, name, filer):
    _key, s3 = cloud.long_lived(name)
    # A membership that ended in the database alone, as when the portal was killed before it told the store.
    cloud.make(changes={name: {"is_active": False}})
    assert listed(s3, name)["KeyCount"] == 0
    cloud.do_chores()
    assert denied_within(lambda: listed(s3, name)) == "InvalidAccessKeyId"
    cloud.make(changes={name: {"is_active": True}})

    other = cloud.person()
    _kept, other_s3 = cloud.long_lived(other)
    filer("DELETE", f"policies/{other}.json")
    assert denied_within(lambda: listed(other_s3, other)) == "AccessDenied"
    cloud.do_chores()
    until(lambda: answered(lambda: listed(other_s3, other)))

    stray = {
        "name": "geoscope-key-GEOSTRAYSTRAYSTRAY00",
        "credentials": [{"access_key": "GEOSTRAYSTRAYSTRAY00", "secret_key": "s" * 40, "status": "Active"}],
        "policy_names": [other],
    }
    filer("POST", f"identities/{stray['name']}.json", stray)
    stray_s3 = cloud.client("s3", "GEOSTRAYSTRAYSTRAY00", "s" * 40)
    until(lambda: answered(lambda: listed(stray_s3, other)))
    cloud.do_chores()
    assert denied_within(lambda: listed(stray_s3, other)) == "InvalidAccessKeyId"


@pytest.mark.parametrize("content", [b"", b'{"name": "geoscope-key-'])
def test_a_file_that_was_cut_off_keeps_no_new_key_from_the_store(cloud, filer, content):
    key, s3 = cloud.long_lived(cloud.person())
    filer("POST", f"identities/geoscope-key-{key['access_key']}.json", content)
    filer("POST", "identities/geoscope-key-GEOCUTOFFCUTOFFCUTOF.json", content)
    filer("POST", "policies/somebody-who-has-left.json", content)
    cloud.do_chores()
    other = cloud.person()
    assert put(cloud.long_lived(other)[1], f"home-{other}") == b"Hello!"
    assert denied_within(lambda: listed(s3, "anybody")) == "InvalidAccessKeyId"
    assert "somebody-who-has-left.json" not in filer("GET", "policies/")


def test_what_a_write_left_behind_that_broke_off_is_removed_after_a_while(cloud, filer):
    filer("POST", "incoming/left-behind", b'{"name": "geos')
    cloud.do_chores()
    assert filer("GET", "incoming/") == ["left-behind"]  # it may still be on its way
    code = (
        "from datetime import timedelta; from geoscope.portal.storage import store; store.sweep(timedelta(0))"
    )
    environment = psutil.Process(cloud.platform.pid("portal")).environ()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    assert filer("GET", "incoming/") == []


def answered(call):
    try:
        call()
    except ClientError:
        return False
    return True


def test_keys_outlive_a_killed_store_and_a_revoked_one_stays_revoked(cloud, name):
    _key, s3 = cloud.long_lived(name)
    gone, gone_s3 = cloud.long_lived(name)
    session = cloud.s3_of(name)
    assert cloud.keys("DELETE", name, f"/{gone['access_key']}").status_code == 204
    kill(cloud.platform, "object-store")
    until(lambda: answered(lambda: listed(s3, name)), timeout_s=60)
    assert listed(session, name)["KeyCount"] == 0
    assert denied_within(lambda: listed(gone_s3, name)) == "InvalidAccessKeyId"


def test_a_portal_that_is_killed_while_keys_are_made_leaves_none_that_nobody_knows(cloud, name, filer):
    before = set(filer("GET", "identities/"))
    token = cloud.token(name)
    made = []

    def make():
        with suppress(httpx.HTTPError, ValueError):
            made.append(cloud.keys("POST", name, token=token, json={"name": "in a hurry"}).json())

    threads = [threading.Thread(target=make) for _ in range(12)]
    for thread in threads:
        thread.start()
    until(lambda: made, what="the first key")
    kill(cloud.platform, "portal")
    for thread in threads:
        thread.join()
    until(lambda: answers(cloud.platform.url + "/health"), timeout_s=60)
    cloud.do_chores()
    known = cloud.known_keys(name)
    told = [key for key in made if "secret_key" in key]
    assert told
    assert {key["access_key"] for key in told} <= known
    for key in told:
        assert listed(cloud.client("s3", key["access_key"], key["secret_key"]), name)["KeyCount"] == 0
    in_store = set(filer("GET", "identities/")) - before
    assert in_store <= {f"geoscope-key-{access_key}.json" for access_key in known}


def kill(platform, part):
    restarts = platform.restarts(part)
    os.kill(platform.pid(part), signal.SIGKILL)
    until(lambda: platform.restarts(part) > restarts)
    until(lambda: platform.state.ready, timeout_s=60)


def test_while_the_store_is_away_no_key_is_made_and_sign_in_goes_on(cloud):
    name = cloud.person()
    os.kill(cloud.platform.pid("object-store"), signal.SIGSTOP)
    try:
        token = cloud.token(name)
        answer = cloud.keys("POST", name, token=token, json={"name": "x"})
        assert answer.status_code == 503, answer.text
    finally:
        os.kill(cloud.platform.pid("object-store"), signal.SIGCONT)
    until(lambda: cloud.platform.state.ready, timeout_s=60)
    until(lambda: answers(cloud.platform.url + "/data/health"), timeout_s=60)
    assert cloud.keys("GET", name).json()["keys"] == []
    cloud.do_chores()
    assert put(cloud.s3_of(name), f"home-{name}") == b"Hello!"


def test_the_page_makes_shows_once_and_revokes(cloud, name):
    visitor = cloud.visitor(name)
    page = visitor.get("/account/storage")
    assert f"home-{name}" in page.text
    made = visitor.submit(page, name="nightly run", until="")
    assert made.status_code == 200
    access_key = re.search(r"AWS_ACCESS_KEY_ID=(\w+)", made.text)[1]
    secret_key = re.search(r"AWS_SECRET_ACCESS_KEY=([\w-]+)", made.text)[1]
    s3 = cloud.client("s3", access_key, secret_key)
    assert put(s3, f"home-{name}") == b"Hello!"
    again = visitor.get("/account/storage")
    assert secret_key not in again.text
    assert access_key in again.text
    assert visitor.submit(again, key=access_key).status_code == 302
    assert denied_within(lambda: listed(s3, name)) == "InvalidAccessKeyId"
    late = visitor.submit(visitor.get("/account/storage"), name="late", until="2020-01-01")
    assert late.status_code == 400
    assert "The last day is over." in late.text


def test_the_shown_code_runs(cloud, name, tmp_path):
    """The variables and the examples for boto3 and xarray, as they are shown."""
    visitor = cloud.visitor(name)
    page = visitor.submit(visitor.get("/account/storage"), name="examples", until="").text
    pieces = [html.unescape(code) for code in re.findall(r"<code>(.*?)</code></pre>", page, re.DOTALL)]
    variables, boto3_code, xarray_code, _rclone = pieces
    given = dict(line.removeprefix("export ").split("=", 1) for line in variables.strip().splitlines())
    for code, expected in ((boto3_code, "hello.txt 6"), (xarray_code, "280.5")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | given | {"AWS_CONFIG_FILE": "/dev/null"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert expected in done.stdout, done.stderr
    assert PASSWORD not in page
