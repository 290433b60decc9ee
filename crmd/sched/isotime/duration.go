package isotime

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Duration is a length of time in calendar units.
type Duration struct {
	Years, Months, Days, Seconds int
}

// ParseDuration reads PnYnMnWnDTnHnMnS.
func ParseDuration(s string) (Duration, bool) {
	var d Duration
	rest, ok := strings.CutPrefix(s, "P")
	if !ok || rest == "" {
		return d, false
	}
	clock := false
	for rest != "" {
		if rest[0] == 'T' {
			clock, rest = true, rest[1:]
			continue
		}
		end := 0
		for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(rest[:end])
		if err != nil || end > 10 || end == len(rest) {
			return d, false
		}
		switch unit := rest[end]; {
		case unit == 'Y':
			d.Years = n
		case unit == 'M' && !clock:
			d.Months = n
		case unit == 'W':
			d.Days += 7 * n
		case unit == 'D':
			d.Days += n
		case unit == 'H':
			d.Seconds += n * hour
		case unit == 'M':
			d.Seconds += n * minute
		case unit == 'S':
			d.Seconds += n
		default:
			return d, false
		}
		rest = rest[end+1:]
	}
	return d, true
}

// Length is the duration in seconds as Pacemaker counts it: it takes years and days for ordinal numbers, so
// that the first of each is worth nothing.
func (d Duration) Length() int64 {
	var sec int64
	for y := 1; y < d.Years; y++ {
		sec += int64(yearLength(y)) * day
	}
	sec += int64(d.Months) * 30 * day
	if d.Days > 0 {
		sec += int64(d.Days-1) * day
	}
	return sec + int64(d.Seconds)
}

// ParseInterval reads an interval specification, an ISO 8601 duration or a number with a unit, in
// milliseconds. Text that is neither is 0 and not ok.
func ParseInterval(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != 'P' {
		ms, ok := scalar.ParseMillis(s)
		return scalar.CapInterval(ms), ok
	}
	d, ok := ParseDuration(s)
	if !ok {
		return 0, false
	}
	return scalar.CapInterval(d.Length() * 1000), true
}
