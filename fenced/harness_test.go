package fenced

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/fencetest"
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
	*fencetest.Cluster
	nodes map[string]*testNode
}

// testNode is one of them.
type testNode struct {
	*fencetest.Node
	daemon *Daemon
}

// newCluster makes the nodes and starts their daemons; all of them are members.
func newCluster(t *testing.T, names ...string) *cluster {
	t.Helper()
	daemons := make(map[string]*testNode)
	for _, name := range names {
		daemons[name] = &testNode{}
	}
	c := &cluster{nodes: daemons}
	c.Cluster = fencetest.New(t, fencetest.Options{Agents: map[string]string{"fence_test": agentScript}, Make: func(n *fencetest.Node) (fencetest.Daemon, error) {
		d, err := New(Config{Dirs: n.Dirs, Log: n.Log(), AgentDirs: []string{n.Dir}, Listen: "127.0.0.1:0", Resolve: n.Resolve})
		daemons[n.Name].Node, daemons[n.Name].daemon = n, d
		return d, err
	}}, names...)
	return c
}

func (n *testNode) must(method, path string, in, out any) {
	n.T.Helper()
	if err := n.Call(method, path, in, out); err != nil {
		n.T.Fatalf("%s %s on %s: %v", method, path, n.Name, err)
	}
}

// device makes a device of the test's agent for the named targets.
func (c *cluster) device(id, hosts string, params ...string) api.FenceDevice {
	d := api.FenceDevice{ID: id, Agent: "fence_test", Params: map[string]string{"dir": c.Dir, "pcmk_host_list": hosts}}
	for i := 0; i+1 < len(params); i += 2 {
		d.Params[params[i]] = params[i+1]
	}
	return d
}

// configure gives the node these devices and waits until they are usable.
func (n *testNode) configure(devices ...api.FenceDevice) {
	n.T.Helper()
	n.must(http.MethodPut, api.PathFenceConfig, api.FenceConfig{Version: "0.1.0", Enabled: true, Action: "reboot", Timeout: 20000, Devices: devices}, nil)
	n.Eventually("agents are known", func() bool {
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
	err := n.Call(http.MethodPost, api.PathFence, req, &r)
	return r, err
}

func (n *testNode) history(target string) []api.FenceEvent {
	n.T.Helper()
	var events []api.FenceEvent
	n.must(http.MethodGet, api.PathFenceHistory+"?target="+target, nil, &events)
	return events
}

// calls are what agents were told, without times.
func (c *cluster) calls() []string {
	raw, _ := os.ReadFile(filepath.Join(c.Dir, "calls"))
	var calls []string
	for line := range strings.Lines(string(raw)) {
		_, call, _ := strings.Cut(strings.TrimSpace(line), " ")
		calls = append(calls, call)
	}
	return calls
}
