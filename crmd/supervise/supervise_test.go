package supervise

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/crmd/detect"
)

func run(m *Machine, at time.Duration, in Input) string {
	var words []string
	for _, o := range m.Step(time.Unix(1_700_000_000, 0).Add(at), in) {
		switch o := o.(type) {
		case Kill:
			words = append(words, fmt.Sprintf("kill %d", o.Processes[0].PID))
		case Fail:
			words = append(words, map[bool]string{true: "leave", false: "restart"}[o.Leave])
		}
	}
	return strings.Join(words, ", ")
}

func TestHung_Reactions(t *testing.T) {
	hung := Hung{Resource: "db", Reason: "state T", Processes: []Process{{PID: 812}}, Elsewhere: true}
	alone := hung
	alone.Elsewhere = false
	cases := []struct {
		name   string
		change func(*Config)
		steps  []Input
		want   []string
	}{
		{"failover by default, once", nil, []Input{hung, hung}, []string{"kill 812, leave", ""}},
		{"nowhere else: restart", nil, []Input{alone}, []string{"kill 812, restart"}},
		{"recovered and hung again", nil, []Input{hung, Recovered{"db"}, hung}, []string{"kill 812, leave", "", "kill 812, leave"}},
		{"one restart, then failover", func(c *Config) { c.OnHang = Restart }, []Input{hung, Recovered{"db"}, hung}, []string{"kill 812, restart", "", "kill 812, leave"}},
		{"an alarm only", func(c *Config) { c.OnHang = Alarm }, []Input{hung}, []string{""}},
		{"the agent's stop has to cope", func(c *Config) { c.Kill = false }, []Input{hung}, []string{"leave"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := Settings{All: Default()}
			if c.change != nil {
				own := Default()
				c.change(&own)
				s.Resources = map[string]Config{"db": own}
			}
			m := New(s)
			var got []string
			for i, in := range c.steps {
				got = append(got, run(m, time.Duration(i)*time.Second, in))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestHung_RestartsAreCountedWithinThePause(t *testing.T) {
	c := Default()
	c.OnHang = Restart
	m := New(Settings{All: c})
	hung := Hung{Resource: "db", Elsewhere: true}
	for _, step := range []struct {
		at   time.Duration
		want string
	}{{0, "restart"}, {2 * time.Minute, "leave"}, {7 * time.Hour, "restart"}} {
		if got := run(m, step.at, hung); got != step.want {
			t.Errorf("after %s: %q", step.at, got)
		}
	}
}

// Timeouts as the cluster has them where nothing is configured: 20 s each.
func byDefault(promoted bool) Timeouts {
	const op = 20 * time.Second
	set, _ := detect.Default("process.hung")
	stopped, _ := detect.Hung(set.Limits, "T")
	return Timeouts{Noticed: stopped, How: "stopped", Demote: op, Stop: op, Start: op, Promote: op, Promoted: promoted, Fencing: true}
}

func TestBudget_DefaultsStayBelowThirtySeconds(t *testing.T) {
	for _, promoted := range []bool{false, true} {
		sum := time.Duration(0)
		for _, s := range Default().Budget(byDefault(promoted)) {
			sum += s.Max
		}
		if sum > 30*time.Second {
			t.Errorf("promoted %v: %s", promoted, sum)
		}
	}
}

func TestBudget_ShowsWhatLimitsEachStage(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config, *Timeouts)
		want   string
	}{
		{"a service", nil, "the hang is noticed: stopped 4.2s, the hung processes are killed 100ms, plan and order 500ms, stop (stop_within), else the node is fenced 5s, start elsewhere (its timeout) 20s"},
		{"a promoted instance", func(_ *Config, t *Timeouts) { t.Promoted = true },
			"the hang is noticed: stopped 4.2s, the hung processes are killed 100ms, plan and order 500ms, demote (stop_within), else the node is fenced 2.5s, stop (stop_within), else the node is fenced 2.5s, promote elsewhere (its timeout) 20s"},
		{"a stop that is quicker by itself", func(_ *Config, t *Timeouts) { t.Stop = 3 * time.Second },
			"the hang is noticed: stopped 4.2s, the hung processes are killed 100ms, plan and order 500ms, stop (its timeout) 3s, start elsewhere (its timeout) 20s"},
		{"without fencing a limit would only block it", func(_ *Config, t *Timeouts) { t.Fencing = false },
			"the hang is noticed: stopped 4.2s, the hung processes are killed 100ms, plan and order 500ms, stop (its timeout) 20s, start elsewhere (its timeout) 20s"},
		{"the agent kills", func(c *Config, _ *Timeouts) { c.Kill = false }, "the hang is noticed: stopped 4.2s, plan and order 500ms, stop (its timeout) 20s, start elsewhere (its timeout) 20s"},
		{"restart in place", func(c *Config, _ *Timeouts) { c.OnHang, c.StopWithin = Restart, 0 },
			"the hang is noticed: stopped 4.2s, the hung processes are killed 100ms, plan and order 500ms, stop (its timeout) 20s, start again (its timeout) 20s"},
		{"an alarm", func(c *Config, _ *Timeouts) { c.OnHang = Alarm }, "the hang is noticed: stopped 4.2s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf, times := Default(), byDefault(false)
			if c.change != nil {
				c.change(&conf, &times)
			}
			var got []string
			for _, s := range conf.Budget(times) {
				got = append(got, s.Name+" "+s.Max.String())
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), c.want)
			}
		})
	}
}
