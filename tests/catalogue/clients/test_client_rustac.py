"""rustac, unmodified: the client in Rust asks by POST and follows pages."""

import asyncio

import pytest
import rustac
from catalogue_documents import rectangle


def search(address, **asked):
    async def ask():
        return await rustac.search(address, **asked)

    return [item["id"] for item in asyncio.run(ask())]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"bbox": [3.2, 40.2, 3.4, 40.4]}, [3]),
        ({"intersects": rectangle(3.2, 40.2, 3.4, 40.4)}, [3]),
        ({"ids": ["scene-04"]}, [4]),
        ({"datetime": "2026-01-01T00:00:00Z/2026-01-31T00:00:00Z", "sortby": "id"}, [0, 12, 24]),
        ({"filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, 6]}, "sortby": "id"}, [0, 1]),
        ({"query": {"eo:cloud_cover": {"gte": 87}}}, [29]),
        ({"sortby": "-properties.eo:cloud_cover", "max_items": 3, "limit": 2}, [29, 28, 27]),
    ],
)
def test_items_are_found(scenes, asked, expected):
    found = search(scenes, collections=["scenes"], **asked)
    assert found == [f"scene-{n:02}" for n in expected]


def test_every_page_is_followed(scenes):
    assert len(set(search(scenes, collections=["scenes"], limit=7))) == 30
