// Package option knows the options of a cluster's configuration by name: cluster properties, meta attributes,
// attributes of operations and the parameters that every fence device has.
package option

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/value"
)

// Kind is the type of an option's value.
type Kind uint8

const (
	Text Kind = iota
	Boolean
	Integer
	Score // a number up to INFINITY
	Span  // a time span; a bare number is seconds
	Percentage
	Word // one of Values, in any case
)

// Option is one option.
type Option struct {
	Name    string
	Kind    Kind
	Default string
	Values  []string // of a Word
	// Min bounds an Integer from below.
	Min int
	// Words are values besides those of Kind, such as -1 for a time span.
	Words []string
	Help  string
	// Advanced options are for people who know why.
	Advanced bool
	// Own marks options that the cluster sets by itself; writing them has no effect or does harm.
	Own bool
	// Private values are not shown.
	Private bool
}

// TypeName says what values the option takes, for a person.
func (o *Option) TypeName() string {
	switch o.Kind {
	case Boolean:
		return "true or false"
	case Integer:
		return "a whole number"
	case Score:
		return "a score: a whole number, INFINITY or -INFINITY"
	case Span:
		return "a time span such as 20s, 5min or 1h"
	case Percentage:
		return "a percentage such as 80%"
	case Word:
		return "one of " + strings.Join(o.Values, ", ")
	}
	return "a text"
}

// Check says what is wrong with a value; nil when nothing is.
func (o *Option) Check(text string) error {
	if slices.Contains(o.Words, text) {
		return nil
	}
	ok := true
	switch o.Kind {
	case Boolean:
		_, err := value.Bool(text)
		ok = err == nil
	case Integer:
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err == nil && n < o.Min {
			return fmt.Errorf("is %s, must be at least %d", text, o.Min)
		}
		ok = err == nil
	case Score:
		_, err := value.Score(text)
		ok = err == nil
	case Span:
		_, err := value.Duration(text)
		ok = err == nil
	case Percentage:
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), "%"))
		ok = err == nil && n >= 0
	case Word:
		ok = slices.ContainsFunc(o.Values, func(v string) bool { return strings.EqualFold(v, text) })
	}
	if !ok {
		return fmt.Errorf("is %q, must be %s", text, o.TypeName())
	}
	return nil
}

// Table is a set of options.
type Table []Option

// Find returns the option of that name, nil when there is none.
func (t Table) Find(name string) *Option {
	for i := range t {
		if t[i].Name == name {
			return &t[i]
		}
	}
	return nil
}

// Names lists the options.
func (t Table) Names() []string {
	names := make([]string, len(t))
	for i := range t {
		names[i] = t[i].Name
	}
	return names
}

// renamed are names that other versions of Pacemaker have for options of these tables.
var renamed = map[string]string{
	"fencing-enabled": "stonith-enabled", "fencing-action": "stonith-action", "fencing-timeout": "stonith-timeout",
	"fencing-max-attempts": "stonith-max-attempts", "fencing-watchdog-timeout": "stonith-watchdog-timeout",
	"fencing-reaction": "fence-reaction", "default-resource-stickiness": "resource-stickiness",
	"master-max": "promoted-max", "master-node-max": "promoted-node-max", "ordered_set": "ordered",
	"stickiness": "resource-stickiness", "managed": "is-managed", "failure_timeout": "failure-timeout",
	"stop-removed-resources": "stop-orphan-resources", "stop-removed-actions": "stop-orphan-actions",
}

// Suggest is the name that somebody who wrote name may have meant, "" when none is close.
func (t Table) Suggest(name string) string {
	if new, ok := renamed[name]; ok && t.Find(new) != nil {
		return new
	}
	dashed := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	if t.Find(dashed) != nil {
		return dashed
	}
	return Nearest(name, t.Names())
}

// Nearest is the word that differs least from text, "" when none is close enough to be a slip.
func Nearest(text string, words []string) string {
	best, at := max(3, len(text)/4+1), ""
	for _, w := range words {
		if d := distance(text, w); d < best && d < len(text) {
			best, at = d, w
		}
	}
	return at
}

// distance is Levenshtein's: the least number of inserted, deleted and replaced bytes. Another case of a
// letter is no difference.
func distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
