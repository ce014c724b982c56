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

// pure are CUE's packages that only compute. What else there is (tool/...) and what KubeVela adds (vela/..., kube/...)
// reaches for files, programs or a network, here or later.
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

// refused is what a template must not have: an import, or an attribute that has files read.
type refused struct{ what, where string }

func (r refused) Error() string {
	return fmt.Sprintf("%q reaches for what an evaluation must not: files, programs, a cluster or a network (%s)",
		r.what, r.where)
}

// template is one as it is evaluated, and the part of it that says what properties there are.
type template struct {
	source, closed     string
	closedNeedsContext bool
}

var templates = map[[2]string]template{}

// prepared is a part's template; the last thousand are kept.
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

// source is a template as it is evaluated: with what CUE has now in place of what older CUE had, and with the two names
// that every template may use. It is called by name in messages.
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

// reaching is what in a file is refused, if anything.
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

// compile builds what `source` gives together with further fields, whose values are JSON, in a context of its own: one
// that is kept grows. It is one text, since CUE orders fields by where they stand. JSON is CUE, but for a byte order
// mark in a text.
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

// tooLarge is a number in a file of which CUE would make another one: its exponents have five digits.
func tooLarge(file *ast.File) (err error) {
	ast.Walk(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.FLOAT {
			_, exponent, _ := strings.Cut(strings.ToLower(literal.Value), "e")
			if len(strings.Trim(exponent, "+-")) > 4 {
				err = fmt.Errorf("%.40s is no number of 64 bits, which is all that Kubernetes holds (%s)",
					literal.Value, literal.Pos())
			}
		}
		return err == nil
	}, nil)
	return err
}

// said are the words of a template's `errs`, of which KubeVela takes only a list of texts.
func said(value cue.Value) []string {
	var texts []string
	if errs := value.LookupPath(cue.ParsePath("errs")); errs.Exists() && errs.Decode(&texts) != nil {
		return nil
	}
	return texts
}

// words are CUE's own, of every error once.
func words(err error) string {
	seen, lines := map[string]bool{}, []string{}
	for _, one := range errors.Errors(errors.Sanitize(errors.Promote(err, ""))) {
		line := one.Error()
		if where := one.Position(); where.IsValid() {
			line = fmt.Sprintf("%s (%s)", line, where)
		}
		if !seen[line] {
			seen[line], lines = true, append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
