-- The catalogue in SQLite. What is searched stands apart from the documents, so that its pages stay dense.
-- Run as a whole by geoscope.catalogue.store.sqlite_schema, in a transaction.

-- `readers` is a JSON array of names; NULL: everybody finds the collection. `policy` says whom its data is for;
-- NULL: everybody. `longest_us` is at least the longest
-- time of an item, `dictionary` what the next document is compressed with.
CREATE TABLE collections (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    west REAL NOT NULL, south REAL NOT NULL, east REAL NOT NULL, north REAL NOT NULL,
    start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
    backends TEXT NOT NULL DEFAULT '[]',
    owner TEXT,
    readers TEXT,
    policy TEXT,
    item_count INTEGER NOT NULL DEFAULT 0,
    longest_us INTEGER NOT NULL DEFAULT 0,
    dictionary INTEGER,
    document BLOB NOT NULL
) STRICT;
CREATE INDEX private_collections ON collections (key) WHERE readers IS NOT NULL;
CREATE INDEX limited_collections ON collections (key) WHERE policy IS NOT NULL;

-- Microseconds since 1970-01-01T00:00:00Z; degrees; west > east crosses the antimeridian; no box: no geometry.
-- `shape` is WKB, and NULL where the box is all of the geometry. For each indexed property there is a column
-- `pKEY` besides, as sqlite_values writes them, with an index of its own.
CREATE TABLE items (
    key INTEGER PRIMARY KEY,
    collection_key INTEGER NOT NULL,
    id TEXT NOT NULL,
    start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
    west REAL, south REAL, east REAL, north REAL,
    shape BLOB
) STRICT;
CREATE UNIQUE INDEX items_by_id ON items (id, collection_key);
CREATE INDEX items_in_order ON items (start_us DESC);
CREATE INDEX items_of_collection ON items (collection_key, start_us DESC, id);

-- Zstandard frames (RFC 8878); `dictionary` is NULL where the document is not compressed, 0 where without one.
CREATE TABLE item_documents (key INTEGER PRIMARY KEY, dictionary INTEGER, document BLOB NOT NULL) STRICT;
-- Keys are never used again: readers keep dictionaries by their keys.
CREATE TABLE dictionaries (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    collection_key INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;

-- 32 bit floats, rounded outwards: a first sieve, never the answer. Days since 1970 keep time to a few minutes.
CREATE VIRTUAL TABLE IF NOT EXISTS item_space USING rtree(key, west, east, south, north, first_day, last_day);

CREATE VIRTUAL TABLE IF NOT EXISTS item_text USING fts5(text, tokenize = 'unicode61 remove_diacritics 2', columnsize = 0);
CREATE VIRTUAL TABLE IF NOT EXISTS collection_text USING fts5(text, tokenize = 'unicode61 remove_diacritics 2', columnsize = 0);

-- Items up to the key `filled_to` have their values in the column; NULL: all have. `is_exact` is 0 as soon as one
-- item's value could not be written so that it compares as in its document.
CREATE TABLE indexed_properties (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    filled_to INTEGER,
    is_exact INTEGER NOT NULL DEFAULT 1
) STRICT;

-- How far long work such as a bulk load has come, written in the transaction that it belongs to.
CREATE TABLE IF NOT EXISTS checkpoints (name TEXT PRIMARY KEY, state BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- Counts up with each change of what a reader keeps in memory: collections, their readers, indexed properties.
CREATE TABLE state (revision INTEGER NOT NULL) STRICT;
INSERT INTO state VALUES (1);
