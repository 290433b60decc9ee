package metadata

import (
	"fmt"
	"strings"
	"testing"
)

const sample = `<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="Db" version="2.0">
<version>%s</version>
<longdesc lang="de">Lang</longdesc>
<longdesc lang="en">
Long &amp; more
</longdesc>
<shortdesc lang="en">Short</shortdesc>
<parameters>
<parameter name="state" unique="1" required="1">
<longdesc lang="en">Where</longdesc><shortdesc>State</shortdesc>
<content type="string" default="/run/x"/></parameter>
<parameter name="mode" reloadable="true"><content type="select" default=""><option value="a"/><option value="b"/></content></parameter>
<parameter name="passwd" unique-group="g"><content type="string"/></parameter>
<parameter name="old"><deprecated><replaced-with name="mode"/></deprecated></parameter>
</parameters>
<actions>
<action name="start" timeout="20s"/>
<action name="monitor" timeout="20s" interval="10s" depth="0" role="Promoted"/>
%s
</actions>
</resource-agent>`

func sampleAgent(t *testing.T, ocf, actions string) *Agent {
	t.Helper()
	a, err := Parse(fmt.Sprintf(sample, ocf, actions))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestParse_TakesEverythingDeclared(t *testing.T) {
	a := sampleAgent(t, "1.0", "")
	if a.Name != "Db" || a.Version != "2.0" || a.OCF != "1.0" || a.Long != "Long & more" || a.Short != "Short" || len(a.Params) != 4 {
		t.Errorf("%+v", a)
	}
	state, mode := a.Param("state"), a.Param("mode")
	if !state.Unique || !state.Required || state.Default != "/run/x" || !state.HasDefault || state.Short != "State" || state.Long != "Where" {
		t.Errorf("%+v", state)
	}
	if !mode.Reloadable || mode.Type != "select" || !mode.HasDefault || fmt.Sprint(mode.Values) != "[a b]" {
		t.Errorf("%+v", mode)
	}
	if p := a.Param("passwd"); p.HasDefault || p.UniqueGroup != "g" {
		t.Errorf("%+v", p)
	}
	if p := a.Param("old"); !p.Deprecated || fmt.Sprint(p.ReplacedBy) != "[mode]" {
		t.Errorf("%+v", p)
	}
	if m := a.Actions[1]; m != (Action{Name: "monitor", Timeout: "20s", Interval: "10s", Depth: "0", Role: "Promoted"}) {
		t.Errorf("%+v", m)
	}
}

func TestRestartParams_FollowTheStandardsVersion(t *testing.T) {
	const reload, agent = `<action name="reload"/>`, `<action name="reload-agent"/>`
	cases := []struct{ ocf, actions, want string }{
		{"1.0", "", "no"}, {"1.0", reload, "  state  "}, {"1.0", agent, "no"}, {"1.0", reload + agent, "  state  "},
		{"1.1", reload, "no"}, {"1.1", agent, "  old passwd state  "}, {"1.1", reload + agent, "  old passwd state  "},
		{"2.0", agent, "  old passwd state  "}, {"", reload, "  state  "}, {"nonsense", agent, "no"},
	}
	for _, c := range cases {
		names, ok := sampleAgent(t, c.ocf, c.actions).RestartParams()
		got := WordList(names)
		if !ok {
			got = "no"
		}
		if got != c.want {
			t.Errorf("OCF %q with %s: %q, want %q", c.ocf, c.actions, got, c.want)
		}
	}
	if WordList(nil) != "" {
		t.Error("an empty list is not empty")
	}
}

func TestSecureParams_ByMarkElseByName(t *testing.T) {
	a := sampleAgent(t, "1.0", "")
	if got := WordList(a.SecureParams()); got != "  passwd  " {
		t.Errorf("by name: %q", got)
	}
	a.Params[0].Private, a.Params[1].Private = true, true
	if got := WordList(a.SecureParams()); got != "  mode state  " {
		t.Errorf("by mark: %q", got)
	}
}

func TestParse_RefusesWhatIsNoMetadata(t *testing.T) {
	for _, bad := range []string{"", "usage: x {start|stop}", "<a/>", "<resource-agent>"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestLSB_UsesTheHeader(t *testing.T) {
	a := LSB("web", "#!/bin/sh\n# Description: not this\n### BEGIN INIT INFO\n# Provides:          web\n"+
		"# Short-Description: A <web> server\n# Description:       It serves,\n#                    and serves.\n### END INIT INFO\n# Description: nor this\n")
	if a.Short != "A <web> server" || a.Long != "It serves, and serves." {
		t.Errorf("%q %q", a.Short, a.Long)
	}
	again, err := Parse(a.XML)
	if err != nil || again.Short != a.Short || again.Long != a.Long || !again.Supports("monitor") {
		t.Errorf("its XML says %+v, %v\n%s", again, err, a.XML)
	}
}

func TestSystemd_MetadataIsReadable(t *testing.T) {
	a := Systemd("cron", "Regular background program processing daemon")
	again, err := Parse(a.XML)
	if err != nil || again.Long != a.Long || len(again.Actions) != 5 || !strings.Contains(a.XML, `interval="60"`) {
		t.Errorf("%+v, %v\n%s", again, err, a.XML)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(fmt.Sprintf(sample, "1.1", ""))
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := Parse(text); err == nil {
			a.RestartParams()
			a.SecureParams()
		}
	})
}
