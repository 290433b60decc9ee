package device

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

var start = time.Unix(1_000_000, 0)

// ready makes a machine with the device d1 for n2, whose agent is known.
func ready(t *testing.T, params ...string) *Executor {
	t.Helper()
	e := New("n1", 1)
	d := api.FenceDevice{ID: "d1", Agent: "fence_x", Params: map[string]string{"pcmk_host_list": "n2"}}
	for i := 0; i < len(params); i += 2 {
		d.Params[params[i]] = params[i+1]
	}
	e.Step(start, Configure{Devices: []api.FenceDevice{d}})
	e.Step(start, Learned{Agent: "fence_x", Caps: &Capabilities{Actions: []string{On, Off, Reboot, Status, Monitor}}})
	return e
}

func find[T Output](outs []Output) (found T, ok bool) {
	for _, o := range outs {
		if o, is := o.(T); is {
			return o, true
		}
	}
	return found, false
}

func order(delay int64) Order {
	return Order{ID: "o1", Order: api.FenceOrder{Device: "d1", Action: Reboot, Target: "n2", Timeout: 60000, Delay: delay, Wait: 72000 + delay}}
}

// A node that was frozen during the delay may have been lost by the others.
func TestOrder_IsNotFiredByANodeThatStoodStill(t *testing.T) {
	for _, c := range []struct {
		wake time.Duration
		want string
	}{{5 * time.Second, "called"}, {5900 * time.Millisecond, "called"}, {9 * time.Second, "stood still for 4s"}} {
		e := ready(t)
		e.Step(start, order(5000))
		if got := e.Deadline().Sub(start); got != 5*time.Second {
			t.Fatalf("deadline after %v", got)
		}
		outs := e.Step(start.Add(c.wake), Wake{})
		got := fmt.Sprint(outs)
		if _, called := find[Call](outs); called {
			got = "called"
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("woken after %v: %s", c.wake, got)
		}
	}
}

func TestConfigure_KeepsWhatIsKnownOfAnUnchangedDevice(t *testing.T) {
	e := ready(t)
	call, _ := find[Call](e.Step(start, Check{ID: "c", Check: api.FenceCheck{Device: "d1", Action: Monitor}}))
	e.Step(start, Returned{Call: call.ID})
	same := api.FenceDevice{ID: "d1", Agent: "fence_x", Params: map[string]string{"pcmk_host_list": "n2"}}
	e.Step(start, Configure{Devices: []api.FenceDevice{same}})
	if !e.Devices()[0].Verified {
		t.Error("an identical configuration made the device unverified")
	}
	same.Params = map[string]string{"pcmk_host_list": "n2 n3"}
	e.Step(start, Configure{Devices: []api.FenceDevice{same}})
	if e.Devices()[0].Verified {
		t.Error("a changed device is still verified")
	}
}

func TestConfigure_LeavesOutBannedDevices(t *testing.T) {
	e := New("n1", 1)
	e.Step(start, Configure{Devices: []api.FenceDevice{{ID: "a", Agent: "fence_x", Banned: true}, {ID: "b", Agent: "fence_x"}}})
	if d := e.Devices(); len(d) != 1 || d[0].ID != "b" {
		t.Errorf("devices are %+v", d)
	}
}

// A device exists as long as the CIB or a command wants it.
func TestRegister_OutlivesTheConfiguration(t *testing.T) {
	d := api.FenceDevice{ID: "d1", Agent: "fence_x"}
	ids := func(e *Executor) string {
		var ids []string
		for _, d := range e.Devices() {
			ids = append(ids, fmt.Sprintf("%s %v", d.ID, d.Registered))
		}
		return strings.Join(ids, ",")
	}
	e := New("n1", 1)
	for i, c := range []struct {
		in   Input
		want string
	}{
		{Register{d}, "d1 true"},
		{Configure{Devices: []api.FenceDevice{d}}, "d1 false"},
		{Configure{}, "d1 true"},
		{Configure{Devices: []api.FenceDevice{d}}, "d1 false"},
		{Unregister{"d1"}, "d1 false"},
		{Configure{}, ""},
		{Register{d}, "d1 true"},
		{Unregister{"d1"}, ""},
		{Unregister{"nosuch"}, ""},
	} {
		e.Step(start, c.in)
		if got := ids(e); got != c.want {
			t.Errorf("step %d: %q, want %q", i, got, c.want)
		}
	}
}

func TestOrder_RefusesWhatTheDeviceCannotDo(t *testing.T) {
	for _, c := range []struct {
		order api.FenceOrder
		want  string
	}{
		{api.FenceOrder{Device: "nosuch", Action: Off, Target: "n2"}, "Device nosuch is not configured on n1"},
		{api.FenceOrder{Device: "d1", Action: "explode", Target: "n2"}, `Device d1 cannot do "explode"`},
		{api.FenceOrder{Device: "d2", Action: Off, Target: "n2"}, "its metadata is not known"},
	} {
		e := ready(t)
		e.Step(start, Register{api.FenceDevice{ID: "d2", Agent: "fence_unknown"}})
		f, ok := find[Finished](e.Step(start, Order{ID: "o", Order: c.order}))
		if !ok || f.Result.ok() || !strings.Contains(f.Result.Reason, c.want) {
			t.Errorf("%+v: %+v", c.order, f)
		}
	}
}

func TestOrder_BoundsWhatWaits(t *testing.T) {
	e := ready(t)
	refused := 0
	for i := range maxJobs + 5 {
		o := order(0)
		o.ID = fmt.Sprint(i)
		if f, ok := find[Finished](e.Step(start, o)); ok && strings.Contains(f.Result.Reason, "overloaded") {
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d orders were refused", refused)
	}
}

// Nobody waits any more: what has not started is dropped, what is between two tries is not tried again.
func TestCancel_StopsWhatHasNotStarted(t *testing.T) {
	e := ready(t)
	call, _ := find[Call](e.Step(start, order(0)))
	second := order(0)
	second.ID = "o2"
	e.Step(start, second)
	e.Step(start, Cancel{ID: "o2"})
	e.Step(start, Returned{Call: call.ID, Result: Result{Status: 4, RC: 1}})
	e.Step(start, Cancel{ID: "o1"})
	outs := e.Step(start.Add(2*time.Second), Wake{})
	if c, called := find[Call](outs); called {
		t.Errorf("called %+v", c)
	}
	if d := e.Deadline(); !d.IsZero() {
		t.Errorf("something is left until %v", d)
	}
}

func TestParseMap(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "[]",
		"n1:1;n2:2":               "[{n1 1} {n2 2}]",
		" n1=1\tn2:2,3 ;; n3:x\n": "[{n1 1} {n2 2,3} {n3 x}]",
		`n1:a\;b;n\:2:c\ d`:       "[{n1 a;b} {n:2 c d}]",
		"n1:00:11:22;n2":          "[{n1 00:11:22}]",
		":1;n2:;n3:3":             "[{n3 3}]",
		`n1:1\`:                   `[{n1 1\}]`,
	} {
		if got := fmt.Sprint(parseMap(in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestParseTargets(t *testing.T) {
	for in, want := range map[string]string{
		"1,node1\n2,node2\n": "1 node1 2 node2",
		"n1\r\nn2\r\n":       "n1 n2",
		"vm1 abc-def on\n":   "vm1 abc-def",
		"N/A\n":              "",
	} {
		if got := strings.Join(parseTargets(in), " "); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The random part of a delay stays within its bounds and is not always the same.
func TestDelay_IsBetweenBaseAndMax(t *testing.T) {
	d, problems := define(api.FenceDevice{Params: map[string]string{"pcmk_delay_base": "2s", "pcmk_delay_max": "10s"}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	e := New("n1", 42)
	var delays []time.Duration
	for range 1000 {
		delay := d.ownDelay("n2", e.fraction())
		if delay < 2*time.Second || delay >= 10*time.Second {
			t.Fatalf("delay is %v", delay)
		}
		delays = append(delays, delay)
	}
	slices.Sort(delays)
	if spread := delays[900] - delays[100]; spread < 5*time.Second {
		t.Errorf("eight of ten delays lie within %v", spread)
	}
}

// Any text is a map without empty names and values.
func FuzzParseMap(f *testing.F) {
	f.Add("n1:1;n2:2,3")
	f.Add(`a\:b=c\;d`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range parseMap(text) {
			if p.Name == "" || p.Value == "" {
				t.Errorf("%q has %q", text, p)
			}
		}
	})
}
