package incident

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

var start = time.Date(2024, 10, 17, 10, 38, 38, 0, time.UTC)

// script feeds events one second apart and keeps the last version of each record.
type script struct {
	t       *testing.T
	m       *Machine
	now     time.Time
	records map[string]api.Incident
	order   []string
}

func newScript(t *testing.T, node string, leads bool) *script {
	s := &script{t: t, m: New(node), now: start, records: make(map[string]api.Incident)}
	s.step(Office{leads})
	return s
}

func (s *script) step(events ...Event) {
	s.t.Helper()
	for _, ev := range events {
		s.now = s.now.Add(time.Second)
		for _, o := range s.m.Step(s.now, ev) {
			old, known := s.records[o.Incident.ID]
			if !known {
				s.order = append(s.order, o.Incident.ID)
			}
			if o.Incident.Seq <= old.Seq {
				s.t.Errorf("record %s: number %d follows %d", o.Incident.ID, o.Incident.Seq, old.Seq)
			}
			s.records[o.Incident.ID] = o.Incident
		}
	}
}

// only is the one record of a kind.
func (s *script) only(kind string) api.Incident {
	s.t.Helper()
	var found []api.Incident
	for _, id := range s.order {
		if s.records[id].Kind == kind {
			found = append(found, s.records[id])
		}
	}
	if len(found) != 1 {
		s.t.Fatalf("%d records of kind %s, want 1", len(found), kind)
	}
	return found[0]
}

func alarm(name, node, subject string, at time.Time) api.Alarm {
	return api.Alarm{Name: name, Node: node, Subject: subject, Severity: api.Critical, Summary: "it is bad", Raised: at.UnixMilli(), Updated: at.UnixMilli(), Advice: []string{"mend " + name}}
}

// recover are the events of a node's loss with one resource that moves from n1 to n2.
func loss(digests ...api.Digest) []Event {
	return []Event{
		Lost{Node: "n1", Reason: "silent for 1000 ms", LastHeard: start.UnixMilli(), Resources: []string{"db"}, Digests: digests},
		FenceAsked{Target: "n1", Action: "off", Reason: "n1 lost"},
		Planned{Transition: 3, Reason: "Node failure: n1", Input: "pe-input-3.bz2", Changes: []Change{{Verb: "Move", Resource: "db", From: "n1", To: "n2", Reason: "n1 is offline"}}},
		Decided{Transition: 3, Notes: []api.Note{{Subject: "db", Stage: "score", Why: "n2: 100"}, {Subject: "other", Stage: "score", Why: "n3: 1"}}},
		FenceEnded{Target: "n1", Action: "off", OK: true, By: "n2", Took: 400 * time.Millisecond},
		Began{Key: "k1", Task: "start", Resource: "db", Node: "n2", Changes: true},
		Ended{Key: "k1", Op: "db_start_0", Task: "start", Resource: "db", Node: "n2", OK: true},
		Idle{},
	}
}

func TestLoss_NamesMemoryExhaustionWithTheVictimsLastVitals(t *testing.T) {
	s := newScript(t, "n2", true)
	a := alarm("memory.exhaustion", "n1", "", start.Add(-20*time.Second))
	s.step(Stored{api.Incident{ID: "x", Owner: "n1", Kind: api.IncidentAlarm, Evidence: []api.IncidentEvidence{{Alarm: &a}}}})
	s.step(loss(api.Digest{Node: "n1", At: start.UnixMilli(), Total: 1000, Available: 12, Slope: -200, MemFull: 40, Cores: 2})...)
	in := s.only(api.IncidentLoss)
	if in.State != api.IncidentRecovered || in.Cause.Name != "memory.exhaustion" || in.Cause.Confidence != api.Likely {
		t.Errorf("%s, cause %+v", in.State, in.Cause)
	}
	if !strings.Contains(fmt.Sprint(in.Cause.Because), "12 of 1000 MiB available, falling by 200 MiB/s") || in.Advice[0] != "mend memory.exhaustion" {
		t.Errorf("because %q, advice %q", in.Cause.Because, in.Advice)
	}
	if d := in.Decision[0]; len(d.Notes) != 2 || d.Notes[1].Why != "n2: 100" || d.Input != "pe-input-3.bz2" {
		t.Errorf("decision %+v", d)
	}
	if !strings.HasPrefix(in.Result, "n1 is proven down, db runs on n2; over after") {
		t.Errorf("result %q", in.Result)
	}
}

func TestLoss_CausesAreToldApart(t *testing.T) {
	network := alarm("heartbeat.network", "n2", "n1", start)
	cases := []struct {
		name   string
		before []Event
		after  []Event
		digest api.Digest
		want   string
	}{
		{"nothing is known", nil, nil, api.Digest{}, "unknown unknown"},
		{"the network was cut", []Event{Alarmed{network}}, nil, api.Digest{Node: "n1", Total: 1, At: 1}, "heartbeat.network likely"},
		{"it comes back without a boot", nil, []Event{Joined{Node: "n1", Reborn: true}}, api.Digest{}, "heartbeat.network likely"},
		{"its crmd still answers", nil, []Event{Heard{Node: "n1", Answered: true, After: time.Millisecond}}, api.Digest{}, "heartbeat.stall likely"},
		{"the digest names an alarm", nil, nil, api.Digest{Node: "n1", At: 1, Alarms: []string{"io.stall", "swap.off"}}, "io.stall likely"},
		{"a faulty kernel that is not under pressure", nil, nil, api.Digest{Node: "n1", At: 1, Alarms: []string{"memory.zone-accounting"}}, "unknown unknown"},
		{"a faulty kernel that stalls", nil, nil, api.Digest{Node: "n1", At: 1, Stalls: 900, Alarms: []string{"memory.zone-accounting"}}, "memory.zone-accounting likely"},
		{"root before symptom", nil, nil, api.Digest{Node: "n1", At: 1, Alarms: []string{"heartbeat.stall", "memory.cgroup-oom", "memory.zone-accounting"}}, "memory.zone-accounting likely"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t, "n2", true)
			s.step(c.before...)
			var digests []api.Digest
			if c.digest.Node != "" {
				digests = append(digests, c.digest)
			}
			s.step(loss(digests...)[0])
			s.step(c.after...)
			if in := s.only(api.IncidentLoss); in.Cause.Name+" "+in.Cause.Confidence != c.want {
				t.Errorf("cause %+v, want %s", in.Cause, c.want)
			}
		})
	}
}

func TestOffice_TheNextDCGoesOnWithWhatTheLastBegan(t *testing.T) {
	first := newScript(t, "n2", true)
	first.step(loss()[:2]...)
	begun := first.only(api.IncidentLoss)
	raw, err := json.Marshal(begun) // as the peers get it
	if err != nil {
		t.Fatal(err)
	}
	var copied api.Incident
	if err := json.Unmarshal(raw, &copied); err != nil {
		t.Fatal(err)
	}
	next := newScript(t, "n3", false)
	next.now = first.now
	next.step(Stored{copied}, Office{true})
	next.step(loss()[4:]...)
	in := next.only(api.IncidentLoss)
	if in.ID != begun.ID || in.Owner != "n3" || in.State != api.IncidentRecovered || len(in.Actions) != 2 || in.Actions[0].Done == 0 || in.Seq <= begun.Seq {
		t.Errorf("the new DC's record: %+v", in)
	}
}

func TestResource_FailureIsExplainedByWhatIsKnown(t *testing.T) {
	ended := Ended{Key: "k", Op: "db_monitor_10000", Task: "monitor", Resource: "db", Node: "n1", Text: "not running"}
	hang := ended
	hang.Hang = &api.Hang{Reason: "process postgres[812] of db is stopped (state T) for 5000 ms", Processes: []api.HungProcess{{PID: 812, Comm: "postgres", State: "T", WChan: "do_signal_stop"}}}
	silent := ended
	silent.NoAnswer = true
	starved := ended
	starved.Hang = &api.Hang{Reason: "3 of 4 tries", Starved: "all tasks waited for memory 30 % of the time"}
	oom := []Event{Alarmed{alarm("memory.cgroup-oom", "n1", "/db", start)}}
	cases := []struct {
		name   string
		before []Event
		ev     Ended
		want   string
	}{
		{"a bad answer", nil, ended, "agent certain"},
		{"a bad answer after its process was killed", oom, ended, "memory.cgroup-oom likely"},
		{"no answer on a healthy host", nil, silent, "agent possible"},
		{"no answer on a host in trouble", []Event{Alarmed{alarm("io.stall", "n1", "/", start)}}, silent, "io.stall likely"},
		{"a stopped process", nil, hang, "process.hung certain"},
		{"confirmed on a starved host", nil, starved, "memory.exhaustion likely"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t, "n1", true)
			s.step(c.before...)
			s.step(c.ev)
			if in := s.only(api.IncidentResource); in.Cause.Name+" "+in.Cause.Confidence != c.want || len(in.Advice) == 0 {
				t.Errorf("cause %+v, advice %q, want %s", in.Cause, in.Advice, c.want)
			}
		})
	}
}

func TestFence_FailedOneBlocksTheRecordUntilItWorks(t *testing.T) {
	s := newScript(t, "n2", true)
	s.step(loss()[:2]...)
	s.step(FenceEnded{Target: "n1", Action: "off", Reason: "no device", Attempt: 1, Next: time.Second}, Idle{})
	if in := s.only(api.IncidentLoss); in.State != api.IncidentBlocked {
		t.Errorf("state %s after a failed fence", in.State)
	}
	s.step(FenceAsked{Target: "n1", Action: "off"}, FenceEnded{Target: "n1", Action: "off", OK: true, By: "n2"}, Idle{})
	if in := s.only(api.IncidentLoss); in.State != api.IncidentRecovered || len(in.Actions) != 2 {
		t.Errorf("state %s, %d actions", in.State, len(in.Actions))
	}
}

func TestOutcome_SomethingThatDoesNotRunIsSaid(t *testing.T) {
	s := newScript(t, "n2", true)
	s.step(Lost{Node: "n1", Reason: "silent", Resources: []string{"db"}},
		Planned{Transition: 1, Changes: []Change{{Verb: "Stop", Resource: "db", From: "n1", Reason: "no node"}}}, Idle{})
	if in := s.only(api.IncidentLoss); in.State != api.IncidentFailed || !strings.Contains(in.Result, "db has no node to run on") {
		t.Errorf("%s: %s", in.State, in.Result)
	}
}

func TestThrottle_OneRecordWhileItLasts(t *testing.T) {
	s := newScript(t, "n1", false)
	s.step(Throttled{Mode: "medium"}, Throttled{Mode: "high"}, Throttled{Mode: "negligible"})
	in := s.only(api.IncidentThrottle)
	if in.State != api.IncidentOver || in.Severity != api.Warning || len(in.Evidence) != 3 || !strings.Contains(in.Cause.Text, "the host was overloaded") {
		t.Errorf("%+v", in)
	}
}

func TestAlarm_AnInformationIsNoIncidentUntilItIsMore(t *testing.T) {
	s := newScript(t, "n1", false)
	a := alarm("disk.nearly-full", "n1", "/data", start)
	a.Severity = api.Info
	s.step(Alarmed{a}, Alarmed{alarm("swap.off", "n2", "", start)})
	if len(s.order) != 0 {
		t.Fatalf("%+v", s.records)
	}
	a.Severity = api.Critical
	s.step(Alarmed{a})
	if in := s.only(api.IncidentAlarm); in.Severity != api.Critical || in.Started != start.UnixMilli() {
		t.Errorf("%+v", in)
	}
}

func TestAlarm_AnInformationOfALostNodeIsEvidence(t *testing.T) {
	s := newScript(t, "n2", true)
	a := alarm("swap.off", "n1", "", start)
	a.Severity = api.Info
	s.step(Alarmed{a})
	s.step(loss()...)
	in := s.only(api.IncidentLoss)
	if !slices.ContainsFunc(in.Evidence, func(e api.IncidentEvidence) bool { return e.Alarm != nil && e.Alarm.Name == "swap.off" }) {
		t.Errorf("%+v", in.Evidence)
	}
}

func TestMonitor_LateAnswersAreOneRecordThatEndsByItself(t *testing.T) {
	s := newScript(t, "n1", false)
	s.step(Alarmed{alarm("cpu.overload", "n1", "", start)})
	s.step(MonitorHeld{Resource: "a", Text: "no answer, 1 of 4"}, MonitorHeld{Resource: "b", Text: "no answer, 1 of 4"}, MonitorHeld{Resource: "a", Text: "answered", Over: true})
	s.now = s.m.Deadline()
	s.step(Wake{})
	in := s.only(api.IncidentMonitor)
	if in.State != api.IncidentOver || len(in.Resources) != 2 || in.Cause.Name != "cpu.overload" || !strings.Contains(in.Cause.Text, "late because the host was overloaded") {
		t.Errorf("%+v", in)
	}
}

func TestBounds_ARecordDoesNotGrowWithoutEnd(t *testing.T) {
	s := newScript(t, "n2", true)
	s.step(loss()[0])
	for i := range 2000 {
		s.step(Began{Key: fmt.Sprint(i), Task: "start", Resource: fmt.Sprint("r", i), Node: "n2", Changes: true}, Planned{Transition: i, Changes: []Change{{Verb: "Start", Resource: "x", To: "n2"}}})
		s.step(Heard{Node: "n1"})
	}
	raw, err := json.Marshal(s.only(api.IncidentLoss))
	if err != nil || len(raw) > 200_000 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}
