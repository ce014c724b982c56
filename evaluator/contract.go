package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// auxiliary is the trait type of further objects in a component's own template.
const auxiliary = "AuxiliaryWorkload"

// contract has the metadata that KubeVela adds to every object of a component: names, namespace, labels, annotations.
type contract struct {
	component, namespace string
	own                  map[string]string // labels that the object has before it gets a name
	labels, annotations  map[string]string
	withoutAnnotations   []string
}

func newContract(context map[string]json.RawMessage) contract {
	read := func(name string, into any) { _ = json.Unmarshal(context[name], into) } // missing values stay empty
	var name, namespace, application, revision string
	labels, annotations := map[string]string{}, map[string]string{}
	read("name", &name)
	read("namespace", &namespace)
	read("appName", &application)
	read("appRevision", &revision)
	read("appLabels", &labels)
	read("appAnnotations", &annotations)
	own := map[string]string{
		"app.oam.dev/name":        application,
		"app.oam.dev/component":   name,
		"app.oam.dev/appRevision": revision,
	}
	maps.Copy(labels, own)
	if labels["app.oam.dev/namespace"] == "" { // else the component is deployed to another namespace
		labels["app.oam.dev/namespace"] = namespace
	}
	for _, left := range names(annotations["filter.oam.dev/label-keys"]) {
		delete(labels, left)
	}
	without := append(names(annotations["filter.oam.dev/annotation-keys"]),
		"app.oam.dev/inplace-upgrade", "app.oam.dev/last-applied-configuration", "filter.oam.dev/annotation-keys",
		"filter.oam.dev/label-keys", "kubectl.kubernetes.io/last-applied-configuration")
	return contract{name, namespace, own, labels, annotations, without}
}

func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func (c contract) workload(object map[string]any, kind string) {
	c.label(object, c.own, map[string]string{"workload.oam.dev/type": kind})
	metadata := within(object, "metadata")
	if name, _ := metadata["name"].(string); name == "" {
		delete(metadata, "name")
		if c.component != "" {
			metadata["name"] = c.component
		}
	}
	c.finish(object, "WORKLOAD")
}

func (c contract) trait(object map[string]any, kind, key string) {
	c.label(object, c.own, map[string]string{"trait.oam.dev/type": kind, "trait.oam.dev/resource": key})
	metadata := within(object, "metadata")
	if name, _ := metadata["name"].(string); name == "" {
		labels := within(metadata, "labels")
		revision := labels["app.oam.dev/appRevision"]
		delete(labels, "app.oam.dev/appRevision")
		name := fmt.Sprintf("%s-%s-%s", c.component, strings.ToLower(kind), hash(object))
		labels["app.oam.dev/appRevision"], metadata["name"] = revision, name
	}
	c.finish(object, "TRAIT")
}

func (c contract) finish(object map[string]any, kind string) {
	metadata := within(object, "metadata")
	if namespace, _ := metadata["namespace"].(string); namespace == "" &&
		(object["apiVersion"] != "v1" || object["kind"] != "Namespace") {
		metadata["namespace"] = c.namespace
	}
	c.label(object, map[string]string{"app.oam.dev/resourceType": kind}, c.labels)
	annotations := within(metadata, "annotations")
	for name, value := range c.annotations {
		annotations[name] = value
	}
	for _, name := range c.withoutAnnotations {
		delete(annotations, name)
	}
	if len(annotations) == 0 {
		delete(metadata, "annotations")
	}
}

func (c contract) label(object map[string]any, sets ...map[string]string) {
	labels := within(within(object, "metadata"), "labels")
	for _, set := range sets {
		for name, value := range set {
			labels[name] = value
		}
	}
}

// refer writes a reference to the workload at a path of a trait's object.
func refer(object map[string]any, path string, workload map[string]any) {
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		object = within(object, step)
	}
	object[steps[len(steps)-1]] = map[string]any{
		"apiVersion": workload["apiVersion"],
		"kind":       workload["kind"],
		"name":       within(workload, "metadata")["name"],
	}
}

// within returns the mapping in a field, and creates a missing mapping.
func within(object map[string]any, name string) map[string]any {
	inner, ok := object[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		object[name] = inner
	}
	return inner
}

// maxDepth is the limit of nesting in an object, as in an Application.
const maxDepth = 64

// decoded reads an object as Kubernetes does: whole numbers are int64, others float64. Numbers out of range and deep
// nesting are errors.
func decoded(text []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, fmt.Errorf("not an object")
	}
	_, err := numbered(object, maxDepth)
	return object, err
}

// numbered converts the texts of numbers in a value to numbers. room is the remaining depth.
func numbered(value any, room int) (_ any, err error) {
	if room < 0 {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	switch value := value.(type) {
	case map[string]any:
		for name := range value {
			if value[name], err = numbered(value[name], room-1); err != nil {
				return nil, err
			}
		}
	case []any:
		for index := range value {
			if value[index], err = numbered(value[index], room-1); err != nil {
				return nil, err
			}
		}
	case json.Number:
		return number(value.String())
	}
	return value, nil
}

func number(text string) (any, error) {
	digits, _, _ := strings.Cut(strings.ToLower(text), "e")
	if whole, err := strconv.ParseInt(text, 10, 64); err == nil {
		return whole, nil
	}
	value, err := strconv.ParseFloat(text, 64)
	isLost := value == 0 && strings.ContainsAny(digits, "123456789")
	if isWhole := strings.Trim(text, "-0123456789") == ""; err != nil || isWhole || isLost {
		if len(text) > 40 {
			text = text[:40] + "..."
		}
		return nil, fmt.Errorf("%s exceeds 64 bits, Kubernetes' limit for numbers; write it as a text", text)
	}
	return value, nil
}

// hash returns the suffix of KubeVela's generated names: FNV-32a of an object as Go prints it, in letters and digits
// that spell no word.
func hash(object map[string]any) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	printed := &bytes.Buffer{}
	printed.WriteString("(unstructured.Unstructured){Object:")
	print(printed, object)
	printed.WriteString("}")
	sum := fnv.New32a()
	_, _ = sum.Write(printed.Bytes())
	name := []byte(fmt.Sprint(sum.Sum32()))
	for index, digit := range name {
		name[index] = letters[int(digit)%len(letters)]
	}
	return string(name)
}

// print writes a value as github.com/davecgh/go-spew does for %#v with sorted keys, in KubeVela's format.
func print(to *bytes.Buffer, value any) {
	switch value := value.(type) {
	case map[string]any:
		to.WriteString("(map[string]interface {})map[")
		for index, name := range slices.Sorted(maps.Keys(value)) {
			if index > 0 {
				to.WriteString(" ")
			}
			to.WriteString(name + ":")
			print(to, value[name])
		}
		to.WriteString("]")
	case []any:
		to.WriteString("([]interface {})[")
		for index, entry := range value {
			if index > 0 {
				to.WriteString(" ")
			}
			print(to, entry)
		}
		to.WriteString("]")
	case nil:
		to.WriteString("(interface {})<nil>")
	default:
		fmt.Fprintf(to, "(%T)%v", value, value)
	}
}
