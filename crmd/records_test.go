package crmd

import (
	"testing"

	"github.com/holdfast-ha/holdfast/api"
)

// incidents of a kind, as a node lists them.
func (n *testNode) incidents(kind string) []api.Incident {
	n.c.t.Helper()
	var out []api.Incident
	if err := n.client.Call(n.c.t.Context(), "GET", api.PathIncidents+"?kind="+kind, nil, &out); err != nil {
		n.c.t.Fatal(err)
	}
	return out
}

func TestIncidents_LieOnTheSurvivorsBeforeTheVictimIsShot(t *testing.T) {
	c := newCluster(t, 3)
	c.up()
	c.configure(t, c.node("n1"))
	c.until("d1 runs on n3", func() bool { return c.journalText() == "start d1 n3" })
	seen := make(chan int, 1)
	dc := c.dc()
	dc.mu.Lock()
	dc.shoots = func() {
		have := 0
		for _, name := range []string{"n1", "n2"} {
			have += len(c.node(name).d.records.archive.List())
		}
		seen <- have
	}
	dc.mu.Unlock()
	c.node("n3").kill()
	c.views("n1", "n2")
	if have := <-seen; have < 2 {
		t.Errorf("%d copies of the incident at the shot, want one on each survivor", have)
	}
	for _, name := range []string{"n1", "n2"} {
		n := c.node(name)
		c.until("the incident is over on "+name, func() bool {
			list := n.incidents(api.IncidentLoss)
			return len(list) == 1 && list[0].State == api.IncidentRecovered && list[0].Subject == "n3"
		})
	}
	n2 := c.node("n2")
	id := n2.incidents(api.IncidentLoss)[0].ID
	c.until("n2 has what the scheduler was given", func() bool {
		var in api.PlanInput
		return n2.client.Call(t.Context(), "GET", api.PathPlanInput+"?id="+id, nil, &in) == nil && string(in.Data[:3]) == "BZh"
	})
	// The owner is lost for good: the story remains, also for the node that it is about.
	c.node("n1").powerOff()
	n3 := c.node("n3")
	n3.start()
	c.views("n2", "n3")
	c.until("n3 has learnt why it was shot", func() bool {
		var in api.Incident
		return n3.client.Call(t.Context(), "GET", api.PathIncident+"?id="+id, nil, &in) == nil && len(in.Actions) > 0 && len(in.Evidence) > 0
	})
}

func TestIncidents_TheNextDCEndsWhatTheLastBegan(t *testing.T) {
	c := newCluster(t, 3)
	c.up()
	for _, n := range c.nodes {
		n.mu.Lock()
		n.refuse = true
		n.mu.Unlock()
	}
	old := c.dc()
	c.node("n3").kill()
	c.views("n1", "n2")
	n2 := c.node("n2")
	c.until("the fence has failed and n2 knows", func() bool {
		list := n2.incidents(api.IncidentLoss)
		return len(list) == 1 && list[0].State == api.IncidentBlocked
	})
	for _, n := range c.nodes {
		n.mu.Lock()
		n.refuse = false
		n.mu.Unlock()
	}
	old.kill()
	c.views("n2")
	c.until("n2 has ended both", func() bool {
		list := n2.incidents(api.IncidentLoss)
		return len(list) == 2 && list[0].Ended != 0 && list[1].Ended != 0 && list[1].Owner == "n2"
	})
}
