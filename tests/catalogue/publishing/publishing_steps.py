"""What a person does to publish, over the public APIs alone."""

import hashlib
import time

import httpx


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def upload(client, collection, folder):
    """Send the files of a folder that are not there yet; return how many were sent."""
    files = {
        path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    asked = [
        {"path": name, "size": path.stat().st_size, "md5": md5(path.read_bytes())}
        for name, path in files.items()
    ]
    answer = client.post(f"/stac/publishing/uploads/{collection}", json={"files": asked})
    assert answer.status_code == 200, answer.text
    for each in answer.json()["uploads"]:
        content = files[each["path"]].read_bytes()
        sent = httpx.request(each["method"], each["href"], content=content, timeout=30, trust_env=False)
        assert sent.is_success, sent.text
    return len(answer.json()["uploads"])


def execute(client, process, inputs, timeout_s=120):
    """Run a process and return the job as it ended."""
    answer = client.post(f"/processes/{process}/execution", json={"inputs": inputs})
    assert answer.status_code in (200, 201), answer.text
    deadline = time.monotonic() + timeout_s
    while (job := client.get(f"/jobs/{answer.json()['jobID']}").json())["status"] in ("accepted", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return job


def publish(client, collection, **inputs):
    """Publish and return the job's outputs."""
    job = execute(client, "publish-collection", {"collection": collection} | inputs)
    assert job["status"] == "successful", job["message"]
    return client.get(f"/jobs/{job['jobID']}/results").json()
