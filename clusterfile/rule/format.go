package rule

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// keywords must be quoted where they are names or values.
var keywords = []string{"and", "or", "defined", "not_defined", "date", "date-spec", "resource", "op", "to", "duration", "(", ")"}

// Format writes the expression of a rule. ok is false when the rule holds something that an expression cannot
// say, such as a reference to another rule; the text then comes as near as it can.
func Format(rule *cibxml.Element) (text string, ok bool) {
	f := &formatter{ok: true}
	return f.rule(rule), f.ok
}

type formatter struct{ ok bool }

func (f *formatter) rule(e *cibxml.Element) string {
	f.expect(e, "id", "boolean-op", "score", "score-attribute", "role")
	operator := e.Get("boolean-op")
	if operator == "" {
		operator = "and"
	}
	var parts []string
	for c := range e.Tags() {
		if c.Name != "rule" {
			parts = append(parts, f.expression(c))
			continue
		}
		if c.Get("score") != "" || c.Get("score-attribute") != "" || c.Get("role") != "" {
			f.ok = false
		}
		inner := f.rule(c)
		if len(c.Children) > 1 {
			inner = "(" + inner + ")"
		}
		parts = append(parts, inner)
	}
	if len(parts) == 0 {
		f.ok = false
	}
	return strings.Join(parts, " "+operator+" ")
}

// expect notes attributes that the text cannot carry.
func (f *formatter) expect(e *cibxml.Element, names ...string) {
	for _, a := range e.Attrs {
		if !slices.Contains(names, a.Name) {
			f.ok = false
		}
	}
}

func (f *formatter) expression(e *cibxml.Element) string {
	switch e.Name {
	case "expression":
		return f.attribute(e)
	case "date_expression":
		return f.date(e)
	case "rsc_expression":
		f.expect(e, "id", "class", "provider", "type")
		return "resource " + e.Get("class") + ":" + e.Get("provider") + ":" + e.Get("type")
	case "op_expression":
		f.expect(e, "id", "name", "interval")
		text := "op " + f.word(e.Get("name"))
		if i := e.Get("interval"); i != "" {
			text += " interval=" + i
		}
		return text
	}
	f.ok = false
	return "<" + e.Name + ">"
}

func (f *formatter) attribute(e *cibxml.Element) string {
	f.expect(e, "id", "attribute", "operation", "type", "value")
	operation := e.Get("operation")
	if operation == "defined" || operation == "not_defined" {
		if e.Get("value") != "" || e.Get("type") != "" {
			f.ok = false
		}
		return operation + " " + f.word(e.Get("attribute"))
	}
	text := f.word(e.Get("attribute")) + " " + operation + " "
	if t := e.Get("type"); t != "" {
		text += t + " "
	}
	value := f.word(e.Get("value"))
	if slices.Contains(valueTypes, value) {
		value = `"` + value + `"`
	}
	return text + value
}

func (f *formatter) date(e *cibxml.Element) string {
	f.expect(e, "id", "operation", "start", "end")
	start, end := f.when(e.Get("start")), f.when(e.Get("end"))
	switch e.Get("operation") {
	case "gt":
		return "date gt " + start
	case "lt":
		return "date lt " + end
	case "date_spec":
		return "date-spec" + f.settings(e.Child("date_spec"), specParts)
	case "in_range":
		if d := e.Child("duration"); d != nil {
			if end != "" {
				f.ok = false
			}
			return "date in_range " + start + " to duration" + f.settings(d, durationParts)
		}
		if end == "" {
			f.ok = false
		}
		return strings.ReplaceAll("date in_range "+start+" to "+end, "  ", " ")
	}
	f.ok = false
	return "date " + e.Get("operation")
}

// when is a date, quoted when it has blanks.
func (f *formatter) when(s string) string {
	if s == "" {
		return ""
	}
	return f.word(s)
}

func (f *formatter) settings(e *cibxml.Element, names []string) string {
	var b strings.Builder
	if e == nil {
		f.ok = false
		return ""
	}
	f.expect(e, append([]string{"id"}, names...)...)
	for _, a := range e.Attrs {
		if a.Name == "id" {
			continue
		}
		b.WriteString(" " + a.Name + "=" + a.Value)
		if strings.ContainsAny(a.Value, " ()\"") || a.Value == "" {
			f.ok = false
		}
	}
	return b.String()
}

// word quotes a name or value that would be misread.
func (f *formatter) word(s string) string {
	if strings.Contains(s, `"`) {
		f.ok = false
	}
	if s == "" || strings.ContainsAny(s, " \t\n()\"") || slices.Contains(keywords, s) {
		return `"` + s + `"`
	}
	return s
}
