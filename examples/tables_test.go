package examples

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/paylater-go/paylater/kredivo"
)

// TestErrorTable compares docs/errors.md with the codes of kredivo/errors.go: every code with its HTTP status
// and its sentinel, and no others.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	sentinels := map[string]string{} // by the name of the code's constant
	for name, value := range declared(t, "../kredivo/errors.go", token.VAR, "") {
		if code := regexp.MustCompile(`Code: (Code\w+)`).FindStringSubmatch(value); code != nil {
			sentinels[code[1]] = "`" + name + "`"
		}
	}
	var want []string
	for name, value := range declared(t, "../kredivo/errors.go", token.CONST, "Code") {
		code := unquote(t, value)
		status := (&kredivo.Error{Code: kredivo.Code(code)}).HTTPStatus()
		want = append(want, strings.TrimSpace(fmt.Sprintf("%d `%s` %s", status, code, sentinels[name])))
	}
	var got []string
	for _, cells := range rows(t, "../docs/errors.md", `^[0-9]{3}$`) {
		got = append(got, strings.TrimSpace(cells[0]+" "+cells[1]+" "+cells[2]))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/errors.md differs from kredivo/errors.go (-code +document):\n%s", diff)
	}
}

// TestEventAndStatusTables compares the README's events and the statuses of docs/architecture.md with the code.
func TestEventAndStatusTables(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ source, constants, document, first string }{
		{"../kredivo/event.go", "EventKind", "../README.md", "`[a-z]+\\.[a-z_]+`"},
		{"../kredivo/payment.go", "Status", "../docs/architecture.md", "^`[A-Z]+`"},
	} {
		var want []string
		for _, value := range declared(t, test.source, token.CONST, test.constants) {
			want = append(want, "`"+unquote(t, value)+"`")
		}
		var got []string
		for _, cells := range rows(t, test.document, test.first) {
			got = append(got, regexp.MustCompile("`[^`]+`").FindAllString(cells[0], -1)...)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("%s differs from %s (-code +document):\n%s", test.document, test.source, diff)
		}
	}
}

// TestDoctorTables compares docs/doctor.md with the checks and the causes in the code.
func TestDoctorTables(t *testing.T) {
	t.Parallel()
	names := regexp.MustCompile("`([a-z_]+)`")
	for _, test := range []struct{ sources, code, heading string }{
		{"../kredivo/selfcheck*.go", `(?:check = |check, do = |good\(|doubt\(|fault\()"([a-z_]+)"`, "check"},
		{"../kredivo/explain*.go", `(?:cause: +|add\()"([a-z_]+)"`, "`cause`"},
	} {
		var want, got []string
		files, err := filepath.Glob(test.sources)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, found := range regexp.MustCompile(test.code).FindAllStringSubmatch(read(t, file), -1) {
				want = append(want, found[1])
			}
		}
		_, table, _ := strings.Cut(read(t, "../docs/doctor.md"), "| "+test.heading+" |")
		table, _, _ = strings.Cut(table, "\n\n")
		for line := range strings.Lines(table) {
			cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
			for _, found := range names.FindAllStringSubmatch(cell, -1) {
				got = append(got, found[1])
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(slices.Compact(want), got); diff != "" || len(want) == 0 {
			t.Errorf("docs/doctor.md differs from %s (-code +document):\n%s", test.sources, diff)
		}
	}
}

// declared returns the constants or variables of a Go file with the text of their values. A type name
// restricts them to those that are declared with it.
func declared(t *testing.T, file string, kind token.Token, typeName string) map[string]string {
	t.Helper()
	source := read(t, file)
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := func(n ast.Node) string { return source[files.Position(n.Pos()).Offset:files.Position(n.End()).Offset] }
	found := map[string]string{}
	for _, d := range parsed.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != kind {
			continue
		}
		for _, s := range group.Specs {
			spec, ok := s.(*ast.ValueSpec)
			if !ok || typeName != "" && (spec.Type == nil || text(spec.Type) != typeName) {
				continue
			}
			for i, name := range spec.Names {
				if i < len(spec.Values) {
					found[name.Name] = text(spec.Values[i])
				}
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s declares no %s %s", file, kind, typeName)
	}
	return found
}

// rows returns the cells of the table rows whose first cell matches.
func rows(t *testing.T, document, first string) (found [][]string) {
	t.Helper()
	match := regexp.MustCompile(first)
	for line := range strings.Lines(read(t, document)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if match.MatchString(cells[0]) {
			found = append(found, cells)
		}
	}
	return found
}

func unquote(t *testing.T, literal string) string {
	t.Helper()
	s, err := strconv.Unquote(literal)
	if err != nil {
		t.Fatalf("%s: %v", literal, err)
	}
	return s
}
