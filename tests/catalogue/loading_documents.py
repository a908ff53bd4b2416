"""Documents for tests of bulk loading."""

from catalogue_documents import make_collection, make_item

COLLECTION = make_collection()["id"]


def make_items(count, first=0, collection=COLLECTION, **members):
    return [make_item(f"item-{first + n}", collection=collection, **members) for n in range(count)]


def names(count, collection=COLLECTION):
    return {(collection, f"item-{number}") for number in range(count)}
