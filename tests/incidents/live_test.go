package incidents

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

// database is an agent as many are: its monitor asks only whether the process exists.
const database = `#!/bin/sh
pid=/run/database.pid
alive() { [ -s $pid ] && kill -0 "$(cat $pid)" 2>/dev/null; }
case "$1" in
start)
	alive && exit 0
	cp -f "$(command -v sleep)" /run/postgres
	setsid /run/postgres 1000000 </dev/null >/dev/null 2>&1 &
	echo $! >$pid
	exit 0 ;;
stop)
	alive || exit 0
	kill "$(cat $pid)"
	while alive; do sleep 0.1; done
	exit 0 ;;
monitor) alive && exit 0; exit 7 ;;
meta-data)
	echo '<resource-agent name="database"><version>1.1</version><parameters/><actions/></resource-agent>'
	exit 0 ;;
esac
exit 3
`

// limit bounds what a healthy cluster does in a second or two.
const limit = 60 * time.Second

// withDatabase forms a cluster of three nodes in which db runs, and returns where.
func withDatabase(t *testing.T) (*holdfast.Cluster, *lab.Node) {
	t.Helper()
	ctx := t.Context()
	c := holdfast.Start(t, holdfast.Options{Options: lab.Options{Nodes: 3}})
	for _, n := range c.Nodes() {
		must(t, n.WriteFile("/usr/lib/ocf/resource.d/test/database", []byte(database), 0o755))
	}
	must(t, c.PowerOnAll(ctx))
	_, err := c.WaitIdle(ctx)
	must(t, err)
	xml := `<resources><primitive id="power" class="stonith" type="fence_lab"><instance_attributes id="power-params"><nvpair id="power-hosts" name="pcmk_host_list" value="n1 n2 n3"/></instance_attributes></primitive>` +
		`<primitive id="db" class="ocf" provider="test" type="database"><operations><op id="db-monitor" name="monitor" interval="10s" timeout="20s"/></operations></primitive></resources>`
	_, err = holdfast.CIB(ctx, c.Node("n1"), api.CIBRequest{Op: "replace", Section: "resources", Input: xml})
	must(t, err)
	var at string
	must(t, holdfast.Poll(ctx, "db runs", limit, func(ctx context.Context) (bool, error) {
		at = runs(ctx, t, c.Node("n1"), "db")
		return at != "", fmt.Errorf("it does not")
	}))
	return c, c.Node(at)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// runs is the node on which a resource was started last, as a node knows it.
func runs(ctx context.Context, t *testing.T, asked *lab.Node, rsc string) string {
	t.Helper()
	reply, err := holdfast.CIB(ctx, asked, api.CIBRequest{Op: "query", Section: "status"})
	if err != nil {
		return ""
	}
	status, err := cibxml.Parse(reply.XML)
	must(t, err)
	for ns := range status.Tags("node_state") {
		x := ns.Child("lrm").Child("lrm_resources").Find("lrm_resource", rsc)
		if last := x.Find("lrm_rsc_op", rsc+"_last_0"); last.Get("operation") == "start" && last.Get("rc-code") == "0" {
			return ns.Get("uname")
		}
	}
	return ""
}

// The third incident: a primary that is there but does not work. The process is stopped; the agent's monitor goes
// on finding it.
func TestHungDatabase_IsElsewhereWithinThirtySeconds(t *testing.T) {
	c, victim := withDatabase(t)
	ctx := t.Context()
	other := c.Node(map[string]string{"n1": "n2", "n2": "n3", "n3": "n1"}[victim.Name])
	// Its process is known once it has been seen twice.
	must(t, holdfast.Poll(ctx, "the process of db is watched", limit, func(ctx context.Context) (bool, error) {
		var list []api.Supervision
		err := victim.Client("crmd").Call(ctx, "GET", api.PathSupervise, nil, &list)
		return err == nil && len(list) == 1 && len(list[0].Processes) == 1 && list[0].Monitored, fmt.Errorf("%v %v", list, err)
	}))
	explained, err := other.Exec(ctx, "hcs", "explain", "db")
	must(t, err)
	if !strings.Contains(explained, "5s  stop (stop_within), else the node is fenced") || !strings.Contains(explained, "in all 29.8s at most until it runs elsewhere (on_hang = failover)") {
		t.Errorf("hcs explain db shows no budget:\n%s", explained)
	}
	began := time.Now()
	if n, err := victim.Signal("postgres", syscall.SIGSTOP); err != nil || n != 1 {
		t.Fatalf("stopped %d processes: %v", n, err)
	}
	must(t, holdfast.Poll(ctx, "db runs elsewhere", limit, func(ctx context.Context) (bool, error) {
		at := runs(ctx, t, other, "db")
		return at != "" && at != victim.Name, fmt.Errorf("db is on %q", at)
	}))
	took := time.Since(began)
	t.Logf("from the stop of the process to the service elsewhere: %s", took.Round(time.Millisecond))
	if took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	if !victim.Powered() || victim.Boot() != 1 {
		t.Error("the node was fenced for it")
	}
	var in api.Incident
	must(t, holdfast.Poll(ctx, "the incident is over", limit, func(ctx context.Context) (bool, error) {
		text, err := other.Exec(ctx, "hcs", "explain", "last", "--json")
		if err == nil {
			err = json.Unmarshal([]byte(text), &in)
		}
		return err == nil && in.Ended != 0, fmt.Errorf("%s %s %v", in.Kind, in.State, err)
	}))
	told, err := other.Exec(ctx, "hcs", "explain", "last")
	must(t, err)
	t.Log("\n" + told)
	if in.Kind != api.IncidentResource || in.Cause.Name != "process.hung" || in.State != api.IncidentRecovered || in.Node != victim.Name {
		t.Errorf("the incident: %s, cause %s, %s, on %s", in.Kind, in.Cause.Name, in.State, in.Node)
	}
	replay, err := other.Exec(ctx, "sh", "-c", "hcs incidents input "+in.ID+" >/tmp/plan.xml && crm_simulate -x /tmp/plan.xml -S")
	if err != nil || !strings.Contains(replay, "Recover    db") {
		t.Errorf("crm_simulate replays the decision otherwise: %v\n%s", err, replay)
	}
	packed, err := other.Exec(ctx, "sh", "-c", "cd /tmp && hcs incidents bundle --to b.tar.gz >&2 && tar -tzf b.tar.gz")
	if err != nil || !strings.Contains(packed, "holdfast/incidents/"+in.ID+".txt") || !strings.Contains(packed, "holdfast/vitals.json") || strings.Contains(packed, ".error") {
		t.Errorf("the bundle: %v\n%s", err, packed)
	}
	for _, want := range []string{"process postgres[", "is stopped (state T) for", "start db", "Replay it:"} {
		if !strings.Contains(told, want) {
			t.Errorf("the story lacks %q", want)
		}
	}
}
