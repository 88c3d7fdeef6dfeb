package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A table is one that is copied, in the order of its id.
type table struct {
	name      string
	key       column // what a row is called everywhere
	columns   []column
	generated bool // the database makes the id
}

// A column is one that is copied.
type column struct {
	name string
	kind kind
}

// A kind is what a column holds, which every database and driver shows in another type.
type kind int

const (
	text kind = iota
	number
	flag
	binary
	remark // text for people; what another database cannot hold of it is left out
)

var tables = []table{
	{"{attempt}", column{"id", text}, slices.Concat(
		of(text, "id, order_id, invoice_number, request_id, reference, client_id, environment, status, payment_url, identifiers, call_token, open_order"),
		of(number, "number, amount, created_at, updated_at, expires_at, paid_at, next_check_at, checks, call_until"),
		of(flag, "late"), of(binary, "buyer, token, body"), of(remark, "failure_code")), false},
	{"{inbox}", column{"dedupe", binary}, slices.Concat(
		of(number, "id, received_at, tries, run_at, claim_until, failures, pruned"),
		of(text, "source, client_id, header, state, claim_token"), of(binary, "dedupe, body"), of(remark, "last_error")), true},
	{"{event}", column{"event_id", text}, slices.Concat(
		of(number, "id, created_at, tries, run_at, claim_until, failures"),
		of(text, "event_id, stream, order_id, payload, state, claim_token"), of(remark, "last_error")), true},
}

// of makes columns of one kind.
func of(k kind, names string) []column {
	var all []column
	for name := range strings.SplitSeq(names, ", ") {
		all = append(all, column{name, k})
	}
	return all
}

// A value is one of a row, as any database gives and takes it. It is NULL unless one of its fields is set.
type value struct {
	kind   kind
	text   sql.NullString
	number sql.NullInt64
	flag   sql.NullBool
	binary []byte
}

// into is where Scan puts the value.
func (v *value) into() any {
	switch v.kind {
	case number:
		return &v.number
	case flag:
		return &v.flag
	case binary:
		return &v.binary
	default:
		return &v.text
	}
}

// arg is the parameter for the value, and about how many bytes it is.
func (v *value) arg() (arg any, size int) {
	switch v.kind {
	case number:
		return v.number, 8
	case flag:
		return v.flag, 1
	case binary:
		if v.binary == nil {
			return nil, 0
		}
		return v.binary, len(v.binary)
	case remark:
		v.text.String = code(v.text.String)
	case text:
	}
	return v.text, len(v.text.String)
}

// copy writes all rows of a table of one store into the other, and counts them there.
func (t table) copy(ctx context.Context, from, to *Store, tx *sql.Tx, progress func(string)) (err error) {
	name := from.sql.name(t.name)
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlstore: copy %s: %w", name, err)
		}
	}()
	rows, err := from.reader.QueryContext(ctx, from.sql.name(`SELECT `+t.names()+` FROM `+t.name+` ORDER BY id`))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	b := batch{table: t, store: to, tx: tx}
	copied := 0
	for rows.Next() {
		row, err := t.scan(rows)
		if err != nil {
			return err
		}
		if err := b.add(ctx, row); err != nil {
			return err
		}
		if copied++; copied%tellEvery == 0 {
			progress(fmt.Sprintf("%d rows of %s", copied, name))
		}
	}
	if err := errors.Join(rows.Err(), b.write(ctx)); err != nil {
		return err
	}
	progress(fmt.Sprintf("all %d rows of %s", copied, name))
	return t.finish(ctx, to, tx, copied)
}

// tellEvery is after how many rows Move says how far it is.
const tellEvery = 1000

// So much goes into one INSERT.
const (
	maxRows  = 100
	maxBytes = 1 << 20
)

// A batch are the rows of one INSERT.
type batch struct {
	table table
	store *Store
	tx    *sql.Tx

	args       []any
	rows, size int
}

func (b *batch) add(ctx context.Context, row []value) error {
	for i := range row {
		arg, size := row[i].arg()
		b.args, b.size = append(b.args, arg), b.size+size
	}
	if b.rows++; b.rows < maxRows && b.size < maxBytes {
		return nil
	}
	return b.write(ctx)
}

func (b *batch) write(ctx context.Context) error {
	if b.rows == 0 {
		return nil
	}
	row := "(" + marks(len(b.table.columns)) + ")"
	insert := b.store.sql.name(`INSERT INTO ` + b.table.name + ` (` + b.table.names() + `) ` + b.store.dialect.Transfer.KeepID + ` VALUES ` +
		row + strings.Repeat(", "+row, b.rows-1))
	_, err := b.tx.ExecContext(ctx, b.store.sql.bind(insert), b.args...)
	b.args, b.rows, b.size = nil, 0, 0
	return err
}

// names lists the columns.
func (t table) names() string {
	var all []string
	for _, c := range t.columns {
		all = append(all, c.name)
	}
	return strings.Join(all, ", ")
}

// scan reads one row.
func (t table) scan(rows *sql.Rows) ([]value, error) {
	row, into := make([]value, len(t.columns)), make([]any, len(t.columns))
	for i, c := range t.columns {
		row[i].kind = c.kind
		into[i] = row[i].into()
	}
	return row, rows.Scan(into...)
}

// finish makes sure that all rows are there, and that new ones come after them.
func (t table) finish(ctx context.Context, to *Store, tx *sql.Tx, copied int) error {
	var n int
	if err := tx.QueryRowContext(ctx, to.sql.name(`SELECT COUNT(*) FROM `+t.name)).Scan(&n); err != nil {
		return err
	}
	if n != copied {
		return fmt.Errorf("%d rows were copied, and %d are there", copied, n)
	}
	if !t.generated || to.dialect.Transfer.Renumber == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, to.sql.name(strings.ReplaceAll(to.dialect.Transfer.Renumber, "{table}", t.name)))
	return err
}

// alreadyMoved is nil when the new store holds what was moved from the old one: one row tells, because all
// were committed at once. Else it holds something else.
func alreadyMoved(ctx context.Context, from, to *Store, db rowQueryer) error {
	if sealed, err := from.sealed(ctx); err != nil || !sealed {
		return errors.Join(err, ErrNotEmpty)
	}
	for _, t := range tables {
		last := value{kind: t.key.kind}
		err := from.reader.QueryRowContext(ctx, from.sql.name(`SELECT `+t.key.name+` FROM `+t.name+` ORDER BY id DESC LIMIT 1`)).Scan(last.into())
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return fmt.Errorf("sqlstore: look at the old store: %w", err)
		}
		arg, _ := last.arg()
		var there bool
		query := to.sql.bind(to.sql.name(`SELECT EXISTS (SELECT 1 FROM ` + t.name + ` WHERE ` + t.key.name + ` = ?)`))
		if err := db.QueryRowContext(ctx, query, arg).Scan(&there); err != nil {
			return fmt.Errorf("sqlstore: look at the new store: %w", err)
		}
		if there {
			return nil
		}
		break
	}
	return ErrNotEmpty
}
