package main

import (
	"fmt"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/parser"
	jsonpatch "github.com/evanphx/json-patch"
)

// A patch is unified with its target. Comments on its fields change that:
//
//	+patchKey=name                   match a list's entries by a field instead of their order; also in nested lists
//	+patchStrategy=retainKeys        replace an existing field, or entries with the same key
//	+patchStrategy=replace           replace a list
//	+patchStrategy=jsonPatch         apply the patch as a list of operations (RFC 6902)
//	+patchStrategy=jsonMergePatch    merge the patch (RFC 7396)
//
// The code works on syntax: a patch can then still change an open default ("*1 | int"). KubeVela's module
// (github.com/kubevela/workflow, pkg/cue/model/sets) is not used, since its go.mod would add Kubernetes' whole client.

const (
	keyTag      = "patchKey"
	strategyTag = "patchStrategy"
)

// patched applies a patch to a value.
func patched(base, patch cue.Value) (cue.Value, error) {
	switch tags(patch.Doc())[strategyTag] {
	case "jsonPatch":
		return throughJSON(base, patch.LookupPath(cue.ParsePath("operations")), func(old, new []byte) ([]byte, error) {
			operations, err := jsonpatch.DecodePatch(new)
			if err != nil {
				return nil, err
			}
			return operations.Apply(old)
		})
	case "jsonMergePatch":
		return throughJSON(base, patch, jsonpatch.MergePatch)
	}
	target, change := syntax(base), syntax(patch)
	ast.Walk(target, func(node ast.Node) bool {
		if field, ok := node.(*ast.Field); ok {
			if list, ok := field.Value.(*ast.ListLit); ok && len(withoutEllipsis(list.Elts)) == len(list.Elts) {
				list.Elts = append(list.Elts, &ast.Ellipsis{})
			}
		}
		return true
	}, nil)
	(&merge{target}).walk(change, nil, "")
	ctx := cuecontext.New()
	result := ctx.BuildFile(target).Unify(ctx.BuildFile(change))
	return result, result.Validate(cue.All())
}

func throughJSON(base, patch cue.Value, apply func(base, patch []byte) ([]byte, error)) (cue.Value, error) {
	old, err := base.MarshalJSON()
	if err != nil {
		return base, err
	}
	new, err := patch.MarshalJSON()
	if err != nil {
		return base, err
	}
	result, err := apply(old, new)
	if err != nil {
		return base, err
	}
	file, err := parser.ParseFile("patched", result)
	if err != nil {
		return base, err
	}
	return cuecontext.New().BuildFile(file), nil
}

// merge prepares a patch and its target, so that unifying them follows the patch's comments.
type merge struct{ target ast.Node }

// walk prepares all fields of a node of the patch at a path; key is the patchKey there.
func (m *merge) walk(node ast.Node, path []string, key string) {
	switch node := node.(type) {
	case *ast.File:
		for _, decl := range node.Decls {
			m.walk(decl, path, key)
		}
	case *ast.StructLit:
		for _, decl := range node.Elts {
			m.walk(decl, path, key)
		}
	case *ast.ListLit:
		for index, entry := range node.Elts {
			m.walk(entry, deeper(path, strconv.Itoa(index)), key)
		}
	case *ast.Field:
		if label := labelOf(node); label != "" && !strings.HasPrefix(label, "#") {
			m.field(node, deeper(path, label), key)
		}
	case *ast.BinaryExpr:
		m.walk(node.X, path, key)
		m.walk(node.Y, path, key)
	case *ast.UnaryExpr:
		m.walk(node.X, path, key)
	case *ast.EmbedDecl:
		m.walk(node.Expr, path, key)
	case *ast.Comprehension:
		m.walk(node.Value, path, key)
	case *ast.CallExpr:
		if inner := unclosed(node); inner != ast.Node(node) {
			m.walk(inner, path, key)
		}
	}
}

func (m *merge) field(field *ast.Field, path []string, key string) {
	own := tags(ast.Comments(field))
	if own[keyTag] != "" {
		key = own[keyTag]
	}
	list, isList := unclosed(field.Value).(*ast.ListLit)
	switch there := at(m.target, path); {
	case there == nil:
	case !isList:
		if own[strategyTag] == "retainKeys" {
			there.Value = field.Value
		}
	default:
		if old, ok := unclosed(there.Value).(*ast.ListLit); ok {
			if own[strategyTag] == "replace" {
				old.Elts = list.Elts
			} else if key != "" {
				align(old, list, strings.Split(key, ","), own[strategyTag] == "retainKeys")
			}
		}
	}
	m.walk(field.Value, path, key)
}

// align moves the entries of a patch's list to the entries with the same key, and new entries to the end. With replace,
// old entries are removed. Lists with keys that are no plain values stay unchanged.
func align(old, patch *ast.ListLit, keys []string, replace bool) {
	for _, key := range keys {
		entries := withoutEllipsis(patch.Elts)
		byKey := map[string]ast.Expr{}
		for _, entry := range entries {
			if field := at(entry, strings.Split(key, ".")); field != nil {
				literal, ok := field.Value.(*ast.BasicLit)
				if !ok {
					return
				}
				byKey[literal.Value] = entry
			}
		}
		if len(byKey) == 0 {
			if len(entries) == 0 {
				patch.Elts = []ast.Expr{&ast.Ellipsis{}}
			}
			continue
		}
		aligned := []ast.Expr{}
		for index, entry := range withoutEllipsis(old.Elts) {
			match := ast.Expr(ast.NewStruct())
			if field := at(entry, strings.Split(key, ".")); field != nil {
				literal, ok := field.Value.(*ast.BasicLit)
				if !ok {
					return
				}
				if found := byKey[literal.Value]; found != nil {
					match = found
					delete(byKey, literal.Value)
					if replace {
						old.Elts[index] = ast.NewStruct()
					}
				}
			}
			aligned = append(aligned, match)
		}
		for _, entry := range entries {
			for _, left := range byKey {
				if entry == left {
					aligned = append(aligned, entry)
				}
			}
		}
		patch.Elts = append(aligned, &ast.Ellipsis{})
		return
	}
}

// at returns the field at a path of labels and indices, or nil.
func at(node ast.Node, path []string) *ast.Field {
	var decls []ast.Decl
	switch node := unclosed(node).(type) {
	case *ast.File:
		decls = node.Decls
	case *ast.StructLit:
		decls = node.Elts
	case *ast.ListLit:
		if index, err := strconv.Atoi(path[0]); err == nil && index < len(node.Elts) && len(path) > 1 {
			return at(node.Elts[index], path[1:])
		}
	}
	for _, decl := range decls {
		if field, ok := decl.(*ast.Field); ok && labelOf(field) == path[0] {
			if len(path) == 1 {
				return field
			}
			if found := at(field.Value, path[1:]); found != nil {
				return found
			}
		}
	}
	return nil
}

// syntax returns a value's syntax, with resolved references and with comments.
func syntax(value cue.Value) *ast.File {
	switch node := value.Syntax(cue.Docs(true), cue.ResolveReferences(true)).(type) {
	case *ast.File:
		return node
	case *ast.StructLit:
		file := &ast.File{}
		for _, decl := range node.Elts {
			if _, open := decl.(*ast.Ellipsis); !open {
				file.Decls = append(file.Decls, decl)
			}
		}
		return file
	case ast.Expr:
		return &ast.File{Decls: []ast.Decl{&ast.EmbedDecl{Expr: node}}}
	default:
		panic(fmt.Sprintf("a value's syntax is %T", node))
	}
}

// tags returns the values of comments of the form "+name=value".
func tags(groups []*ast.CommentGroup) map[string]string {
	found := map[string]string{}
	for _, group := range groups {
		for _, comment := range group.List {
			text := strings.TrimSpace(strings.TrimPrefix(comment.Text, "//"))
			name, value, ok := strings.Cut(strings.TrimPrefix(text, "+"), "=")
			if value = strings.TrimSpace(value); ok && strings.HasPrefix(text, "+") && len(strings.Fields(value)) < 2 {
				found[strings.TrimSpace(name)] = value
			}
		}
	}
	return found
}

func labelOf(field *ast.Field) string {
	name, _, err := ast.LabelName(field.Label)
	if err != nil {
		return ""
	}
	return name
}

// unclosed returns the argument of close(...).
func unclosed(node ast.Node) ast.Node {
	if call, ok := node.(*ast.CallExpr); ok && len(call.Args) == 1 {
		if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "close" {
			return call.Args[0]
		}
	}
	return node
}

func withoutEllipsis(entries []ast.Expr) []ast.Expr {
	if last := len(entries) - 1; last >= 0 {
		if _, open := entries[last].(*ast.Ellipsis); open {
			return entries[:last:last]
		}
	}
	return entries
}

func deeper(path []string, step string) []string {
	return append(path[:len(path):len(path)], step)
}
