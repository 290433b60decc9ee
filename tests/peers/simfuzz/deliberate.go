package simfuzz

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Deliberate is a difference that stays.
type Deliberate struct {
	Name string
	// Reason says why, and how it is known that Pacemaker is not to be followed.
	Reason string
	shows  func(Outcome) bool
}

// Accepted are all differences that stay. A part that differs for another reason is never covered.
var Accepted = []Deliberate{
	{
		Name: "answers that change with the content of unused memory",
		Reason: "crm_simulate itself gives two answers to the same input when MALLOC_PERTURB_ fills memory that it has not " +
			"written; each time this is shown anew by running it twice. There is no answer to agree with.",
		shows: func(o Outcome) bool { return o.Unstable },
	},
	{
		Name: "the saved result when two records, or two attributes, of a node have one id",
		Reason: "no cluster writes two lrm_resource or nvpair elements with one id below a node. Both programs plan and show the same; " +
			"which of the two the simulated results end up in is how Pacemaker's file backend merges XML by id.",
		shows: func(o Outcome) bool {
			return len(o.Parts) == 1 && o.Parts[0] == "cib" && ambiguousRecords(o.Input.Doc)
		},
	},
}

// ambiguousRecords reports whether some node has two records or two attributes with the same id.
func ambiguousRecords(doc *cibxml.Element) bool {
	found := false
	doc.Walk(func(e *cibxml.Element) bool {
		if e.Name != "lrm_resources" && e.Name != "instance_attributes" {
			return !found
		}
		seen := map[string]bool{}
		for r := range e.Tags("lrm_resource", "nvpair") {
			found = found || seen[r.ID()]
			seen[r.ID()] = true
		}
		return false
	})
	return found
}

// Explained returns the reason why a difference stays, nil when it has to be repaired.
func Explained(o Outcome) *Deliberate {
	for i := range Accepted {
		if Accepted[i].shows(o) {
			return &Accepted[i]
		}
	}
	return nil
}

// cannot reports whether the peer says itself that an input has broken it, so that it has no answer.
func cannot(a Answer) bool {
	return a.Exit == crashed || strings.Contains(a.Note, "Triggered fatal assertion")
}
