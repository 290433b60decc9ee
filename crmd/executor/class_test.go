package executor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

func TestLSB_CodesAreMapped(t *testing.T) {
	l := newLab(t, nil)
	l.write("init.d/svc", "#!/bin/sh\necho $1 $OCF_ROOT >> "+l.dir+"/calls\nread -r rc < "+l.dir+"/rc; exit $rc\n")
	for _, c := range []struct {
		task string
		code int
		want lrm.RC
	}{{"monitor", 0, 0}, {"monitor", 1, 7}, {"monitor", 2, 7}, {"monitor", 3, 7}, {"monitor", 4, 1}, {"monitor", 150, 5},
		{"monitor", 151, 4}, {"start", 0, 0}, {"start", 7, 7}, {"start", 8, 1}, {"stop", 6, 6}, {"stop", 150, 1}} {
		l.write("rc", fmt.Sprintln(c.code))
		r := l.do(Op{Rsc: "s", Class: "lsb", Type: "svc", Task: c.task, Params: map[string]string{"x": "1"}})
		if r.Status != lrm.Done || r.RC != c.want {
			t.Errorf("%s with exit code %d: %v rc %d, want %d", c.task, c.code, r.Status, r.RC, c.want)
		}
	}
	if lines := readLines(t, filepath.Join(l.dir, "calls")); lines[0] != "status" || lines[7] != "start" {
		t.Errorf("calls %v", lines)
	}
	r := l.do(Op{Rsc: "s", Class: "lsb", Type: "nope", Task: "monitor"})
	if r.Status != lrm.NotInstalled || r.RC != lrm.RCNotInstalled {
		t.Errorf("missing script: %v rc %d", r.Status, r.RC)
	}
	if r := l.do(Op{Rsc: "s", Class: "lsb", Type: filepath.Join(l.dir, "init.d/svc"), Task: "stop"}); r.RC != 1 {
		t.Errorf("by path: %v rc %d", r.Status, r.RC)
	}
}

func TestService_ScriptWinsAndIsTheFallback(t *testing.T) {
	l := newLab(t, nil)
	l.write("init.d/svc", "#!/bin/sh\nexit 0\n")
	if r := l.do(Op{Rsc: "s", Class: "service", Type: "svc", Task: "monitor"}); r.Status != lrm.Done || r.RC != lrm.RCOK {
		t.Errorf("script: %v rc %d", r.Status, r.RC)
	}
	if r := l.do(Op{Rsc: "s", Class: "service", Type: "nope", Task: "monitor"}); r.RC != lrm.RCNotInstalled {
		t.Errorf("neither: %v rc %d", r.Status, r.RC)
	}
	if r := l.do(Op{Rsc: "s", Class: "systemd", Type: "svc", Task: "start"}); r.Status != lrm.Error || r.ExitReason != "No DBus connection" {
		t.Errorf("systemd without D-Bus: %v %q", r.Status, r.ExitReason)
	}
	if r := l.do(Op{Rsc: "s", Class: "upstart", Type: "svc", Task: "start"}); r.Status != lrm.ErrorFatal {
		t.Errorf("unknown class: %v", r.Status)
	}
}

func TestStonith_ProbeAsksNoDevice(t *testing.T) {
	var calls []string
	answer := map[string]Outcome{}
	dir := t.TempDir()
	change := func(c *Config) {
		c.Stonith = func(_ context.Context, d DeviceCall) Outcome {
			calls = append(calls, d.Task+" "+d.ID+" "+d.Agent+" "+d.Params["ip"])
			return answer[d.Task]
		}
	}
	l := newLabIn(t, dir, change)
	op := func(task string, interval int64) Op {
		return Op{Rsc: "power", Class: "stonith", Type: "fence_x", Task: task, IntervalMs: interval, Params: map[string]string{"ip": "1"}}
	}
	expect := func(l *lab, what string, o Op, status lrm.Status, rc lrm.RC, wantCalls ...string) {
		t.Helper()
		calls = nil
		id := l.submit(o)
		r := l.result(func(r Result) bool { return r.CallID == id })
		if r.Status != status || r.RC != rc || !slices.Equal(calls, wantCalls) {
			t.Errorf("%s: %v rc %d after %v", what, r.Status, r.RC, calls)
		}
		if o.IntervalMs > 0 {
			l.e.Cancel(o.Rsc, o.Task, o.IntervalMs)
		}
	}
	expect(l, "probe", op("monitor", 0), lrm.Done, lrm.RCNotRunning)
	answer["monitor"] = Outcome{Status: lrm.NotConnected}
	expect(l, "start, bad monitor", op("start", 0), lrm.Error, lrm.RCError, "start power fence_x 1", "monitor power fence_x 1")
	expect(l, "probe", op("monitor", 0), lrm.Done, lrm.RCNotRunning)
	answer["monitor"] = Outcome{}
	expect(l, "start", op("start", 0), lrm.Done, lrm.RCOK, "start power fence_x 1", "monitor power fence_x 1")
	expect(l, "probe", op("monitor", 0), lrm.Done, lrm.RCOK)
	answer["monitor"] = Outcome{Status: lrm.NoFenceDevice}
	expect(l, "monitor", op("monitor", 10000), lrm.Done, lrm.RCNotRunning, "monitor power fence_x 1")
	l.stop()

	l = newLabIn(t, dir, change)
	expect(l, "probe after a restart", op("monitor", 0), lrm.Done, lrm.RCOK)
	answer["stop"] = Outcome{Status: lrm.NoFenceDevice}
	expect(l, "stop", op("stop", 0), lrm.Done, lrm.RCOK, "stop power fence_x 1")
	expect(l, "probe", op("monitor", 0), lrm.Done, lrm.RCNotRunning)
}

const someMetadata = `<resource-agent name="A"><parameters><parameter name="p" unique="1"/></parameters><actions><action name="reload"/></actions></resource-agent>`

func TestMetadata_IsReadOncePerVersionOfTheAgent(t *testing.T) {
	l := newLab(t, nil)
	l.agent("A", "echo run >> "+l.dir+"/runs; [ $1 = meta-data ] || exit 3; cat <<EOF\n"+someMetadata+"\nEOF")
	for range 3 {
		a, err := l.e.Metadata(t.Context(), "ocf", "test", "A")
		if err != nil || a.Param("p") == nil {
			t.Fatalf("%+v, %v", a, err)
		}
		if names, ok := a.RestartParams(); !ok || !slices.Equal(names, []string{"p"}) {
			t.Errorf("restart parameters %v", names)
		}
	}
	if n := len(readLines(t, l.dir+"/runs")); n != 1 {
		t.Errorf("the agent ran %d times", n)
	}
	l.agent("A", "echo "+strings.ReplaceAll(strings.ReplaceAll(someMetadata, `"p"`, `"q"`), `"`, `'`)+" | cat; exit 1 # changed")
	if _, err := l.e.Metadata(t.Context(), "ocf", "test", "A"); err == nil || !strings.Contains(err.Error(), "metadata of ocf:test:A") {
		t.Errorf("changed agent: %v", err)
	}
}

func TestMetadata_OtherClasses(t *testing.T) {
	l := newLab(t, nil)
	l.write("init.d/svc", "#!/bin/sh\n### BEGIN INIT INFO\n# Short-Description: A service\n### END INIT INFO\n")
	l.write("fence/fence_x", "#!/bin/sh\n[ \"$1 $2\" = '-o metadata' ] && echo '<resource-agent name=\"fence_x\"/>'\n")
	for class, typ := range map[string]string{"lsb": "svc", "service": "svc", "stonith": "fence_x"} {
		a, err := l.e.Metadata(t.Context(), class, "", typ)
		if err != nil || a.Name != typ {
			t.Errorf("%s: %+v, %v", class, a, err)
		}
	}
	for _, bad := range [][3]string{{"ocf", "test", "nope"}, {"lsb", "", "nope"}, {"stonith", "", "../fence/fence_x"}, {"nagios", "", "x"}} {
		if _, err := l.e.Metadata(t.Context(), bad[0], bad[1], bad[2]); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestList_WhatIsInstalled(t *testing.T) {
	l := newLab(t, func(c *Config) { c.OCFPath = c.OCFPath[:1] })
	l.agent("B", "")
	l.agent("A", "")
	l.agent(".hidden", "")
	if err := os.WriteFile(filepath.Join(l.dir, "ocf/test/notes"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l.write("ocf/other/C", "")
	l.write("init.d/svc", "")
	l.write("fence/fence_x", "")
	l.write("fence/other", "")
	agents := func(class, provider string) string {
		names, err := l.e.Agents(t.Context(), class, provider)
		if err != nil {
			t.Error(err)
		}
		return fmt.Sprint(names)
	}
	for _, c := range [][2]string{
		{fmt.Sprint(l.e.Standards(t.Context())), "[ocf lsb service stonith]"}, {fmt.Sprint(l.e.Providers()), "[other test]"},
		{agents("ocf", "test"), "[A B]"}, {agents("ocf", ""), "[A B C]"}, {agents("lsb", ""), "[svc]"}, {agents("stonith", ""), "[fence_x]"},
	} {
		if c[0] != c[1] {
			t.Errorf("got %s, want %s", c[0], c[1])
		}
	}
}
