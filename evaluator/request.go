package main

import "encoding/json"

// Request is one component with its traits, in the order in which they stand in the Application; or else the text of a
// definition's file to be read, or an expression that says which value a component gives.
type Request struct {
	Component Part                       `json:"component"`
	Traits    []Part                     `json:"traits"`
	Context   map[string]json.RawMessage `json:"context"`   // KubeVela's, but for what comes of evaluating
	Unchecked bool                       `json:"unchecked"` // as KubeVela does offline, which takes any property
	File      string                     `json:"file"`      // what the text is called
	Text      string                     `json:"text"`
	ValueFrom string                     `json:"valueFrom"`
	Scope     map[string]json.RawMessage `json:"scope"` // what the expression is about
}

// Part is a component or a trait: the name of its type, that type's template in CUE, and the properties given, which
// are missing where the Application has none.
type Part struct {
	Type            string          `json:"type"`
	Template        string          `json:"template"`
	Properties      json.RawMessage `json:"properties"`
	WorkloadRefPath string          `json:"workloadRefPath"` // where a trait's objects want to name the workload
}

// Answer has objects, a definition, a value, findings, or the limit that was passed. Before it come lines that have At
// alone: the number of the part that is evaluated now, for whoever wants to know at which the process ended.
type Answer struct {
	At         *int        `json:"at,omitempty"`
	Definition *Definition `json:"definition,omitempty"`
	Objects    []Object    `json:"objects,omitempty"`
	Findings   []Finding   `json:"findings,omitempty"`
	// The value of an expression: a mark stands for the path of its number, which only the cluster knows.
	Value json.RawMessage `json:"value,omitempty"`
	Paths [][]any         `json:"paths,omitempty"`
	Limit string          `json:"limit,omitempty"`
}

// Object is one rendered object. The first of an answer is the workload, which has no key.
type Object struct {
	Object map[string]any `json:"object"`
	Part   int            `json:"part"` // the trait that made it, -1: the component itself
	Key    string         `json:"key"`  // its name in `outputs`
}

// Finding is what is wrong with one part. Of properties, at Path below them: "unknown", "missing", "type" (wanted is
// one of Wanted), "value" (the same, as JSON) and "wrong" (anything else). "said" is a template's `errs`, "import" one
// that is refused, "failure" anything else.
type Finding struct {
	Kind    string   `json:"kind"`
	Part    int      `json:"part"` // the trait, -1: the component
	Path    []string `json:"path,omitempty"`
	Message string   `json:"message"`          // CUE's words, or the template's
	Wanted  []string `json:"wanted,omitempty"` // of "unknown": the fields that there are
}
