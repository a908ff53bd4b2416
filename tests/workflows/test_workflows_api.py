"""What a client of OGC API - Processes sees; no worker runs."""

import pytest


def ask(client, headers, process="count", **inputs):
    return client.post(f"/processes/{process}/execution", json={"inputs": inputs}, headers=headers)


def test_processes_of_other_packages_are_listed_with_their_links(client):
    document = client.get("/processes").json()
    found = {process["id"]: process for process in document["processes"]}
    assert {"load-demo", "count"} <= found.keys()
    assert found["count"]["jobControlOptions"] == ["async-execute", "dismiss"]
    assert found["count"]["links"][0]["href"] == "http://testserver/processes/count"


def test_a_process_tells_its_inputs_and_where_to_ask_for_it(client):
    document = client.get("/processes/count").json()
    assert document["inputs"]["steps"]["schema"] == {"type": "integer"}
    rels = {link["rel"]: link["href"] for link in document["links"]}
    assert rels["http://www.opengis.net/def/rel/ogc/1.0/execute"].endswith("/processes/count/execution")


def test_an_unknown_process_is_a_problem_of_the_standards_own_type(client):
    response = client.get("/processes/nothing")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"].endswith("/ogcapi-processes-1/1.0/no-such-process")
    assert "count" in response.json()["detail"]


def test_a_job_waits_while_no_worker_is_up(client, headers):
    response = ask(client, headers("ada", "counter"), diary="/x", steps=1)
    assert response.status_code == 201
    job = client.get(response.headers["location"]).json()
    assert (job["status"], job["progress"], job["processID"]) == ("accepted", 0, "count")
    assert response.headers["location"] == f"http://testserver/jobs/{job['jobID']}"
    results = client.get(f"/jobs/{job['jobID']}/results")
    assert results.status_code == 404
    assert results.json()["type"].endswith("/result-not-ready")


def test_the_same_work_asked_for_twice_is_one_job(client, headers):
    counter = headers("ada", "counter")
    first = ask(client, counter, diary="/x", steps=2)
    again = ask(client, counter, steps=2, diary="/x")
    other = ask(client, counter, diary="/x", steps=3)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert first.json()["jobID"] == again.json()["jobID"] != other.json()["jobID"]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"diary": "/x", "steps": 1, "colour": "red"}, "no input 'colour'"),
        ({"diary": "/x"}, "needs the input 'steps'"),
    ],
)
def test_inputs_that_do_not_fit_are_named(client, headers, inputs, words):
    response = ask(client, headers("ada", "counter"), **inputs)
    assert response.status_code == 400
    assert words in response.json()["detail"]


def test_a_body_that_is_no_request_is_refused(client, headers):
    response = client.post("/processes/count/execution", json={"input": {}}, headers=headers("a", "counter"))
    assert response.status_code == 400
    assert "input" in response.json()["detail"]


def test_a_stranger_cannot_ask_for_work(client, headers):
    assert ask(client, {}, diary="/x", steps=1).status_code == 401
    refused = ask(client, headers("ada", "other-role"), diary="/x", steps=1)
    assert refused.status_code == 403
    assert "'counter'" in refused.json()["detail"]


def test_each_sees_their_own_jobs_and_an_administrator_all(client, headers):
    of_ada = ask(client, headers("ada", "counter"), diary="/x", steps=1).json()["jobID"]
    of_bob = ask(client, headers("bob", "counter"), diary="/x", steps=2).json()["jobID"]

    def listed(principal, query=""):
        return [job["jobID"] for job in client.get(f"/jobs{query}", headers=principal).json()["jobs"]]

    assert client.get("/jobs").status_code == 401
    assert listed(headers("ada")) == [of_ada]
    assert listed(headers("root", "administrator")) == [of_bob, of_ada]
    assert listed(headers("root", "administrator"), "?limit=1") == [of_bob]
    assert listed(headers("root", "administrator"), "?status=failed&status=successful") == []
    assert client.get("/jobs?status=lost", headers=headers("ada")).status_code == 400


def test_only_the_owner_or_an_administrator_dismisses_a_job(client, headers):
    job = ask(client, headers("ada", "counter"), diary="/x", steps=1).json()["jobID"]
    assert client.delete(f"/jobs/{job}").status_code == 401
    assert client.delete(f"/jobs/{job}", headers=headers("bob", "counter")).status_code == 403
    assert client.delete(f"/jobs/{job}", headers=headers("ada")).json()["status"] == "dismissed"
    assert client.get(f"/jobs/{job}").json()["status"] == "dismissed"
    assert client.get(f"/jobs/{job}/results").status_code == 409


def test_a_dismissed_job_makes_room_for_the_same_work(client, headers):
    counter = headers("ada", "counter")
    first = ask(client, counter, diary="/x", steps=1).json()["jobID"]
    client.delete(f"/jobs/{first}", headers=counter)
    assert ask(client, counter, diary="/x", steps=1).json()["jobID"] != first


def test_dismissing_a_job_that_has_ended_forgets_it(client, headers):
    counter = headers("ada", "counter")
    job = ask(client, counter, diary="/x", steps=1).json()["jobID"]
    assert [client.delete(f"/jobs/{job}", headers=counter).status_code for _ in range(3)] == [200, 200, 404]
    assert client.get(f"/jobs/{job}").json()["type"].endswith("/no-such-job")
