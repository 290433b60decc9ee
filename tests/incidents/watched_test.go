package incidents

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/detect"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
	"github.com/holdfast-ha/holdfast/crmd/vitals"
	"github.com/holdfast-ha/holdfast/crmd/vitals/series"
)

// watched is a node whose recording goes through the real sampler, throttle and detectors, and a survivor that
// holds its digests and leads the cluster.
type watched struct {
	t    testing.TB
	rec  *recording
	host *host
	now  time.Time

	sampler *vitals.Sampler
	meter   *throttle.Meter
	machine *detect.Machine
	last    *api.Vitals
	// raised are all alarms by name, as they were raised first; active those that last.
	raised []api.Alarm
	digest series.Digests

	own, dc   *incident.Machine
	incidents map[string]api.Incident
	word      map[string]string // severities of the alarms that n1 has told n2 of
	order     []string
	// shape, when set, changes the host besides its recording.
	shape func(h *host, at time.Duration)
}

func watch(t testing.TB, name string) *watched {
	t.Helper()
	return watchRecording(t, load(t, name))
}

// watchText is watch with another comment: the files are those of a recording.
func watchText(t testing.TB, comment, name string) *watched {
	t.Helper()
	r := load(t, name)
	r.steps = nil
	r.read(t, "comment", comment)
	return watchRecording(t, r)
}

func watchRecording(t testing.TB, rec *recording) *watched {
	t.Helper()
	w := &watched{t: t, rec: rec, incidents: make(map[string]api.Incident), word: make(map[string]string)}
	w.host, w.now = w.rec.open(t), w.rec.start
	w.rec.play(t, w.host, 0)
	var err error
	w.sampler, err = vitals.New(vitals.Config{Proc: w.host.dir + "/proc", Sys: w.host.dir + "/sys", Kmsg: w.host.dir + "/kmsg",
		Processes: w.processes, Heartbeat: w.heartbeat, Complete: w.complete, Report: func(*api.Vitals) {}})
	if err != nil {
		t.Fatal(err)
	}
	w.meter, w.machine = throttle.NewMeter(throttle.Default()), detect.New("n1", nil)
	w.machine.Step(w.now, detect.HostIs{Host: w.sampler.Host()})
	w.own, w.dc = incident.New("n1"), incident.New("n2")
	w.dc.Step(w.now, incident.Office{Leads: true})
	return w
}

func (w *watched) processes() []vitals.Watch {
	var out []vitals.Watch
	for _, pid := range w.rec.pids() {
		n, err := strconv.Atoi(pid)
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, vitals.Watch{Resource: "db", PID: n, Start: 998877, Comm: "gaussdb", Main: true})
	}
	return out
}

// heartbeat is what corosyncd would say.
func (w *watched) heartbeat(context.Context) api.HeartbeatVitals {
	return api.HeartbeatVitals{Known: true, Token: int64(max(1000, w.host.values["token"])), Interval: 200, Late: int64(w.host.values["corosyncd_late"]), Realtime: true,
		Links: []api.LinkVitals{{Node: "n2", Up: true, Silent: 100, RTT: 180, Received: 5}}}
}

func (w *watched) complete(v *api.Vitals) {
	v.Late = int64(w.host.values["late"])
	v.Peers = []api.PeerVitals{{Node: "n2", Digest: 400}}
	v.Throttle = api.ThrottleVitals{Mode: w.meter.Mode().String(), Inputs: w.meter.Inputs()}
}

// until plays the recording up to a time, in steps.
func (w *watched) until(at, step time.Duration) {
	w.t.Helper()
	for next := w.now.Sub(w.rec.start) + step; next <= at; next += step {
		w.now = w.rec.start.Add(next)
		if w.shape != nil {
			w.shape(w.host, next)
		}
		w.rec.play(w.t, w.host, next)
		v := w.sampler.Once(w.now)
		w.last = v
		if w.meter.Sample(w.now, throttle.SampleOf(w.machine.Host(), v), 0) {
			w.tell(w.own, incident.Throttled{Mode: w.meter.Mode().String(), Inputs: w.meter.Inputs()})
		}
		v.Throttle = api.ThrottleVitals{Mode: w.meter.Mode().String(), Inputs: w.meter.Inputs()}
		for _, o := range w.machine.Step(w.now, detect.Sampled{Vitals: v}) {
			w.alarm(o)
		}
		w.send(v)
	}
}

func (w *watched) alarm(o detect.Output) {
	var a api.Alarm
	switch o := o.(type) {
	case detect.Raised:
		a = o.Alarm
		w.raised = append(w.raised, a)
	case detect.Changed:
		a = o.Alarm
	case detect.Cleared:
		a = o.Alarm
	}
	w.tell(w.own, incident.Alarmed{Alarm: a})
	if key := a.Name + " " + a.Subject; w.word[key] != a.Severity || a.Cleared != 0 { // the word of n1 holds no news else
		w.word[key] = a.Severity
		w.tell(w.dc, incident.Alarmed{Alarm: a})
	}
}

// send is the digest on its way to the survivor.
func (w *watched) send(v *api.Vitals) {
	var names []string
	hung := 0
	for _, a := range w.machine.Alarms() {
		names = append(names, a.Name)
		if a.Name == "process.hung" {
			hung++
		}
	}
	d := series.Condense("n1", w.machine.Host(), v, hung, names)
	packed := series.Encode(&d, detect.Names())
	if len(packed) > 200 {
		w.t.Errorf("a digest of %d bytes", len(packed))
	}
	got, err := series.Decode("n1", packed, detect.Names())
	if err != nil {
		w.t.Fatal(err)
	}
	w.digest.Add(got)
}

// tell gives an event to a machine, and its records to the other one, as the nodes do.
func (w *watched) tell(m *incident.Machine, events ...incident.Event) {
	w.t.Helper()
	for _, ev := range events {
		for _, o := range m.Step(w.now, ev) {
			if _, known := w.incidents[o.Incident.ID]; !known {
				w.order = append(w.order, o.Incident.ID)
			}
			w.incidents[o.Incident.ID] = o.Incident
			if m == w.own {
				w.tell(w.dc, incident.Stored(o))
			}
		}
	}
}

// after is tell some ms later.
func (w *watched) after(ms int, events ...incident.Event) {
	w.t.Helper()
	w.now = w.now.Add(time.Duration(ms) * time.Millisecond)
	w.tell(w.dc, events...)
}

// lost is the node's loss as the survivor sees it: a token without heartbeats.
func (w *watched) lost(reason string, resources ...string) {
	w.t.Helper()
	heard := w.now
	w.now = w.now.Add(1003 * time.Millisecond)
	w.tell(w.dc, incident.Lost{Node: "n1", Reason: reason, LastHeard: heard.UnixMilli(), Resources: resources, Digests: w.digest.Last(60)})
}

// names are the detectors that raised an alarm, each once, in the order of the first.
func (w *watched) names() []string {
	out := []string{}
	for _, a := range w.raised {
		if !slices.Contains(out, a.Name) {
			out = append(out, a.Name)
		}
	}
	return out
}

// first is the first alarm of a name.
func (w *watched) first(name string) api.Alarm {
	w.t.Helper()
	for _, a := range w.raised {
		if a.Name == name {
			return a
		}
	}
	w.t.Fatalf("no alarm %s; raised: %v", name, w.names())
	return api.Alarm{}
}

// only is the one incident of a kind.
func (w *watched) only(kind string) api.Incident {
	w.t.Helper()
	var found []api.Incident
	for _, id := range w.order {
		if w.incidents[id].Kind == kind {
			found = append(found, w.incidents[id])
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("%d incidents of kind %s", len(found), kind)
	}
	return found[0]
}
