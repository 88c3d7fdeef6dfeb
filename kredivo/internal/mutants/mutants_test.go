package mutants

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A mutant is the product with a mistake in it.
type mutant struct {
	name   string // the mistake
	edits  []edit
	proofs []proof // that must fail, each of them
}

// An edit changes a text that occurs once in a file, within the body of a function.
type edit struct {
	file, old, new string
	imports        []string // that the new text needs
}

// A proof is a test that must notice a mutant.
type proof struct {
	pkg    string // its directory
	test   string // its name, and the subtest's
	says   string // what it must find wrong, where it looks at many things; or how it panics
	mode   string // of the simulation: full or layered worlds
	server string // the variable that names the server it needs
	source bool   // it reads the package's source
}

// String names the proof as docs/testing.md does.
func (p proof) String() string {
	if p.test == simulation {
		return "simulation, " + p.mode
	}
	return "`" + p.test + "`"
}

// TestMutants lets every mutant live and its proofs run, and fails for each proof that does not fail.
// KREDIVO_MUTANTS is a regular expression for the names of those that are wanted.
func TestMutants(t *testing.T) {
	t.Parallel()
	all := slices.Concat(tables...)
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := writeOverlay(root, t.TempDir(), all)
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		t.Skip("every text was found; the mutants are not run, for that takes a minute")
	}
	wanted, err := regexp.Compile(os.Getenv("KREDIVO_MUTANTS"))
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(m mutant) bool { return !wanted.MatchString(m.name) })
	l := &laboratory{root: root, dir: t.TempDir(), overlay: overlay, binaries: map[string]*binary{}}
	noticed := make([][]string, len(all))
	t.Run("noticed", func(t *testing.T) {
		for i, m := range all {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				for _, p := range m.proofs {
					noticed[i] = append(noticed[i], l.try(t, m, p))
				}
			})
		}
	})
	t.Run("sound", func(t *testing.T) {
		for pkg := range l.binaries {
			t.Run(pkg, func(t *testing.T) {
				t.Parallel()
				l.checkSound(t, pkg)
			})
		}
	})
	for i, m := range all {
		t.Logf("%s: %s", m.name, strings.Join(noticed[i], ", "))
	}
}

// TestMutantsAreDocumented: docs/testing.md has a line for each, and no other.
func TestMutantsAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range slices.Concat(tables...) {
		if names[m.name] {
			t.Errorf("two mutants are called %q", m.name)
		}
		names[m.name] = true
		proofs := make([]string, len(m.proofs))
		for i, p := range m.proofs {
			proofs[i] = p.String()
		}
		if line := "| " + m.name + " | " + strings.Join(proofs, "; ") + " |\n"; !strings.Contains(string(doc), line) {
			t.Errorf("docs/testing.md lacks the line\n%s", line)
		}
	}
	_, section, _ := strings.Cut(string(doc), "\n## What the tests catch\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if lines := strings.Count(section, "\n| ") - 1; lines != len(names) { // but for the heading
		t.Errorf("docs/testing.md has lines for %d mutants, but there are %d", lines, len(names))
	}
}
