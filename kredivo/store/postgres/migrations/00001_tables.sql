-- +goose Up

-- Times are microseconds since 1970, NULL for none; amounts are whole rupiah; hashes are 32 bytes.
-- COLLATE "C" compares bytes, whatever the collation of the database.

CREATE TABLE kredivo_attempt (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    order_id       TEXT COLLATE "C" NOT NULL,
    number         INTEGER NOT NULL,
    invoice_number TEXT COLLATE "C" NOT NULL UNIQUE,
    request_id     TEXT COLLATE "C" NOT NULL UNIQUE,
    amount         BIGINT  NOT NULL,
    reference      TEXT COLLATE "C" NOT NULL UNIQUE,
    client_id      TEXT    NOT NULL,
    environment    TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    late           BOOLEAN NOT NULL,
    buyer          BYTEA   NOT NULL,
    token          BYTEA   NOT NULL UNIQUE,
    body           BYTEA,
    payment_url    TEXT    NOT NULL,
    identifiers    TEXT    NOT NULL,
    failure_code   TEXT    NOT NULL,
    created_at     BIGINT,
    updated_at     BIGINT,
    expires_at     BIGINT,
    paid_at        BIGINT,
    next_check_at  BIGINT,
    checks         INTEGER NOT NULL,
    call_token     TEXT    NOT NULL,
    call_until     BIGINT,
    open_order     TEXT COLLATE "C" UNIQUE -- order_id while the attempt is open: an order has one open attempt
);

CREATE INDEX kredivo_attempt_order ON kredivo_attempt (order_id, number, id);
CREATE INDEX kredivo_attempt_check ON kredivo_attempt (next_check_at, id) WHERE next_check_at IS NOT NULL;

CREATE TABLE kredivo_inbox (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      TEXT    NOT NULL,
    dedupe      BYTEA   NOT NULL UNIQUE,
    client_id   TEXT    NOT NULL,
    header      TEXT    NOT NULL,
    body        BYTEA,
    received_at BIGINT,
    state       TEXT COLLATE "C" NOT NULL, -- new, done or dead
    tries       INTEGER NOT NULL,
    run_at      BIGINT  NOT NULL,
    claim_token TEXT COLLATE "C",
    claim_until BIGINT  NOT NULL,
    last_error  TEXT    NOT NULL
);

CREATE INDEX kredivo_inbox_due ON kredivo_inbox (run_at, id) WHERE state = 'new';
CREATE INDEX kredivo_inbox_parked ON kredivo_inbox (id) WHERE state = 'dead';

CREATE TABLE kredivo_event (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    TEXT COLLATE "C" NOT NULL UNIQUE,
    stream      TEXT COLLATE "C" NOT NULL, -- the events of a stream are handed out one after another
    order_id    TEXT COLLATE "C" NOT NULL,
    payload     TEXT    NOT NULL,
    created_at  BIGINT,
    state       TEXT COLLATE "C" NOT NULL, -- new, done or dead
    tries       INTEGER NOT NULL,
    run_at      BIGINT  NOT NULL,
    claim_token TEXT COLLATE "C",
    claim_until BIGINT  NOT NULL,
    last_error  TEXT    NOT NULL
);

CREATE INDEX kredivo_event_due ON kredivo_event (run_at, id) WHERE state = 'new';
CREATE INDEX kredivo_event_stream ON kredivo_event (stream, id) WHERE state <> 'done';
CREATE INDEX kredivo_event_parked ON kredivo_event (id) WHERE state = 'dead';
