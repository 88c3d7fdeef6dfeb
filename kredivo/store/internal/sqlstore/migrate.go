package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// Migrate brings the tables with the given prefix up to date with the *.sql files at the root of
// files, which name tables and indexes with [DefaultPrefix]. What was applied is kept in the table
// <prefix>migration. It is safe to call again; that no two processes migrate at the same time is up to
// the caller, because every database locks differently.
func Migrate(ctx context.Context, db *sql.DB, d goose.Dialect, files fs.FS, prefix string) error {
	if err := CheckPrefix(prefix); err != nil {
		return err
	}
	provider, err := goose.NewProvider(d, db, prefixed{files, prefix},
		goose.WithTableName(prefix+"migration"),
		goose.WithDisableGlobalRegistry(true), // the host may use goose for its own tables
	)
	if err != nil {
		return fmt.Errorf("sqlstore: read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("sqlstore: migrate: %w", err)
	}
	return nil
}

// prefixed shows files with another table prefix.
type prefixed struct {
	fs.FS
	prefix string
}

// Open opens a file or directory.
func (p prefixed) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: read %s: %w", name, err)
	}
	text = bytes.ReplaceAll(text, []byte(DefaultPrefix), []byte(p.prefix))
	return &replaced{File: f, text: bytes.NewReader(text)}, nil
}

// replaced is a file with another text.
type replaced struct {
	fs.File
	text *bytes.Reader
}

// Read reads the other text.
func (r *replaced) Read(b []byte) (int, error) { return r.text.Read(b) }
