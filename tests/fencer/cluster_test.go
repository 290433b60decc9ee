// Package fencer runs scenarios of fencing against real fenced daemons, asked by stonith_admin.
package fencer

import (
	"testing"

	"github.com/holdfast-ha/holdfast/fenced"
	"github.com/holdfast-ha/holdfast/tests/fencetest"
)

// newCluster makes some nodes' fenced in this process; sections are more of the cluster file.
func newCluster(t *testing.T, sections string, names ...string) *fencetest.Cluster {
	t.Helper()
	scripts := make(map[string]string)
	for _, a := range agents {
		scripts[a] = agentScript
	}
	return fencetest.New(t, fencetest.Options{Sections: "[fencing]\nprobe = \"0\"\n" + sections, Agents: scripts, Make: func(n *fencetest.Node) (fencetest.Daemon, error) {
		return fenced.New(fenced.Config{Dirs: n.Dirs, Log: n.Log(), AgentDirs: []string{n.Dir}, Listen: "127.0.0.1:0", Resolve: n.Resolve})
	}}, names...)
}
