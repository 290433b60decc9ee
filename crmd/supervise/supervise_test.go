package supervise

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
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

func TestBudget_DefaultsStayBelowThirtySeconds(t *testing.T) {
	sum := time.Duration(0)
	// A database that was killed stops at once; its start is what it needs.
	for _, s := range Default().Budget(5*time.Second, time.Second, 20*time.Second) {
		sum += s.Max
	}
	if sum > 30*time.Second {
		t.Errorf("%s", sum)
	}
}
