package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store"
)

// A store that was copied stays sealed, and one whose copy failed is opened again.
func TestCopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dsn := func(name string) string { return filepath.Join(dir, name+".db") }
	receive := func(name string, hash byte) error {
		st, err := store.Open(t.Context(), dsn(name))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = st.Close() }()
		_, err = st.Receive(t.Context(), kredivo.Message{Dedupe: kredivo.Hash{hash}, ReceivedAt: time.Unix(1, 0)})
		return err
	}
	command := func(args ...string) (code int, output string) {
		var out bytes.Buffer
		code = run(t.Context(), append([]string{"copy"}, args...), &out, &out)
		return code, out.String()
	}
	for _, name := range []string{"old", "other"} {
		if err := receive(name, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{dsn("empty"), dsn("new")}, 1, "holds no payments"},
		{[]string{dsn("old"), dsn("other")}, 1, "holds payments already"},
		{[]string{dsn("old"), dsn("new")}, 0, "all 1 rows of kredivo_inbox"},
		{[]string{dsn("old"), dsn("new")}, 0, "done"},
		{[]string{"-undo", dsn("old"), dsn("new")}, 1, "the one to use"},
	} {
		if code, output := command(c.args...); code != c.code || !strings.Contains(output, c.want) {
			t.Errorf("%v: exit code %d\n%s", c.args, code, output)
		}
	}
	if err := receive("old", 2); err == nil || !strings.Contains(err.Error(), "sealed") {
		t.Errorf("the old store: %v", err)
	}
	if err := receive("new", 2); err != nil {
		t.Errorf("the new store: %v", err)
	}
	if code, output := command("-undo", dsn("old"), dsn("fresh")); code != 0 || !strings.Contains(output, "takes payments again") {
		t.Errorf("undo: exit code %d\n%s", code, output)
	}
	if err := receive("old", 3); err != nil {
		t.Errorf("the old store, opened again: %v", err)
	}
}
