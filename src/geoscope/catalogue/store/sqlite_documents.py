"""Documents as the embedded store keeps them: Zstandard frames, with a dictionary of their collection.

The documents of a collection are much alike and each is small: a dictionary of 64 KiB brings items of 7.5 kB
to 0.5 kB, as small as all of them compressed as one stream, and each can still be read alone, in 4
microseconds. One dictionary for all collections was no option: it would have to hold what each repeats.
"""

import sqlite3
from collections.abc import Sequence

import zstandard

LEVEL = 3
DICTIONARY_BYTES = 64 * 1024

# A collection gets its first dictionary when it holds so many items, and a better one later.
TRAINED_AT_ITEMS = (500, 50_000)
SAMPLE_ITEMS = 1000

# Shorter documents are kept as they are.
SMALLEST_COMPRESSED_BYTES = 256

# A stored document cannot be larger; a frame that claims to be is broken.
_MAX_DOCUMENT_BYTES = 64 * 1024**2
_MAX_OPEN_DICTIONARIES = 256

WITHOUT_DICTIONARY = 0


class NoDictionaryError(LookupError):
    """A document needs a dictionary that is not there."""


class DocumentReader:
    """Reads the documents of one connection, for one task at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._opened: dict[int, zstandard.ZstdDecompressor] = {}

    def read(self, dictionary: int | None, stored: bytes) -> bytes:
        """Return a document that is kept in one of its forms."""
        if dictionary is None:
            return stored
        opened = self._opened.get(dictionary) or self._open(dictionary)
        return opened.decompress(stored, max_output_size=_MAX_DOCUMENT_BYTES)

    def _open(self, dictionary: int) -> zstandard.ZstdDecompressor:
        if len(self._opened) >= _MAX_OPEN_DICTIONARIES:
            self._opened.clear()
        content = read_dictionary(self._connection, dictionary)
        learned = None if content is None else zstandard.ZstdCompressionDict(content)
        opened = zstandard.ZstdDecompressor(dict_data=learned)
        self._opened[dictionary] = opened
        return opened


class DocumentWriter:
    """Compresses documents of one collection.

    Parameters
    ----------
    dictionary : int or None
        Key of the collection's dictionary, if it has one.
    content : bytes or None
        What stands in it.
    """

    def __init__(self, dictionary: int | None, content: bytes | None) -> None:
        self._dictionary = dictionary or WITHOUT_DICTIONARY
        learned = None if content is None else zstandard.ZstdCompressionDict(content)
        self._compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=learned, write_dict_id=False)

    def write(self, document: bytes) -> tuple[int | None, bytes]:
        """Return the dictionary and the content of a document as they are kept."""
        if len(document) < SMALLEST_COMPRESSED_BYTES:
            return None, document
        return self._dictionary, self._compressor.compress(document)


class DocumentWriters:
    """The writers of one connection, kept because preparing a dictionary takes a millisecond."""

    def __init__(self) -> None:
        self._writers: dict[int | None, DocumentWriter] = {}

    def writer(self, connection: sqlite3.Connection, dictionary: int | None) -> DocumentWriter:
        """Return what writes with a dictionary."""
        writer = self._writers.get(dictionary)
        if writer is None:
            if len(self._writers) >= _MAX_OPEN_DICTIONARIES:
                self._writers.clear()
            content = None if dictionary is None else read_dictionary(connection, dictionary)
            writer = self._writers[dictionary] = DocumentWriter(dictionary, content)
        return writer

    def forget(self) -> None:
        """Forget dictionaries that a transaction that was undone may have made."""
        self._writers.clear()


def is_time_to_train(items_before: int, items_after: int) -> bool:
    """Tell whether a collection that grew should get a dictionary, or a better one."""
    return any(items_before < items <= items_after for items in TRAINED_AT_ITEMS)


def train_dictionary(
    connection: sqlite3.Connection, collection_key: int, documents: Sequence[bytes]
) -> int | None:
    """Train a dictionary on documents of a collection and keep it; None if they are too few or too small."""
    try:
        dictionary = zstandard.train_dictionary(DICTIONARY_BYTES, list(documents))
    except zstandard.ZstdError:
        # The documents are too few, too small or too much alike to learn from.
        return None
    [(key,)] = connection.execute(
        "INSERT INTO dictionaries (collection_key, content) VALUES (?, ?) RETURNING key",
        (collection_key, dictionary.as_bytes()),
    ).fetchall()
    connection.execute("UPDATE collections SET dictionary = ? WHERE key = ?", (key, collection_key))
    return int(key)


def read_dictionary(connection: sqlite3.Connection, key: int) -> bytes | None:
    """Return what stands in a dictionary; of `WITHOUT_DICTIONARY`, None.

    Raises
    ------
    NoDictionaryError
        If it is gone, as it goes with its collection.
    """
    if key == WITHOUT_DICTIONARY:
        return None
    row = connection.execute("SELECT content FROM dictionaries WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise NoDictionaryError(f"There is no dictionary {key}.")
    return bytes(row[0])
