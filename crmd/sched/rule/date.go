package rule

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Phase says where a time is relative to when a date_expression is fulfilled.
type Phase uint8

const (
	// Undetermined is what makes no sense.
	Undetermined Phase = iota
	Before
	Within
	After
)

// date evaluates a date_expression and notes when its result will change.
func (c *Context) date(e *cibxml.Element) bool {
	phase, change := PhaseOf(e, c.Now)
	if change != 0 {
		c.At(change)
	}
	return phase == Within
}

// PhaseOf evaluates a date_expression. change is when the result changes next, in seconds since the epoch; 0
// when it does not or, for a date_spec, when that is not known.
func PhaseOf(e *cibxml.Element, at isotime.Time) (phase Phase, change int64) {
	start, hasStart := isotime.Parse(e.Get("start"), at)
	end, hasEnd := isotime.Parse(e.Get("end"), at)
	if d := e.Child("duration"); hasStart && !hasEnd && d != nil {
		end, hasEnd = lengthen(start, d), true
	}
	now := at.Unix()
	switch strings.ToLower(e.Get("operation")) {
	case "", "in_range":
		switch {
		case !hasStart && !hasEnd:
			return Undetermined, 0
		case hasStart && now < start.Unix():
			return Before, start.Unix()
		case hasEnd && now > end.Unix():
			return After, 0
		case hasEnd:
			return Within, end.Unix() + 1
		}
		return Within, 0
	case "date_spec":
		return specPhase(at, e.Child("date_spec")), 0
	case "gt":
		switch {
		case !hasStart:
			return Undetermined, 0
		case now <= start.Unix():
			return Before, start.Unix() + 1
		}
		return Within, 0
	case "lt":
		switch {
		case !hasEnd:
			return Undetermined, 0
		case now < end.Unix():
			return Within, end.Unix()
		}
		return After, 0
	}
	return Undetermined, 0
}

// lengthen adds the fields of a duration element.
func lengthen(t isotime.Time, d *cibxml.Element) isotime.Time {
	n := func(name string) int { return int(scalar.IntOr(d.Get(name), 0)) }
	t = t.AddYears(n("years")).AddMonths(n("months")).AddDays(7*n("weeks") + n("days"))
	return t.AddSeconds(n("hours")*3600 + n("minutes")*60 + n("seconds"))
}

// specPhase compares a time with the fields of a date_spec, the largest first. No spec allows every time.
func specPhase(t isotime.Time, spec *cibxml.Element) Phase {
	if spec == nil {
		return Within
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
		if p := rangePhase(spec.Get(f.name), int64(f.value)); p != Within {
			return p
		}
	}
	return Within
}

// rangePhase compares n with N, N-M, N- or -M. What cannot be read allows everything.
func rangePhase(s string, n int64) Phase {
	low, high, isRange := strings.Cut(s, "-")
	a, okA := scalar.ParseInt(low)
	b, okB := scalar.ParseInt(high)
	if !isRange {
		b, okB = a, okA
	} else if low != "" && !okA || high != "" && !okB {
		return Within
	}
	switch {
	case okA && n < a:
		return Before
	case okB && n > b:
		return After
	}
	return Within
}
