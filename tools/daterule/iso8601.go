package daterule

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// dateCall is an iso8601 call.
type dateCall struct {
	now                               bool
	date, period, duration            *string
	expected                          *string
	seconds, epoch, local, ord, weeks bool
}

// given keeps the value of an option that may be empty.
func given(to **string) func(string) error {
	return func(v string) error { *to = &v; return nil }
}

func iso8601(ctx context.Context, env *cli.Env) int {
	c := &dateCall{}
	p := &program.Program{
		Summary: "Show and read ISO 8601 dates and times",
		Groups: []program.Group{
			{Key: "commands", Title: "Commands", Options: []cli.Option{
				{Long: "now", Short: 'n', Do: cli.Flag(&c.now), Help: "Show the present"},
				{Long: "date", Short: 'd', Arg: cli.NeedArg, Meta: "DATE", Do: given(&c.date), Help: "Read a date and time, such as '2019-09-24 00:30:00 +01:00' or 2019-040"},
				{Long: "period", Short: 'p', Arg: cli.NeedArg, Meta: "PERIOD", Do: given(&c.period), Help: "Read an interval, such as 2005-040/2005-043"},
				{Long: "duration", Short: 'D', Arg: cli.NeedArg, Meta: "DURATION", Do: given(&c.duration), Help: "Read a duration, such as P1M; with a date, show when it ends"},
				{Long: "expected", Short: 'E', Arg: cli.NeedArg, Meta: "TEXT", Do: given(&c.expected), Help: "End with an error unless the date (or its end) reads like this"},
			}},
			{Key: "modifiers", Title: "Output modifiers", Options: []cli.Option{
				{Long: "seconds", Short: 's', Do: cli.Flag(&c.seconds), Help: "As seconds since the year 0"},
				{Long: "epoch", Short: 'S', Do: cli.Flag(&c.epoch), Help: "As seconds since 1970"},
				{Long: "local", Short: 'L', Do: cli.Flag(&c.local), Help: "With the offset that it was given with, or that clocks here have"},
				{Long: "ordinal", Short: 'O', Do: cli.Flag(&c.ord), Help: "With the day of the year"},
				{Long: "week", Short: 'W', Do: cli.Flag(&c.weeks), Help: "With the week"},
			}},
		},
	}
	return p.Main(ctx, env, func(_ context.Context, out *output.Out, _ []string) error {
		return c.run(out, isotime.FromUnix(time.Now().Unix(), time.Local))
	})
}

// run shows what was asked for. now is the present.
func (c *dateCall) run(out *output.Out, now isotime.Time) error {
	at, dated := now, c.now
	if c.now && c.date == nil {
		out.Printf("Current date/time: %s\n", c.format(now))
	}
	if c.date != nil {
		var ok bool
		if at, ok = isotime.Parse(*c.date, now); !ok {
			return program.Faultf(api.CodeInvalidParam, "Invalid date/time specified: %s", *c.date)
		}
		dated = true
		out.Printf("Date: %s\n", c.format(at))
	}
	var d isotime.Duration
	if c.duration != nil {
		var ok bool
		if d, ok = isotime.ParseDuration(*c.duration); !ok {
			return program.Faultf(api.CodeInvalidParam, "Invalid duration specified: %s", *c.duration)
		}
		out.Printf("Duration: %s\n", formatDuration(d))
	}
	if c.period != nil {
		from, to, ok := parsePeriod(*c.period, now)
		if !ok {
			return program.Faultf(api.CodeInvalidParam, "Invalid interval specified: %s", *c.period)
		}
		out.Printf("Period: %s to %s\n", c.format(from), c.format(to))
	}
	if c.duration != nil && dated {
		at = plus(at, d, 1)
		out.Printf("Duration ends at: %s\n", c.format(at))
	}
	if c.expected != nil && dated && c.format(at) != *c.expected {
		return program.Exit(api.CodeError)
	}
	return nil
}

// plus is the time a duration later, or for -1 earlier.
func plus(t isotime.Time, d isotime.Duration, sign int) isotime.Time {
	return t.AddYears(sign * d.Years).AddMonths(sign * d.Months).AddDays(sign * d.Days).AddSeconds(sign * d.Seconds)
}

// parsePeriod reads START/END, where one of them may be a duration, or a duration that begins now.
func parsePeriod(s string, now isotime.Time) (from, to isotime.Time, ok bool) {
	first, second, both := strings.Cut(s, "/")
	if d, isDuration := isotime.ParseDuration(first); isDuration {
		if !both {
			return now, plus(now, d, 1), true
		}
		to, ok = isotime.Parse(second, now)
		return plus(to, d, -1), to, ok
	}
	if from, ok = isotime.Parse(first, now); !ok || !both {
		return from, to, false
	}
	if d, isDuration := isotime.ParseDuration(second); isDuration {
		return from, plus(from, d, 1), true
	}
	to, ok = isotime.Parse(second, now)
	return from, to, ok
}

// yearZero is January 1st of the year 0 in seconds before 1970, as Pacemaker counts the days.
const yearZero = 62135596800

// format writes a time in the form that was asked for.
func (c *dateCall) format(t isotime.Time) string {
	if !c.local {
		t = isotime.FromUnix(t.Unix(), time.UTC)
	}
	if c.seconds {
		return strconv.FormatInt(t.Unix()+yearZero, 10)
	}
	if c.epoch {
		return strconv.FormatInt(t.Unix(), 10)
	}
	var date string
	switch {
	case c.weeks:
		y, w, d := t.ISOWeek()
		date = fmt.Sprintf("%d-W%02d-%d", y, w, d)
	case c.ord:
		date = fmt.Sprintf("%d-%03d", t.Year, t.YearDay)
	default:
		y, m, d := t.Gregorian()
		date = fmt.Sprintf("%04d-%02d-%02d", y, m, d)
	}
	h, m, s := t.Clock()
	zone := "Z"
	if t.Offset != 0 {
		off, sign := t.Offset, '+'
		if off < 0 {
			off, sign = -off, '-'
		}
		zone = fmt.Sprintf(" %c%02d:%02d", sign, off/3600, off%3600/60)
	}
	return fmt.Sprintf("%s %02d:%02d:%02d%s", date, h, m, s, zone)
}

// formatDuration writes a duration for people, with Pacemaker's spacing.
func formatDuration(d isotime.Duration) string {
	var b strings.Builder
	for _, unit := range []struct {
		format, name string
		n            int
	}{{"%4d %s ", "year", d.Years}, {"%2d %s ", "month", d.Months}, {"%2d %s ", "day", d.Days}} {
		if unit.n != 0 {
			fmt.Fprintf(&b, unit.format, unit.n, plural(unit.name, unit.n))
		}
	}
	if d.Seconds == 0 {
		if b.Len() == 0 {
			return "0 seconds"
		}
		return b.String()
	}
	fmt.Fprintf(&b, "%d %s", d.Seconds, plural("second", d.Seconds))
	if d.Seconds < 60 {
		return b.String()
	}
	var parts []string
	for _, unit := range []struct {
		name string
		n    int
	}{{"hour", d.Seconds / 3600}, {"minute", d.Seconds % 3600 / 60}, {"second", d.Seconds % 60}} {
		if unit.n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", unit.n, plural(unit.name, unit.n)))
		}
	}
	return b.String() + " (" + strings.Join(parts, " ") + ")"
}

func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
