CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    collection TEXT NOT NULL,
    backend TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    request TEXT NOT NULL,
    item TEXT NOT NULL,
    sources TEXT NOT NULL,
    -- Times are text of one width (2026-11-21T12:00:00.000Z), so that they sort.
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    state TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    started TEXT,
    finished TEXT,
    expires TEXT,
    bytes_done INTEGER NOT NULL DEFAULT 0,
    bytes_total INTEGER,
    job TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    reference TEXT,
    look_again TEXT,
    product TEXT
) STRICT;

-- Of identical requests one is live: this is what makes ordering twice one order.
CREATE UNIQUE INDEX IF NOT EXISTS orders_live ON orders (fingerprint)
    WHERE state IN ('ordered', 'shipping', 'succeeded');
CREATE INDEX IF NOT EXISTS orders_of_owner ON orders (owner, created DESC, id DESC);
CREATE INDEX IF NOT EXISTS orders_waiting ON orders (updated) WHERE state IN ('ordered', 'shipping');
CREATE INDEX IF NOT EXISTS orders_expiring ON orders (expires) WHERE state = 'succeeded';

PRAGMA user_version = 1;
