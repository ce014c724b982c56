package main

import (
	"fmt"
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/parser"
)

const (
	closedName = "#kongOamClosed"
	givenName  = "kongOamGiven"
)

// closed returns the part of a template that defines its properties, with `parameter` closed as a definition, so that
// CUE rejects unknown fields. Empty structs stay open, as in `k8s-objects` and `raw`. Its lines are the template's
// lines.
func closed(name, source string) (text string, needsContext bool, err error) {
	file, err := parser.ParseFile(name, source)
	if err != nil {
		return "", false, err
	}
	kept, empty := newExcerpt(source), []int{}
	decls, imported := reached(file, "parameter")
	for _, decl := range decls {
		needsContext = needsContext || len(declared(decl)) == 1 && declared(decl)[0] == "context"
		kept.keep(decl.Pos(), decl.End())
		empty = append(empty, toBeOpened(decl)...)
	}
	for _, decl := range file.Decls {
		if decl, ok := decl.(*ast.ImportDecl); ok {
			kept.keepImports(decl, imported)
		}
	}
	text = kept.String()
	slices.Sort(empty)
	for _, offset := range slices.Backward(empty) {
		text = text[:offset] + "..." + text[offset:]
	}
	return fmt.Sprintf("%s\n%s: parameter\n%s: %s\n", text, closedName, givenName, closedName), needsContext, nil
}

// toBeOpened returns the positions in empty structs, except structs that `close` closes, and defaults, which would then
// always match.
func toBeOpened(decl ast.Decl) (offsets []int) {
	astutil.Apply(decl, func(cursor astutil.Cursor) bool {
		if empty, ok := cursor.Node().(*ast.StructLit); ok && len(empty.Elts) == 0 {
			switch cursor.Parent().Node().(type) {
			case *ast.CallExpr, *ast.UnaryExpr:
			default:
				offsets = append(offsets, empty.Lbrace.Offset()+1)
			}
		}
		return true
	}, nil)
	return offsets
}

// reached returns the declarations that a field of a file needs, including its own, in order, and the imports that they
// use. Every name in them counts as needed, which may be too much; of imports, only a reference does, since CUE rejects
// an unused import.
func reached(file *ast.File, name string) (kept []ast.Decl, imported map[*ast.ImportSpec]bool) {
	byName := map[string][]ast.Decl{}
	for _, decl := range file.Decls {
		for _, name := range declared(decl) {
			byName[name] = append(byName[name], decl)
		}
	}
	imported = map[*ast.ImportSpec]bool{}
	needed, open := map[ast.Decl]bool{}, []string{name}
	for len(open) > 0 {
		name, open = open[0], open[1:]
		for _, decl := range byName[name] {
			if !needed[decl] {
				needed[decl] = true
				ast.Walk(decl, func(node ast.Node) bool {
					if ident, ok := node.(*ast.Ident); ok {
						open = append(open, ident.Name)
						if spec, ok := ident.Node.(*ast.ImportSpec); ok {
							imported[spec] = true
						}
					}
					return true
				}, nil)
			}
		}
	}
	for _, decl := range file.Decls {
		if needed[decl] {
			kept = append(kept, decl)
		}
	}
	return kept, imported
}

// declared returns the names that a declaration defines, apart from imports.
func declared(decl ast.Decl) (names []string) {
	switch decl := decl.(type) {
	case *ast.Field:
		names = append(names, labelOf(decl))
		if alias, ok := decl.Label.(*ast.Alias); ok {
			names = append(names, alias.Ident.Name)
		}
	case *ast.LetClause:
		names = append(names, decl.Ident.Name)
	case *ast.Alias:
		names = append(names, decl.Ident.Name)
	}
	return names
}
