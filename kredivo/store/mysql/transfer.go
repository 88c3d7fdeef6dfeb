package mysql

import (
	"database/sql"

	"github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"
)

// transfer makes triggers one by one, because a change of tables ends a transaction; each waits for
// everybody who uses its table. The row of the first migration is the lock between two that fill a store, and
// reading an empty table for update keeps others from writing to it, in this isolation.
func transfer() sqlstore.Transfer {
	return sqlstore.Transfer{
		Refuse: func(name, table, event, condition string) string {
			refuse := "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = " + sqlstore.SealedText
			if condition != "" {
				refuse = "IF " + condition + " THEN " + refuse + "; END IF"
			}
			return "CREATE TRIGGER " + name + " BEFORE " + event + " ON " + table + " FOR EACH ROW " + refuse
		},
		Drop:      func(name, _ string) string { return "DROP TRIGGER IF EXISTS " + name },
		Triggers:  `SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()`,
		TxOptions: &sql.TxOptions{Isolation: sql.LevelRepeatableRead},
		Exclusive: []string{
			`SELECT id FROM {migration} WHERE version_id = 0 FOR UPDATE`,
			`SELECT id FROM {inbox} LIMIT 1 FOR UPDATE`, `SELECT id FROM {attempt} LIMIT 1 FOR UPDATE`, `SELECT id FROM {event} LIMIT 1 FOR UPDATE`,
		},
	}
}
