package confirm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/worker"
)

// script feeds words: "ok", "bad" (an answer with rc 7), "none" (no answer, healthy host), "starved" (no
// answer, starved host), "wait:30s".
func script(m *Machine, words ...string) []string {
	now := time.Unix(1_700_000_000, 0)
	var log []string
	for _, w := range words {
		in := Input(Wake{})
		r := worker.Result{Order: api.Order{Rsc: "db", Task: "monitor", Interval: 10000, Key: "k"}, ExitReason: "late"}
		switch {
		case w == "ok":
			in = Ended{Result: r}
		case w == "bad":
			r.RC = lrm.RCNotRunning
			in = Ended{Result: r}
		case w == "none":
			r.Status, r.RC = lrm.Timeout, lrm.RCError
			in = Ended{Result: r}
		case w == "starved":
			r.Status, r.RC = lrm.Timeout, lrm.RCError
			in = Ended{Result: r, Starved: "load 80 per core"}
		case w == "stop":
			r.Order.Task, r.Order.Interval = "stop", 0
			in = Ended{Result: r}
		case strings.HasPrefix(w, "wait:"):
			d, _ := time.ParseDuration(w[5:])
			now = now.Add(d)
		}
		for _, o := range m.Step(now, in) {
			switch o := o.(type) {
			case Deliver:
				log = append(log, fmt.Sprintf("deliver %s/%d", o.Result.Status, o.Result.RC))
			case Again:
				log = append(log, "again")
			case Held:
				log = append(log, fmt.Sprintf("held %d of %d", o.Tries, o.Of))
			case Answered:
				log = append(log, "answered")
			}
		}
	}
	return log
}

func TestConfirm_NoAnswerAndBadAnswerDiffer(t *testing.T) {
	good, bad, late := "deliver "+lrm.Done.String()+"/0", "deliver "+lrm.Done.String()+"/7", "deliver "+lrm.Timeout.String()+"/1"
	cases := []struct {
		name  string
		words []string
		want  []string
	}{
		{"a bad answer counts at once", []string{"ok", "bad"}, []string{good, bad}},
		{"no answer on a healthy host counts at once", []string{"ok", "none"}, []string{good, late}},
		{"no answer on a starved host is asked again", []string{"ok", "starved", "ok"}, []string{good, "held 1 of 4", "again", "answered"}},
		{"three of four", []string{"ok", "starved", "starved", "ok", "starved"}, []string{good, "held 1 of 4", "again", "held 2 of 4", "again", "answered", late}},
		{"good answers push the old ones out", []string{"ok", "starved", "starved", "ok", "ok", "starved", "ok"},
			[]string{good, "held 1 of 4", "again", "held 2 of 4", "again", "answered", "held 2 of 4", "again", "answered"}},
		{"a bad answer ends the doubt", []string{"ok", "starved", "bad"}, []string{good, "held 1 of 4", "again", "answered", bad}},
		{"the host has recovered, the monitor has not", []string{"ok", "starved", "none"}, []string{good, "held 1 of 4", "again", late}},
		{"the deadline", []string{"ok", "starved", "wait:59s", "wait:1s"}, []string{good, "held 1 of 4", "again", late}},
		{"a stop ends the doubt", []string{"ok", "starved", "stop", "wait:90s"}, []string{good, "held 1 of 4", "again", good}},
		{"a resource that was failed and answers again", []string{"ok", "none", "starved", "ok"}, []string{good, late, "held 1 of 4", "again", "answered", good}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := script(New(Default()), c.words...); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	cfg := Default()
	cfg.Failures, cfg.Of = 1, 1
	if got := script(New(cfg), "ok", "starved"); !slices.Equal(got, []string{good, late}) {
		t.Errorf("1 of 1 is Pacemaker's behaviour: %q", got)
	}
}

func TestDeadline_OnlyWhileInDoubt(t *testing.T) {
	m := New(Default())
	script(m, "ok")
	if !m.Deadline().IsZero() {
		t.Error("a deadline without doubt")
	}
	script(m, "starved")
	if got := m.Deadline().Sub(time.Unix(1_700_000_000, 0)); got != time.Minute {
		t.Errorf("deadline after %s", got)
	}
	script(m, "ok")
	if !m.Deadline().IsZero() {
		t.Error("a deadline after a good answer")
	}
}

func TestStarvation_EachThresholdAlone(t *testing.T) {
	h := &api.Host{Cores: 2}
	cases := map[string]*api.Vitals{
		"":                 {Pressure: api.PressureVitals{Known: true, CPU: api.Pressure{Some10: 40}}, CPU: api.CPUVitals{Load: [3]float64{20, 1, 1}}},
		"waited for a CPU": {Pressure: api.PressureVitals{Known: true, CPU: api.Pressure{Some10: 99}}},
		"for memory":       {Pressure: api.PressureVitals{Known: true, Memory: api.Pressure{Full10: 30}}},
		"for disks":        {Pressure: api.PressureVitals{Known: true, IO: api.Pressure{Full10: 90}}},
		"4300 ms":          {Late: 4300},
		"load 10.0":        {CPU: api.CPUVitals{Load: [3]float64{20, 1, 1}}},
	}
	for want, v := range cases {
		got := Default().Starved.Starvation(h, []*api.Vitals{{}, v, {}})
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}
