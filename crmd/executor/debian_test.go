package executor

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
)

// These tests run the distribution's own agents, which must not notice whose executor it is.

func needAgent(t *testing.T, provider, typ string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("/usr/lib/ocf/resource.d", provider, typ)); err != nil {
		t.Skipf("needs ocf:%s:%s (packages pacemaker and resource-agents)", provider, typ)
	}
}

// steps runs operations one after the other and compares their exit codes.
func (l *lab) steps(op Op, steps ...any) {
	l.t.Helper()
	for i := 0; i < len(steps); i += 2 {
		op.Task = steps[i].(string)
		r := l.do(op)
		if r.Status != lrm.Done || int(r.RC) != steps[i+1].(int) {
			l.t.Errorf("step %d, %s: %v rc %d, want %d; %s\n%s", i/2+1, op.Task, r.Status, r.RC, steps[i+1], r.ExitReason, r.Output)
		}
	}
}

func TestDebian_Dummy(t *testing.T) {
	needAgent(t, "pacemaker", "Dummy")
	l := newLab(t, nil)
	op := Op{Rsc: "dummy", Class: "ocf", Provider: "pacemaker", Type: "Dummy", TimeoutMs: 20000,
		Params: map[string]string{"state": filepath.Join(l.dir, "dummy.state")}}
	l.steps(op, "monitor", 7, "start", 0, "monitor", 0, "start", 0, "validate-all", 0, "reload-agent", 0, "stop", 0, "monitor", 7, "stop", 0, "bogus", 3)
	op.Params["op_sleep"] = "5"
	op.Task, op.TimeoutMs = "start", 1000
	if r := l.do(op); r.Status != lrm.Timeout || len(r.Hang) != 2 {
		t.Errorf("slow start: %v, hang %v", r.Status, r.Hang)
	}
	// As in the histories that Pacemaker itself wrote.
	a, err := l.e.Metadata(t.Context(), "ocf", "pacemaker", "Dummy")
	if err != nil {
		t.Fatal(err)
	}
	restart, _ := a.RestartParams()
	if r, s := metadata.WordList(restart), metadata.WordList(a.SecureParams()); r != "  state  " || s != "  passwd  " {
		t.Errorf("op-force-restart %q, op-secure-params %q", r, s)
	}
}

func TestDebian_StatefulCallsCrmAttribute(t *testing.T) {
	needAgent(t, "pacemaker", "Stateful")
	l := newLab(t, nil)
	l.stop()
	l.write("sbin/crm_attribute", "#!/bin/sh\necho \"$OCF_RESOURCE_INSTANCE $*\" >> "+l.dir+"/calls\n")
	l.write("sbin/crm_master", "#!/bin/sh\necho \"$OCF_RESOURCE_INSTANCE $*\" >> "+l.dir+"/calls\n")
	l = newLabIn(t, l.dir, func(c *Config) { c.SbinDir = filepath.Join(l.dir, "sbin") })
	op := Op{Rsc: "db", Class: "ocf", Provider: "pacemaker", Type: "Stateful", TimeoutMs: 20000,
		Params: map[string]string{"state": filepath.Join(l.dir, "stateful.state")}, Meta: map[string]string{"promotable": "true"}}
	l.steps(op, "monitor", 7, "start", 0, "monitor", 0, "promote", 0, "monitor", 8, "demote", 0, "monitor", 0, "stop", 0, "monitor", 7)
	calls := strings.Join(readLines(t, filepath.Join(l.dir, "calls")), "\n")
	for _, want := range []string{"-v 5", "-v 10", "-D"} {
		if !strings.Contains(calls, want) {
			t.Errorf("the agent did not call its command with %s:\n%s", want, calls)
		}
	}
}

func TestDebian_IPaddr2InANamespace(t *testing.T) {
	needAgent(t, "heartbeat", "IPaddr2")
	ns := fmt.Sprintf("hfexec%d", os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
		t.Skipf("needs root and network namespaces: %s", out)
	}
	t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
	ip := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("ip", append([]string{"-n", ns}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("ip %v: %s", args, out)
		}
		return string(out)
	}
	ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
	ip("link", "set", "veth0", "up")
	ip("link", "set", "veth1", "up")
	ip("addr", "add", "10.9.9.1/24", "dev", "veth0")
	l := newLab(t, nil)
	l.write("ocf/heartbeat/IPaddr2", "#!/bin/sh\nexec ip netns exec "+ns+" /usr/lib/ocf/resource.d/heartbeat/IPaddr2 \"$@\"\n")
	op := Op{Rsc: "vip", Class: "ocf", Provider: "heartbeat", Type: "IPaddr2", TimeoutMs: 20000,
		Params: map[string]string{"ip": "10.9.9.100"}}
	l.steps(op, "monitor", 7, "start", 0, "monitor", 0)
	if addrs := ip("-br", "addr", "show", "veth0"); !strings.Contains(addrs, "10.9.9.100/24") {
		t.Errorf("addresses after the start: %s", addrs)
	}
	l.steps(op, "stop", 0, "monitor", 7, "stop", 0)
	op.Params["ip"] = "not an address"
	l.steps(op, "start", 6)
}

func TestDebian_MetadataOfEveryAgent(t *testing.T) {
	needAgent(t, "heartbeat", "Filesystem")
	if testing.Short() {
		t.Skip("runs some 150 agents")
	}
	l := newLab(t, nil)
	var mu sync.Mutex
	good, reloads, private := 0, 0, 0
	var group sync.WaitGroup
	slots := make(chan struct{}, 4)
	for _, provider := range []string{"heartbeat", "pacemaker"} {
		types, err := l.e.Agents(t.Context(), "ocf", provider)
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range types {
			group.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				a, err := l.e.Metadata(t.Context(), "ocf", provider, typ)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				good++
				if !a.Supports("start") && !a.Supports("monitor") {
					t.Errorf("%s:%s: actions %v", provider, typ, a.Actions)
				}
				if _, ok := a.RestartParams(); ok {
					reloads++
				}
				if len(a.SecureParams()) > 0 {
					private++
				}
			})
		}
	}
	group.Wait()
	t.Logf("metadata of %d agents read; %d can reload, %d have secrets", good, reloads, private)
	if good < 100 {
		t.Errorf("only %d agents", good)
	}
	a, err := l.e.Metadata(t.Context(), "ocf", "heartbeat", "Filesystem")
	if err != nil || a.Param("device") == nil || !a.Param("device").Required || a.Param("fstype").Short == "" {
		t.Errorf("Filesystem: %+v, %v", a, err)
	}
}
