package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// mounted gives a disk and the directory where it is mounted.
func mounted(t *testing.T) (*Disk, string) {
	t.Helper()
	d, dir := NewDisk(7), t.TempDir()
	m, err := d.Mount(dir)
	if errors.Is(err, ErrNoFUSE) && os.Getenv("KREDIVO_REQUIRE") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return d, dir
}

// outcomes cuts the power many times, with everything at rest, and counts what is left: the content of each
// file behind its name.
func outcomes(t *testing.T, d *Disk) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for range 200 {
		image, err := d.Cut(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := image.Write(dir); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var all string
		for _, f := range files {
			content, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			all += fmt.Sprintf("%s=%s ", f.Name(), bytes.Trim(content, "\x00"))
		}
		seen[all]++
	}
	return seen
}

// only checks that the outcomes are these and no others, and that each of them came.
func only(t *testing.T, got map[string]int, want ...string) {
	t.Helper()
	for _, w := range want {
		if got[w] == 0 {
			t.Errorf("never left: %q", w)
		}
		delete(got, w)
	}
	for other, n := range got {
		t.Errorf("left %d times: %q", n, other)
	}
}

func create(t *testing.T, path, content string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
	return f
}

func flush(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsFlushedStays(t *testing.T) {
	t.Parallel()
	d, dir := mounted(t)
	f := create(t, filepath.Join(dir, "f"), "old")
	flush(t, f.Name())
	only(t, outcomes(t, d), "", "f=old ") // the name is not flushed
	flush(t, dir)
	only(t, outcomes(t, d), "f=old ")
	if _, err := f.WriteAt([]byte("new"), 0); err != nil {
		t.Fatal(err)
	}
	only(t, outcomes(t, d), "f=old ", "f=new ")
	flush(t, f.Name())
	only(t, outcomes(t, d), "f=new ")
}

func TestSyncFlushesEverything(t *testing.T) {
	t.Parallel()
	d, dir := mounted(t)
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	create(t, filepath.Join(dir, "d", "f"), "content")
	d.Sync()
	image, err := d.Cut(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if f := image.root.entries["d"].entries["f"]; string(f.content) != "content" {
		t.Errorf("left %q", f.content)
	}
}

func TestFilesMayBeFlushedTogether(t *testing.T) {
	t.Parallel()
	d, dir := mounted(t)
	d.FlushTogether()
	create(t, filepath.Join(dir, "a"), "content")
	b := create(t, filepath.Join(dir, "b"), "content")
	flush(t, b.Name())
	only(t, outcomes(t, d), "a=content b=content ")
}

func TestANameWithoutContent(t *testing.T) {
	t.Parallel()
	d, dir := mounted(t)
	create(t, filepath.Join(dir, "f"), "content")
	flush(t, dir)
	only(t, outcomes(t, d), "f= ", "f=content ")
}

func TestWritesAreTornAtSectors(t *testing.T) {
	t.Parallel()
	d, dir := mounted(t)
	zeros := string(make([]byte, sector-1))
	create(t, filepath.Join(dir, "f"), "a"+zeros+"b"+zeros+"c")
	flush(t, dir)
	only(t, outcomes(t, d), "f= ", "f=a ", "f=b ", "f=c ", "f=a"+zeros+"b ", "f=b"+zeros+"c ", "f=a"+zeros+"\x00"+zeros+"c ", "f=a"+zeros+"b"+zeros+"c ")
}

func TestTruncationsMayComeLate(t *testing.T) {
	t.Parallel()
	d, dir := mounted(t)
	f := create(t, filepath.Join(dir, "f"), "content")
	flush(t, f.Name())
	flush(t, dir)
	if err := f.Truncate(3); err != nil {
		t.Fatal(err)
	}
	only(t, outcomes(t, d), "f=content ", "f=con ")
	if err := f.Truncate(7); err != nil {
		t.Fatal(err)
	}
	only(t, outcomes(t, d), "f=content ", "f=con ") // never the old bytes behind the cut, both done
	flush(t, f.Name())
	only(t, outcomes(t, d), "f=con ")
}

func TestARenameHappensOrNot(t *testing.T) {
	t.Parallel()
	d, dir := mounted(t)
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for _, path := range []string{from, to} {
		create(t, path, filepath.Base(path))
		flush(t, path)
	}
	flush(t, dir)
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	only(t, outcomes(t, d), "from=from to=to ", "to=from ")
	flush(t, dir)
	only(t, outcomes(t, d), "to=from ")
	if err := os.Remove(to); err != nil {
		t.Fatal(err)
	}
	only(t, outcomes(t, d), "to=from ", "")
	flush(t, dir)
	only(t, outcomes(t, d), "")
}

func TestALyingDiskKeepsNothing(t *testing.T) {
	t.Parallel()
	d, dir := mounted(t)
	d.Lie()
	f := create(t, filepath.Join(dir, "f"), "content")
	flush(t, f.Name())
	flush(t, dir)
	only(t, outcomes(t, d), "", "f= ", "f=content ")
}

func TestACutComesAtItsInstant(t *testing.T) {
	t.Parallel()
	d, dir := mounted(t)
	ledger := create(t, filepath.Join(dir, LedgerName), "")
	image := make(chan *Image, 1)
	go func() {
		i, err := d.Cut(t.Context(), 3)
		if err != nil {
			t.Error(err)
		}
		image <- i
	}()
	for waiting := false; !waiting; runtime.Gosched() {
		d.mu.Lock()
		waiting = d.next != nil
		d.mu.Unlock()
	}
	for n := range 5 {
		if _, err := fmt.Fprintln(ledger, n); err != nil {
			t.Fatal(err)
		}
	}
	if i := <-image; string(i.Ledger) != "0\n1\n2\n" || len(i.root.entries) != 0 {
		t.Errorf("ledger %q, files %v; want what was told before the cut, and no file", i.Ledger, i.root.entries)
	}
}

func TestFilesAreFiles(t *testing.T) {
	t.Parallel()
	_, dir := mounted(t)
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		create(t, filepath.Join(dir, "a", "b", fmt.Sprint(n)), fmt.Sprint(n)).Close()
	}
	entries, err := os.ReadDir(filepath.Join(dir, "a", "b"))
	if err != nil || len(entries) != 300 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if err := os.Link(filepath.Join(dir, "a", "b", "7"), filepath.Join(dir, "seven")); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "seven")); string(content) != "7" || err != nil {
		t.Errorf("%q, %v", content, err)
	}
	if err := os.Remove(filepath.Join(dir, "a", "b")); err == nil {
		t.Error("a directory with files was removed")
	}
	if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
		t.Error(err)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "seven")); string(content) != "7" || err != nil {
		t.Errorf("after the first name is gone: %q, %v", content, err)
	}
}
