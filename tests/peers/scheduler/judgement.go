// Package scheduler runs the scheduler cases that lie beside the repository: Pacemaker's own inputs with its
// answers. It compares as their judge does: graph as drawing and XML, scores, and the text for people.
package scheduler

import (
	"encoding/xml"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// answer is what crm_simulate says to one input.
type answer struct {
	dot, exp, scores, summary string
}

// judgement is how far an answer equals the wanted one.
type judgement struct {
	dot, exp, scores, summary bool
	// exact tells that everything is equal to the letter, the order included.
	exact bool
}

func (j judgement) passed() bool { return j.dot && j.exp && j.scores && j.summary }

// failed names the parts that differ.
func (j judgement) failed() []string {
	var parts []string
	for _, p := range []struct {
		name string
		ok   bool
	}{{"dot", j.dot}, {"exp", j.exp}, {"scores", j.scores}, {"summary", j.summary}} {
		if !p.ok {
			parts = append(parts, p.name)
		}
	}
	return parts
}

func judge(got, want answer) judgement {
	sameGraph := slices.Equal(steady(got.exp), steady(want.exp))
	sameSummary := slices.Equal(letters(got.summary), letters(want.summary))
	j := judgement{
		dot:     slices.Equal(letters(sortDot(got.dot)), letters(want.dot)),
		exp:     sameGraph || equalGraphs(got.exp, want.exp),
		scores:  slices.Equal(slices.Sorted(slices.Values(letters(got.scores))), slices.Sorted(slices.Values(letters(want.scores)))),
		summary: sameSummary || summaryKey(got.summary) == summaryKey(want.summary),
	}
	j.exact = j.passed() && sameGraph && sameSummary
	return j
}

func equalGraphs(a, b string) bool {
	ka, errA := graphKey(a)
	kb, errB := graphKey(b)
	return errA == nil && errB == nil && ka == kb
}

// notices are lines that are no part of an answer.
var notices = []string{"Setting effective cluster time", "Schema validation of configuration is disabled"}

// letters is a text without white space, blank lines and notices.
func letters(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		short := moment.ReplaceAllString(strings.Join(strings.Fields(line), ""), "${1}NOW")
		notice := slices.ContainsFunc(notices, func(n string) bool { return strings.HasPrefix(line, n) })
		if short != "" && !notice {
			out = append(out, short)
		}
	}
	return out
}

// moment is when an injected failure happens: two programs are not run in the same second.
var moment = regexp.MustCompile(`(attributelast-failure-[^=]*=)[0-9]+`)

// variable attributes depend on the version that wrote a graph.
var variable = regexp.MustCompile(`(crm_feature_set|batch-limit)="[^"]*"`)

func steady(graph string) []string { return letters(variable.ReplaceAllString(graph, "")) }

// sortDot sorts a drawing between its first and last line.
func sortDot(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) < 2 {
		return text
	}
	inner := slices.Compact(slices.Sorted(slices.Values(lines[1 : len(lines)-1])))
	return strings.Join(slices.Concat(lines[:1], inner, lines[len(lines)-1:]), "\n")
}

// summaryKey is a summary in which the order of the simulated steps does not count.
func summaryKey(text string) string {
	head, rest, _ := strings.Cut(text, "Executing Cluster Transition:")
	steps, tail, _ := strings.Cut(rest, "Revised Cluster Status:")
	sorted := slices.Sorted(slices.Values(letters(steps)))
	return strings.Join(slices.Concat(letters(head), []string{"--"}, sorted, []string{"--"}, letters(tail)), "\n")
}

// element is any XML element.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
}

// key is an element as a value. At the top of an action the numbers that a run hands out do not count.
func (e element) key(top bool) string {
	attrs := map[string]string{}
	for _, a := range e.Attrs {
		name := a.Name.Local
		if name != "crm_feature_set" && !(top && slices.Contains(volatile, name)) {
			attrs[name] = a.Value
		}
	}
	var kids []string
	for _, c := range e.Children {
		kids = append(kids, c.key(false))
	}
	slices.Sort(kids)
	var b strings.Builder
	b.WriteString(e.XMLName.Local)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		fmt.Fprintf(&b, " %s=%q", name, attrs[name])
	}
	fmt.Fprintf(&b, "%q", kids)
	return b.String()
}

var volatile = []string{"id", "transition_id", "crm_feature_set", "batch-limit"}

// graphKey is a graph as a value: a multiset of synapses.
func graphKey(text string) (string, error) {
	var root element
	if err := xml.Unmarshal([]byte(text), &root); err != nil {
		return "", fmt.Errorf("read the transition graph: %w", err)
	}
	head := element{XMLName: root.XMLName, Attrs: root.Attrs}
	keys := []string{head.key(true)}
	for _, s := range root.Children {
		if s.XMLName.Local == "synapse" {
			keys = append(keys, s.synapse())
		}
	}
	slices.Sort(keys[1:])
	return strings.Join(keys, "\n"), nil
}

func (e element) synapse() string {
	var actions, inputs []string
	priority := "-"
	for _, a := range e.Attrs {
		if a.Name.Local == "priority" {
			priority = a.Value
		}
	}
	for _, part := range e.Children {
		for _, x := range part.Children {
			if part.XMLName.Local == "action_set" {
				actions = append(actions, x.key(true))
				continue
			}
			for _, a := range x.Children {
				inputs = append(inputs, a.key(true))
			}
		}
	}
	slices.Sort(actions)
	slices.Sort(inputs)
	return fmt.Sprintf("%s %q %q", priority, actions, inputs)
}
