"""Documents for tests of bulk loading."""

import os

from catalogue_documents import make_collection, make_item

COLLECTION = make_collection()["id"]


def make_items(count, first=0, collection=COLLECTION, **members):
    return [make_item(f"item-{first + n}", collection=collection, **members) for n in range(count)]


def large_items(count, **members):
    """Return so much that a file has several chunks, and that it does not shrink when it is compressed."""
    found = make_items(count, **members)
    for item in found:
        item["properties"]["padding"] = os.urandom(4000).hex()
    return found


def names(count, collection=COLLECTION):
    return {(collection, f"item-{number}") for number in range(count)}
