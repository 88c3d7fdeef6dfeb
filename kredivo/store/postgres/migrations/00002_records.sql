-- +goose Up

-- Only additions: the statements of the version before work on these tables too, so that both versions
-- can run side by side. Tables are locked in the order in which transactions use them.

ALTER TABLE kredivo_inbox ADD COLUMN failures INTEGER NOT NULL DEFAULT 0; -- since received or redriven
ALTER TABLE kredivo_inbox ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0; -- 1 once header and body are dropped
CREATE INDEX kredivo_inbox_prunable ON kredivo_inbox (received_at, id) WHERE state = 'done' AND pruned = 0;

CREATE INDEX kredivo_attempt_created ON kredivo_attempt (created_at, id);
CREATE INDEX kredivo_attempt_watched ON kredivo_attempt (created_at, id) WHERE next_check_at IS NOT NULL;

ALTER TABLE kredivo_event ADD COLUMN failures INTEGER NOT NULL DEFAULT 0; -- since emitted or redriven
CREATE INDEX kredivo_event_order ON kredivo_event (order_id, id);
