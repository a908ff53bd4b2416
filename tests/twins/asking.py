"""Asking the twins service by plain HTTP, as a program without a client would."""

import httpx

from twins.twin_store import CLIMATE_KEYS, EXTREMES_KEYS

SURFACE = CLIMATE_KEYS | {"levtype": "sfc", "date": "20210101", "time": "0000", "param": "2t"}
PRESSURE = CLIMATE_KEYS | {"levtype": "pl", "date": "20210101", "time": "0600", "param": "t"}
MONTHLY = CLIMATE_KEYS | {"levtype": "sfc", "stream": "clmn", "param": "2t"}
FORECAST = EXTREMES_KEYS | {"levtype": "sfc", "date": "20260514", "time": "0000", "param": "2t"}
PLACE = [48.1, 11.6]
SERIES = {"type": "timeseries", "points": [PLACE], "time_axis": "date"}


def submit(twins, request, headers=None, collection="destination-earth"):
    return httpx.post(
        f"{twins.address}/api/v1/requests/{collection}",
        json={"verb": "retrieve", "request": request},
        headers=headers or twins.headers(),
        timeout=60,
    )


def state(twins, address, headers=None):
    return httpx.get(address, headers=headers or twins.headers(), timeout=60)


def ended(twins, address, headers=None):
    """Ask until a request is queued or processed no more."""
    answer = state(twins, address, headers)
    while answer.status_code == 202:
        answer = state(twins, address, headers)
    return answer


def result(twins, request, headers=None):
    """Return the result of a request, fetched without credentials."""
    accepted = submit(twins, request, headers)
    assert accepted.status_code == 202, accepted.text
    answer = ended(twins, accepted.headers["location"], headers)
    assert answer.status_code == 303, answer.text
    found = httpx.get(answer.headers["location"], timeout=60)
    assert found.status_code == 200
    return found


def cut(twins, request, **feature):
    return result(twins, request | {"feature": feature}).json()
