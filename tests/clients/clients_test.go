// Package clients proves that the administration tools of others, pcs and crmsh, manage a cluster of real
// Holdfast daemons through the drop-in commands.
package clients

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

func TestMain(m *testing.M) { holdfast.Main(m.Run) }

// everything runs all steps instead of those that make a quick run.
var everything = os.Getenv("HOLDFAST_PEERS") == "all"

// limit bounds one command. They take half a second and wait for the cluster.
const limit = 60 * time.Second

// step is one command on the first node.
type step struct {
	line string
	// want is a regular expression for the output, "" for any.
	want string
	// code is the exit status.
	code int
	// quick steps are in every run.
	quick bool
}

func TestPCS_ManagesACluster(t *testing.T) {
	manage(t, "pcs", []step{
		{line: "crm_attribute -n stonith-enabled -v false", quick: true},
		{line: "pcs resource create p1 ocf:pacemaker:Dummy op monitor interval=15s --wait", want: `(?i)resource 'p1' is running on node 'n[12]'`, quick: true},
		{line: "pcs status", want: `(?s)Online: \[ n1 n2 \].*p1\s+\(ocf:pacemaker:Dummy\):\s+Started n[12].*Daemon Status:`, quick: true},
		{line: "pcs status xml", want: `<resource id="p1" resource_agent="ocf:pacemaker:Dummy" role="Started"`},
		{line: "pcs resource", want: `\* p1\s+\(ocf:pacemaker:Dummy\):\s+Started n[12]`},
		{line: "pcs resource config p1", want: `monitor: p1-monitor-interval-15s`},
		{line: "pcs cluster status", want: `(?s)Current DC: n[12].*Node List:.*Online: \[ n1 n2 \]`},
		{line: "pcs resource ban p1 n1 --wait", want: `now running on|running on node`},
		{line: "crm_resource -W -r p1", want: `running on: n2`},
		{line: "pcs constraint --full", want: `cli-ban-p1-on-n1`},
		{line: "pcs resource clear p1", want: `Removing constraint: cli-ban-p1-on-n1`},
		{line: "pcs resource disable p1 --wait", want: `not running`},
		{line: "pcs resource enable p1 --wait", want: `running on node`},
		{line: "pcs resource group add g1 p1"},
		{line: "pcs resource clone g1 --wait", want: `running on nodes n1, n2`},
		{line: "pcs resource restart g1-clone"},
		{line: "pcs resource unclone g1"},
		{line: "pcs resource cleanup", want: `Cleaned up all resources`},
		{line: "pcs resource refresh p1", want: `Cleaned up p1`},
		{line: "pcs property set no-quorum-policy=freeze", quick: true},
		{line: "pcs property set no-quorum-policy=foo", code: 1, want: `no-quorum-policy`},
		{line: "pcs property set nonsense=1", code: 1},
		{line: "pcs property config --all", want: `no-quorum-policy: freeze`},
		{line: "pcs constraint location p1 rule score=5 date gt 2020-01-01"},
		{line: "pcs constraint location p1 rule score=5 date lt nonsense", code: 1},
		{line: "pcs cluster verify --full"},
		{line: "pcs node standby n2 --wait"},
		{line: "pcs node unstandby n2 --wait"},
		{line: "pcs stonith describe fence_ipmilan", want: `pcmk_host_list`},
		{line: "pcs tag create t1 p1"},
		{line: "pcs tag", want: `(?s)t1.*p1`},
		{line: "pcs tag remove t1"},
		{line: "pcs cluster cib > c.xml && pcs -f c.xml resource create p2 ocf:pacemaker:Dummy && pcs cluster cib-push c.xml --wait", want: `CIB updated`},
		{line: "pcs resource disable p2 --safe"},
		{line: "pcs resource relocate dry-run"},
		{line: "pcs resource debug-monitor p2", code: 7, want: `returned 7`},
		{line: "pcs resource delete p2"},
		{line: "pcs resource delete p1", quick: true},
	})
}

func TestCrmsh_ManagesACluster(t *testing.T) {
	manage(t, "crm", []step{
		{line: "crm configure property stonith-enabled=false", quick: true},
		{line: "crm configure primitive p1 ocf:pacemaker:Dummy op monitor interval=15s", quick: true},
		{line: "crm configure primitive p2 ocf:pacemaker:Nonsense", code: 1, want: `(?i)nonsense`},
		{line: "crm --wait resource refresh p1", want: `Cleaned up p1`},
		{line: "crm status", want: `(?s)Online: \[ n1 n2 \].*p1\s+\(ocf:pacemaker:Dummy\):\s+Started n[12]`, quick: true},
		{line: "crm resource status p1", want: `resource p1 is running on: n[12]`},
		{line: "crm configure show p1", want: `(?s)primitive p1 ocf:pacemaker:Dummy.*monitor interval=15s`},
		{line: "crm --wait resource stop p1", quick: true},
		{line: "crm resource status p1", want: `p1 is NOT running`},
		{line: "crm --wait resource start p1"},
		{line: "crm --wait resource ban p1 n1"},
		{line: "crm resource status p1", want: `running on: n2`},
		{line: "crm resource clear p1", want: `Removed migration constraints for p1|Removing constraint`},
		{line: "crm resource restart p1"},
		{line: "crm resource failcount p1 show n1", want: `value=0`},
		{line: "crm resource meta p1 set is-managed true"},
		{line: "crm resource meta p1 show is-managed", want: `true`},
		{line: "crm resource param p1 set fake zz"},
		{line: "crm resource scores", want: `p1`},
		{line: "crm configure clone c1 p1"},
		{line: "crm configure property batch-limit=5"},
		{line: "crm configure verify"},
		{line: "crm cib new t1", want: `t1`},
		{line: "crm -c t1 configure primitive p3 ocf:pacemaker:Dummy"},
		{line: "crm cib commit t1"},
		{line: "crm cib delete t1"},
		{line: "crm configure show p3", want: `primitive p3`},
		{line: "crm --wait node standby n2"},
		{line: "crm --wait node online n2"},
		{line: "crm node attribute n1 set x y"},
		{line: "crm node attribute n1 show x", want: `value=y`},
		{line: "crm node status-attr n1 set zz 1"},
		{line: "crm ra info ocf:pacemaker:Dummy", want: `state`},
		{line: "crm ra list ocf pacemaker", want: `Stateful`},
		{line: "crm configure schema", want: `pacemaker-3`},
		{line: "crm --force configure delete p3"},
	})
}

// manage forms a cluster of two nodes and has a tool take the steps on the first.
func manage(t *testing.T, tool string, steps []step) {
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed", tool)
	}
	c := holdfast.Start(t, holdfast.Options{Options: lab.Options{Nodes: 2}})
	if err := c.PowerOnAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		if !everything && !s.quick {
			continue
		}
		if err := take(t.Context(), c.Nodes()[0], s); err != nil {
			t.Error(err)
		}
	}
}

// colour is what crmsh writes to terminals and, alas, elsewhere.
var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

// take runs one command.
func take(ctx context.Context, n *lab.Node, s step) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	r, err := n.Run(ctx, "sh", "-c", "cd /tmp; export LC_ALL=C; { "+s.line+"; } 2>&1")
	if err != nil {
		return fmt.Errorf("%s: %w", s.line, err)
	}
	out := colour.ReplaceAllString(r.Stdout, "")
	switch ok, err := regexp.MatchString(s.want, out); {
	case err != nil:
		return err
	case r.Code != s.code || !ok:
		return fmt.Errorf("%s: exit status %d after %v, want %d and %q:\n%s", s.line, r.Code, time.Since(began), s.code, s.want, out)
	}
	return nil
}
