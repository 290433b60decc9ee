package crmd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
)

const oneResource = `<resources><primitive id="d1" class="ocf" provider="test" type="Journal"/></resources>`

func (c *testCluster) configure(t *testing.T, from *testNode) {
	t.Helper()
	if _, err := from.cib(api.CIBRequest{Op: "replace", Section: "resources", Input: oneResource, Client: "test"}); err != nil {
		t.Fatal(err)
	}
}

func TestCluster_FailsOverWithAFenceInBetween(t *testing.T) {
	c := newCluster(t, 3)
	c.up()
	c.configure(t, c.node("n2")) // a follower passes it on
	c.until("d1 runs on n3", func() bool { return c.journalText() == "start d1 n3" })
	c.node("n3").kill()
	c.views("n1", "n2")
	c.until("d1 runs on n2", func() bool { return c.journalText() == "start d1 n3, start d1 n2" })
	if f := c.dc().fenced; len(f) != 1 || f[0] != "n3" {
		t.Errorf("fenced %v", f)
	}
}

func TestCluster_LosesItsDC(t *testing.T) {
	c := newCluster(t, 3)
	c.up()
	c.configure(t, c.node("n1"))
	c.until("d1 runs on n3", func() bool { return c.journalText() == "start d1 n3" })
	old := c.dc()
	if old.name != "n1" {
		t.Fatalf("the DC is %s", old.name)
	}
	old.kill()
	c.views("n2", "n3")
	c.until("another node leads and n1 is fenced", func() bool {
		dc := c.dc()
		return dc != nil && dc.status().State == "S_IDLE" && len(dc.fenced) == 1 && dc.fenced[0] == "n1"
	})
	if got := c.journalText(); got != "start d1 n3" {
		t.Errorf("a running resource was touched: %s", got)
	}
	if s := c.dc().status(); s.Acting || s.ReadOnly != "" {
		t.Errorf("two of three voters cannot write: %+v", s)
	}
}

func TestCluster_TwoNodesRecoverAndTakeTheOtherBack(t *testing.T) {
	c := newCluster(t, 2)
	c.up()
	c.configure(t, c.node("n1"))
	c.until("d1 runs on n2", func() bool { return c.journalText() == "start d1 n2" })
	c.node("n2").powerOff()
	c.views("n1")
	c.until("d1 runs on n1", func() bool { return c.journalText() == "start d1 n2, start d1 n1" })
	n1 := c.node("n1")
	c.until("n1 can write again", func() bool { s := n1.status(); return s.ReadOnly == "" && s.ClusterEpoch == 2 })
	change := api.CIBRequest{Op: "modify", Section: "crm_config", AllowCreate: true, Client: "test",
		Input: `<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="x" name="stonith-timeout" value="90s"/></cluster_property_set></crm_config>`}
	if _, err := n1.cib(change); err != nil {
		t.Fatal(err)
	}
	n2 := c.node("n2")
	n2.start()
	c.views("n1", "n2")
	c.until("n2 votes again and has the configuration", func() bool {
		out, err := n2.cib(api.CIBRequest{Op: "query", XPath: "//nvpair[@name='stonith-timeout']"})
		return err == nil && out.XML != "" && len(n1.status().Voters) == 2 && n2.status().ClusterEpoch == 2
	})
	if got := c.journalText(); got != "start d1 n2, start d1 n1" {
		t.Errorf("the return of n2 moved something: %s", got)
	}
}

func TestCluster_FailedFencingStartsNothingAndSaysWhy(t *testing.T) {
	c := newCluster(t, 3)
	c.up()
	c.configure(t, c.node("n1"))
	c.until("d1 runs on n3", func() bool { return c.journalText() == "start d1 n3" })
	for _, n := range c.nodes {
		n.mu.Lock()
		n.refuse = true
		n.mu.Unlock()
	}
	c.views("n1", "n2")
	c.until("the status says why", func() bool { return c.dc().status().Unfenced["n3"] != "" })
	c.until("it is tried again", func() bool { n := c.dc(); n.mu.Lock(); defer n.mu.Unlock(); return len(n.fenced) >= 3 })
	if got := c.journalText(); got != "start d1 n3" {
		t.Fatalf("d1 was started although n3 is not fenced: %s", got)
	}
	for _, n := range c.nodes {
		n.mu.Lock()
		n.refuse = false
		n.mu.Unlock()
	}
	c.until("d1 runs on n2 once the fence succeeds", func() bool { return c.journalText() == "start d1 n3, start d1 n2" })
	if len(c.dc().status().Unfenced) != 0 {
		t.Error("the failure is still shown")
	}
}

func TestCluster_CRMDRestartsWithoutTouchingResources(t *testing.T) {
	c := newCluster(t, 3)
	c.up()
	c.configure(t, c.node("n1"))
	c.until("d1 runs on n3", func() bool { return c.journalText() == "start d1 n3" })
	for _, name := range []string{"n3", "n1", "n3"} { // one that runs it, and the DC
		n := c.node(name)
		n.kill()
		n.start()
		n.mu.Lock()
		n.life--
		n.mu.Unlock()
		c.until("everybody takes orders again after the restart of "+name, func() bool {
			dc := c.dc()
			if dc == nil || dc.status().State != "S_IDLE" || len(dc.status().Unreachable) != 0 {
				return false
			}
			out, err := dc.cib(api.CIBRequest{Op: "query", XPath: "//node_state[@uname='n3']//lrm_rsc_op[@rc-code='0']"})
			return err == nil && out.XML != ""
		})
	}
	if got := c.journalText(); got != "start d1 n3" {
		t.Errorf("resources were touched: %s", got)
	}
	for _, n := range c.nodes {
		if len(n.fenced) != 0 {
			t.Errorf("%s fenced %v", n.name, n.fenced)
		}
	}
}

func TestCluster_EveryNodeHasTheSameCIB(t *testing.T) {
	c := newCluster(t, 3)
	c.up()
	c.configure(t, c.node("n3"))
	set := api.AttrUpdate{Op: "update", Name: "ping", Value: "7", Dampen: -1}
	if err := c.node("n2").client.Call(t.Context(), "POST", api.PathAttrs, set, nil); err != nil {
		t.Fatal(err)
	}
	query := api.CIBRequest{Op: "query"}
	c.until("three equal copies with the attribute and the start", func() bool {
		var texts []string
		for _, n := range c.nodes {
			out, err := n.cib(query)
			if err != nil {
				return false
			}
			texts = append(texts, out.XML)
		}
		return texts[0] == texts[1] && texts[1] == texts[2] && strings.Contains(texts[0], `name="ping" value="7"`) &&
			strings.Contains(texts[0], `operation_key="d1_start_0"`)
	})
	// Attributes travel beside the CIB: n3 may hear of one a moment later than it sees it there.
	c.until("n3 knows the attribute", func() bool {
		var values []api.AttrValue
		err := c.node("n3").client.Call(t.Context(), "GET", api.PathAttrs+"?name=ping", nil, &values)
		return err == nil && len(values) == 1 && values[0].Node == "n2"
	})
}

func TestCluster_WritesAreReadableWhereTheyWereMade(t *testing.T) {
	c := newCluster(t, 3)
	c.up()
	for i := range 20 {
		n := c.nodes[i%3]
		text := fmt.Sprintf(`<node id="%d" uname="%s"><instance_attributes id="nodes-%d"><nvpair id="nodes-%d-a" name="a" value="%d"/></instance_attributes></node>`, n.id, n.name, n.id, n.id, i)
		if _, err := n.cib(api.CIBRequest{Op: "modify", Section: "nodes", AllowCreate: true, Input: text, Client: "test"}); err != nil {
			t.Fatal(err)
		}
		out, err := n.cib(api.CIBRequest{Op: "query", XPath: fmt.Sprintf("//nvpair[@id='nodes-%d-a']", n.id)})
		if want := fmt.Sprintf(`value="%d"`, i); err != nil || !strings.Contains(out.XML, want) {
			t.Fatalf("%s reads %s (%v), wrote %s", n.name, out.XML, err, want)
		}
	}
}
