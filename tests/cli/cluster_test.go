// Package cli tries hcs on clusters of real daemons.
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

func TestMain(m *testing.M) { holdfast.Main(m.Run) }

// machines are nodes of the lab on which nothing runs yet: what a person has before the first command.
func machines(t *testing.T, count int) *lab.Cluster {
	t.Helper()
	if why := room.Missing(); why != "" {
		t.Skipf("no lab on this machine: %s", why)
	}
	software, err := holdfast.Software()
	if err != nil {
		t.Fatal(err)
	}
	c := lab.Start(t, lab.Options{Nodes: count, Software: software})
	if err := c.PowerOnAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// commandLimit bounds one command of a test.
const commandLimit = time.Minute

// hcs runs a command on a node; it must succeed.
func hcs(t *testing.T, n *lab.Node, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandLimit)
	defer cancel()
	r, err := n.Run(ctx, append([]string{"hcs"}, args...)...)
	if err != nil || r.Code != 0 {
		t.Fatalf("%s: hcs %s: %v, status %d\n%s%s", n.Name, strings.Join(args, " "), err, r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// refused runs a command that must fail and returns what it says.
func refused(t *testing.T, n *lab.Node, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandLimit)
	defer cancel()
	r, err := n.Run(ctx, append([]string{"hcs"}, args...)...)
	if err != nil || r.Code == 0 {
		t.Fatalf("%s: hcs %s: %v, status %d\n%s", n.Name, strings.Join(args, " "), err, r.Code, r.Stdout)
	}
	return r.Stderr
}

// until waits for a condition on real processes.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// nodeStates are the nodes as one of them sees them, by name.
func nodeStates(t *testing.T, n *lab.Node) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandLimit)
	defer cancel()
	r, err := n.Run(ctx, "hcs", "node", "list", "--json")
	states := map[string]string{}
	if err != nil || r.Code != 0 {
		return states
	}
	var list []struct{ Name, State string }
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		states[x.Name] = x.State
	}
	return states
}

func allOnline(t *testing.T, from *lab.Node, names ...string) func() bool {
	return func() bool {
		states := nodeStates(t, from)
		for _, n := range names {
			if states[n] != "online" {
				return false
			}
		}
		return true
	}
}

// A cluster grows by one command on each machine, is stopped, started and taken apart.
func TestCluster_FromNothingToThreeNodesAndBack(t *testing.T) {
	c := machines(t, 3)
	n1, n2, n3 := c.Node("n1"), c.Node("n2"), c.Node("n3")
	hcs(t, n1, "cluster", "init", "shop", "n1="+n1.Addr(0).String(), "--node", "n1")
	join := func(n *lab.Node) []string {
		words := strings.Fields(hcs(t, n1, "cluster", "token"))[1:]
		return append(words, "--node", n.Name, "--link", n.Addr(0).String())
	}
	command := join(n2)
	began := time.Now()
	hcs(t, n2, command...)
	t.Logf("n2 joined in %s", time.Since(began).Round(time.Millisecond))
	if why := refused(t, n3, append(command[:len(command)-4:len(command)-4], "--node", "n3", "--link", n3.Addr(0).String())...); !strings.Contains(why, "token") {
		t.Errorf("a used token: %s", why)
	}
	hcs(t, n3, join(n3)...)
	until(t, "three nodes are online", allOnline(t, n3, "n1", "n2", "n3"))
	hcs(t, n2, "property", "set", "stonith-enabled=false")
	hcs(t, n3, "resource", "create", "d", "ocf:pacemaker:Dummy", "--wait=30s")
	if out := hcs(t, n1, "resource", "status", "d"); !strings.Contains(out, "started") {
		t.Errorf("d after --wait:\n%s", out)
	}

	hcs(t, n3, "cluster", "stop")
	until(t, "n3 is offline, not lost", func() bool { return nodeStates(t, n1)["n3"] == "offline" })
	if out := hcs(t, n1, "resource", "status", "d"); !strings.Contains(out, "started") {
		t.Errorf("d after n3 has left:\n%s", out)
	}
	hcs(t, n3, "cluster", "start")
	until(t, "n3 is back", allOnline(t, n1, "n1", "n2", "n3"))

	hcs(t, n3, "cluster", "stop")
	until(t, "n3 is offline", func() bool { return nodeStates(t, n1)["n3"] == "offline" })
	hcs(t, n1, "node", "remove", "n3", "--yes")
	hcs(t, n3, "cluster", "destroy", "--yes")
	until(t, "n3 is forgotten", func() bool { _, there := nodeStates(t, n2)["n3"]; return !there })
	hcs(t, n3, join(n3)...)
	until(t, "n3 has joined again", allOnline(t, n2, "n1", "n2", "n3"))
	hcs(t, n1, "cluster", "stop", "--all", "--yes")
	until(t, "everything has stopped", func() bool {
		for _, n := range c.Nodes() {
			if out := hcs(t, n, "cluster", "status"); strings.Contains(out, " runs") {
				return false
			}
		}
		return true
	})
}

// What a person writes into a file comes into effect, and what is changed elsewhere shows.
func TestApply_OnARunningCluster(t *testing.T) {
	c := machines(t, 1)
	n := c.Node("n1")
	file := func(ip string) string {
		return fmt.Sprintf("[cluster]\nname = \"shop\"\n[[node]]\nname = \"n1\"\nid = 1\nlinks = [\"%s\"]\n[properties]\nstonith-enabled = false\n"+
			"[[resource]]\nid = \"d\"\nagent = \"ocf:pacemaker:Dummy\"\nparams = { fake = \"%s\" }\nop.monitor = { interval = \"10s\" }\n", n.Addr(0), ip)
	}
	if err := n.WriteFile("/root/shop.toml", []byte(file("a")), 0o644); err != nil {
		t.Fatal(err)
	}
	hcs(t, n, "cluster", "init", "-f", "/root/shop.toml", "--node", "n1")
	until(t, "the resource of the file runs", func() bool { return strings.Contains(hcs(t, n, "resource", "status"), "started") })
	if err := n.WriteFile("/root/shop.toml", []byte(file("b")), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := hcs(t, n, "plan", "/root/shop.toml"); !strings.Contains(out, "~ params.fake: a → b") || !strings.Contains(out, "Restart d") && !strings.Contains(out, "Reload d") {
		t.Errorf("plan:\n%s", out)
	}
	hcs(t, n, "apply", "/root/shop.toml", "--yes")
	hcs(t, n, "diff", "/root/shop.toml")
	hcs(t, n, "diff") // the node's own copy is the same
	hcs(t, n, "resource", "update", "d", "fake=c")
	if why := refused(t, n, "diff"); !strings.Contains(why, "the cluster differs") {
		t.Error(why)
	}
	hcs(t, n, "config", "export", "/root/new.toml")
	hcs(t, n, "diff", "/root/new.toml")

	limited := file("b") + "[throttle]\nnode_action_limit = 1000\n"
	limited = strings.Replace(limited, "[properties]", "throttle = { node_action_limit = 7 }\n[properties]", 1)
	if err := n.WriteFile("/root/shop.toml", []byte(limited), 0o644); err != nil {
		t.Fatal(err)
	}
	hcs(t, n, "apply", "/root/shop.toml", "--yes")
	until(t, "the throttle of the file is in effect", func() bool {
		return strings.Contains(hcs(t, n, "throttle", "--json"), `"maximum": 7`) // the limit depends on how busy this machine is
	})
	hcs(t, n, "cluster", "stop")
}
