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

// snippetMark is the comment before a code fence that quotes code:
//
//	<!-- snippet: examples/gin/main.go mount -->
var snippetMark = regexp.MustCompile(`^<!-- snippet: (\S+) (\S+) -->$`)

// TestDocumentsQuoteTheExamples compares every marked fence of the documentation with the region it names.
func TestDocumentsQuoteTheExamples(t *testing.T) {
	t.Parallel()
	quoted := map[string]bool{}
	for _, document := range documents(t) {
		for _, q := range quotes(t, document) {
			want := region(t, filepath.Join("..", q.file), q.region)
			if diff := cmp.Diff(want, q.text); diff != "" {
				t.Errorf("%s, line %d differs from %s, region %s (-example +document):\n%s", document, q.line, q.file, q.region, diff)
			}
			quoted[document+" "+q.file+" "+q.region] = true
		}
	}
	for _, place := range []string{
		"gin/main.go mount", "fiber/main.go mount", "nethttp/main.go mount",
		"quickstart/main.go plugin", "quickstart/main.go order", "quickstart/main.go apply",
		"quickstart/main.go run", "quickstart/shop_test.go test",
	} {
		if !quoted["../README.md examples/"+place] {
			t.Errorf("the README does not quote examples/%s", place)
		}
	}
}

// TestAllGoIsQuoted keeps Go that nothing compiles out of the documentation.
func TestAllGoIsQuoted(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		if fences, marked := strings.Count(read(t, document), "```go\n"), len(quotes(t, document)); fences != marked {
			t.Errorf("%s has %d fences of Go, %d of them quote code, want all", document, fences, marked)
		}
	}
}

// TestReadmeLines looks for what the README quotes within its sentences.
func TestReadmeLines(t *testing.T) {
	t.Parallel()
	text := read(t, "../README.md")
	button := fence(t, text, "html")
	for file, code := range map[string][]string{
		"quickstart/main.go":      {button, `kredivohttp.MountGroup(ops, "/ops", p, kredivo.AdminRoutes, kredivohttp.Hooks{})`},
		"quickstart/main_test.go": {`kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.OnEvent = shop.Apply })`},
	} {
		for _, c := range code {
			if !strings.Contains(read(t, file), c) || c != button && !strings.Contains(text, "`"+c+"`") {
				t.Errorf("examples/%s and the README should both have:\n%s", file, c)
			}
		}
	}
}

// fence returns the text of the first fence in that language.
func fence(t *testing.T, document, language string) string {
	t.Helper()
	_, rest, _ := strings.Cut(document, "```"+language+"\n")
	text, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatalf("no fence in %s", language)
	}
	return text
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
		for _, making := range []string{file, "../examples/quickstart/main.go"} { // the README shows the second one
			code := errorCheck.ReplaceAllString(region(t, making, "plugin")+mount, "")
			if n := strings.Count(code, "\n") + 1; n > 15 {
				t.Errorf("%s: %d lines of plugin code, want at most 15:\n%s", file, n, code)
			}
		}
	}
}

// documents are the README and everything in docs.
func documents(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../docs/*.md")
	if err != nil || len(found) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	return append(found, "../README.md")
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

// region returns the lines between "// snippet:start name" and "// snippet:end name" of a file, without
// empty ones at either end.
func region(t *testing.T, file, name string) string {
	t.Helper()
	_, rest, started := strings.Cut(read(t, file), fmt.Sprintf("// snippet:start %s\n", name))
	text, _, ended := strings.Cut(rest, fmt.Sprintf("// snippet:end %s\n", name))
	if !started || !ended {
		t.Fatalf("%s has no region %s", file, name)
	}
	text = text[:strings.LastIndex(text, "\n")+1]
	return dedent(strings.Trim(text, "\n") + "\n")
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
