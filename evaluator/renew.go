package main

import (
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/token"
)

// renew rewrites syntax of older CUE that CUE 0.14 rejects: `a + b` and `n * a` of lists become list.Concat and
// list.Repeat. CUE recognises lists only during evaluation, so this uses the template's text: an operand is a list if
// it is a literal, or the name of a list field. It tells whether anything was rewritten.
func renew(file *ast.File) bool {
	lists := listFields(file)
	isList := func(expr ast.Expr) bool { return shownAsList(expr, lists) }
	renewed := false
	call := func(function string, args ...ast.Expr) ast.Expr {
		renewed = true
		return ast.NewCall(ast.NewSel(ast.NewIdent("list"), function), args...)
	}
	astutil.Apply(file, nil, func(cursor astutil.Cursor) bool {
		binary, ok := cursor.Node().(*ast.BinaryExpr)
		if !ok {
			return true
		}
		switch left, right := isList(binary.X), isList(binary.Y); {
		case binary.Op == token.ADD && left && right:
			cursor.Replace(call("Concat", &ast.ListLit{Elts: []ast.Expr{binary.X, binary.Y}}))
		case binary.Op == token.MUL && left && !right:
			cursor.Replace(call("Repeat", binary.X, binary.Y))
		case binary.Op == token.MUL && right && !left:
			cursor.Replace(call("Repeat", binary.Y, binary.X))
		}
		return true
	})
	if renewed && !imports(file, "list") {
		spec := ast.NewImport(nil, "list")
		file.Decls = append([]ast.Decl{&ast.ImportDecl{Specs: []*ast.ImportSpec{spec}}}, file.Decls...)
	}
	return renewed
}

func imports(file *ast.File, path string) bool {
	for _, spec := range file.Imports {
		if spec.Path.Value == `"`+path+`"` && spec.Name == nil {
			return true
		}
	}
	return false
}

// listFields returns the names of fields that have a list in the file, and never a plain value. Fields whose list uses
// + or * come after the fields in it.
func listFields(file *ast.File) map[string]bool {
	lists, plain := map[string]bool{}, map[string]bool{}
	for known := -1; known != len(lists); {
		known = len(lists)
		ast.Walk(file, func(node ast.Node) bool {
			if field, ok := node.(*ast.Field); ok {
				name := labelOf(field)
				if _, literal := field.Value.(*ast.BasicLit); literal || name == "" {
					plain[name] = true
				} else if shownAsList(field.Value, lists) {
					lists[name] = true
				}
			}
			return true
		}, nil)
	}
	for name := range plain {
		delete(lists, name)
	}
	return lists
}

// shownAsList tells whether an expression is a list, or an alternative of lists.
func shownAsList(expr ast.Expr, lists map[string]bool) bool {
	switch expr := expr.(type) {
	case *ast.ListLit:
		return true
	case *ast.ParenExpr:
		return shownAsList(expr.X, lists)
	case *ast.UnaryExpr:
		return expr.Op == token.MUL && shownAsList(expr.X, lists)
	case *ast.Ident:
		return lists[expr.Name]
	case *ast.SelectorExpr:
		name, _, err := ast.LabelName(expr.Sel)
		return err == nil && lists[name]
	case *ast.CallExpr:
		function, ok := expr.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		from, ok := function.X.(*ast.Ident)
		name, _, err := ast.LabelName(function.Sel)
		return ok && err == nil && from.Name == "list" && (name == "Concat" || name == "Repeat" || name == "FlattenN" ||
			name == "Sort" || name == "SortStrings" || name == "Slice" || name == "Range")
	case *ast.BinaryExpr:
		left, right := shownAsList(expr.X, lists), shownAsList(expr.Y, lists)
		switch expr.Op {
		case token.OR:
			return left || right
		case token.ADD:
			return left && right
		case token.MUL:
			return left != right
		}
	}
	return false
}
