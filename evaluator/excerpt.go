package main

import (
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// excerpt has parts of a text at their positions, with blanks between them.
type excerpt struct {
	text string
	kept []byte
}

func newExcerpt(text string) *excerpt {
	kept := []byte(text)
	blank(kept)
	return &excerpt{text, kept}
}

func blank(text []byte) {
	for index, one := range text {
		if one != '\n' {
			text[index] = ' '
		}
	}
}

// keep keeps a part, and the comma after it.
func (e *excerpt) keep(from, to token.Pos) {
	end := to.Offset()
	if more := strings.TrimLeft(e.text[end:], " \t"); strings.HasPrefix(more, ",") {
		end = len(e.text) - len(more) + 1
	}
	copy(e.kept[from.Offset():end], e.text[from.Offset():])
}

// keepImports keeps the used imports of a declaration.
func (e *excerpt) keepImports(decl *ast.ImportDecl, used map[*ast.ImportSpec]bool) {
	for _, spec := range decl.Specs {
		if used[spec] {
			e.keep(spec.Pos(), spec.End())
			copy(e.kept[decl.Import.Offset():], "import")
			if decl.Lparen.IsValid() {
				e.keep(decl.Lparen, decl.Lparen.Add(1))
				e.keep(decl.Rparen, decl.Rparen.Add(1))
			}
		}
	}
}

// leaveOut replaces a field's value with an empty struct. The status of a definition is never evaluated here, and `vela
// def` allows CUE there that uses `context`.
func (e *excerpt) leaveOut(field *ast.Field) {
	if field == nil {
		return
	}
	from, to := field.Value.Pos().Offset(), field.Value.End().Offset()
	if to-from < len("{}") {
		return
	}
	blank(e.kept[from:to])
	copy(e.kept[from:], "{}")
}

func (e *excerpt) String() string { return string(e.kept) }
