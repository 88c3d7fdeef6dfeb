package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// fileMode is for the owner alone: the rows hold order data. SQLite gives its log the same mode.
const fileMode = 0o600

// createFile makes an empty file, which is an empty database, unless there is one. The file appears
// under its name only after our handle is closed: closing any handle of a file drops every lock that
// the process holds on it, also those of a connection that opened it meanwhile.
func createFile(path string) error {
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("make the database file: %w", err)
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	if err := errors.Join(temp.Chmod(fileMode), temp.Close()); err != nil {
		return fmt.Errorf("make the database file: %w", err)
	}
	if err := os.Link(temp.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	// A file system without links. Only two stores that make the same new file in one process could meet here.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make the database file: %w", err)
	}
	return f.Close()
}
