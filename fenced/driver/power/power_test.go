package power

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// fake is a machine whose state follows orders late, never, or back and forth.
type fake struct {
	state    State
	delay    time.Duration // from an order to its effect
	deaf     bool
	reads    []State // what the next readings say instead of the state
	failing  []error // what the next readings fail with
	turned   []State
	at       time.Time
	to       State
	closed   int
	hang     bool
	turnFail error
	obeys    bool // although turning fails
}

func (f *fake) State(ctx context.Context) (State, error) {
	if f.hang {
		<-ctx.Done()
		return Unknown, ctx.Err()
	}
	time.Sleep(20 * time.Millisecond)
	if len(f.failing) > 0 {
		err := f.failing[0]
		f.failing = f.failing[1:]
		if err != nil {
			return Unknown, err
		}
	}
	if f.to != Unknown && time.Since(f.at) >= f.delay {
		f.state, f.to = f.to, Unknown
	}
	if len(f.reads) > 0 {
		s := f.reads[0]
		f.reads = f.reads[1:]
		return s, nil
	}
	return f.state, nil
}

func (f *fake) Turn(_ context.Context, to State) error {
	f.turned = append(f.turned, to)
	if !f.deaf && (f.turnFail == nil || f.obeys) {
		f.to, f.at = to, time.Now()
	}
	return f.turnFail
}

func (f *fake) Close() { f.closed++ }

func run(t *testing.T, f *fake, action string, limit time.Duration, change ...func(*Procedure)) (device.Result, time.Duration) {
	t.Helper()
	p := Procedure{Who: "BMC x", Poll: time.Second, Open: func(context.Context) (Switch, error) { return f, nil }}
	for _, c := range change {
		c(&p)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	begin := time.Now()
	r := p.Run(ctx, action)
	if f.closed != 1 {
		t.Errorf("closed %d times", f.closed)
	}
	return r, time.Since(begin)
}

func TestOff_IsBelievedWhenReadTwice(t *testing.T) {
	for _, c := range []struct {
		name    string
		fake    *fake
		limit   time.Duration
		status  lrm.Status
		least   time.Duration
		turned  int
		reasons []string
	}{
		{"at once", &fake{state: On}, time.Minute, lrm.Done, confirmPause, 1, nil},
		{"after five seconds", &fake{state: On, delay: 5 * time.Second}, time.Minute, lrm.Done, 5 * time.Second, 1, nil},
		{"off already", &fake{state: Off}, time.Minute, lrm.Done, confirmPause, 0, nil},
		{"off already, says one reading", &fake{state: On, reads: []State{Off, On}}, time.Minute, lrm.Done, 0, 1, nil},
		{"never", &fake{state: On, deaf: true}, 10 * time.Second, lrm.Timeout, 9 * time.Second, 1, []string{"accepted off and reads on", "by hand"}},
		{"flips back", &fake{state: On, deaf: true, reads: []State{On, Off, On, Off, On, On, On}}, 5 * time.Second, lrm.Timeout, 0, 1, []string{"reads on"}},
		{"cannot be told", &fake{state: Unknown, deaf: true}, 5 * time.Second, lrm.Timeout, 0, 1, []string{"reads unknown"}},
		{"busy meanwhile", &fake{state: On, failing: []error{nil, errors.New("busy"), errors.New("busy")}}, time.Minute, lrm.Done, 0, 1, nil},
		{"hangs", &fake{state: On, hang: true}, 3 * time.Second, lrm.Timeout, 2 * time.Second, 0, []string{"out of time"}},
		{"obeyed without an answer", &fake{state: On, turnFail: &native.Problem{Silent: true}, obeys: true}, time.Minute, lrm.Done, 0, 1, nil},
		{"neither obeyed nor answered", &fake{state: On, turnFail: &native.Problem{Cause: "silence", Silent: true}}, 5 * time.Second, lrm.Timeout, 0, 1, []string{"reads on"}},
		{"refused", &fake{state: On, turnFail: &native.Problem{Subject: "BMC x", Cause: "no", Remedy: "ask it nicely"}}, time.Minute, lrm.Error, 0, 1, []string{"ask it nicely"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, took := run(t, c.fake, device.Off, c.limit)
				if r.Status != c.status || (r.RC == 0) != (c.status == lrm.Done) || took < c.least || took > c.limit+time.Second || len(c.fake.turned) != c.turned {
					t.Errorf("%v rc %d (%s) after %v, turned %v", r.Status, r.RC, r.Reason, took, c.fake.turned)
				}
				for _, w := range c.reasons {
					if !strings.Contains(r.Reason, w) {
						t.Errorf("reason %q does not say %q", r.Reason, w)
					}
				}
			})
		})
	}
}

func TestOff_WithinThePowerTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, took := run(t, &fake{state: On, deaf: true}, device.Off, time.Minute, func(p *Procedure) { p.Limit = 4 * time.Second })
		if r.Status != lrm.Error || took > 5*time.Second || !strings.Contains(r.Reason, "power_timeout") || !strings.Contains(r.Reason, "reads on") {
			t.Errorf("%v (%s) after %v", r.Status, r.Reason, took)
		}
	})
}

func TestReboot_SucceedsWhenOffIsProven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{state: On, delay: time.Second}
		if r, _ := run(t, f, device.Reboot, time.Minute); r.Status != lrm.Done || r.RC != 0 || len(f.turned) != 2 || f.state != On {
			t.Errorf("%+v, turned %v", r, f.turned)
		}
		f = &fake{state: Off}
		if r, _ := run(t, f, device.Reboot, time.Minute); r.RC != 0 || f.state != On {
			t.Errorf("%+v", r)
		}
	})
}

func TestOn_IsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{state: Off, deaf: true}
		r, _ := run(t, f, device.On, time.Minute, func(p *Procedure) { p.Limit, p.Tries = 3*time.Second, 3 })
		if r.Status != lrm.Error || len(f.turned) != 3 || !strings.Contains(r.Reason, "accepted on and reads off") {
			t.Errorf("%v %s, turned %v", r.Status, r.Reason, f.turned)
		}
	})
}

func TestStatus_AsTheFencerCountsIt(t *testing.T) {
	for state, rc := range map[State]int{On: 0, Off: native.RCOff, Unknown: 1} {
		synctest.Test(t, func(t *testing.T) {
			if r, _ := run(t, &fake{state: state}, device.Status, time.Minute); r.RC != rc {
				t.Errorf("%v: %+v", state, r)
			}
			if r, _ := run(t, &fake{state: state}, device.Monitor, time.Minute); (r.RC == 0) != (state != Unknown) {
				t.Errorf("monitor %v: %+v", state, r)
			}
		})
	}
}
