package rule

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// date evaluates a date_expression and notes when its result will change.
func (c *Context) date(e *cibxml.Element) bool {
	start, hasStart := isotime.Parse(e.Get("start"), c.Now)
	end, hasEnd := isotime.Parse(e.Get("end"), c.Now)
	if d := e.Child("duration"); hasStart && !hasEnd && d != nil {
		end, hasEnd = lengthen(start, d), true
	}
	now := c.Now.Unix()
	switch strings.ToLower(e.Get("operation")) {
	case "", "in_range":
		switch {
		case !hasStart && !hasEnd:
			return false
		case hasStart && now < start.Unix():
			c.At(start.Unix())
			return false
		case hasEnd && now > end.Unix():
			return false
		}
		if hasEnd {
			c.At(end.Unix() + 1)
		}
		return true
	case "date_spec":
		return matchesSpec(c.Now, e.Child("date_spec"))
	case "gt":
		if hasStart && now <= start.Unix() {
			c.At(start.Unix() + 1)
			return false
		}
		return hasStart
	case "lt":
		if hasEnd && now < end.Unix() {
			c.At(end.Unix())
			return true
		}
	}
	return false
}

// lengthen adds the fields of a duration element.
func lengthen(t isotime.Time, d *cibxml.Element) isotime.Time {
	n := func(name string) int { return int(scalar.IntOr(d.Get(name), 0)) }
	t = t.AddYears(n("years")).AddMonths(n("months")).AddDays(7*n("weeks") + n("days"))
	return t.AddSeconds(n("hours")*3600 + n("minutes")*60 + n("seconds"))
}

// matchesSpec reports whether every field of a date_spec allows the time. No spec allows every time.
func matchesSpec(t isotime.Time, spec *cibxml.Element) bool {
	if spec == nil {
		return true
	}
	year, month, monthday := t.Gregorian()
	hour, minute, second := t.Clock()
	weekyear, week, weekday := t.ISOWeek()
	for _, f := range []struct {
		name  string
		value int
	}{
		{"years", year}, {"months", month}, {"monthdays", monthday},
		{"hours", hour}, {"minutes", minute}, {"seconds", second}, {"yeardays", t.YearDay},
		{"weekyears", weekyear}, {"weeks", week}, {"weekdays", weekday}, {"moon", t.MoonPhase()},
	} {
		if !inRange(spec.Get(f.name), int64(f.value)) {
			return false
		}
	}
	return true
}

// inRange reports whether n is within N, N-M, N- or -M. What cannot be read allows everything.
func inRange(s string, n int64) bool {
	low, high, isRange := strings.Cut(s, "-")
	a, okA := scalar.ParseInt(low)
	b, okB := scalar.ParseInt(high)
	switch {
	case !isRange:
		return !okA || n == a
	case low != "" && !okA || high != "" && !okB || low == "" && high == "":
		return true
	case low == "":
		return n <= b
	case high == "":
		return n >= a
	}
	return n >= a && n <= b
}
