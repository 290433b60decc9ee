package simfuzz

import "strings"

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
