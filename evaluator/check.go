package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"
)

// checked returns the findings about the properties of a part: unknown, missing, or with a wrong type or value. It uses
// the template's `parameter`, closed as a definition.
func checked(part Part, number int, context map[string]json.RawMessage) []Finding {
	template, err := prepared(part)
	if err != nil {
		return []Finding{*failure(part, number, err)}
	}
	text := "{}"
	if given(part) {
		text = string(part.Properties)
	}
	more := givenName + ": " + text
	if template.closedNeedsContext {
		inner, _ := json.Marshal(context)
		more += "\ncontext: " + string(inner)
	}
	value, err := compile(part.Type, template.closed, more)
	whole := value.LookupPath(cue.ParsePath(givenName))
	if !whole.Exists() {
		return []Finding{*failure(part, number, err)}
	}
	invalid := whole.Validate(cue.Concrete(true))
	if invalid == nil {
		return nil
	}
	var properties any
	_ = json.Unmarshal([]byte(text), &properties)
	judge := judge{number, properties, value}
	return judge.findings(errors.Errors(errors.Promote(invalid, "")))
}

// judge translates CUE's errors about values to findings about properties.
type judge struct {
	part       int
	properties any
	value      cue.Value // everything that was compiled for the check
}

func (j judge) findings(all []errors.Error) []Finding {
	var findings []Finding
	for len(all) > 0 {
		var found Finding
		if format, _ := all[0].Msg(); strings.Contains(format, "empty disjunction") {
			top := all[0].Path()
			count := 1
			for count < len(all) && len(all[count].Path()) >= len(top) && slices.Equal(all[count].Path()[:len(top)], top) {
				count++
			}
			found = j.nearest(all[0], all[1:count])
			all = all[count:]
		} else {
			found = j.finding(all[0])
			all = all[1:]
		}
		if !slices.ContainsFunc(findings, func(other Finding) bool { return slices.Equal(other.Path, found.Path) }) {
			findings = append(findings, found)
		}
	}
	return findings
}

// nearest returns the finding about a value that matches none of several alternatives, for which CUE has one error
// each. It is the finding of the alternative that matches furthest, or all allowed types and values.
func (j judge) nearest(whole errors.Error, alternatives []errors.Error) Finding {
	top := j.finding(whole)
	var all []Finding
	for _, alternative := range alternatives {
		all = append(all, j.finding(alternative))
	}
	var best Finding
	candidates := meant(all, len(top.Path))
	if found := j.theOne(candidates); found != nil {
		return *found
	}
	for index, found := range candidates {
		switch {
		case index == 0, len(found.Path) > len(best.Path), best.Wanted == nil && found.Wanted != nil, knowsMore(found, best):
			best = found
		case len(found.Path) == len(best.Path) && found.Kind == best.Kind:
			for _, wanted := range found.Wanted {
				if !slices.Contains(best.Wanted, wanted) {
					best.Wanted = append(best.Wanted, wanted)
				}
			}
		}
	}
	if len(all) == 0 {
		return top
	}
	return best
}

// knowsMore tells whether an alternative knows all fields and only a type is wrong, while another alternative that
// matches as far does not know a field.
func knowsMore(found, best Finding) bool {
	return found.Kind == "type" && best.Kind == "unknown" && len(found.Path) == len(best.Path)
}

// theOne returns the missing field of an alternative that would otherwise match. It returns nil unless all other
// alternatives only have unknown fields.
func (j judge) theOne(candidates []Finding) *Finding {
	if slices.ContainsFunc(candidates, func(one Finding) bool { return one.Kind != "unknown" }) {
		return nil
	}
	for index := range candidates {
		if j.without(candidates[index].Path).Validate() == nil {
			return &candidates[index]
		}
	}
	return nil
}

// meant returns the findings of the alternatives that the value probably means. If a field's value selects an
// alternative, or is in its range, other alternatives are ignored.
func meant(all []Finding, depth int) []Finding {
	isNearer := func(one Finding) bool {
		return one.Kind != "value" && (one.Kind == "wrong" || len(one.Path) > depth)
	}
	if slices.ContainsFunc(all, isNearer) {
		return slices.DeleteFunc(all, func(one Finding) bool { return one.Kind == "value" })
	}
	return all
}

func (j judge) finding(err errors.Error) Finding {
	format, args := err.Msg()
	finding := Finding{Part: j.part, Path: err.Path(), Message: fmt.Sprintf(format, args...)}
	if len(finding.Path) > 0 && finding.Path[0] == givenName {
		finding.Path = plain(finding.Path[1:])
	}
	there := j.at(finding.Path)
	switch {
	case strings.Contains(format, "not allowed") && len(finding.Path) > 0:
		finding.Kind = "unknown"
		finding.Wanted = j.known(finding.Path)
	case strings.HasPrefix(format, "incomplete value"), strings.Contains(format, "required but not present"):
		finding.Kind = "missing"
	case strings.Contains(format, "mismatched types") && len(args) == 4:
		finding.Kind = "type"
		finding.Wanted = []string{otherThan(kind(there), fmt.Sprint(args[2]), fmt.Sprint(args[3]))}
	case strings.HasPrefix(format, "conflicting values") && len(args) == 2:
		own, _ := json.Marshal(there)
		finding.Kind = "value"
		finding.Wanted = []string{otherThan(string(own), fmt.Sprint(args[0]), fmt.Sprint(args[1]))}
	default:
		finding.Kind = "wrong"
	}
	return finding
}

// known returns the missing fields that an unknown field may mean: the template's own, and those that depend on other
// properties.
func (j judge) known(path []string) []string {
	above := path[:len(path)-1]
	all := known(j.value.LookupPath(cue.ParsePath(closedName)), above)
	all = append(all, fields(inside(j.without(path), above))...)
	slices.Sort(all)
	given, _ := j.at(above).(map[string]any)
	return slices.DeleteFunc(slices.Compact(all), func(name string) bool { _, there := given[name]; return there })
}

// without evaluates the template without the property at a path, which would otherwise cause an error.
func (j judge) without(path []string) cue.Value {
	text, _ := json.Marshal(without(j.properties, path))
	return j.value.LookupPath(cue.ParsePath(closedName)).Unify(j.value.Context().CompileBytes(text))
}

// without copies a value without the part at a path. It copies no more than necessary.
func without(value any, path []string) any {
	switch value := value.(type) {
	case map[string]any:
		copied := maps.Clone(value)
		if len(path) == 1 {
			delete(copied, path[0])
		} else {
			copied[path[0]] = without(value[path[0]], path[1:])
		}
		return copied
	case []any:
		copied := slices.Clone(value)
		if index, err := strconv.Atoi(path[0]); err == nil && index >= 0 && index < len(value) && len(path) > 1 {
			copied[index] = without(value[index], path[1:])
		}
		return copied
	}
	return value
}

// at returns the property at a path, or nil.
func (j judge) at(path []string) any {
	here := j.properties
	for _, step := range path {
		switch value := here.(type) {
		case map[string]any:
			here = value[step]
		case []any:
			index, err := strconv.Atoi(step)
			if err != nil || index < 0 || index >= len(value) {
				return nil
			}
			here = value[index]
		default:
			return nil
		}
	}
	return here
}

// kind returns CUE's name for the type of a value.
func kind(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "bool"
	case float64:
		if value == float64(int64(value)) {
			return "int"
		}
		return "float"
	case []any:
		return "list"
	default:
		return "struct"
	}
}

func otherThan(own, one, other string) string {
	if one == own {
		return other
	}
	return one
}

// plain returns the steps of a path without the quotes that CUE adds.
func plain(path []string) []string {
	steps := make([]string, len(path))
	for index, step := range path {
		steps[index] = step
		if selector := cue.ParsePath(step).Selectors(); len(selector) == 1 && strings.HasPrefix(step, `"`) {
			steps[index] = selector[0].Unquoted()
		}
	}
	return steps
}

// known returns the fields that a value may have at a path, in any of its alternatives.
func known(value cue.Value, path []string) []string {
	if operator, parts := value.Expr(); operator == cue.OrOp || operator == cue.AndOp {
		var all []string
		for _, part := range parts {
			all = append(all, known(part, path)...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	if len(path) == 0 {
		return fields(value)
	}
	steps := []cue.Selector{cue.Str(path[0]), cue.Str(path[0]).Optional(), cue.AnyString, cue.AnyIndex}
	if index, err := strconv.Atoi(path[0]); err == nil {
		steps = append([]cue.Selector{cue.Index(index)}, steps...)
	}
	for _, step := range steps {
		if inner := value.LookupPath(cue.MakePath(step)); inner.Exists() {
			return known(inner, path[1:])
		}
	}
	return nil
}

// fields returns the fields that a value has or may have.
func fields(value cue.Value) (all []string) {
	fields, err := value.Fields(cue.Optional(true))
	for err == nil && fields.Next() {
		if selector := fields.Selector(); selector.LabelType() == cue.StringLabel {
			all = append(all, selector.Unquoted())
		}
	}
	return all
}

// inside returns the value at a path.
func inside(value cue.Value, path []string) cue.Value {
	for _, step := range path {
		selector := cue.Str(step)
		if index, err := strconv.Atoi(step); err == nil && value.IncompleteKind() == cue.ListKind {
			selector = cue.Index(index)
		}
		value = value.LookupPath(cue.MakePath(selector))
	}
	return value
}
