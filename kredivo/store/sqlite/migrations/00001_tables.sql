-- +goose Up

-- Times are microseconds since 1970, NULL for none; amounts are whole rupiah; hashes are 32 bytes.

CREATE TABLE kredivo_attempt (
    id             TEXT    NOT NULL PRIMARY KEY,
    order_id       TEXT    NOT NULL,
    number         INTEGER NOT NULL,
    invoice_number TEXT    NOT NULL UNIQUE,
    request_id     TEXT    NOT NULL UNIQUE,
    amount         INTEGER NOT NULL,
    reference      TEXT    NOT NULL UNIQUE,
    client_id      TEXT    NOT NULL,
    environment    TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    late           INTEGER NOT NULL,
    buyer          BLOB    NOT NULL,
    token          BLOB    NOT NULL UNIQUE,
    body           BLOB,
    payment_url    TEXT    NOT NULL,
    identifiers    TEXT    NOT NULL,
    failure_code   TEXT    NOT NULL,
    created_at     INTEGER,
    updated_at     INTEGER,
    expires_at     INTEGER,
    paid_at        INTEGER,
    next_check_at  INTEGER,
    checks         INTEGER NOT NULL,
    call_token     TEXT    NOT NULL,
    call_until     INTEGER,
    open_order     TEXT    UNIQUE -- order_id while the attempt is open: an order has one open attempt
) STRICT;

CREATE INDEX kredivo_attempt_order ON kredivo_attempt (order_id, number, id);
CREATE INDEX kredivo_attempt_check ON kredivo_attempt (next_check_at, id) WHERE next_check_at IS NOT NULL;

CREATE TABLE kredivo_inbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    source      TEXT    NOT NULL,
    dedupe      BLOB    NOT NULL UNIQUE,
    client_id   TEXT    NOT NULL,
    header      TEXT    NOT NULL,
    body        BLOB,
    received_at INTEGER,
    state       TEXT    NOT NULL, -- new, done or dead
    tries       INTEGER NOT NULL,
    run_at      INTEGER NOT NULL,
    claim_token TEXT,
    claim_until INTEGER NOT NULL,
    last_error  TEXT    NOT NULL
) STRICT;

CREATE INDEX kredivo_inbox_due ON kredivo_inbox (run_at, id) WHERE state = 'new';
CREATE INDEX kredivo_inbox_parked ON kredivo_inbox (id) WHERE state = 'dead';

CREATE TABLE kredivo_event (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id    TEXT    NOT NULL UNIQUE,
    stream      TEXT    NOT NULL, -- the events of a stream are handed out one after another
    order_id    TEXT    NOT NULL,
    payload     TEXT    NOT NULL,
    created_at  INTEGER,
    state       TEXT    NOT NULL, -- new, done or dead
    tries       INTEGER NOT NULL,
    run_at      INTEGER NOT NULL,
    claim_token TEXT,
    claim_until INTEGER NOT NULL,
    last_error  TEXT    NOT NULL
) STRICT;

CREATE INDEX kredivo_event_due ON kredivo_event (run_at, id) WHERE state = 'new';
CREATE INDEX kredivo_event_stream ON kredivo_event (stream, id) WHERE state <> 'done';
CREATE INDEX kredivo_event_parked ON kredivo_event (id) WHERE state = 'dead';
