package postgres

import "github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"

// lockTables waits for everybody who uses the tables, in the order in which transactions do.
const lockTables = "LOCK TABLE {inbox}, {attempt}, {event} IN EXCLUSIVE MODE"

func transfer() sqlstore.Transfer {
	return sqlstore.Transfer{
		Prepare: []string{
			"SET LOCAL lock_timeout = 0", "SET LOCAL statement_timeout = 0", lockTables,
			"CREATE OR REPLACE FUNCTION {seal}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION " + sqlstore.SealedText + "; END $$",
		},
		Refuse: func(name, table, event, condition string) string {
			when := ""
			if condition != "" {
				when = " WHEN (" + condition + ")"
			}
			return "CREATE TRIGGER " + name + " BEFORE " + event + " ON " + table + " FOR EACH ROW" + when + " EXECUTE FUNCTION {seal}()"
		},
		Drop: func(name, table string) string { return "DROP TRIGGER IF EXISTS " + name + " ON " + table },
		Triggers: `SELECT tgname FROM pg_trigger
			WHERE NOT tgisinternal AND tgrelid IN ('{inbox}'::regclass, '{attempt}'::regclass, '{event}'::regclass)`,
		Exclusive: []string{
			"SET LOCAL lock_timeout = 0", "SET LOCAL statement_timeout = 0", "SET LOCAL synchronous_commit = on", lockTables,
		},
		KeepID:   "OVERRIDING SYSTEM VALUE",
		Renumber: `SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT COALESCE(MAX(id), 1) FROM {table}))`,
	}
}
