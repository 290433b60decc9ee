package crmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
)

// pressed gives a node a pressure to read in its /proc.
func (n *testNode) pressed(percent int) {
	n.write("proc/pressure/cpu", fmt.Sprintf("some avg10=%d.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", percent), 0o644)
}

// slow makes the monitors of a node hang, or not any more.
func (n *testNode) slow(yes bool) {
	path := filepath.Join(n.c.dir, n.name, "state", "slow")
	var err error
	if yes {
		err = os.WriteFile(path, nil, 0o600)
	} else {
		err = os.Remove(path)
	}
	if err != nil {
		n.c.t.Fatal(err)
	}
}

const monitored = `<configuration><crm_config><cluster_property_set id="o"><nvpair id="o1" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>` +
	`<resources><primitive id="d1" class="ocf" provider="test" type="Journal"><operations><op id="d1m" name="monitor" interval="200ms" timeout="1s"/></operations></primitive></resources></configuration>`

func TestMonitor_NoAnswerOnAStarvedHostIsConfirmedFirst(t *testing.T) {
	c := newCluster(t, 1, "[monitor]\nfailures = 90\ntries = 90\ndeadline = \"2min\"\n")
	c.schedule = schedule
	n1 := c.node("n1")
	n1.pressed(95)
	c.up()
	if _, err := n1.cib(api.CIBRequest{Op: "modify", Section: "configuration", Input: monitored, AllowCreate: true, Client: "test"}); err != nil {
		t.Fatal(err)
	}
	c.until("d1 is monitored", func() bool {
		out, err := n1.cib(api.CIBRequest{Op: "query", XPath: "//lrm_rsc_op[@operation='monitor' and @interval='200']"})
		return err == nil && strings.Contains(out.XML, "lrm_rsc_op")
	})
	n1.slow(true)
	c.until("a monitor without an answer is recorded", func() bool { return len(n1.incidents(api.IncidentMonitor)) == 1 })
	n1.slow(false)
	id := n1.incidents(api.IncidentMonitor)[0].ID
	var in api.Incident
	c.until("it has answered", func() bool {
		in = api.Incident{}
		err := n1.client.Call(t.Context(), "GET", api.PathIncident+"?id="+id, nil, &in)
		return err == nil && len(in.Evidence) > 1 && strings.Contains(in.Evidence[len(in.Evidence)-1].Text, "answered")
	})
	hang := in.Evidence[0].Hang
	if hang == nil || !strings.Contains(hang.Starved, "tasks waited for a CPU 95 %") || len(hang.Processes) < 2 || hang.Processes[1].Comm != "sleep" {
		t.Errorf("what the agent was doing: %+v", hang)
	}
	if failed := n1.incidents(api.IncidentResource); len(failed) != 0 || strings.Contains(c.journalText(), "stop") {
		t.Errorf("it counted as failed: %v, %s", failed, c.journalText())
	}
	n1.pressed(0)
	n1.slow(true)
	c.until("the same without starvation is a failure", func() bool {
		list := n1.incidents(api.IncidentResource)
		return len(list) == 1 && strings.Contains(list[0].Headline, "monitor of d1 failed on n1")
	})
	n1.slow(false)
}
