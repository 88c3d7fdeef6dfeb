package mutants

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// switchVariable says which mutant is alive in a test binary: its name; none when empty.
const switchVariable = "KREDIVO_MUTANT_ALIVE"

// switchFile is added to every package with mutants.
const switchFile = `package %s

import "os"

var mutantAlive = os.Getenv("` + switchVariable + `")
`

// writeOverlay writes the changed files into dir, and returns the file for go's flag -overlay. Root is the root of
// the module.
func writeOverlay(root, dir string, all []mutant) (string, error) {
	sources := map[string]*source{}
	var wrong []error
	for id, m := range all {
		byFile := map[string][]edit{}
		for _, e := range m.edits {
			byFile[e.file] = append(byFile[e.file], e)
		}
		for file, edits := range byFile {
			if sources[file] == nil {
				s, err := readSource(filepath.Join(root, file))
				if err != nil {
					return "", err
				}
				sources[file] = s
			}
			if err := sources[file].add(m.name, id, edits); err != nil {
				wrong = append(wrong, fmt.Errorf("mutant %q: %s: %w", m.name, file, err))
			}
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return "", err
	}

	replace := map[string]string{}
	write := func(target, text string) error {
		name := replace[target]
		if name == "" {
			name = filepath.Join(dir, strconv.Itoa(len(replace))+".go")
			replace[target] = name
		}
		return os.WriteFile(name, []byte(text), 0o600)
	}
	for _, s := range sources {
		added := filepath.Join(filepath.Dir(s.path), "mutant_alive.go")
		err := errors.Join(write(s.path, s.mutated()), write(added, fmt.Sprintf(switchFile, s.file.Name.Name)))
		if err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, overlay, 0o600)
}

// A source is a file of the product, and the mutants of its functions.
type source struct {
	path     string
	text     string
	file     *ast.File
	calls    map[int]string // of mutants, by the offset where their function's body begins
	copies   strings.Builder
	packages []string // that only mutants import
}

func readSource(path string) (*source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &source{path: path, text: string(text), calls: map[int]string{}}
	s.file, err = parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
	return s, err
}

// at is the offset of a position: the file is the only one of its set.
func at(p token.Pos) int { return int(p) - 1 }

// add gives the mutant a copy of each function that its edits change.
func (s *source) add(name string, id int, edits []edit) error {
	for _, e := range edits {
		if n := strings.Count(s.text, e.old); n != 1 {
			return fmt.Errorf("found %d times instead of once, so the table must be brought up to date:\n%s", n, e.old)
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { return strings.Index(s.text, a.old) - strings.Index(s.text, b.old) })
	bodies := map[*ast.FuncDecl]string{}
	for _, e := range slices.Backward(edits) {
		offset := strings.Index(s.text, e.old)
		f := s.function(offset)
		if f == nil {
			return fmt.Errorf("not within a function:\n%s", e.old)
		}
		begin := at(f.Body.Pos())
		if bodies[f] == "" {
			bodies[f] = s.text[begin:at(f.Body.End())]
		}
		bodies[f] = bodies[f][:offset-begin] + e.new + bodies[f][offset-begin+len(e.old):]
		for _, p := range e.imports {
			if !slices.Contains(s.packages, p) && !strings.Contains(s.text, strconv.Quote(p)+"\n") {
				s.packages = append(s.packages, p)
			}
		}
	}
	for f, body := range bodies {
		suffix := "_mutant" + strconv.Itoa(id)
		call, err := callOf(f, suffix)
		if err != nil {
			return err
		}
		s.calls[at(f.Body.Lbrace)+1] += fmt.Sprintf(" if mutantAlive == %q { %s }; ", name, call)
		s.copies.WriteString("\n" + s.text[at(f.Pos()):at(f.Name.End())] + suffix + s.text[at(f.Name.End()):at(f.Body.Pos())] + body + "\n")
	}
	return nil
}

// function is the declared function whose body has the offset.
func (s *source) function(offset int) *ast.FuncDecl {
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && at(f.Body.Pos()) <= offset && offset < at(f.Body.End()) {
			return f
		}
	}
	return nil
}

// callOf is the statement with which f hands over to its copy.
func callOf(f *ast.FuncDecl, suffix string) (string, error) {
	callee := f.Name.Name + suffix
	if f.Recv != nil {
		receiver, err := names(f.Recv)
		if err != nil {
			return "", fmt.Errorf("the receiver of %s: %w", f.Name.Name, err)
		}
		callee = receiver[0] + "." + callee
	}
	if f.Type.TypeParams != nil {
		types, err := names(f.Type.TypeParams)
		if err != nil {
			return "", err
		}
		callee += "[" + strings.Join(types, ", ") + "]"
	}
	args, err := names(f.Type.Params)
	if err != nil {
		return "", fmt.Errorf("a parameter of %s: %w", f.Name.Name, err)
	}
	if n := len(args); n > 0 {
		if _, variadic := f.Type.Params.List[len(f.Type.Params.List)-1].Type.(*ast.Ellipsis); variadic {
			args[n-1] += "..."
		}
	}
	call := callee + "(" + strings.Join(args, ", ") + ")"
	if f.Type.Results == nil {
		return call + "; return", nil
	}
	return "return " + call, nil
}

func names(list *ast.FieldList) ([]string, error) {
	var all []string
	for _, field := range list.List {
		if len(field.Names) == 0 {
			return nil, errors.New("has no name, and cannot be handed on")
		}
		for _, n := range field.Names {
			if n.Name == "_" {
				return nil, errors.New("has no name, and cannot be handed on")
			}
			all = append(all, n.Name)
		}
	}
	return all, nil
}

// mutated is the file with all mutants in it.
func (s *source) mutated() string {
	offsets := make([]int, 0, len(s.calls))
	for o := range s.calls {
		offsets = append(offsets, o)
	}
	slices.Sort(offsets)
	text := s.text
	for _, o := range slices.Backward(offsets) {
		text = text[:o] + s.calls[o] + text[o:]
	}
	if len(s.packages) > 0 {
		text = strings.Replace(text, "\nimport (\n", "\nimport (\n\t\""+strings.Join(s.packages, "\"\n\t\"")+"\"\n", 1)
	}
	return text + s.copies.String()
}
