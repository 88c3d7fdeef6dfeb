package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylater-go/paylater/examples/internal/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRun measures a few payments on each database.
func TestRun(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "load.db") },
		"postgres": demotest.Postgres,
		"mysql":    demotest.MySQL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			err := run(t.Context(), settings{store: database(t), instances: 2, clients: 4, payments: 20, idle: time.Millisecond}, &out)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range []string{`orders started +\d+/s`, `notifications acknowledged +\d+/s`, `payments handled .*\(20 in `, `idle .* goroutines`} {
				if !regexp.MustCompile(line).MatchString(out.String()) {
					t.Errorf("no line %q in:\n%s", line, &out)
				}
			}
		})
	}
}
