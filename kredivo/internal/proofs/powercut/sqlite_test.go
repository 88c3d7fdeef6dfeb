package powercut_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/paylater-go/paylater/kredivo/internal/proofs/powercut"
	"github.com/paylater-go/paylater/kredivo/internal/proofs/shop"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

// cutsPerLife is how often the power is cut in one life of a writer.
const cutsPerLife = 20

// TestSQLite cuts the power of a shop on the store.
func TestSQLite(t *testing.T) {
	t.Parallel()
	var sum tally
	t.Run("lives", func(t *testing.T) {
		for n := range powerCuts(t, 400, 1) / cutsPerLife {
			t.Run(strconv.Itoa(n), func(t *testing.T) {
				t.Parallel()
				checkpoint := [...]int{1000, 100, 10}[n%3] // pages of log: also many checkpoints
				life{writer: "sqlite", pragma: fmt.Sprintf("wal_autocheckpoint(%d)", checkpoint)}.live(t, uint64(n), &sum)
			})
		}
	})
	sum.check(t)
}

// TestSQLiteControls shows that the cuts find what is not durable. The store refuses less than
// synchronous=FULL, so its tables are written to without it; and what it cannot know is that the disk lies.
func TestSQLiteControls(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		life  life
		check func(*tally, *testing.T)
	}{
		"synchronous=FULL":   {life{writer: "tables", pragma: "synchronous(FULL)"}, (*tally).check},
		"synchronous=NORMAL": {life{writer: "tables", pragma: "synchronous(NORMAL)"}, (*tally).checkLoses},
		"synchronous=OFF":    {life{writer: "tables", pragma: "synchronous(OFF)"}, (*tally).checkLoses},
		"a lying disk":       {life{writer: "sqlite", pragma: "wal_autocheckpoint(1000)", lies: true}, (*tally).checkLoses},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sum tally
			t.Run("lives", func(t *testing.T) {
				for n := range powerCuts(t, cutsPerLife, 10) / cutsPerLife {
					t.Run(strconv.Itoa(n), func(t *testing.T) { tt.life.live(t, uint64(n), &sum) })
				}
			})
			tt.check(&sum, t)
		})
	}
}

// A life is one of a writer on a disk of its own.
type life struct {
	writer, pragma string
	lies           bool // the disk
}

func (l life) live(t *testing.T, seed uint64, sum *tally) {
	t.Helper()
	d := powercut.NewDisk(seed)
	if l.lies {
		d.Lie()
	}
	dir := mount(t, d)
	path := filepath.Join(dir, "kredivo.db")
	ctx, stop := startWriter(t, l.writer, "file:"+path+"?_pragma="+l.pragma, strconv.Itoa(int(seed)), dir)
	defer stop()
	cut(ctx, t, d, seed, cutsPerLife, func(image *powercut.Image) (int, error) { return openSQLite(t, image) }, sum)
}

// openSQLite starts a shop on what a cut left.
func openSQLite(t *testing.T, image *powercut.Image) (told int, err error) {
	t.Helper()
	dir := t.TempDir()
	if err := image.Write(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "kredivo.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var integrity string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		return 0, fmt.Errorf("integrity_check: %s (%v)", integrity, err)
	}
	told, err = shop.Audit(t.Context(), db, image.Ledger)
	if err != nil {
		return told, err
	}
	return told, shop.GoOn(t.Context(), s, image.Ledger)
}
