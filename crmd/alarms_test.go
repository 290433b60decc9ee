package crmd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// alertScript is an alert agent that writes down what it is told.
const alertScript = `#!/bin/sh
echo "$CRM_alert_recipient $CRM_alert_kind $CRM_alert_node $CRM_alert_rsc$CRM_alert_alarm $CRM_alert_task $CRM_alert_desc" >>"$journal"
`

// hookScript is a hook of an alarm.
const hookScript = `#!/bin/sh
echo "$HOLDFAST_NODE $HOLDFAST_ALARM $HOLDFAST_ALARM_NODE $HOLDFAST_ALARM_STATE" >>"$(dirname "$0")/hooked"
`

// memory gives a node that much memory to read in its /proc.
func (n *testNode) memory(availableMiB int) {
	n.write("proc/meminfo.new", fmt.Sprintf("MemTotal: %d kB\nMemFree: 1000 kB\nMemAvailable: %d kB\nSwapTotal: 1000 kB\n", 16<<20, availableMiB<<10), 0o644)
	dir := filepath.Join(n.c.dir, n.name, "proc")
	if err := os.Rename(dir+"/meminfo.new", dir+"/meminfo"); err != nil {
		n.c.t.Fatal(err)
	}
}

// alarms are the alarms of one node as another one knows them.
func (n *testNode) alarms(of string) []api.Alarm {
	var st api.AlarmStatus
	_ = n.client.Call(n.c.t.Context(), "GET", api.PathAlarms, nil, &st) // the zero status is what is not there
	for _, x := range st.Nodes {
		if x.Node == of {
			return slices.DeleteFunc(x.Alarms, func(a api.Alarm) bool { return a.Name != "memory.exhaustion" })
		}
	}
	return nil
}

func (n *testNode) attribute(name, of string) string {
	var out []api.AttrValue
	_ = n.client.Call(n.c.t.Context(), "GET", api.PathAttrs+"?name="+strings.ReplaceAll(name, "#", "%23")+"&node="+of, nil, &out)
	if len(out) == 0 {
		return ""
	}
	return out[0].Value
}

func (c *testCluster) text(name string) string {
	raw, _ := os.ReadFile(filepath.Join(c.dir, name))
	return string(raw)
}

func TestAlarm_ReachesEveryNodeActsAndOutlivesItsNode(t *testing.T) {
	dir := t.TempDir()
	c := newCluster(t, 3, fmt.Sprintf("[detector.\"memory.exhaustion\"]\nfor = \"300ms\"\nclear_after = \"300ms\"\nattribute = \"#health-memory\"\nhook = \"%s/hook\"\neverywhere = true\n", dir))
	for name, text := range map[string]string{"hook": hookScript, "alert": alertScript} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range c.nodes {
		n.write("proc/loadavg", "0.10 0.10 0.10 1/100 100\n", 0o644)
		n.memory(8 << 10)
	}
	for path, mode := range map[string]os.FileMode{c.dir: 0o777, filepath.Dir(c.dir): 0o755} { // alert agents are another user's
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	c.up()
	n1, n2 := c.node("n1"), c.node("n2")
	alerts := fmt.Sprintf(`<alerts><alert id="a" path="%s/alert"><meta_attributes id="m"><nvpair id="m1" name="alarms" value="true"/></meta_attributes>`+
		`<instance_attributes id="i"><nvpair id="i1" name="journal" value="%s/told"/></instance_attributes><recipient id="r" value="ops"/></alert></alerts>`, dir, c.dir)
	if _, err := n1.cib(api.CIBRequest{Op: "modify", Section: "configuration", Input: "<configuration>" + alerts + "</configuration>", AllowCreate: true}); err != nil {
		t.Fatal(err)
	}
	if len(n1.alarms("n2")) != 0 {
		t.Fatal("an alarm without a reason")
	}
	n2.memory(100)
	c.until("n1 knows n2's alarm", func() bool { return len(n1.alarms("n2")) == 1 })
	a := n1.alarms("n2")[0]
	if a.Severity != api.Critical || a.Node != "n2" || len(a.Evidence) == 0 || len(a.Advice) == 0 {
		t.Errorf("%+v", a)
	}
	c.until("every node has the attribute", func() bool {
		return !slices.ContainsFunc(c.nodes, func(n *testNode) bool { return n.attribute("#health-memory", "n2") != "red" })
	})
	c.until("the hook has run on every node", func() bool {
		raw, _ := os.ReadFile(dir + "/hooked")
		return strings.Count(string(raw), "memory.exhaustion n2 raised") == 3
	})

	c.until("the alert agent was told", func() bool {
		return strings.Contains(c.text("told"), "ops alarm n2 memory.exhaustion raised 100 MiB of 16.0 GiB")
	})

	n2.memory(8 << 10)
	c.until("the alarm is over everywhere", func() bool { return len(n1.alarms("n2")) == 0 && n1.attribute("#health-memory", "n2") == "" })
	n2.memory(50)
	c.until("n1 knows the next alarm", func() bool { return len(n1.alarms("n2")) == 1 })
	n2.powerOff()
	c.views("n1", "n3")
	c.until("n1 tells of n2's departure", func() bool { return strings.Contains(c.text("told"), "ops node n2   lost") })
	var report api.VitalsReport
	if err := n1.client.Call(t.Context(), "GET", api.PathVitals+"?node=n2&since=600", nil, &report); err != nil {
		t.Fatal(err)
	}
	last := report.Digests[len(report.Digests)-1]
	if last.Available != 50 || !slices.Contains(last.Alarms, "memory.exhaustion") || len(n1.alarms("n2")) != 1 {
		t.Errorf("what n1 holds of n2: %+v, silent: %s", last, report.Silent)
	}
}

// What fenced finds by probing its devices is alarmed by crmd, which has alarms, alert agents and incidents.
func TestAlarm_AFenceDeviceThatFencedFoundBroken(t *testing.T) {
	c := newCluster(t, 1, "[detector.\"fence-path.broken\"]\nfor = \"0s\"\nclear_after = \"0s\"\n")
	n1 := c.node("n1")
	since := time.Now().Add(-time.Minute).UnixMilli()
	n1.health = api.FenceHealth{Paths: []api.FenceWay{{Device: "fine", OK: true, Probes: 3}, {Device: "new"},
		{Device: "ipmi-n2", Problem: "no route to host", Since: since, Checked: since, Probes: 4, Failures: 2}}}
	c.up()
	find := func() (list []api.Alarm) {
		var st api.AlarmStatus
		_ = n1.client.Call(t.Context(), "GET", api.PathAlarms, nil, &st) // the zero status is what is not there
		for _, n := range st.Nodes {
			list = append(list, slices.DeleteFunc(n.Alarms, func(a api.Alarm) bool { return a.Name != "fence-path.broken" })...)
		}
		return list
	}
	c.until("the broken device is alarmed, and only that", func() bool { list := find(); return len(list) == 1 && list[0].Subject == "ipmi-n2" })
	a := find()[0]
	if a.Severity != api.Warning || !strings.Contains(a.Summary, "no route to host") || !slices.ContainsFunc(a.Evidence, func(e api.Evidence) bool { return e.Name == "probes that failed" && e.Value == "2 of 4" }) {
		t.Errorf("%+v", a)
	}
	c.until("it is an incident", func() bool { return len(n1.incidents(api.IncidentAlarm)) == 1 })
}
