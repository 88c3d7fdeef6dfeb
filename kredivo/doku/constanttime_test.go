package doku

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"
)

// What an attacker may try again and again is compared in constant time: the time that == takes tells how many
// bytes were right. No test can measure that, so this one reads the source: verify compares nothing but numbers by
// itself.
func TestVerifyComparesInConstantTime(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "verify.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	constant := 0
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "verify" {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				_, number := n.Y.(*ast.BasicLit)
				if (n.Op == token.EQL || n.Op == token.NEQ) && !number {
					t.Errorf("verify compares with %s", n.Op)
				}
			case *ast.SelectorExpr:
				if n.Sel.Name == "ConstantTimeCompare" {
					constant++
				}
				if slices.Contains([]string{"Equal", "EqualFold", "Compare", "HasPrefix"}, n.Sel.Name) {
					t.Errorf("verify compares with %s", n.Sel.Name)
				}
			}
			return true
		})
	}
	if constant != 2 {
		t.Errorf("verify makes %d comparisons in constant time, want 2: of the signature and of the Client-Id", constant)
	}
}
