// Package report collects what the scheduler finds wrong with its input and why it decided as it did.
package report

import (
	"fmt"

	"github.com/holdfast-ha/holdfast/api"
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
	once     map[string]bool
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
