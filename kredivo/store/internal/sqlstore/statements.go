package sqlstore

import "strings"

// The columns of an attempt: those that never change, and the others. attemptRow reads and writes
// them in this order.
const (
	fixedColumns   = `id, order_id, number, invoice_number, request_id, amount`
	changeColumns  = `reference, client_id, environment, status, late, buyer, token, body, payment_url, identifiers, failure_code, created_at, updated_at, expires_at, paid_at, next_check_at, checks, call_token, call_until`
	attemptColumns = fixedColumns + `, ` + changeColumns
)

// The columns of messages and events that a claim returns.
const (
	messageColumns = `id, tries, failures, source, dedupe, client_id, header, body, received_at`
	eventColumns   = `id, tries, failures, event_id, order_id, payload, created_at`
)

// The columns of records. Those of the work itself come last.
const (
	messageRecord = `id, source, dedupe, client_id, received_at, ` + recordColumns
	eventRecord   = `event_id, order_id, payload, created_at, ` + recordColumns
	recordColumns = `state, run_at, tries, failures, last_error`
)

// statements are the texts of one store, with its table names and its dialect's spelling.
//
// Claims read in the order of an index that holds unfinished rows only, so what is finished costs
// nothing. The literals 'new', 'done' and 'dead' stand in the text because an index over part of a
// table is used only for the very condition it was made with.
type statements struct {
	lockOrder, lockInvoice, attempts, attemptByToken string
	listAttempts, listWatched                        string
	insertAttempt, updateAttempt                     string
	dueChecks, moveChecks                            string
	insertMessage, confirmMessage, checkClaim        string
	insertEvent, keepEvent                           string
	orderEvents                                      string
	prunable, prune                                  string
	messages, events                                 work
	due, backlog                                     string
	bind                                             func(string) string
	name                                             func(string) string // puts the names of tables into a text
}

// work are the statements of a table whose rows are claimed and finished.
type work struct {
	due    string // rows to claim, oldest due first
	claim  string // of the ids that are appended
	finish string
	parked string // records

	redrive, redriveAll string
}

func newStatements(d Dialect, prefix string) statements {
	tables := strings.NewReplacer("{attempt}", prefix+"attempt", "{inbox}", prefix+"inbox", "{event}", prefix+"event",
		"{migration}", prefix+"migration", "{seal}", prefix+"seal")
	text := func(s string) string { return d.bind(tables.Replace(s)) }
	insertNew := func(insert, key string) string {
		if d.InsertNew != nil {
			insert = d.InsertNew(insert, key)
		}
		return text(insert)
	}
	watched := `next_check_at IS NOT NULL`
	if d.Watched != "" {
		watched = d.Watched
	}
	now := `?`
	if d.Clock != "" {
		now = d.Clock
	}
	unfinished := `earlier.state <> 'done'`
	if d.Unfinished != nil {
		unfinished = d.Unfinished(`earlier`)
	}

	byOrder := `SELECT ` + attemptColumns + ` FROM {attempt} WHERE order_id = ? ORDER BY number, id`
	byInvoice := `SELECT ` + attemptColumns + ` FROM {attempt}
		WHERE order_id = (SELECT order_id FROM {attempt} WHERE invoice_number = ?) ORDER BY number, id`
	list := func(which string) string {
		return text(`SELECT ` + attemptColumns + ` FROM {attempt}
			WHERE ` + which + `created_at >= ? AND (created_at > ? OR id > ?) ORDER BY created_at, id LIMIT ?`)
	}
	return statements{
		lockOrder:      text(byOrder + d.Lock),
		lockInvoice:    text(byInvoice + d.Lock),
		attempts:       text(byOrder),
		attemptByToken: text(`SELECT ` + attemptColumns + ` FROM {attempt} WHERE token = ?`),

		listAttempts: list(``),
		listWatched:  list(watched + ` AND `),

		insertAttempt: text(`INSERT INTO {attempt} (` + attemptColumns + `, open_order) VALUES (` + marks(columns(attemptColumns)+1) + `)`),
		updateAttempt: text(`UPDATE {attempt} SET ` + strings.ReplaceAll(changeColumns, ",", " = ?,") + ` = ?,
			open_order = CASE WHEN ? THEN order_id END` + d.Touch + ` WHERE id = ?`),

		dueChecks: text(`SELECT ` + attemptColumns + ` FROM {attempt}
			WHERE next_check_at <= ? ORDER BY next_check_at, id LIMIT ?` + d.ClaimLock),
		moveChecks: tables.Replace(`UPDATE {attempt} SET next_check_at = ? WHERE id IN `),

		insertMessage: insertNew(`INSERT INTO {inbox}
			(source, dedupe, client_id, header, body, received_at, state, tries, run_at, claim_until, last_error)
			VALUES (?, ?, ?, ?, ?, ?, 'new', 0, ?, ?, '')`, `dedupe`),
		confirmMessage: text(`UPDATE {inbox} SET claim_until = claim_until + 1 WHERE dedupe = ?`),
		checkClaim:     text(`SELECT id FROM {inbox} WHERE id = ? AND state = 'new' AND claim_token = ?` + d.Lock),

		insertEvent: insertNew(`INSERT INTO {event}
			(event_id, stream, order_id, payload, created_at, state, tries, run_at, claim_until, last_error)
			VALUES (?, ?, ?, ?, ?, 'new', 0, ?, ?, '')`, `event_id`),

		keepEvent: text(`UPDATE {event} SET claim_until = ?` + d.Touch + ` WHERE event_id = ? AND state = 'new' AND claim_token = ?`),

		orderEvents: text(`SELECT ` + eventRecord + ` FROM {event} WHERE order_id = ? ORDER BY id`),

		prunable: text(`SELECT id FROM {inbox}
			WHERE state = 'done' AND pruned = 0 AND received_at < ? ORDER BY received_at, id LIMIT ?` + d.ClaimLock),
		prune: tables.Replace(`UPDATE {inbox} SET header = '', body = NULL, pruned = 1 WHERE id IN `),

		messages: work{
			due: text(`SELECT ` + messageColumns + ` FROM {inbox}
				WHERE state = 'new' AND run_at <= ? AND claim_until <= ? ORDER BY run_at, id LIMIT ?` + d.ClaimLock),
			claim:  tables.Replace(claimRows("{inbox}")),
			finish: text(finishRow("{inbox}", "id")),
			parked: text(`SELECT ` + messageRecord + ` FROM {inbox} WHERE state = 'dead' ORDER BY id LIMIT ?`),

			redrive:    text(redriveRows("{inbox}") + ` AND id = ?`),
			redriveAll: text(redriveRows("{inbox}")),
		},
		events: work{
			due: text(`SELECT ` + eventColumns + ` FROM {event} AS e
				WHERE state = 'new' AND run_at <= ? AND claim_until <= ? AND NOT EXISTS (
					SELECT 1 FROM {event} AS earlier
					WHERE earlier.stream = e.stream AND earlier.id < e.id AND ` + unfinished + `)
				ORDER BY run_at, id LIMIT ?` + d.ClaimLock),
			claim:  tables.Replace(claimRows("{event}")),
			finish: text(finishRow("{event}", "event_id")),
			parked: text(`SELECT ` + eventRecord + ` FROM {event} WHERE state = 'dead' ORDER BY id LIMIT ?`),

			redrive:    text(redriveRows("{event}") + ` AND event_id = ?`),
			redriveAll: text(redriveRows("{event}")),
		},

		// Each first one is read in the order of the claims' index. Asked for any one, a planner without
		// statistics reads the whole table instead.
		due: text(`SELECT
			(SELECT id FROM {inbox}
				WHERE state = 'new' AND run_at <= ` + now + ` AND claim_until <= ` + now + ` ORDER BY run_at, id LIMIT 1) IS NOT NULL,
			(SELECT id FROM {event}
				WHERE state = 'new' AND run_at <= ` + now + ` AND claim_until <= ` + now + ` ORDER BY run_at, id LIMIT 1) IS NOT NULL,
			(SELECT id FROM {attempt}
				WHERE next_check_at <= ` + now + ` ORDER BY next_check_at, id LIMIT 1) IS NOT NULL`),

		backlog: text(`SELECT
			(SELECT COUNT(*) FROM {inbox} WHERE state = 'new'), (SELECT COUNT(*) FROM {event} WHERE state = 'new'),
			(SELECT COUNT(*) FROM {inbox} WHERE state = 'dead'), (SELECT COUNT(*) FROM {event} WHERE state = 'dead')`),
		bind: d.bind,
		name: tables.Replace,
	}
}

func claimRows(table string) string {
	return `UPDATE ` + table + ` SET tries = tries + 1, claim_token = ?, claim_until = ? WHERE id IN `
}

// finishRow ends a claim. No token is NULL, which equals nothing: an unclaimed row cannot be finished.
func finishRow(table, key string) string {
	return `UPDATE ` + table + ` SET state = ?, run_at = COALESCE(?, run_at), claim_token = NULL, claim_until = ?,
		failures = failures + ?, last_error = COALESCE(?, last_error)
		WHERE ` + key + ` = ? AND state = 'new' AND claim_token = ?`
}

// redriveRows makes parked rows due. The last error stays to be read.
func redriveRows(table string) string {
	return `UPDATE ` + table + ` SET state = 'new', run_at = ?, claim_token = NULL, claim_until = ?, failures = 0 WHERE state = 'dead'`
}

// in completes a statement that ends in IN with n parameters.
func (s statements) in(statement string, n int) string {
	return s.bind(statement + "(" + marks(n) + ")")
}

func columns(list string) int { return strings.Count(list, ",") + 1 }
