package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store"
)

// A place is where a run keeps its payments and the shop its own tables.
type place struct {
	Driver string // of database/sql: sqlite, pgx or mysql
	Store  string // address of the store, for store.Open
	Tables string // data source name of the store's database, to look into it
	Shop   string // data source name of the shop's own database, which may be the same one

	Instances int // how many shops serve it
}

// A database makes a place in dir, and starts the server that it needs. The server is nil for SQLite.
type database func(ctx context.Context, dir string) (place, *server, error)

// onSQLite is one file for the store and one for the shop.
func onSQLite(_ context.Context, dir string) (place, *server, error) {
	dsn := func(name string) string {
		return "file:" + filepath.Join(dir, name) + "?_txlock=immediate" +
			"&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	}
	return place{
		Driver: "sqlite", Store: filepath.Join(dir, "store.db"),
		Tables: dsn("store.db"), Shop: dsn("shop.db"), Instances: 1,
	}, nil, nil
}

// shopTables are made in the store's database and in the shop's own. The effects have no key: what happens
// twice is there twice.
var shopTables = []string{
	`CREATE TABLE shop_effect (event_id VARCHAR(255) NOT NULL)`,
	kredivo.OnceTable,
}

// prepare makes all tables. It leaves no connection open: the next process is the first one.
func (p place) prepare(ctx context.Context, more ...string) (err error) {
	st, err := store.Open(ctx, p.Store)
	if err != nil {
		return err
	}
	if err := st.Close(); err != nil {
		return err
	}
	for i, dsn := range p.databases() {
		db, err := sql.Open(p.Driver, dsn)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		statements := shopTables
		if i == 0 {
			statements = append(statements[:len(statements):len(statements)], more...)
		}
		for _, s := range statements {
			if _, err := db.ExecContext(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
	}
	return nil
}

// databases are the data source names of the store's database and, if it is another one, of the shop's.
func (p place) databases() []string {
	if p.Shop == p.Tables {
		return []string{p.Tables}
	}
	return []string{p.Tables, p.Shop}
}

// ship is the effect of an event, in a transaction of the store's or of the shop's own.
func (p place) ship(ctx context.Context, tx kredivo.Execer, e kredivo.Event) error {
	insert := "INSERT INTO shop_effect (event_id) VALUES (?)"
	if p.Driver == "pgx" {
		insert = "INSERT INTO shop_effect (event_id) VALUES ($1)"
	}
	_, err := tx.ExecContext(ctx, insert, e.ID)
	return err
}

// shipOnce is a whole OnEvent of a shop with a database of its own.
func (p place) shipOnce(ctx context.Context, db *sql.DB, e kredivo.Event) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := kredivo.Once(ctx, tx, e.ID); errors.Is(err, kredivo.ErrAlreadyApplied) {
		return nil
	} else if err != nil {
		return err
	}
	if err := p.ship(ctx, tx, e); err != nil {
		return err
	}
	return tx.Commit()
}
