// Package lab runs clusters of real daemon processes on this machine. Each node has its own network, mount,
// UTS, IPC and PID namespace; the nodes hang on bridges in a network namespace of the lab. Nothing of the
// machine is touched, and everything ends with the process that uses this package, however that ends.
//
// A test package that uses it needs
//
//	func TestMain(m *testing.M) { lab.Main(m.Run) }
//
// and makes its clusters with Start.
package lab

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// buildDir is where the lab's own program is compiled to, below the repository's root.
const buildDir = ".tools/lab"

// insidePackage is what runs within the namespaces.
const insidePackage = "./tests/lab/inside"

// Main calls work in a room (see package room) and ends the process with its result. Where no room can be made
// it calls work all the same, and Start skips or fails. What prepare holds is done before, outside of the room.
func Main(work func() int, prepare ...func() error) {
	room.Main(func() (string, error) {
		for _, p := range append(prepare, func() error { return room.Build(buildDir, insidePackage) }) {
			if err := p(); err != nil {
				return "", err
			}
		}
		root, err := room.Root()
		return filepath.Join(root, buildDir, filepath.Base(insidePackage)), err
	}, work)
}

// Start makes a cluster for a test, which ends with it. The nodes are off. Without the rights to make
// namespaces it skips the test.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if why := room.Missing(); why != "" {
		t.Skipf("no lab on this machine: %s", why)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			c.Describe(t.Output())
		}
		if err := c.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	return c
}

// Describe writes what helps to understand a failure: the end of each node's console, power and journal.
func (c *Cluster) Describe(w io.Writer) {
	for _, n := range c.nodes {
		fmt.Fprintf(w, "---- console of %s (powered: %v)\n%s\n", n.Name, n.Powered(), tail(n.console(), 8<<10))
	}
	for _, e := range c.Power.Events() {
		fmt.Fprintf(w, "power: %s %s %s %s -> %s\n", e.Asked.Format("15:04:05.000"), e.Verb, e.Target, e.By, e.Answer)
	}
	for _, o := range c.Overlaps() {
		fmt.Fprintln(w, o)
	}
}

// tail is the end of a file.
func tail(path string, n int64) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if end, err := f.Seek(0, io.SeekEnd); err == nil && end > n {
		f.Seek(-n, io.SeekEnd)
	} else {
		f.Seek(0, io.SeekStart)
	}
	raw, _ := io.ReadAll(f)
	return string(raw)
}

// PowerOnAll switches all nodes on at the same time.
func (c *Cluster) PowerOnAll(ctx context.Context) error {
	return c.each(func(n *Node) error { return n.PowerOn(ctx) })
}
