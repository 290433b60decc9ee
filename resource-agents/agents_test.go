package agents

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

func run(t *testing.T, name string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Run(t.Context(), name, ocf.Process{Args: args, Env: func(string) (string, bool) { return "", false }, Stdout: &out, Stderr: &errs})
	return code, out.String(), errs.String()
}

func TestRun_NameDecides(t *testing.T) {
	if code, out, _ := run(t, "/usr/bin/holdfast-agents", "--list"); code != 0 || out != "script\nvg\nvip\n" {
		t.Errorf("--list: exit code %d, %q", code, out)
	}
	for _, call := range [][]string{{"/usr/lib/ocf/resource.d/holdfast/vip", "meta-data"}, {"holdfast-agents", "vip", "meta-data"}} {
		if code, out, _ := run(t, call[0], call[1:]...); code != 0 || !strings.Contains(out, `<resource-agent name="vip"`) {
			t.Errorf("%v: exit code %d, %q", call, code, out)
		}
	}
	if code, _, err := run(t, "holdfast-agents", "nope", "start"); code == 0 || !strings.Contains(err, `there is no agent "nope"; there are script, vg, vip`) {
		t.Errorf("unknown agent: exit code %d, %q", code, err)
	}
}

// The schema is the one with which pcs decides whether it can use an agent.
func TestMetadata_OfEveryAgentIsValid(t *testing.T) {
	const schema = "/usr/share/pcs/data/ocf-1.1.rng"
	if _, err := os.Stat(schema); err != nil {
		t.Skip("needs pcs for its schema of OCF 1.1")
	}
	for _, a := range agents {
		_, xml, _ := run(t, a.name, "meta-data")
		cmd := exec.Command("xmllint", "--noout", "--relaxng", schema, "-")
		cmd.Stdin = strings.NewReader(xml)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", a.name, err, out)
		}
	}
}

// Every parameter is explained, and every action that a cluster needs is there.
func TestAgents_AreComplete(t *testing.T) {
	for _, a := range agents {
		d := a.make()
		if d.Name != a.name || d.Short == "" || len(d.Long) < 100 {
			t.Errorf("%s: name %s, descriptions %q %q", a.name, d.Name, d.Short, d.Long)
		}
		for _, p := range d.Params {
			if p.Short == "" || !strings.HasSuffix(p.Long, ".") {
				t.Errorf("%s: parameter %s is described as %q, %q", a.name, p.Name, p.Short, p.Long)
			}
		}
		for _, need := range []string{"start", "stop", "monitor"} {
			found := false
			for _, x := range d.Actions {
				found = found || x.Name == need && x.Run != nil
			}
			if !found {
				t.Errorf("%s has no action %s", a.name, need)
			}
		}
	}
}
