package main

import (
	"fmt"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// pure lists CUE's packages that only compute. Others (tool/...), and KubeVela's (vela/..., kube/...), use files,
// programs or a network.
var pure = func() map[string]bool {
	packages := map[string]bool{}
	for _, name := range strings.Fields(`crypto/ed25519 crypto/hmac crypto/md5 crypto/sha1 crypto/sha256 crypto/sha512
		encoding/base64 encoding/csv encoding/hex encoding/json encoding/pem encoding/toml encoding/yaml
		html list math math/big math/bits net path regexp strconv strings struct
		text/tabwriter text/template time uuid`) {
		packages[name] = true
	}
	return packages
}()

// refused is an error about a forbidden part of a template: an import, or an attribute that reads files.
type refused struct{ name, position string }

func (r refused) Error() string {
	return fmt.Sprintf("%q may use files, programs, a cluster or a network, which is not allowed; remove it (%s)",
		r.name, r.position)
}

// template has a template ready for evaluation, and the part that defines its properties.
type template struct {
	source, closed     string
	closedNeedsContext bool
}

var templates = map[[2]string]template{}

// prepared returns a part's template, from a cache of the last thousand.
func prepared(part Part) (template, error) {
	key := [2]string{part.Type, part.Template}
	if made, ok := templates[key]; ok {
		return made, nil
	}
	var made template
	var err error
	if made.source, err = source(part.Type, part.Template); err != nil {
		return made, err
	}
	if made.closed, made.closedNeedsContext, err = closed(part.Type, made.source); err != nil {
		return made, err
	}
	if len(templates) == 1000 {
		clear(templates)
	}
	templates[key] = made
	return made, nil
}

// source returns a template ready for evaluation: in current CUE syntax, with the two names that every template may
// use. name is its name in messages.
func source(name, template string) (string, error) {
	file, err := parser.ParseFile(name, template, parser.ParseComments)
	if err != nil {
		return "", err
	}
	if err := reaching(file); err != nil {
		return "", err
	}
	if renew(file) {
		renewed, err := format.Node(file)
		if err != nil {
			return "", err
		}
		template = string(renewed)
	}
	return template + "\ncontext: _\nparameter: _\n", nil
}

// reaching returns the error about a forbidden part of a file, if any.
func reaching(file *ast.File) error {
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !pure[strings.SplitN(path, ":", 2)[0]] {
			return refused{path, spec.Path.Pos().String()}
		}
	}
	for _, decl := range file.Decls {
		if attribute, ok := decl.(*ast.Attribute); ok && strings.HasPrefix(attribute.Text, "@extern") {
			return refused{attribute.Text, attribute.Pos().String()}
		}
	}
	return nil
}

// compile builds the result of `source` with further JSON fields, in a new context, since a reused context grows. It is
// one text, because CUE orders fields by position. JSON is CUE, except for a byte order mark in a text.
func compile(name, source, fields string) (cue.Value, error) {
	fields = strings.ReplaceAll(fields, "\ufeff", `\ufeff`)
	file, err := parser.ParseFile(name, source+fields, parser.ParseComments)
	if err != nil {
		return cue.Value{}, err
	}
	if err := tooLarge(file); err != nil {
		return cue.Value{}, err
	}
	value := cuecontext.New().BuildFile(file)
	return value, value.Err()
}

// tooLarge returns the error about a number that CUE would change: its exponents have five digits.
func tooLarge(file *ast.File) (err error) {
	ast.Walk(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.FLOAT {
			_, exponent, _ := strings.Cut(strings.ToLower(literal.Value), "e")
			if len(strings.Trim(exponent, "+-")) > 4 {
				err = fmt.Errorf("%.40s exceeds 64 bits, Kubernetes' limit for numbers (%s)",
					literal.Value, literal.Pos())
			}
		}
		return err == nil
	}, nil)
	return err
}

// said returns the messages in a template's `errs`. Like KubeVela, it accepts only a list of texts.
func said(value cue.Value) []string {
	var texts []string
	if errs := value.LookupPath(cue.ParsePath("errs")); errs.Exists() && errs.Decode(&texts) != nil {
		return nil
	}
	return texts
}

// words returns the messages of CUE's errors about a part, each once, with its position in the part's template.
func words(part Part, err error) string {
	seen, lines := map[string]bool{}, []string{}
	for _, one := range errors.Errors(errors.Sanitize(errors.Promote(err, ""))) {
		line := one.Error()
		if where := position(part, one); where.IsValid() {
			line = fmt.Sprintf("%s (%s)", line, where)
		}
		if !seen[line] {
			seen[line], lines = true, append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// position returns an error's position in the part's template, if any. CUE has only the positions of the values that
// conflict, and some are in the properties after the template. A part without a template stands for a whole text.
func position(part Part, err errors.Error) token.Pos {
	for _, where := range append([]token.Pos{err.Position()}, err.InputPositions()...) {
		isInside := where.Filename() == part.Type && where.Line() <= strings.Count(part.Template, "\n")+1
		if where.IsValid() && (isInside || part.Template == "") {
			return where
		}
	}
	return token.NoPos
}
