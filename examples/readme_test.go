// Package examples holds the test that keeps the documentation and the examples the same.
package examples

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// snippetMark is the comment before a code fence that quotes an example:
//
//	<!-- snippet: examples/gin/main.go mount -->
var snippetMark = regexp.MustCompile(`^<!-- snippet: (\S+) (\S+) -->$`)

// TestDocumentsQuoteTheExamples compares every marked fence of the documentation with the region it names.
func TestDocumentsQuoteTheExamples(t *testing.T) {
	t.Parallel()
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := map[string]bool{}
	for _, document := range append(documents, "../README.md") {
		for _, q := range quotes(t, document) {
			want := region(t, filepath.Join("..", q.file), q.region)
			if diff := cmp.Diff(want, q.text); diff != "" {
				t.Errorf("%s, line %d differs from %s, region %s (-example +document):\n%s", document, q.line, q.file, q.region, diff)
			}
			quoted[document+" "+q.file+" "+q.region] = true
		}
	}
	for _, framework := range []string{"gin", "fiber", "nethttp"} {
		if mark := "../README.md examples/" + framework + "/main.go mount"; !quoted[mark] {
			t.Errorf("not quoted: %s", mark)
		}
	}
}

// TestMountingIsShort keeps what a shop writes within 15 lines: making the plugin and mounting it, with the
// usual error checks left out of the count, plus the line that runs it.
func TestMountingIsShort(t *testing.T) {
	t.Parallel()
	errorCheck := regexp.MustCompile(`(?m)^\s*if err != nil \{\n\s*return err\n\s*\}\n`)
	for _, framework := range []string{"gin", "fiber", "nethttp"} {
		file := "../examples/" + framework + "/main.go"
		mount := region(t, file, "mount")
		if n := strings.Count(mount, "\n"); n > 15 {
			t.Errorf("%s: the region mount has %d lines, want at most 15", file, n)
		}
		code := errorCheck.ReplaceAllString(region(t, file, "plugin")+mount, "")
		if n := strings.Count(code, "\n") + 1; n > 15 {
			t.Errorf("%s: %d lines of plugin code, want at most 15:\n%s", file, n, code)
		}
	}
}

type quote struct {
	file, region, text string
	line               int // of the mark
}

// quotes returns the marked code fences of a document.
func quotes(t *testing.T, document string) (found []quote) {
	t.Helper()
	lines := strings.Split(read(t, document), "\n")
	for i, l := range lines {
		mark := snippetMark.FindStringSubmatch(strings.TrimSpace(l))
		if mark == nil {
			continue
		}
		rest := lines[i+1:]
		if len(rest) == 0 || !strings.HasPrefix(rest[0], "```go") {
			t.Errorf("%s, line %d: no ```go fence follows the snippet comment", document, i+1)
			continue
		}
		q := quote{file: mark[1], region: mark[2], line: i + 1}
		for _, code := range rest[1:] {
			if code == "```" {
				break
			}
			q.text += code + "\n"
		}
		q.text = dedent(q.text)
		found = append(found, q)
	}
	return found
}

// region returns the lines between "// snippet:start name" and "// snippet:end name" of a file.
func region(t *testing.T, file, name string) string {
	t.Helper()
	_, rest, started := strings.Cut(read(t, file), fmt.Sprintf("// snippet:start %s\n", name))
	text, _, ended := strings.Cut(rest, fmt.Sprintf("// snippet:end %s\n", name))
	if !started || !ended {
		t.Fatalf("%s has no region %s", file, name)
	}
	return dedent(text[:strings.LastIndex(text, "\n")+1])
}

// dedent takes the indentation of the first line off every line.
func dedent(text string) string {
	indent := text[:len(text)-len(strings.TrimLeft(text, "\t"))]
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, indent)
	}
	return strings.Join(lines, "\n")
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
