package option

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
)

func TestCheck_SaysWhatAValueMustBe(t *testing.T) {
	cases := []struct {
		table       Table
		name, value string
		want        string // "" is right
	}{
		{Cluster, "stonith-enabled", "true", ""},
		{Cluster, "stonith-enabled", "maybe", `is "maybe", must be true or false`},
		{Cluster, "no-quorum-policy", "Freeze", ""},
		{Cluster, "no-quorum-policy", "panic", `is "panic", must be one of stop, freeze, ignore, demote, suicide`},
		{Cluster, "stonith-timeout", "60 s", ""},
		{Cluster, "stonith-timeout", "60 seconds", `is "60 seconds", must be a time span such as 20s, 5min or 1h`},
		{Cluster, "stonith-watchdog-timeout", "-1", ""},
		{Cluster, "batch-limit", "-2", `is -2, must be at least -1`},
		{Cluster, "load-threshold", "80%", ""},
		{Cluster, "load-threshold", "high", `is "high", must be a percentage such as 80%`},
		{Resource, "migration-threshold", "INFINITY", ""},
		{Resource, "priority", "high", `is "high", must be a score: a whole number, INFINITY or -INFINITY`},
		{Operation, "interval", "PT10S", ""},
		{Fence, "pcmk_off_timeout", "2min", ""},
	}
	for _, c := range cases {
		got := ""
		if err := c.table.Find(c.name).Check(c.value); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s=%s: got %q, want %q", c.name, c.value, got, c.want)
		}
	}
}

func TestSuggest_KnowsSlipsOtherVersionsAndUnderscores(t *testing.T) {
	for in, want := range map[string]string{
		"no-quorum-polcy": "no-quorum-policy", "fencing-enabled": "stonith-enabled", "Stonith_Enabled": "stonith-enabled",
		"maintenence-mode": "maintenance-mode", "xyz": "", "stonith-enabeld": "stonith-enabled",
	} {
		if got := Cluster.Suggest(in); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
	if got := Clone.Suggest("stickiness"); got != "resource-stickiness" {
		t.Errorf("got %q", got)
	}
}

func TestTables_NameEachOptionOnce(t *testing.T) {
	for _, table := range []Table{Cluster, Resource, Clone, Stonith, Operation, Fence, Alert, Node} {
		seen := map[string]bool{}
		for _, o := range table {
			if seen[o.Name] {
				t.Errorf("%s is there twice", o.Name)
			}
			seen[o.Name] = true
			if o.Help == "" || !strings.HasSuffix(o.Help, ".") {
				t.Errorf("%s: help is %q", o.Name, o.Help)
			}
			if o.Default != "" && !strings.Contains(o.Default, "none") {
				if err := o.Check(o.Default); err != nil {
					t.Errorf("%s: its own default %v", o.Name, err)
				}
			}
		}
	}
}

// The installed Pacemaker is the judge of names and defaults.
func TestTables_AgreeWithPacemaker(t *testing.T) {
	for daemon, table := range map[string]Table{
		"pacemaker-schedulerd": Cluster, "pacemaker-controld": Cluster, "pacemaker-based": Cluster, "pacemaker-fenced": Fence,
	} {
		out, err := exec.Command("/usr/lib/pacemaker/"+daemon, "metadata").Output()
		if err != nil {
			t.Skipf("Pacemaker is not installed here: %v", err)
		}
		agent, err := metadata.Parse(string(out))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range agent.Params {
			o := table.Find(p.Name)
			if o == nil {
				t.Errorf("%s: %s is missing", daemon, p.Name)
				continue
			}
			computed := p.Name == "pcmk_host_check" || p.Default == "none" || p.Default == "None"
			if !computed && o.Default != p.Default {
				t.Errorf("%s: default %q, Pacemaker has %q", p.Name, o.Default, p.Default)
			}
		}
	}
}
