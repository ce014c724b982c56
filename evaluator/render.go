package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"
)

// rendering is the state of a component during rendering: its workload and its other objects.
type rendering struct {
	workload cue.Value
	before   []cue.Value // the workload before each trait
	others   []other
	context  map[string]json.RawMessage
}

type other struct {
	value cue.Value
	key   string
	part  int
}

// answer renders a component. It returns all findings about its properties, or the first later finding. It reports the
// current part; the component itself is part -1.
func answer(request Request, tell func(part int)) (whole Answer) {
	here := -1
	at := func(part int) {
		here = part
		tell(part)
	}
	defer func() { // CUE's evaluator panics on some of its own faults
		if fault := recover(); fault != nil {
			whole = Answer{Findings: []Finding{{Kind: "failure", Part: here, Message: fmt.Sprint("CUE's evaluator: ", fault)}}}
		}
	}()
	parts := append([]Part{request.Component}, request.Traits...)
	var findings []Finding
	for number, part := range parts {
		if request.Unchecked {
			break
		}
		at(number - 1)
		findings = append(findings, checked(part, number-1, request.Context)...)
	}
	if len(findings) > 0 {
		return Answer{Findings: findings}
	}
	made := rendering{context: maps.Clone(request.Context)}
	for number, part := range parts {
		at(number - 1)
		if finding := made.add(part, number-1); finding != nil {
			return Answer{Findings: []Finding{*finding}}
		}
	}
	objects, finding := made.objects(request)
	if finding != nil {
		return Answer{Findings: []Finding{*finding}}
	}
	return Answer{Objects: objects}
}

// add evaluates one part with the objects of the earlier parts; the component itself is part -1.
func (r *rendering) add(part Part, number int) *Finding {
	if finding := r.describe(part, number); finding != nil {
		return finding
	}
	value, err := r.evaluated(part, number)
	if texts := said(value); len(texts) > 0 {
		return &Finding{Kind: "errs", Part: number, Message: strings.Join(texts, "\n")}
	}
	if err != nil {
		return failure(part, number, err)
	}
	if value.LookupPath(cue.ParsePath("processing")).Exists() {
		return failure(part, number, fmt.Errorf("`processing` calls a server, which is not allowed; remove it"))
	}
	if number < 0 {
		if r.workload = value.LookupPath(cue.ParsePath("output")); !r.workload.Exists() {
			return failure(part, number, fmt.Errorf("the template has no `output`"))
		}
	}
	if err := r.append(value, number); err != nil {
		return failure(part, number, err)
	}
	if number >= 0 {
		r.before = append(r.before, r.workload)
		if err := r.patch(value); err != nil {
			return failure(part, number, err)
		}
	}
	return nil
}

// evaluated returns a part's template with its properties and its context.
func (r *rendering) evaluated(part Part, number int) (cue.Value, error) {
	template, err := prepared(part)
	if err != nil {
		return cue.Value{}, err
	}
	context, err := json.Marshal(r.context)
	if err != nil {
		return cue.Value{}, err
	}
	more := "context: " + string(context)
	switch {
	case given(part):
		more += "\nparameter: " + string(part.Properties)
	case number < 0:
		more += "\nparameter: {}"
	}
	value, err := compile(part.Type, template.source, more)
	if err != nil {
		return value, err
	}
	return value, value.Validate()
}

// describe adds the objects of earlier parts to the context of a part.
func (r *rendering) describe(part Part, number int) *Finding {
	if number < 0 {
		if given(part) {
			r.context["parameter"] = part.Properties
		}
		return nil
	}
	output, err := r.workload.MarshalJSON()
	if err != nil {
		return r.unfinished(err)
	}
	r.context["output"] = output
	if len(r.others) > 0 {
		outputs := map[string]json.RawMessage{}
		for _, other := range r.others {
			if outputs[other.key], err = other.value.MarshalJSON(); err != nil {
				return failure(part, other.part, fmt.Errorf("outputs of %s: %w", other.key, err))
			}
		}
		if r.context["outputs"], err = json.Marshal(outputs); err != nil {
			return failure(part, number, err)
		}
	}
	return nil
}

// append adds the template's further objects to the rendering.
func (r *rendering) append(value cue.Value, number int) error {
	outputs := value.LookupPath(cue.ParsePath("outputs"))
	if !outputs.Exists() {
		return nil
	}
	fields, err := outputs.Fields()
	if err != nil {
		return err
	}
	for fields.Next() {
		r.others = append(r.others, other{fields.Value(), fields.Selector().Unquoted(), number})
	}
	return nil
}

// patch applies a trait's patches to the workload and to the other objects.
func (r *rendering) patch(value cue.Value) (err error) {
	if patch := value.LookupPath(cue.ParsePath("patch")); patch.Exists() {
		if r.workload, err = patched(r.workload, patch); err != nil {
			return placed(err, "", patch)
		}
	}
	patches := value.LookupPath(cue.ParsePath("patchOutputs"))
	for index, other := range r.others {
		if patch := patches.LookupPath(cue.MakePath(cue.Str(other.key))); patch.Exists() {
			if r.others[index].value, err = patched(other.value, patch); err != nil {
				return placed(err, fmt.Sprintf("patchOutputs of %s: ", other.key), patch)
			}
		}
	}
	return nil
}

// placed returns the errors of a patch with their lines in the template, which the patch's syntax does not know. Lists
// are moved, so their first line stands for their entries.
func placed(err error, prefix string, patch cue.Value) error {
	var all errors.Error
	for _, one := range errors.Errors(errors.Promote(err, "")) {
		where := patch
		for _, step := range one.Path() {
			inner := where.LookupPath(cue.ParsePath(step))
			if where.IncompleteKind() == cue.ListKind || !inner.Pos().IsValid() {
				break
			}
			where = inner
		}
		all = errors.Append(all, errors.Newf(where.Pos(), "%s%s", prefix, one.Error()))
	}
	return all
}

// objects returns the finished objects, with all metadata that KubeVela adds.
func (r *rendering) objects(request Request) ([]Object, *Finding) {
	workload, err := finished(r.workload)
	if err != nil {
		return nil, r.unfinished(err)
	}
	contract := newContract(request.Context)
	contract.workload(workload, request.Component.Type)
	objects := []Object{{workload, -1, ""}}
	for _, other := range r.others {
		part := request.Component
		if other.part >= 0 {
			part = request.Traits[other.part]
		}
		object, err := finished(other.value)
		if err != nil {
			return nil, failure(part, other.part, fmt.Errorf("outputs of %s: %w", other.key, err))
		}
		if other.part < 0 {
			part.Type = auxiliary
		}
		contract.trait(object, part.Type, other.key)
		if part.WorkloadRefPath != "" && other.part >= 0 {
			refer(object, part.WorkloadRefPath, workload)
		}
		objects = append(objects, Object{object, other.part, other.key})
	}
	return objects, nil
}

// unfinished returns the finding about an incomplete workload, for the trait after which it became incomplete.
func (r *rendering) unfinished(why error) *Finding {
	if _, err := finished(r.workload); err != nil {
		why = err // only CUE's message
	}
	number := len(r.before) - 1
	for number >= 0 {
		if _, err := finished(r.before[number]); err == nil {
			break
		}
		number--
	}
	return failure(Part{}, number, why)
}

// finished returns a value as plain data; every part must be concrete.
func finished(value cue.Value) (map[string]any, error) {
	if err := value.Validate(cue.Concrete(true), cue.Final()); err != nil {
		return nil, err
	}
	text, err := value.MarshalJSON()
	if err != nil {
		return nil, err
	}
	object, err := decoded(text)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"apiVersion", "kind"} {
		if text, ok := object[name].(string); !ok || text == "" {
			return nil, fmt.Errorf("an object without `%s`", name)
		}
	}
	return object, nil
}

func given(part Part) bool { return len(part.Properties) > 0 && string(part.Properties) != "null" }

func failure(part Part, number int, err error) *Finding {
	if reaching, ok := err.(refused); ok {
		return &Finding{Kind: "import", Part: number, Message: reaching.Error()}
	}
	return &Finding{Kind: "failure", Part: number, Message: words(part, err)}
}
