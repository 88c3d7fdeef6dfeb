package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T) kredivo.Store {
		t.Helper()
		s, err := Open(t.Context(), filepath.Join(dir, strings.NewReplacer("/", "-", " ", "_").Replace(t.Name())+".db"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
