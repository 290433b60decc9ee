package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// specParts and durationParts are what a date-spec and a duration can say.
var (
	specParts     = []string{"seconds", "minutes", "hours", "monthdays", "weekdays", "yeardays", "months", "weeks", "years", "weekyears", "moon"}
	durationParts = []string{"seconds", "minutes", "hours", "days", "weeks", "months", "years"}
)

func (p *parser) date() (func(id string) *cibxml.Element, error) {
	operation, err := p.take("gt, lt or in_range after date")
	if err != nil {
		return nil, err
	}
	switch operation {
	case "gt", "lt":
		attr := map[string]string{"gt": "start", "lt": "end"}[operation]
		when, err := p.take("the date after date " + operation)
		if err != nil {
			return nil, err
		}
		return func(id string) *cibxml.Element {
			return cibxml.New("date_expression", "id", id, "operation", operation, attr, when)
		}, nil
	case "in_range":
		return p.dateRange()
	}
	return nil, fmt.Errorf("%q cannot follow date, only gt, lt and in_range", operation)
}

func (p *parser) dateRange() (func(id string) *cibxml.Element, error) {
	start := ""
	if !p.is("to") {
		var err error
		if start, err = p.take("the start after in_range"); err != nil {
			return nil, err
		}
		if !p.is("to") {
			return nil, fmt.Errorf("after date in_range %s comes to END or to duration ...", start)
		}
	}
	if p.is("duration") {
		parts, err := p.settings("duration", durationParts)
		if err != nil {
			return nil, err
		}
		return func(id string) *cibxml.Element {
			return cibxml.New("date_expression", "id", id, "operation", "in_range", "start", start).
				Append(withSettings(cibxml.New("duration", "id", id+"-duration"), parts))
		}, nil
	}
	end, err := p.take("the end of the range")
	if err != nil {
		return nil, err
	}
	return func(id string) *cibxml.Element {
		e := cibxml.New("date_expression", "id", id, "operation", "in_range")
		if start != "" {
			e.Set("start", start)
		}
		e.Set("end", end)
		return e
	}, nil
}

func (p *parser) dateSpec() (func(id string) *cibxml.Element, error) {
	parts, err := p.settings("date-spec", specParts)
	if err != nil {
		return nil, err
	}
	return func(id string) *cibxml.Element {
		return cibxml.New("date_expression", "id", id, "operation", "date_spec").
			Append(withSettings(cibxml.New("date_spec", "id", id+"-datespec"), parts))
	}, nil
}

// settings reads name=value words, at least one.
func (p *parser) settings(what string, names []string) ([]cibxml.Attr, error) {
	var list []cibxml.Attr
	for p.more() && strings.Contains(p.words[p.pos].text, "=") && !p.words[p.pos].quoted {
		name, value, _ := strings.Cut(p.words[p.pos].text, "=")
		if !slices.Contains(names, name) || value == "" {
			return nil, fmt.Errorf("%q is not a part of a %s, which are %s", p.words[p.pos].text, what, strings.Join(names, ", "))
		}
		list = append(list, cibxml.Attr{Name: name, Value: value})
		p.pos++
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("after %s comes at least one NAME=VALUE with one of %s", what, strings.Join(names, ", "))
	}
	return list, nil
}

func withSettings(e *cibxml.Element, list []cibxml.Attr) *cibxml.Element {
	for _, a := range list {
		e.Set(a.Name, a.Value)
	}
	return e
}

// resource reads CLASS:PROVIDER:TYPE, each of which may be empty.
func (p *parser) resource() (func(id string) *cibxml.Element, error) {
	text, err := p.take("the agent after resource")
	if err != nil {
		return nil, err
	}
	parts := strings.Split(text, ":")
	if len(parts) > 3 || strings.Trim(text, ":") == "" {
		return nil, fmt.Errorf("%q is not an agent; write CLASS:PROVIDER:TYPE, where each may be empty", text)
	}
	names := []string{"class", "provider", "type"}
	if len(parts) == 2 { // class:type, as systemd:nginx
		names = []string{"class", "type"}
	}
	return func(id string) *cibxml.Element {
		e := cibxml.New("rsc_expression", "id", id)
		for i, v := range parts {
			if v != "" {
				e.Set(names[i], v)
			}
		}
		return e
	}, nil
}

// operation reads NAME [interval=TIME].
func (p *parser) operation() (func(id string) *cibxml.Element, error) {
	name, err := p.take("the operation after op")
	if err != nil {
		return nil, err
	}
	interval := ""
	if p.more() && strings.HasPrefix(p.words[p.pos].text, "interval=") {
		interval = strings.TrimPrefix(p.words[p.pos].text, "interval=")
		p.pos++
	}
	return func(id string) *cibxml.Element {
		e := cibxml.New("op_expression", "id", id, "name", name)
		if interval != "" {
			e.Set("interval", interval)
		}
		return e
	}, nil
}
