"""Collections in SQLite: one, all titles, or those that a search finds."""

from geoscope.catalogue.filters import collection_as_item
from geoscope.catalogue.models import CollectionPage, CollectionSearch, FoundCollection, Reader
from geoscope.catalogue.store.sqlite_conditions import fts_phrase, space_and_time_conditions
from geoscope.catalogue.store.sqlite_pieces import Bindings
from geoscope.catalogue.store.sqlite_reading import Reading
from geoscope.catalogue.words import AllOf, AnyOf, Phrase, TextQuery, Without


def find_collection(reading: Reading, id_: str, reader: Reader) -> bytes | None:
    """Return a collection's document, or None if there is no such collection for the reader."""
    key = reading.directory.key(id_, reader)
    row = reading.connection.execute("SELECT document FROM collections WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


def collection_titles(reading: Reading, reader: Reader) -> list[tuple[str, str]]:
    """Return id and title of every collection that the reader finds, in order of id."""
    hidden = set(reading.directory.hidden_from(reader))
    rows = reading.connection.execute("SELECT key, id, title FROM collections ORDER BY id")
    return [(id_, title) for key, id_, title in rows if key not in hidden]


def find_collections(reading: Reading, search: CollectionSearch) -> CollectionPage:
    """Return the page of collections that a search asks for."""
    bindings = Bindings()
    conditions = ["1", *space_and_time_conditions(bindings, search, "collection")]
    hidden = reading.directory.hidden_from(search.reader)
    if hidden:
        conditions.append(f"key NOT IN {bindings.add_each(hidden)}")
    if search.text is not None:
        conditions.append(_text(bindings, search.text))
    if search.backend is not None:
        backend = bindings.add(search.backend)
        conditions.append(f"{backend} IN (SELECT value FROM json_each(collection.backends))")
    rows = reading.connection.execute(
        f"SELECT key, id FROM collections AS collection WHERE {' AND '.join(conditions)} ORDER BY id",
        bindings.values,
    ).fetchall()
    if search.filter is not None:
        condition = search.filter
        rows = [row for row in rows if condition.matches(collection_as_item(_document(reading, row[0])))]
    following = [row for row in rows if search.after is None or row[1].encode() > search.after.encode()]
    page = [FoundCollection(id_, _document(reading, key)) for key, id_ in following[: search.limit]]
    return CollectionPage(page, len(rows), page[-1].id if len(following) > len(page) else None)


def _document(reading: Reading, key: int) -> bytes:
    reading.check_time()
    document: bytes = reading.connection.execute(
        "SELECT document FROM collections WHERE key = ?", (key,)
    ).fetchone()[0]
    return document


def _text(bindings: Bindings, query: TextQuery) -> str:
    match query:
        case Phrase():
            wanted = bindings.add(fts_phrase(query))
            return f"key IN (SELECT rowid FROM collection_text WHERE collection_text MATCH {wanted})"
        case Without(part):
            return f"NOT {_text(bindings, part)}"
        case AllOf(parts):
            return f"({' AND '.join(_text(bindings, part) for part in parts) or '1'})"
        case AnyOf(parts):
            return f"({' OR '.join(_text(bindings, part) for part in parts) or '0'})"
