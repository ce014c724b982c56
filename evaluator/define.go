package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
)

// Definition is the content of a .cue file in the format of `vela def`: one field that describes the definition and has
// its name, and its `template`.
type Definition struct {
	Name     string          `json:"name"`
	About    json.RawMessage `json:"about"` // type, description, labels, annotations, attributes
	Template string          `json:"template"`
	Line     int             `json:"line"` // the first line of the definition
}

// defined reads such a file; name is its name in messages. The template keeps the imports of the file, and each line
// has its number in the file.
func defined(name, text string) Answer {
	definition, err := definitionOf(name, strings.ReplaceAll(text, "\r\n", "\n"))
	if err != nil {
		return Answer{Findings: []Finding{*failure(Part{}, -1, err)}}
	}
	return Answer{Definition: definition}
}

func definitionOf(name, text string) (*Definition, error) {
	file, err := parser.ParseFile(name, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	about, template := newExcerpt(text), newExcerpt(text)
	line, isMade := 0, false
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.ImportDecl:
			template.keep(decl.Pos(), decl.End())
		case *ast.Field:
			if labelOf(decl) != "template" {
				about.keep(decl.Pos(), decl.End())
				about.leaveOut(at(decl.Value, []string{"attributes", "status"}))
				if line == 0 {
					line = decl.Pos().Line()
				}
				continue
			}
			made, ok := decl.Value.(*ast.StructLit)
			if !ok {
				return nil, fmt.Errorf("`template` is no struct")
			}
			isMade = true
			if made.Lbrace.IsValid() {
				template.keep(made.Lbrace.Add(1), made.Rbrace)
			} else {
				template.keep(made.Pos(), made.End()) // template: patch: ...
			}
		}
	}
	definition, err := described(name, about.String())
	if err != nil {
		return nil, err
	}
	if !isMade {
		return nil, fmt.Errorf("no `template` beside `%s`; add it", definition.Name)
	}
	definition.Template, definition.Line = template.String(), line
	return definition, nil
}

// described returns a definition without its template: the only field of a text.
func described(name, text string) (*Definition, error) {
	value, err := compile(name, text, "")
	if err != nil {
		return nil, err
	}
	fields, err := value.Fields()
	if err != nil || !fields.Next() {
		return nil, fmt.Errorf("no field with a description beside `template`; add it")
	}
	definition, about := &Definition{Name: fields.Selector().Unquoted()}, fields.Value()
	if fields.Next() {
		return nil, fmt.Errorf("two fields beside `template`, %s and %s; write one file for each definition",
			definition.Name, fields.Selector().Unquoted())
	}
	if err := about.Validate(cue.Concrete(true)); err != nil {
		return nil, err
	}
	if definition.About, err = about.MarshalJSON(); err != nil {
		return nil, err
	}
	_, err = decoded(definition.About)
	return definition, err
}
