package param

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// Values are a device's parameters, checked, with defaults.
type Values struct {
	agent *Agent
	text  map[string]string
	given map[string]bool
	// Unknown are the names that the agent does not have, such as nodename, which the fencer adds.
	Unknown []string
}

// maxSeconds bounds a time; a fence that takes longer has failed.
const maxSeconds = 24 * 60 * 60

// Parse reads a device's parameters. Every problem is named at once.
func (a *Agent) Parse(params []device.Param) (*Values, error) {
	v := &Values{agent: a, text: map[string]string{}, given: map[string]bool{}}
	names := map[string]string{}
	for _, s := range a.Params {
		v.text[s.Name] = s.Default
		names[s.Name] = s.Name
		if s.Old != "" {
			names[s.Old] = s.Name
		}
	}
	for _, p := range params {
		name, ok := names[p.Name]
		if !ok {
			name, ok = names[strings.ReplaceAll(p.Name, "-", "_")] // older agents wrote redfish-uri
		}
		switch {
		case !ok:
			v.Unknown = append(v.Unknown, p.Name)
		case v.given[name] && p.Name != name: // the new name beats the old one
		default:
			v.text[name], v.given[name] = p.Value, true
		}
	}
	var problems []string
	for _, s := range a.Params {
		if err := s.check(v.text[s.Name]); err != nil {
			problems = append(problems, err.Error())
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", a.Name, strings.Join(problems, "; "))
	}
	return v, nil
}

func (s *Spec) check(text string) error {
	if text == "" {
		if s.Required {
			return fmt.Errorf("parameter %s is missing: %s", s.Name, s.Text)
		}
		return nil
	}
	switch s.Kind {
	case Boolean:
		if _, err := value.Bool(strings.TrimSpace(text)); err != nil {
			return fmt.Errorf("parameter %s is %w", s.Name, err)
		}
	case Integer:
		if n, err := strconv.Atoi(strings.TrimSpace(text)); err != nil || n < 0 {
			return fmt.Errorf("parameter %s is %q, not a number", s.Name, text)
		}
	case Second:
		if _, err := seconds(text); err != nil {
			return fmt.Errorf("parameter %s is %q: %w", s.Name, text, err)
		}
	case Select:
		if !slices.Contains(s.Options, text) {
			return fmt.Errorf("parameter %s is %q, not one of %s", s.Name, text, strings.Join(s.Options, ", "))
		}
	}
	return nil
}

// seconds reads a number of seconds, also with a fraction as the agents take it, or a time with a unit.
func seconds(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if !(f >= 0 && f <= maxSeconds) {
			return 0, fmt.Errorf("not a time from 0 to %d seconds", maxSeconds)
		}
		return time.Duration(f * float64(time.Second)), nil
	}
	ms, err := value.Duration(s)
	if err != nil || ms < 0 || ms > maxSeconds*1000 {
		return 0, fmt.Errorf("not a time from 0 to %d seconds", maxSeconds)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// Str is a parameter's text.
func (v *Values) Str(name string) string { return v.text[name] }

// Given reports whether the parameter was set and not empty.
func (v *Values) Given(name string) bool { return v.given[name] && v.text[name] != "" }

// Bool is a boolean parameter.
func (v *Values) Bool(name string) bool {
	b, _ := value.Bool(strings.TrimSpace(v.text[name]))
	return b
}

// Int is an integer parameter, 0 when it is empty.
func (v *Values) Int(name string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(v.text[name]))
	return n
}

// Time is a parameter in seconds, 0 when it is empty.
func (v *Values) Time(name string) time.Duration { d, _ := seconds(v.text[name]); return d }

// List splits a parameter at commas and blanks.
func (v *Values) List(name string) []string {
	return strings.FieldsFunc(v.text[name], func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
}
