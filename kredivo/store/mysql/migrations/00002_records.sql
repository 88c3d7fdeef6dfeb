-- +goose Up

-- Only additions: the statements of the version before work on these tables too, so that both versions
-- can run side by side. Each table is changed by one statement, all or nothing, and only if it has not
-- been: MySQL has no ADD COLUMN IF NOT EXISTS.

-- failures are counted since the row was received or redriven; pruned is 1 once header and body are dropped.
SET @kredivo_change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'kredivo_inbox' AND column_name = 'failures'),
    'DO 0', 'ALTER TABLE kredivo_inbox
        ADD COLUMN failures INT     NOT NULL DEFAULT 0,
        ADD COLUMN pruned   TINYINT NOT NULL DEFAULT 0,
        ADD INDEX kredivo_inbox_prunable (state, pruned, received_at, id)');
PREPARE kredivo_change FROM @kredivo_change;
EXECUTE kredivo_change;

SET @kredivo_change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'kredivo_attempt' AND column_name = 'watched'),
    'DO 0', 'ALTER TABLE kredivo_attempt
        ADD COLUMN watched TINYINT GENERATED ALWAYS AS (CASE WHEN next_check_at IS NOT NULL THEN 1 END) VIRTUAL,
        ADD INDEX kredivo_attempt_created (created_at, id),
        ADD INDEX kredivo_attempt_watched (watched, created_at, id)');
PREPARE kredivo_change FROM @kredivo_change;
EXECUTE kredivo_change;

SET @kredivo_change = IF(
    EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'kredivo_event' AND column_name = 'failures'),
    'DO 0', 'ALTER TABLE kredivo_event
        ADD COLUMN failures INT NOT NULL DEFAULT 0,
        ADD INDEX kredivo_event_order (order_id, id)');
PREPARE kredivo_change FROM @kredivo_change;
EXECUTE kredivo_change;
DEALLOCATE PREPARE kredivo_change;
