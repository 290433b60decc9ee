package incident

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/holdfast-ha/holdfast/api"
)

// event is any event, about few nodes and resources so that they meet.
func event(t *rapid.T) Event {
	node := fmt.Sprint("n", rapid.IntRange(1, 3).Draw(t, "node"))
	rsc := fmt.Sprint("r", rapid.IntRange(1, 3).Draw(t, "rsc"))
	key := fmt.Sprint("k", rapid.IntRange(1, 5).Draw(t, "key"))
	yes := rapid.Bool().Draw(t, "yes")
	n := rapid.IntRange(0, 9).Draw(t, "n")
	digests := []api.Digest{{Node: node, At: int64(n), Alarms: []string{roots[n]}}}[:n%2]
	a := api.Alarm{Name: roots[n], Node: node, Severity: []string{api.Info, api.Warning, api.Critical}[n%3], Raised: int64(n), Updated: int64(n)}
	if yes {
		a.Cleared = int64(n + 1)
	}
	var hang *api.Hang
	if n > 6 {
		hang = &api.Hang{Reason: "x", Processes: []api.HungProcess{{PID: n}}}
	}
	stored := api.Incident{ID: fmt.Sprint("s", n), Owner: node, Kind: []string{api.IncidentLoss, api.IncidentAlarm, api.IncidentChange, api.IncidentThrottle}[n%4], Subject: node, Node: node,
		Seq: n, Evidence: []api.IncidentEvidence{{Alarm: &a}}}
	if yes {
		stored.Ended = 1
	}
	events := []Event{Office{yes}, Lost{Node: node, Resources: []string{rsc}, Digests: digests}, Heard{Node: node, Answered: yes}, Joined{Node: node, Reborn: yes}, Left{Node: node},
		Quorum{Quorate: yes}, FenceAsked{Target: node}, FenceEnded{Target: node, OK: yes, Asker: []string{"", "admin"}[n%2]},
		Planned{Transition: n, Reason: []string{"x", "Transient attribute change: #health-x"}[n%2], Changes: []Change{{Verb: "Move", Resource: rsc, From: node, To: "n2", Blocked: yes}}[:n%2]},
		Decided{Transition: n, Notes: []api.Note{{Subject: rsc}}}, Began{Key: key, Task: "start", Resource: rsc, Node: node, Changes: true},
		Ended{Key: key, Task: "start", Resource: rsc, Node: node, OK: yes, NoAnswer: n > 4, Hang: hang, Digests: digests}, Idle{}, Alarmed{a},
		Throttled{Mode: []string{"negligible", "low", "high"}[n%3]}, MonitorHeld{Resource: rsc, Hang: hang, Over: yes}, Stored{stored}, Wake{}}
	return events[rapid.IntRange(0, len(events)-1).Draw(t, "event")]
}

func TestMachine_AnyStoryIsConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := New("n1")
		now := start
		seen := make(map[string]api.Incident)
		for range rapid.IntRange(1, 80).Draw(t, "length") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
			ev := event(t)
			t.Logf("%s: %T %+v", now.Format("15:04:05"), ev, ev)
			if x, ok := ev.(Stored); ok { // the archive passes on only what is newer than what it has
				if x.Incident.Seq <= seen[x.Incident.ID].Seq {
					continue
				}
				seen[x.Incident.ID] = x.Incident
			}
			for _, o := range m.Step(now, ev) {
				in := o.Incident
				old := seen[in.ID]
				switch {
				case in.Owner != "n1":
					t.Fatalf("%s is written for %s", in.ID, in.Owner)
				case in.Seq <= old.Seq:
					t.Fatalf("%s: number %d after %d", in.ID, in.Seq, old.Seq)
				case old.Ended != 0 && in.Ended == 0:
					t.Fatalf("%s has ended and goes on", in.ID)
				case in.Cause.Name == "" || in.Cause.Confidence == "" || in.Cause.Text == "" && in.Trigger != "":
					t.Fatalf("%s (%s) has no cause: %+v", in.ID, in.Kind, in.Cause)
				case (in.Ended != 0) != (in.State != api.IncidentOpen && in.State != api.IncidentBlocked && in.State != ""):
					t.Fatalf("%s is %s and ended at %d", in.ID, in.State, in.Ended)
				}
				raw, err := json.Marshal(in)
				if err != nil || len(raw) > 1<<20 {
					t.Fatalf("%d bytes, %v", len(raw), err)
				}
				seen[in.ID] = in
			}
			if len(m.open) > maxOpen || len(m.foreign) > maxForeign || len(m.alarms) > maxAlarms {
				t.Fatalf("%d open, %d foreign, %d alarms", len(m.open), len(m.foreign), len(m.alarms))
			}
			if at := m.Deadline(); !at.IsZero() && !at.After(now) {
				t.Fatalf("the deadline %s has passed", at)
			}
		}
	})
}
