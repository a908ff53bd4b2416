-- The catalogue in SQLite. What is searched stands apart from the documents, so that its pages stay dense.
-- Run as a whole by geoscope.catalogue.store.sqlite; safe to run twice.
BEGIN IMMEDIATE;

CREATE TABLE IF NOT EXISTS collections (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    west REAL NOT NULL, south REAL NOT NULL, east REAL NOT NULL, north REAL NOT NULL,
    start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
    item_count INTEGER NOT NULL DEFAULT 0,
    document BLOB NOT NULL
) STRICT;

-- Microseconds since 1970-01-01T00:00:00Z; degrees; west > east crosses the antimeridian; no box: no geometry.
-- `shape` is WKB, and NULL where the box is all of the geometry.
CREATE TABLE IF NOT EXISTS items (
    key INTEGER PRIMARY KEY,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
    west REAL, south REAL, east REAL, north REAL,
    shape BLOB
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS items_by_id ON items (id, collection);
CREATE INDEX IF NOT EXISTS items_in_order ON items (start_us DESC, collection, id);
CREATE INDEX IF NOT EXISTS items_of_collection ON items (collection, start_us DESC, id);

CREATE TRIGGER IF NOT EXISTS item_added AFTER INSERT ON items BEGIN
    UPDATE collections SET item_count = item_count + 1 WHERE id = new.collection;
END;
CREATE TRIGGER IF NOT EXISTS item_removed AFTER DELETE ON items BEGIN
    UPDATE collections SET item_count = item_count - 1 WHERE id = old.collection;
END;

CREATE TABLE IF NOT EXISTS item_documents (key INTEGER PRIMARY KEY, document BLOB NOT NULL) STRICT;

-- 32 bit floats, rounded outwards: a first sieve, never the answer. Days since 1970 keep time to a few minutes.
CREATE VIRTUAL TABLE IF NOT EXISTS item_space USING rtree(key, west, east, south, north, first_day, last_day);

CREATE VIRTUAL TABLE IF NOT EXISTS item_text USING fts5(text, tokenize = 'unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE IF NOT EXISTS collection_text USING fts5(text, tokenize = 'unicode61 remove_diacritics 2');

PRAGMA user_version = 1;
COMMIT;
