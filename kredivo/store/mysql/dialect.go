package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"
)

// Error numbers that MySQL and MariaDB share.
const (
	duplicateEntry = 1062
	recordChanged  = 1020 // MariaDB, with innodb_snapshot_isolation
	deadlock       = 1213
)

// clock is microseconds since 1970 on the server, free of time zones and their jumps.
const clock = `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))`

func dialect(cfg Config) sqlstore.Dialect {
	d := sqlstore.Dialect{
		// InsertNew is missing on purpose: INSERT IGNORE would hide other errors, and what ON DUPLICATE
		// KEY UPDATE counts depends on a parameter of the host's pool.
		SeenEarly:  true, // InnoDB gives up a transaction's locks before it flushes its log
		Lock:       " FOR UPDATE",
		ClaimLock:  " FOR UPDATE SKIP LOCKED",
		Unfinished: func(table string) string { return table + ".unfinished = 1" },
		Watched:    "watched = 1",
		Touch:      ", writes = writes + 1",
		// A statement sees what was committed before it began, and locks only the rows that it found.
		TxOptions: &sql.TxOptions{Isolation: sql.LevelReadCommitted},
		Timeout:   cfg.LockTimeout + cfg.StatementTimeout,
		Transfer:  transfer(),
		Duplicate: func(err error) bool { return hasNumber(err, duplicateEntry) },
		Again:     func(err error) bool { return hasNumber(err, deadlock, recordChanged) },
	}
	if !cfg.callerClock {
		d.Clock = clock
		d.Begin = func(ctx context.Context, tx *sql.Tx, _ bool) (time.Time, error) {
			var now int64
			err := tx.QueryRowContext(ctx, `SELECT `+clock).Scan(&now)
			return time.UnixMicro(now), err
		}
	}
	return d
}

func hasNumber(err error, numbers ...uint16) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && slices.Contains(numbers, e.Number)
}

// settings are what checkServer looks at.
type settings struct {
	version, mode                         string
	flush, binlog, syncBinlog, autocommit int
}

// checkServer refuses a server that may lose what it committed, or cut texts off.
func checkServer(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	var s settings
	err := db.QueryRowContext(ctx, `SELECT VERSION(), @@sql_mode, @@innodb_flush_log_at_trx_commit, @@log_bin, @@sync_binlog, @@autocommit`).
		Scan(&s.version, &s.mode, &s.flush, &s.binlog, &s.syncBinlog, &s.autocommit)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if s.binlog == 1 && s.syncBinlog != 1 {
		log.WarnContext(ctx, "sync_binlog is not 1: after a power cut replicas may lack payments that this server has", "sync_binlog", s.syncBinlog)
	}
	return s.check()
}

func (s settings) check() error {
	var wrong []error
	if s.flush != 1 {
		wrong = append(wrong, fmt.Errorf("unsafe setting: innodb_flush_log_at_trx_commit is %d, it must be 1, else a power cut loses acknowledged messages", s.flush))
	}
	if s.autocommit != 1 {
		wrong = append(wrong, errors.New("unsafe setting: autocommit is off, it must be on, else reads see the past"))
	}
	if !strings.Contains(s.mode, "STRICT_ALL_TABLES") && !strings.Contains(s.mode, "STRICT_TRANS_TABLES") {
		wrong = append(wrong, fmt.Errorf("unsafe setting: sql_mode is %q, it must be strict, else long names are cut off", s.mode))
	}
	var major, minor int
	oldest := [2]int{8, 0}
	if strings.Contains(s.version, "MariaDB") {
		oldest = [2]int{10, 6}
	}
	if _, err := fmt.Sscanf(s.version, "%d.%d", &major, &minor); err != nil || slices.Compare([]int{major, minor}, oldest[:]) < 0 {
		wrong = append(wrong, fmt.Errorf("the server is version %q: MariaDB 10.6 or MySQL 8.0 is the oldest that can skip locked rows", s.version))
	}
	return errors.Join(wrong...)
}
