-- +goose Up

-- Times are microseconds since 1970, NULL for none; amounts are whole rupiah; hashes are 32 bytes. Names
-- are binary, so they are compared byte for byte, trailing spaces included. The column writes changes
-- with every UPDATE: a row that stays as it was is not counted as updated here.

CREATE TABLE IF NOT EXISTS kredivo_attempt (
    id             VARBINARY(255) NOT NULL PRIMARY KEY,
    order_id       VARBINARY(512) NOT NULL,
    number         INT            NOT NULL,
    invoice_number VARBINARY(255) NOT NULL UNIQUE,
    request_id     VARBINARY(255) NOT NULL UNIQUE,
    amount         BIGINT         NOT NULL,
    reference      VARBINARY(255) NOT NULL UNIQUE,
    client_id      VARBINARY(255) NOT NULL,
    environment    VARBINARY(32)  NOT NULL,
    status         VARBINARY(32)  NOT NULL,
    late           TINYINT        NOT NULL,
    buyer          VARBINARY(32)  NOT NULL,
    token          VARBINARY(32)  NOT NULL UNIQUE,
    body           LONGBLOB,
    payment_url    MEDIUMBLOB     NOT NULL,
    identifiers    MEDIUMBLOB     NOT NULL,
    failure_code   VARBINARY(4096) NOT NULL,
    created_at     BIGINT,
    updated_at     BIGINT,
    expires_at     BIGINT,
    paid_at        BIGINT,
    next_check_at  BIGINT,
    checks         INT            NOT NULL,
    call_token     VARBINARY(255) NOT NULL,
    call_until     BIGINT,
    open_order     VARBINARY(512) UNIQUE, -- order_id while the attempt is open: an order has one open attempt
    writes         BIGINT         NOT NULL DEFAULT 0,
    INDEX kredivo_attempt_order (order_id, number, id),
    INDEX kredivo_attempt_check (next_check_at, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS kredivo_inbox (
    id          BIGINT         NOT NULL AUTO_INCREMENT PRIMARY KEY,
    source      VARBINARY(32)  NOT NULL,
    dedupe      VARBINARY(32)  NOT NULL UNIQUE,
    client_id   VARBINARY(255) NOT NULL,
    header      MEDIUMBLOB     NOT NULL,
    body        LONGBLOB,
    received_at BIGINT,
    state       VARBINARY(8)   NOT NULL, -- new, done or dead
    tries       INT            NOT NULL,
    run_at      BIGINT         NOT NULL,
    claim_token VARBINARY(255),
    claim_until BIGINT         NOT NULL,
    last_error  MEDIUMBLOB     NOT NULL,
    INDEX kredivo_inbox_due (state, run_at, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS kredivo_event (
    id          BIGINT         NOT NULL AUTO_INCREMENT PRIMARY KEY,
    event_id    VARBINARY(512) NOT NULL UNIQUE,
    stream      VARBINARY(600) NOT NULL, -- the events of a stream are handed out one after another
    order_id    VARBINARY(512) NOT NULL,
    payload     LONGBLOB       NOT NULL,
    created_at  BIGINT,
    state       VARBINARY(8)   NOT NULL, -- new, done or dead
    tries       INT            NOT NULL,
    run_at      BIGINT         NOT NULL,
    claim_token VARBINARY(255),
    claim_until BIGINT         NOT NULL,
    last_error  MEDIUMBLOB     NOT NULL,
    writes      BIGINT         NOT NULL DEFAULT 0,
    unfinished  TINYINT GENERATED ALWAYS AS (CASE WHEN state <> 'done' THEN 1 END) VIRTUAL,
    INDEX kredivo_event_due (state, run_at, id),
    INDEX kredivo_event_stream (stream, unfinished, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
