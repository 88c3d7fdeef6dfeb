package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// maxAdded is what the plugin and its net/http adapter may add to a bare net/http server, without a
// store, in a plain build. Importing html/template or the world's phone numbering plans would each break it.
const maxAdded = 6_000_000

func TestBinarySize(t *testing.T) {
	t.Parallel()
	bare, host := buildSize(t, "bare"), buildSize(t, "nethttp")
	added := host - bare
	t.Logf("bare server %d bytes, with the plugin %d bytes: %d added", bare, host, added)
	if added > maxAdded {
		t.Errorf("the plugin adds %d bytes to a net/http server, more than %d", added, maxAdded)
	}
}

// buildSize builds one of the programs in testdata and returns its size in bytes.
func buildSize(t *testing.T, name string) int64 {
	t.Helper()
	bin := filepath.Join(t.TempDir(), name)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./testdata/"+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	info, err := os.Stat(bin)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
