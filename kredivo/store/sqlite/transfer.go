package sqlite

import "github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"

// transfer needs nothing to keep others away: a transaction that writes has the file to itself.
func transfer() sqlstore.Transfer {
	return sqlstore.Transfer{
		Refuse: func(name, table, event, condition string) string {
			when := ""
			if condition != "" {
				when = " WHEN " + condition
			}
			return "CREATE TRIGGER " + name + " BEFORE " + event + " ON " + table + when +
				" BEGIN SELECT RAISE(ABORT, " + sqlstore.SealedText + "); END"
		},
		Drop:     func(name, _ string) string { return "DROP TRIGGER IF EXISTS " + name },
		Triggers: `SELECT name FROM sqlite_schema WHERE type = 'trigger'`,
	}
}
