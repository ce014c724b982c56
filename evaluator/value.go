package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// valued evaluates an expression over the scope: the known fields of a component before deployment. Only the cluster
// knows other fields. They may stand alone or be joined with texts, and a mark takes their place.
func valued(expression string, scope map[string]json.RawMessage) (whole Answer) {
	defer func() { // CUE's evaluator panics on some of its own faults
		if fault := recover(); fault != nil {
			whole = unvalued(fmt.Errorf("CUE's evaluator: %v", fault))
		}
	}()
	known := map[string]any{}
	for name, text := range scope {
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			return unvalued(err)
		}
		known[name] = value
	}
	reading := awaiting{known: known}
	text, err := reading.source(expression)
	if err != nil {
		return unvalued(err)
	}
	fields := ""
	for name, value := range scope {
		fields += name + ": " + string(value) + "\n"
	}
	value, err := compile("valueFrom", text, fields)
	if err == nil {
		value = value.LookupPath(cue.MakePath(cue.Str(result)))
		err = value.Validate(cue.Concrete(true), cue.Final())
	}
	if err != nil {
		return unvalued(err)
	}
	given, err := value.MarshalJSON()
	if err != nil {
		return unvalued(err)
	}
	return Answer{Value: given, Paths: reading.paths}
}

func unvalued(err error) Answer { return Answer{Findings: []Finding{*failure(Part{}, -1, err)}} }

// result is the name of the field with the value.
const result = "the value"

// awaiting reads an expression and collects the paths that only the cluster knows.
type awaiting struct {
	known map[string]any
	paths [][]any
}

// source returns a file whose field `result` has the expression's value.
func (a *awaiting) source(expression string) (string, error) {
	file, err := parser.ParseFile("valueFrom", expression)
	if err != nil {
		return "", err
	}
	if err := reaching(file); err != nil {
		return "", err
	}
	made, found := &ast.File{}, 0
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.ImportDecl:
			made.Decls = append(made.Decls, decl)
		case *ast.EmbedDecl:
			value, err := a.read(decl.Expr)
			if err != nil {
				return "", err
			}
			found++
			made.Decls = append(made.Decls, &ast.Field{Label: ast.NewString(result), Value: value})
		default:
			found = 2
		}
	}
	if found != 1 {
		return "", fmt.Errorf("write one expression, after imports")
	}
	text, err := format.Node(made)
	return string(text) + "\n", err
}

// read replaces paths that only the cluster knows with marks, alone or beside texts.
func (a *awaiting) read(expr ast.Expr) (ast.Expr, error) {
	if path := pathOf(expr); path != nil && a.isAwaited(path) {
		if path[0] == "context" || len(path) < 2 || (path[0] == "outputs" && len(path) < 3) {
			return nil, fmt.Errorf("%s does not exist", written(path))
		}
		if _, ok := in(a.known, path[:2]); !ok && path[0] == "outputs" {
			return nil, fmt.Errorf("%s does not exist", written(path[:2]))
		}
		a.paths = append(a.paths, path)
		return ast.NewString(fmt.Sprintf("\ue000%d\ue001", len(a.paths)-1)), nil
	}
	var err error
	switch expr := expr.(type) {
	case *ast.ParenExpr:
		expr.X, err = a.read(expr.X)
		return expr, err
	case *ast.BinaryExpr:
		if expr.Op == token.ADD {
			if expr.X, err = a.read(expr.X); err == nil {
				expr.Y, err = a.read(expr.Y)
			}
			return expr, err
		}
	case *ast.Interpolation:
		for index := range expr.Elts {
			if expr.Elts[index], err = a.read(expr.Elts[index]); err != nil {
				return nil, err
			}
		}
		return expr, nil
	}
	ast.Walk(expr, func(node ast.Node) bool {
		inner, isExpr := node.(ast.Expr)
		path := []any(nil)
		if isExpr {
			path = pathOf(inner)
		}
		if path != nil && a.isAwaited(path) && err == nil {
			err = fmt.Errorf("only the cluster knows %s; use it alone, or join it with texts by +",
				written(path))
		}
		return path == nil
	}, nil)
	return expr, err
}

// isAwaited tells whether a path starts in the scope and leaves it.
func (a *awaiting) isAwaited(path []any) bool {
	if _, ok := a.known[path[0].(string)]; !ok {
		return false
	}
	_, ok := in(a.known, path)
	return !ok
}

// in returns the value at a path, and whether it exists.
func in(value any, path []any) (any, bool) {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			fields, _ := value.(map[string]any)
			inner, ok := fields[step]
			if !ok {
				return nil, false
			}
			value = inner
		case int:
			entries, _ := value.([]any)
			if step >= len(entries) {
				return nil, false
			}
			value = entries[step]
		}
	}
	return value, true
}

// pathOf returns the steps of an expression that is only a path, else nil.
func pathOf(expr ast.Expr) []any {
	switch expr := expr.(type) {
	case *ast.Ident:
		return []any{expr.Name}
	case *ast.SelectorExpr:
		if name, _, err := ast.LabelName(expr.Sel); err == nil {
			return further(expr.X, name)
		}
	case *ast.IndexExpr:
		if index, ok := expr.Index.(*ast.BasicLit); ok {
			if number, err := strconv.Atoi(index.Value); err == nil && number >= 0 {
				return further(expr.X, number)
			}
			if name, err := literal.Unquote(index.Value); err == nil {
				return further(expr.X, name)
			}
		}
	}
	return nil
}

func further(expr ast.Expr, step any) []any {
	if path := pathOf(expr); path != nil {
		return append(path, step)
	}
	return nil
}

func written(path []any) string {
	text := ""
	for _, step := range path {
		if number, ok := step.(int); ok {
			text += fmt.Sprintf("[%d]", number)
		} else {
			text += fmt.Sprintf(".%s", step)
		}
	}
	return strings.TrimPrefix(text, ".")
}
