package detect

import (
	"fmt"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// trend keeps a sample of what grows over hours, every five minutes for a day.
type trend struct {
	points []point
	swap   int64 // KiB, when there was some last
}

type point struct {
	at          int64
	sunreclaim  int64
	live, dying int
}

const (
	trendStep   = 5 * time.Minute
	trendLength = 24 * time.Hour
)

func (t *trend) add(v *api.Vitals) {
	if v.Memory.SwapTotal > 0 {
		t.swap = v.Memory.SwapTotal
	}
	if n := len(t.points); n > 0 {
		if last := t.points[n-1].at; v.At >= last && v.At < last+trendStep.Milliseconds() {
			return
		} else if v.At < last {
			t.points = nil // the clock was set back
		}
	}
	t.points = append(t.points, point{v.At, v.Memory.SUnreclaim, v.Cgroups.Live, v.Cgroups.Dying})
	if over := len(t.points) - int(trendLength/trendStep); over > 0 {
		t.points = append(t.points[:0], t.points[over:]...)
	}
}

// growth is how much SUnreclaim (KiB) and the number of memory cgroups grew per hour, and over how many hours
// that was seen. Each half of the time must have grown by itself, so that one step up is no trend.
func (t *trend) growth() (kib, cgroups, hours float64) {
	n := len(t.points)
	if n < 3 {
		return 0, 0, 0
	}
	first, mid, last := t.points[0], t.points[n/2], t.points[n-1]
	hours = float64(last.at-first.at) / float64(time.Hour.Milliseconds())
	if last.sunreclaim > mid.sunreclaim && mid.sunreclaim > first.sunreclaim {
		kib = float64(last.sunreclaim-first.sunreclaim) / hours
	}
	if a, b, c := first.live+first.dying, mid.live+mid.dying, last.live+last.dying; c > b && b > a {
		cgroups = float64(c-a) / hours
	}
	return kib, cgroups, hours
}

// mean of a value over the last d. ok is false while the samples do not reach back that far.
func (l *look) mean(d time.Duration, of func(*api.Vitals) float64) (mean float64, ok bool) {
	list := l.ring.Since(d)
	if len(list) == 0 || l.ring.Len() < len(list)+1 && list[0].At > l.now.At-d.Milliseconds()+1500 {
		return 0, false
	}
	for _, v := range list {
		mean += of(v)
	}
	return mean / float64(len(list)), true
}

// total of a count over the last d.
func (l *look) total(d time.Duration, of func(*api.Vitals) int64) int64 {
	n := int64(0)
	for _, v := range l.ring.Since(d) {
		n += of(v)
	}
	return n
}

// level picks the worst level whose condition holds.
func level(critical, warning, between bool) Level {
	switch {
	case critical:
		return Critical
	case warning:
		return Warning
	case between:
		return Between
	}
	return Fine
}

func fact(name, value, limit string) api.Evidence {
	return api.Evidence{Name: name, Value: value, Limit: limit}
}

func pct(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) + " %" }

// ms writes a number of ms for a person: the milliseconds of a long time say nothing.
func ms(n int64) string {
	switch d := time.Duration(n) * time.Millisecond; {
	case d < 10*time.Second:
		return fmt.Sprintf("%d ms", n)
	case d < 3*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 3*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	default:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

func num(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// kib writes a number of KiB for a person.
func kib(n int64) string {
	switch f := float64(n); {
	case n < 0:
		return "-" + kib(-n)
	case n >= 1<<20:
		return fmt.Sprintf("%.1f GiB", f/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.0f MiB", f/(1<<10))
	default:
		return fmt.Sprintf("%d KiB", n)
	}
}
