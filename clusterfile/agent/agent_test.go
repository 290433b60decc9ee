package agent

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
)

func TestParseRef_WantsTheFullName(t *testing.T) {
	for text, want := range map[string]Ref{
		"ocf:heartbeat:IPaddr2": {"ocf", "heartbeat", "IPaddr2"}, "systemd:nginx": {"systemd", "", "nginx"},
		"systemd:getty@tty1": {"systemd", "", "getty@tty1"}, "stonith:fence_ipmilan": {"stonith", "", "fence_ipmilan"},
	} {
		if got, err := ParseRef(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"IPaddr2": "full name", "ocf:IPaddr2": "no provider", "ofc:heartbeat:IPaddr2": `did you mean "ocf:heartbeat:IPaddr2"`, "lsb:": "full name",
	} {
		if _, err := ParseRef(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestCheckParams_OldNamesSatisfyNewOnes(t *testing.T) {
	a, err := metadata.Parse(`<resource-agent name="x"><parameters>
		<parameter name="ip" required="1"><content type="string"/></parameter>
		<parameter name="ipaddr" required="1"><content type="string"/><deprecated><replaced-with name="ip"/></deprecated></parameter>
		<parameter name="mode" required="1"><content type="select" default="a"><option value="a"/><option value="b"/></content></parameter>
		</parameters><actions/></resource-agent>`)
	if err != nil {
		t.Fatal(err)
	}
	ref := Ref{"ocf", "p", "x"}
	if f := CheckParams(ref, a, map[string]string{"ipaddr": "1"}); len(f) != 0 {
		t.Errorf("old name: %+v", f)
	}
	if f := CheckParams(ref, a, map[string]string{"ip": "1"}); len(f) != 0 {
		t.Errorf("new name: %+v", f)
	}
	if f := CheckParams(ref, a, map[string]string{"mode": "c"}); len(f) != 3 {
		t.Errorf("nothing: %+v", f)
	}
}

// pcs is the judge of the operations that a new resource gets.
func TestDefaultOps_AsPcsAddsThem(t *testing.T) {
	out, err := exec.Command("/usr/lib/ocf/resource.d/pacemaker/Stateful", "meta-data").Output()
	if err != nil {
		t.Skipf("the agent is not installed: %v", err)
	}
	a, err := metadata.Parse(string(out))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, op := range DefaultOps(Ref{"ocf", "pacemaker", "Stateful"}, a) {
		got = append(got, op.Name+" "+build.Get(op.Attrs, "interval")+" "+build.Get(op.Attrs, "timeout")+" "+build.Get(op.Attrs, "role"))
	}
	want := []string{"start 0s 20s ", "stop 0s 20s ", "monitor 10s 20s Promoted", "monitor 11s 20s Unpromoted", "promote 0s 10s ",
		"demote 0s 10s ", "notify 0s 5s ", "reload-agent 0s 10s "}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
