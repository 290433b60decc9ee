// Package alerts compares what alert agents are told by Holdfast and by real Pacemaker.
package alerts

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

func TestMain(m *testing.M) { holdfast.Main(m.Run) }

// agent leaves its environment behind, whole before it has its name.
const agent = `#!/bin/sh
to="$dir/$(hostname).$CRM_alert_node_sequence.$CRM_alert_kind"
{ env | sort; echo "user=$(id -un)"; echo "arguments=$#"; } >"$dir/.new.$$" && mv "$dir/.new.$$" "$to"
`

// configuration has a resource that is monitored, one whose monitor does not end in time, and the agent for every kind.
const configuration = `<configuration><crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="o1" name="stonith-enabled" value="true"/></cluster_property_set></crm_config>
<resources>
<primitive id="power" class="stonith" type="FENCE"><instance_attributes id="pi"><nvpair id="p1" name="pcmk_host_list" value="n1 n2 n3"/></instance_attributes></primitive>
<primitive id="d1" class="ocf" provider="heartbeat" type="Dummy"><operations><op id="d1m" name="monitor" interval="2s" timeout="20s"/></operations></primitive>
<primitive id="slow" class="ocf" provider="heartbeat" type="Delay"><instance_attributes id="si"><nvpair id="s1" name="startdelay" value="0"/><nvpair id="s2" name="stopdelay" value="0"/><nvpair id="s3" name="mondelay" value="3"/></instance_attributes>
<operations><op id="slm" name="monitor" interval="7s" timeout="1s" on-fail="ignore"/></operations></primitive>
</resources>
<constraints><rsc_location id="l1" rsc="d1" node="n2" score="100"/><rsc_location id="l2" rsc="slow" node="n2" score="100"/><rsc_location id="l4" rsc="slow" node="n1" score="-INFINITY" resource-discovery="never"/><rsc_location id="l5" rsc="slow" node="n3" score="-INFINITY" resource-discovery="never"/><rsc_location id="l3" rsc="power" node="n1" score="100"/></constraints>
<alerts><alert id="a" path="/var/lib/pacemaker/dump"><select><select_nodes/><select_fencing/><select_resources/><select_attributes><attribute id="aa" name="color"/></select_attributes></select>
<meta_attributes id="am"><nvpair id="am1" name="timestamp-format" value="%Y-%m-%d %H:%M:%S.%03N"/></meta_attributes>
<instance_attributes id="ai"><nvpair id="ai1" name="dir" value="DIR"/><nvpair id="ai2" name="level" value="alert"/></instance_attributes>
<recipient id="r" value="ops team"><instance_attributes id="ri"><nvpair id="ri1" name="level" value="recipient"/></instance_attributes></recipient></alert></alerts>
</configuration>`

// story is what happens on both sides: a command, and the event after which the next may come.
var story = []struct{ node, script, until string }{
	{"n1", "", "resource n2 slow monitor 7000 rc=1"},
	{"n1", "attrd_updater -n color -U red", "attribute n1 color=red"},
	{"n1", "attrd_updater -n color -N n2 -U 'dark blue'", "attribute n2 color=dark blue"},
	{"n1", "attrd_updater -n other -U hidden; attrd_updater -n color -D", ""},
	{"n2", "rm -f /run/resource-agents/Dummy-d1.state", "resource n2 d1 monitor 2000 rc=7"},
	{"n1", "", "resource n2 d1 stop 0 rc=0"},
	{"n1", "stonith_admin --fence nowhere --timeout 5; true", "fencing nowhere rc=-"},
	{"n1", "stonith_admin --fence n3", "node n3 lost"},
	{"n1", "stonith_admin --unfence n3", "node n3 member"},
}

// event is what one agent was told, by variable.
type event map[string]string

// String names the event: what of it is the same on both sides.
func (e event) String() string {
	v := func(name string) string { return e["CRM_alert_"+name] }
	switch v("kind") {
	case "node":
		return fmt.Sprintf("node %s %s", v("node"), v("desc"))
	case "fencing":
		action, _, _ := strings.Cut(strings.TrimPrefix(v("desc"), "Operation "), " ")
		return fmt.Sprintf("fencing %s rc=%s %s", v("node"), v("rc"), action)
	case "attribute":
		return fmt.Sprintf("attribute %s %s=%s", v("node"), v("attribute_name"), v("attribute_value"))
	}
	return fmt.Sprintf("resource %s %s %s %s rc=%s status=%s", v("node"), v("rsc"), v("task"), v("interval"), v("rc"), v("status"))
}

// variable are what differs from run to run; what has the right shape counts as the same.
var variable = []struct {
	name  *regexp.Regexp
	shape *regexp.Regexp
	as    string
}{
	{regexp.MustCompile(`_node_sequence$`), regexp.MustCompile(`^[1-9][0-9]*$`), "N"},
	{regexp.MustCompile(`_timestamp$`), regexp.MustCompile(`^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$`), "TIME"},
	{regexp.MustCompile(`_timestamp_epoch$`), regexp.MustCompile(`^\d{10}$`), "SECONDS"},
	{regexp.MustCompile(`_timestamp_usec$`), regexp.MustCompile(`^\d{6}$`), "MICROSECONDS"},
	{regexp.MustCompile(`_exec_time$`), regexp.MustCompile(`^\d{1,5}$`), "MS"},
	{regexp.MustCompile(`_desc$`), regexp.MustCompile(` by n\d for stonith_admin\.\d+@n1`), " by NODE for stonith_admin.PID@n1"},
	{regexp.MustCompile(`_desc$`), regexp.MustCompile(` by the cluster for stonith_admin\.\d+@n1`), " by the cluster for stonith_admin.PID@n1"},
	{regexp.MustCompile(`_desc$`), regexp.MustCompile(`\(ref=[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\)`), "(ref=UUID)"},
	{regexp.MustCompile(`^dir$`), regexp.MustCompile(`^/.*$`), "DIR"},
}

// parse reads what an agent left behind: what is meant for it.
func parse(text string) event {
	e := make(event)
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok || !strings.HasPrefix(name, "CRM_") && !slices.Contains([]string{"dir", "level", "user", "arguments"}, name) {
			continue // what the daemons have in their own environment
		}
		for _, x := range variable {
			if x.name.MatchString(name) {
				value = x.shape.ReplaceAllString(value, x.as)
			}
		}
		e[name] = value
	}
	return e
}

// play runs the story and returns the events by their names, and on which nodes each was told.
func play(t *testing.T, s side) (events map[string]event, where map[string][]string) {
	t.Helper()
	ctx := t.Context()
	events, where = make(map[string]event), make(map[string][]string)
	read := func() {
		told, err := s.told()
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range told {
			node, _, _ := strings.Cut(name, ".")
			e := parse(text)
			key := e.String()
			if strings.HasPrefix(key, "fencing n3") && strings.HasSuffix(key, "reboot") {
				continue // the DC may have seen n3 lost before it heard that an administrator had it fenced
			}
			if node == "n3" && e["CRM_alert_node"] == "n3" {
				continue // it may be up again before fenced has proven that it is on
			}
			if node == "n3" && e["CRM_alert_desc"] == "member" {
				continue // whether a node that starts tells of those that were there depends on which it hears of first, they or the alerts
			}
			events[key] = e
			if !slices.Contains(where[key], node) {
				where[key] = append(where[key], node)
				slices.Sort(where[key])
			}
		}
	}
	for _, node := range []string{"n1", "n2", "n3"} {
		script := fmt.Sprintf("mkdir -p /var/lib/pacemaker %[1]s && chmod 777 %[1]s && cat >/var/lib/pacemaker/dump <<'EOF'\n%[2]sEOF\nchmod 755 /var/lib/pacemaker/dump /var/lib/pacemaker", s.events(), agent)
		if out, err := s.sh(ctx, node, script); err != nil {
			t.Fatal(err, out)
		}
	}
	xml := strings.NewReplacer("FENCE", s.fenceAgent(), "DIR", s.events()).Replace(configuration)
	if err := holdfast.Poll(ctx, "the configuration is taken", time.Minute, func(ctx context.Context) (bool, error) {
		out, err := s.sh(ctx, "n1", "cat >/tmp/alerts.xml <<'EOF'\n"+xml+"\nEOF\ncibadmin -M --allow-create -o configuration --xml-file /tmp/alerts.xml; r=$?; rm -f /tmp/alerts.xml; exit $r")
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err == nil, err
	}); err != nil {
		t.Fatal(err)
	}
	for _, step := range story {
		if step.script != "" {
			if out, err := s.sh(ctx, step.node, step.script); err != nil {
				t.Fatalf("%s: %v\n%s", step.script, err, out)
			}
		}
		if step.until == "" {
			continue
		}
		if err := holdfast.Poll(ctx, "agents were told: "+step.until, 90*time.Second, func(context.Context) (bool, error) {
			read()
			for key := range events {
				if strings.HasPrefix(key, step.until) {
					return true, nil
				}
			}
			return false, fmt.Errorf("told: %s", strings.Join(slices.Sorted(maps.Keys(events)), ", "))
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second) // the other nodes' agents
		read()
	}
	return events, where
}

func TestAlerts_AgentsAreToldAsByPacemaker(t *testing.T) {
	want, theirNodes := play(t, startTheirs(t))
	got, ourNodes := play(t, startOurs(t))
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] == nil {
			t.Errorf("%s: Pacemaker tells of it on %v, we do not; it says %v", key, theirNodes[key], want[key])
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(want[key])) {
			if v, ok := got[key][name]; !ok || v != want[key][name] {
				t.Errorf("%s: %s is %q (set: %v), with Pacemaker %q", key, name, v, ok, want[key][name])
			}
		}
		for _, name := range slices.Sorted(maps.Keys(got[key])) {
			if _, ok := want[key][name]; !ok {
				t.Errorf("%s: %s is %q, Pacemaker does not set it", key, name, got[key][name])
			}
		}
		if !strings.HasPrefix(key, "attribute") && !slices.Equal(theirNodes[key], ourNodes[key]) {
			t.Errorf("%s: told on %v, with Pacemaker on %v", key, ourNodes[key], theirNodes[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if want[key] == nil {
			t.Errorf("%s: we tell of it on %v, Pacemaker does not: %v", key, ourNodes[key], got[key])
		}
	}
	t.Logf("%d events alike, told by Pacemaker: %s", len(want), strings.Join(slices.Sorted(maps.Keys(want)), ", "))
}
