//! The tables of a store, and the steps from each layout to the next.

/// The layout that this version reads and writes.
pub(super) const LAYOUT: i64 = 6;

/// Layout 1: the key, the revisions and the trips.
pub(super) const SCHEMA: &str = "
    CREATE TABLE secret (key BLOB NOT NULL);
    INSERT INTO secret VALUES (randomblob(32));
    CREATE TABLE revision (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at     TEXT NOT NULL,
        actor  TEXT NOT NULL,
        reason TEXT NOT NULL,
        action TEXT NOT NULL,  -- pause, resume, set, undo, trip
        rule   TEXT,           -- null: all, or undo
        phase  TEXT,           -- of set
        until  TEXT,           -- of set
        undoes INTEGER REFERENCES revision,
        before TEXT NOT NULL,  -- what undo goes back to
        state  TEXT NOT NULL   -- what holds from now on
    ) STRICT;
    CREATE TABLE trip (
        revision INTEGER NOT NULL REFERENCES revision,
        at TEXT NOT NULL, rule TEXT NOT NULL, seen INTEGER NOT NULL, refused INTEGER NOT NULL,
        refused_share REAL NOT NULL, window INTEGER NOT NULL, minimum INTEGER NOT NULL,
        hit TEXT NOT NULL      -- fingerprints, with a space between
    ) STRICT;";

/// Layout 2: the network that most of the refused came from.
pub(super) const TOP_NETWORK: &str = "
    ALTER TABLE trip ADD COLUMN top_network TEXT;
    ALTER TABLE trip ADD COLUMN top_refused INTEGER;";

/// Layout 3: the id that a change has on every gateway. Older changes get a random one.
pub(super) const CHANGE_ID: &str = "
    ALTER TABLE revision ADD COLUMN change_id TEXT;
    UPDATE revision SET change_id = lower(hex(randomblob(5)));
    CREATE UNIQUE INDEX revision_change_id ON revision (change_id);
    PRAGMA user_version = 3;";

/// Layout 4: usage.
pub(super) const USAGE: &str = "
    CREATE TABLE usage (
        span      INTEGER NOT NULL,  -- in seconds: 60, 3600 or 86400
        start     INTEGER NOT NULL,  -- in seconds since 1970
        rule      TEXT NOT NULL,     -- empty: all requests
        dimension TEXT NOT NULL,
        label     TEXT NOT NULL,
        verdict   TEXT NOT NULL,
        standing  TEXT NOT NULL,
        requests  INTEGER NOT NULL,
        callers   BLOB NOT NULL,     -- a sketch
        PRIMARY KEY (span, start, rule, dimension, label, verdict, standing)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE refused_caller (
        rule        TEXT NOT NULL,
        caller      TEXT NOT NULL,     -- a fingerprint
        requests    INTEGER NOT NULL,
        uncertainty INTEGER NOT NULL,
        first_seen  INTEGER NOT NULL,
        last_seen   INTEGER NOT NULL,
        version     TEXT NOT NULL,
        client      TEXT NOT NULL,
        path        TEXT NOT NULL,
        network     TEXT NOT NULL,
        PRIMARY KEY (rule, caller)
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 4;";

/// Layout 5: the ledger.
pub(super) const LEDGER: &str = "
    CREATE TABLE policy_text (
        digest  TEXT PRIMARY KEY,
        content TEXT NOT NULL          -- JSON
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE policy_revision (
        number  INTEGER PRIMARY KEY,
        content TEXT NOT NULL,         -- JSON
        hash    TEXT NOT NULL          -- SHA-256 of the hash before, a line feed and the content
    ) STRICT;
    CREATE TABLE chain (               -- one row
        origin        TEXT NOT NULL,
        anchor_number INTEGER NOT NULL,  -- before the first revision that is kept
        anchor_hash   TEXT NOT NULL,
        head_number   INTEGER NOT NULL,  -- of the last revision
        head_hash     TEXT NOT NULL,
        alive         INTEGER            -- in seconds since 1970
    ) STRICT;
    INSERT INTO chain
        VALUES ('', 0, printf('%064d', 0), 0, printf('%064d', 0), NULL);
    PRAGMA user_version = 5;";

/// Layout 6: the numbers of refused callers between two writes of their rows.
pub(super) const REFUSAL_COUNTS: &str = "
    CREATE TABLE refusal_counts (
        rule   TEXT PRIMARY KEY,
        counts BLOB NOT NULL     -- of the callers whose row is behind them
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 6;";
