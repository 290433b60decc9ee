package detect

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Action is what is done about an alarm besides telling it. The zero value is nothing.
type Action struct {
	// Attribute is a node attribute that is set to Value while the alarm lasts. A name that begins with
	// #health makes the cluster move resources away, as node-health-strategy says.
	Attribute, Value string
	// Hook is a program that is run when the alarm is raised and again when it is cleared.
	Hook string
	// Everywhere runs the hook on every node, not only on the one that has the alarm.
	Everywhere bool
	// From is the severity from which on the action is due: info, warning or critical.
	From string
}

// None reports whether there is nothing to do.
func (a Action) None() bool { return a.Attribute == "" && a.Hook == "" }

// Setting is the configuration of one detector.
type Setting struct {
	Enabled      bool
	Raise, Clear time.Duration
	Limits       map[string]float64
	// Severity, when set, replaces what the rule says.
	Severity string
	Action   Action
}

func (s *Setting) severity(l Level) string {
	if s.Severity != "" {
		return s.Severity
	}
	return l.severity()
}

// Config is the setting of each detector by name. One that is missing has its defaults.
type Config map[string]Setting

// Default is the setting that a detector has without configuration; ok is false when there is no such detector.
func Default(name string) (s Setting, ok bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == name })
	if i < 0 {
		return s, false
	}
	return defaults[i].clone(), true
}

var defaults = func() []Setting {
	out := make([]Setting, len(rules))
	for i, r := range rules {
		out[i] = Setting{Enabled: true, Raise: r.Raise, Clear: r.Clear, Limits: make(map[string]float64), Action: Action{From: api.Critical}}
		for _, t := range r.Thresholds {
			out[i].Limits[t.Name] = t.Default
		}
	}
	return out
}()

func (s Setting) clone() Setting {
	limits := make(map[string]float64, len(s.Limits))
	for n, v := range s.Limits {
		limits[n] = v
	}
	s.Limits = limits
	return s
}

func (c Config) of(rule int) Setting {
	if s, ok := c[rules[rule].Name]; ok {
		return s
	}
	return defaults[rule]
}

// Validate reports every setting that makes no sense.
func (c Config) Validate() error {
	var errs []error
	for i := range rules {
		name := rules[i].Name
		s, ok := c[name]
		if !ok {
			continue
		}
		if s.Raise < 0 || s.Clear < 0 {
			errs = append(errs, fmt.Errorf("%s: for and clear_after must not be negative", name))
		}
		for _, t := range rules[i].Thresholds {
			if v, ok := s.Limits[t.Name]; !ok || v < 0 || t.Unit == "percent" && v > 100 {
				errs = append(errs, fmt.Errorf("%s: %s is %g, must be %s", name, t.Name, v, rangeOf(t.Unit)))
			}
		}
		if s.Severity != "" && rank(s.Severity) == 0 {
			errs = append(errs, fmt.Errorf("%s: severity is %q, must be info, warning or critical", name, s.Severity))
		}
		if !s.Action.None() && rank(s.Action.From) == 0 {
			errs = append(errs, fmt.Errorf("%s: the action's severity is %q, must be info, warning or critical", name, s.Action.From))
		}
	}
	for name := range c {
		if _, ok := Default(name); !ok {
			errs = append(errs, fmt.Errorf("there is no detector %q", name))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func rangeOf(unit string) string {
	if unit == "percent" {
		return "from 0 to 100 percent"
	}
	return "0 or more"
}
