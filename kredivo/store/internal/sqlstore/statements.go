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
	messageColumns = `id, tries, source, dedupe, client_id, header, body, received_at`
	eventColumns   = `id, tries, event_id, order_id, payload`
)

// statements are the texts of one store, with its table names and its dialect's spelling.
//
// Claims read in the order of an index that holds unfinished rows only, so what is finished costs
// nothing. The literals 'new', 'done' and 'dead' stand in the text because an index over part of a
// table is used only for the very condition it was made with.
type statements struct {
	lockOrder, lockInvoice, attempts, attemptByToken string
	insertAttempt, updateAttempt                     string
	dueChecks, moveChecks                            string
	insertMessage, checkClaim                        string
	insertEvent, keepEvent                           string
	messages, events                                 work
	backlog                                          string
	bind                                             func(string) string
}

// work are the statements of a table whose rows are claimed and finished.
type work struct {
	due    string // rows to claim, oldest due first
	claim  string // of the ids that are appended
	finish string
}

func newStatements(d Dialect, prefix string) statements {
	tables := strings.NewReplacer("{attempt}", prefix+"attempt", "{inbox}", prefix+"inbox", "{event}", prefix+"event")
	text := func(s string) string { return d.bind(tables.Replace(s)) }
	insertNew := func(insert, key string) string {
		if d.InsertNew != nil {
			insert = d.InsertNew(insert, key)
		}
		return text(insert)
	}
	unfinished := `earlier.state <> 'done'`
	if d.Unfinished != nil {
		unfinished = d.Unfinished(`earlier`)
	}

	byOrder := `SELECT ` + attemptColumns + ` FROM {attempt} WHERE order_id = ? ORDER BY number, id`
	byInvoice := `SELECT ` + attemptColumns + ` FROM {attempt}
		WHERE order_id = (SELECT order_id FROM {attempt} WHERE invoice_number = ?) ORDER BY number, id`
	return statements{
		lockOrder:      text(byOrder + d.Lock),
		lockInvoice:    text(byInvoice + d.Lock),
		attempts:       text(byOrder),
		attemptByToken: text(`SELECT ` + attemptColumns + ` FROM {attempt} WHERE token = ?`),

		insertAttempt: text(`INSERT INTO {attempt} (` + attemptColumns + `, open_order) VALUES (` + marks(columns(attemptColumns)+1) + `)`),
		updateAttempt: text(`UPDATE {attempt} SET ` + strings.ReplaceAll(changeColumns, ",", " = ?,") + ` = ?,
			open_order = CASE WHEN ? THEN order_id END` + d.Touch + ` WHERE id = ?`),

		dueChecks: text(`SELECT ` + attemptColumns + ` FROM {attempt}
			WHERE next_check_at <= ? ORDER BY next_check_at, id LIMIT ?` + d.ClaimLock),
		moveChecks: tables.Replace(`UPDATE {attempt} SET next_check_at = ? WHERE id IN `),

		insertMessage: insertNew(`INSERT INTO {inbox}
			(source, dedupe, client_id, header, body, received_at, state, tries, run_at, claim_until, last_error)
			VALUES (?, ?, ?, ?, ?, ?, 'new', 0, ?, ?, '')`, `dedupe`),
		checkClaim: text(`SELECT id FROM {inbox} WHERE id = ? AND state = 'new' AND claim_token = ?` + d.Lock),

		insertEvent: insertNew(`INSERT INTO {event}
			(event_id, stream, order_id, payload, created_at, state, tries, run_at, claim_until, last_error)
			VALUES (?, ?, ?, ?, ?, 'new', 0, ?, ?, '')`, `event_id`),

		keepEvent: text(`UPDATE {event} SET claim_until = ?` + d.Touch + ` WHERE event_id = ? AND state = 'new' AND claim_token = ?`),

		messages: work{
			due: text(`SELECT ` + messageColumns + ` FROM {inbox}
				WHERE state = 'new' AND run_at <= ? AND claim_until <= ? ORDER BY run_at, id LIMIT ?` + d.ClaimLock),
			claim:  tables.Replace(claimRows("{inbox}")),
			finish: text(finishRow("{inbox}", "id")),
		},
		events: work{
			due: text(`SELECT ` + eventColumns + ` FROM {event} AS e
				WHERE state = 'new' AND run_at <= ? AND claim_until <= ? AND NOT EXISTS (
					SELECT 1 FROM {event} AS earlier
					WHERE earlier.stream = e.stream AND earlier.id < e.id AND ` + unfinished + `)
				ORDER BY run_at, id LIMIT ?` + d.ClaimLock),
			claim:  tables.Replace(claimRows("{event}")),
			finish: text(finishRow("{event}", "event_id")),
		},

		backlog: text(`SELECT
			(SELECT COUNT(*) FROM {inbox} WHERE state = 'new'), (SELECT COUNT(*) FROM {event} WHERE state = 'new'),
			(SELECT COUNT(*) FROM {inbox} WHERE state = 'dead'), (SELECT COUNT(*) FROM {event} WHERE state = 'dead')`),
		bind: d.bind,
	}
}

func claimRows(table string) string {
	return `UPDATE ` + table + ` SET tries = tries + 1, claim_token = ?, claim_until = ? WHERE id IN `
}

// finishRow ends a claim. No token is NULL, which equals nothing: an unclaimed row cannot be finished.
func finishRow(table, key string) string {
	return `UPDATE ` + table + ` SET state = ?, run_at = COALESCE(?, run_at), claim_token = NULL, claim_until = ?, last_error = ?
		WHERE ` + key + ` = ? AND state = 'new' AND claim_token = ?`
}

// in completes a statement that ends in IN with n parameters.
func (s statements) in(statement string, n int) string {
	return s.bind(statement + "(" + marks(n) + ")")
}

func columns(list string) int { return strings.Count(list, ",") + 1 }
