// Package report collects what the scheduler finds wrong with its input and why it decided as it did.
package report

import (
	"fmt"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Severity says how bad a problem is.
type Severity uint8

const (
	// Info and Notice are told to administrators who ask for details.
	Info Severity = iota
	Notice
	// Warning is something that will not work as its author thinks.
	Warning
	// Error is something that is ignored because it makes no sense.
	Error
)

func (s Severity) String() string {
	return [...]string{"info", "notice", "warning", "error"}[s]
}

// Problem is one thing that is wrong.
type Problem struct {
	Severity Severity
	// Config tells that the configuration is to blame, not the state of the cluster.
	Config bool
	Text   string
}

// Log gathers problems and notes in the order in which they are found. A nil Log drops them.
type Log struct {
	Problems []Problem
	Notes    []api.Note
	// Scores are the preferences that were added up; only collected when Explain is set.
	Scores  []Contribution
	Explain bool
	// Shown are the lines for people who want to see scores, in order.
	Shown []Shown
	once  map[string]bool
}

func (l *Log) add(s Severity, config bool, format string, args []any) {
	if l != nil {
		l.Problems = append(l.Problems, Problem{s, config, fmt.Sprintf(format, args...)})
	}
}

// ConfigError records a mistake in the configuration because of which a part of it is ignored.
func (l *Log) ConfigError(format string, args ...any) { l.add(Error, true, format, args) }

// ConfigWarning records a doubtful part of the configuration.
func (l *Log) ConfigWarning(format string, args ...any) { l.add(Warning, true, format, args) }

// ConfigWarningOnce records a warning that would be repeated for each use of a deprecated feature.
func (l *Log) ConfigWarningOnce(format string, args ...any) {
	if l == nil || l.once[format] {
		return
	}
	if l.once == nil {
		l.once = map[string]bool{}
	}
	l.once[format] = true
	l.ConfigWarning(format, args...)
}

// Error records a state of the cluster that the scheduler cannot make sense of.
func (l *Log) Error(format string, args ...any) { l.add(Error, false, format, args) }

// Warning records a state of the cluster that an administrator should look at.
func (l *Log) Warning(format string, args ...any) { l.add(Warning, false, format, args) }

// Notice records something out of the ordinary.
func (l *Log) Notice(format string, args ...any) { l.add(Notice, false, format, args) }

// Contribution is one reason for a resource to like or avoid a node.
type Contribution struct {
	Resource, Node string
	Score          scalar.Score
	Why            string
}

// Scored records a contribution to a score.
func (l *Log) Scored(rsc, node string, score scalar.Score, why string) {
	if l != nil && l.Explain {
		l.Scores = append(l.Scores, Contribution{rsc, node, score, why})
	}
}

// Shown is a line for people who want to see scores. What is not filled in does not belong to its kind.
type Shown struct {
	Kind ShownKind
	// Text is a message, or says of a score which step of the decision it is from.
	Text     string
	Resource string
	Node     string
	Score    scalar.Score
	Amounts  []cibxml.Attr // of utilization
}

// ShownKind tells what a Shown line is about.
type ShownKind uint8

const (
	ShownText ShownKind = iota
	ShownScore
	ShownPromotion
	ShownCapacity
	ShownUtilization
)

// Say records a message that is shown with the scores.
func (l *Log) Say(format string, args ...any) {
	if l != nil {
		l.Shown = append(l.Shown, Shown{Text: fmt.Sprintf(format, args...)})
	}
}

// Note records the reason for a decision.
func (l *Log) Note(stage, subject, format string, args ...any) {
	if l != nil {
		l.Notes = append(l.Notes, api.Note{Subject: subject, Stage: stage, Why: fmt.Sprintf(format, args...)})
	}
}

// Worst is the worst severity among the problems that blame is true of.
func (l *Log) Worst(blame func(Problem) bool) (worst Severity, any bool) {
	for _, p := range l.Problems {
		if blame(p) {
			worst, any = max(worst, p.Severity), true
		}
	}
	return worst, any
}
