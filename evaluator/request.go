package main

import "encoding/json"

// Request is one of three requests: a component with its traits, in the order of the Application; the text of a
// definition's file; or an expression for an output of a component.
type Request struct {
	Component Part                       `json:"component"`
	Traits    []Part                     `json:"traits"`
	Context   map[string]json.RawMessage `json:"context"`   // KubeVela's, without the results of evaluations
	Unchecked bool                       `json:"unchecked"` // whether any property is allowed, as in KubeVela offline
	File      string                     `json:"file"`      // the name of the text in messages
	Text      string                     `json:"text"`
	ValueFrom string                     `json:"valueFrom"`
	Scope     map[string]json.RawMessage `json:"scope"` // the fields that the expression may use
}

// Part is a component or a trait: the name of its type, the type's template in CUE, and its properties, if any.
type Part struct {
	Type            string          `json:"type"`
	Template        string          `json:"template"`
	Properties      json.RawMessage `json:"properties"`
	WorkloadRefPath string          `json:"workloadRefPath"` // where a trait's objects expect the name of the workload
}

// Answer has objects, a definition, a value, findings, or the exceeded limit. Lines with only At come before it: the
// number of the part in evaluation, in case the process ends.
type Answer struct {
	At         *int        `json:"at,omitempty"`
	Definition *Definition `json:"definition,omitempty"`
	Objects    []Object    `json:"objects,omitempty"`
	Findings   []Finding   `json:"findings,omitempty"`
	// The value of an expression. A mark stands for the path with its number, which only the cluster knows.
	Value json.RawMessage `json:"value,omitempty"`
	Paths [][]any         `json:"paths,omitempty"`
	Limit string          `json:"limit,omitempty"`
}

// Object is one rendered object. The first object of an answer is the workload, without a key.
type Object struct {
	Object map[string]any `json:"object"`
	Part   int            `json:"part"` // the trait that renders it, -1: the component itself
	Key    string         `json:"key"`  // its name in `outputs`
}

// Finding is an error in one part. Errors in properties, with their Path: "unknown", "missing", "type" (Wanted has the
// types), "value" (Wanted has the values, as JSON) and "wrong" (others). "errs" comes from a template's `errs`,
// "import" from a rejected import, "failure" from anything else.
type Finding struct {
	Kind    string   `json:"kind"`
	Part    int      `json:"part"` // the trait, -1: the component
	Path    []string `json:"path,omitempty"`
	Message string   `json:"message"`          // the message of CUE or of the template
	Wanted  []string `json:"wanted,omitempty"` // for "unknown": the known fields
}
