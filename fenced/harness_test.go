package fenced

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// agentScript is a fence agent whose power switches are files in the directory that its parameter names.
const agentScript = `#!/bin/sh
while IFS='=' read -r name value; do
	case $name in action) action=$value ;; port) port=$value ;; dir) dir=$value ;; mode) mode=$value ;; monitor) monitor=$value ;; esac
done
[ "$action" = metadata ] || echo "$(date +%s%N) $action $port" >> $dir/calls
case $action in
metadata) cat <<X
<resource-agent name="fence_test"><parameters><parameter name="port"/></parameters><actions>
<action name="on"/><action name="off"/><action name="reboot"/><action name="status"/><action name="monitor"/><action name="list"/>
</actions></resource-agent>
X
	exit 0 ;;
status) [ ! -e $dir/$port.off ] || exit 2; exit 0 ;;
monitor) [ "$monitor" != hang ] || exec sleep 600; exit 0 ;;
list) cat $dir/list; exit 0 ;;
esac
case $mode in
hang) exec sleep 600 ;;
fail) echo "the plug is pulled" >&2; exit 1 ;;
lie) exit 0 ;;
esac
if [ -n "$mode" ]; then sleep $mode; fi
case $action in
off) : > $dir/$port.off ;;
on|reboot) rm -f $dir/$port.off ;;
*) exit 1 ;;
esac
`

// cluster is several fenced daemons in this process.
type cluster struct {
	t     *testing.T
	ca    *pki.Authority
	dir   string // of the power switches
	nodes map[string]*testNode
	names []string
	ring  uint64
	mu    sync.Mutex
	addrs map[string]string
}

// testNode is one of them, with the corosyncd that it listens to.
type testNode struct {
	*cluster
	name   string
	dirs   paths.Dirs
	client *ipc.Client
	daemon *Daemon
	stop   func()
	deaf   func() // stops corosyncd
	mu     sync.Mutex
	view   api.View
	newer  chan struct{}
}

// newCluster makes the nodes and starts their daemons; all of them are members.
func newCluster(t *testing.T, names ...string) *cluster {
	t.Helper()
	ca, err := pki.NewAuthority("test")
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, ca: ca, dir: t.TempDir(), nodes: map[string]*testNode{}, names: names, addrs: map[string]string{}}
	if err := os.WriteFile(filepath.Join(c.dir, "fence_test"), []byte(agentScript), 0o755); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		c.nodes[name] = c.newNode(i, name)
	}
	for _, name := range names {
		n := c.nodes[name]
		n.startCorosync()
		n.start()
	}
	c.setView(names...)
	return c
}

func (c *cluster) newNode(i int, name string) *testNode {
	c.t.Helper()
	dir, err := os.MkdirTemp("", "fenced")
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { os.RemoveAll(dir) })
	n := &testNode{cluster: c, name: name, dirs: paths.Dirs{Etc: dir + "/etc", Var: dir + "/var", Run: dir + "/run"}, newer: make(chan struct{})}
	csr, key, err := pki.Request(name)
	if err != nil {
		c.t.Fatal(err)
	}
	cert, err := c.ca.Sign(name, csr)
	if err == nil {
		err = pki.Write(n.dirs.PKI(), c.ca.CertPEM, nil, cert, key)
	}
	var text strings.Builder
	text.WriteString("[cluster]\nname = \"test\"\n")
	for j, other := range c.names {
		fmt.Fprintf(&text, "[[node]]\nname = %q\nid = %d\nlinks = [\"127.0.0.%d\"]\n", other, j+1, j+1)
	}
	if err == nil {
		err = os.WriteFile(n.dirs.ClusterFile(), []byte(text.String()), 0o644)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	n.client = ipc.NewClient(n.dirs.Socket("fenced"))
	c.t.Cleanup(n.client.Close)
	return n
}

// start runs the node's fenced until the test ends or n.stop is called.
func (n *testNode) start() {
	n.t.Helper()
	d, err := New(Config{
		Dirs: n.dirs, Log: slog.New(slog.NewTextHandler(n.t.Output(), nil)).With("on", n.name),
		AgentDirs: []string{n.dir}, Listen: "127.0.0.1:0",
		Resolve: func(node string) []string {
			n.cluster.mu.Lock()
			defer n.cluster.mu.Unlock()
			return []string{n.addrs[node]}
		},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.cluster.mu.Lock()
	n.addrs[n.name] = d.PeerAddr()
	n.cluster.mu.Unlock()
	n.daemon = d
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			n.t.Errorf("fenced on %s: %v", n.name, err)
		}
	})
	n.t.Cleanup(n.stop)
}

// startCorosync serves the node's views until the test ends or n.deaf is called.
func (n *testNode) startCorosync() {
	n.t.Helper()
	l, err := ipc.Listen(n.dirs.Socket("corosyncd"), 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.PathViews, func(w http.ResponseWriter, r *http.Request) {
		s := ipc.NewStream(w)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var sent <-chan struct{}
		for {
			n.mu.Lock()
			v, newer := n.view, n.newer
			n.mu.Unlock()
			if s.Alive() != nil {
				return
			}
			if len(v.Members) > 0 && newer != sent {
				if s.Send(v) != nil {
					return
				}
				sent = newer
			}
			select {
			case <-newer:
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ipc.Serve(ctx, l, mux, slog.New(slog.DiscardHandler)) }()
	n.deaf = sync.OnceFunc(func() { cancel(); <-done })
	n.t.Cleanup(n.deaf)
}

// setView makes these nodes the members, as they see it; the others keep what they saw.
func (c *cluster) setView(members ...string) {
	c.t.Helper()
	c.ring++
	for _, name := range members {
		v := api.View{Ring: api.RingID{Rep: 1, Seq: c.ring}, Quorum: api.Quorum{Quorate: true}, Cluster: "test"}
		for i, other := range c.names {
			id := api.NodeID(i + 1)
			v.Nodes = append(v.Nodes, api.ConfiguredNode{ID: id, Name: other})
			if other == name {
				v.Local = id
			}
			if slices.Contains(members, other) {
				v.Members = append(v.Members, api.Member{ID: id, Name: other, Incarnation: api.Incarnation(id)})
			} else {
				v.Departed = append(v.Departed, api.Departed{ID: id, Name: other, Incarnation: api.Incarnation(id), How: api.DepartureLost})
			}
		}
		n := c.nodes[name]
		n.mu.Lock()
		n.view = v
		close(n.newer)
		n.newer = make(chan struct{})
		n.mu.Unlock()
	}
	for _, name := range members {
		n := c.nodes[name]
		c.eventually(name+" has its peers", func() bool {
			s := api.FenceStatus{}
			return n.call(http.MethodGet, api.PathFenceStatus, nil, &s) == nil && len(s.Peers) == len(members)-1
		})
	}
}

func (c *cluster) eventually(what string, ok func() bool) {
	c.t.Helper()
	for limit := time.Now().Add(15 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			c.t.Fatalf("not within 15 s: %s", what)
		}
	}
}

func (n *testNode) call(method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	return n.client.Call(ctx, method, path, in, out)
}

func (n *testNode) must(method, path string, in, out any) {
	n.t.Helper()
	if err := n.call(method, path, in, out); err != nil {
		n.t.Fatalf("%s %s on %s: %v", method, path, n.name, err)
	}
}

// device makes a device of the test's agent for the named targets.
func (c *cluster) device(id, hosts string, params ...string) api.FenceDevice {
	d := api.FenceDevice{ID: id, Agent: "fence_test", Params: map[string]string{"dir": c.dir, "pcmk_host_list": hosts}}
	for i := 0; i+1 < len(params); i += 2 {
		d.Params[params[i]] = params[i+1]
	}
	return d
}

// configure gives the node these devices and waits until they are usable.
func (n *testNode) configure(devices ...api.FenceDevice) {
	n.t.Helper()
	n.must(http.MethodPut, api.PathFenceConfig, api.FenceConfig{Version: "0.1.0", Enabled: true, Action: "reboot", Timeout: 20000, Devices: devices}, nil)
	n.eventually("agents are known", func() bool {
		s, err := query(context.Background(), n.daemon, func() bool {
			return !slices.ContainsFunc(n.daemon.state.exec.Devices(), func(d api.FenceDeviceStatus) bool { return d.Error != "" })
		})
		return err == nil && s
	})
}

// fence asks for a fence and waits for the outcome.
func (n *testNode) fence(target, action string, change ...func(*api.FenceRequest)) (api.FenceResult, error) {
	req := api.FenceRequest{Target: target, Action: action, Client: "test", Timeout: 20000}
	for _, f := range change {
		f(&req)
	}
	var r api.FenceResult
	err := n.call(http.MethodPost, api.PathFence, req, &r)
	return r, err
}

func (n *testNode) history(target string) []api.FenceEvent {
	n.t.Helper()
	var events []api.FenceEvent
	n.must(http.MethodGet, api.PathFenceHistory+"?target="+target, nil, &events)
	return events
}

// calls are what agents were told, without times.
func (c *cluster) calls() []string {
	raw, _ := os.ReadFile(filepath.Join(c.dir, "calls"))
	var calls []string
	for line := range strings.Lines(string(raw)) {
		_, call, _ := strings.Cut(strings.TrimSpace(line), " ")
		calls = append(calls, call)
	}
	return calls
}
