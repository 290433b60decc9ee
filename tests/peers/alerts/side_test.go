package alerts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// side is a cluster of the nodes n1, n2 and n3, ours or the peer's.
type side interface {
	// sh runs a shell script on a node.
	sh(ctx context.Context, node, script string) (string, error)
	// fenceAgent switches nodes off and on.
	fenceAgent() string
	// events is the directory, as the nodes see it, in which agents leave what they were told; told are the files in it.
	events() string
	told() (map[string]string, error)
}

// ours is a cluster of the lab.
type ours struct{ *holdfast.Cluster }

func startOurs(t *testing.T) side {
	t.Helper()
	c := holdfast.Start(t, holdfast.Options{Options: lab.Options{Nodes: 3}})
	if err := c.PowerOnAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return ours{c}
}

func (o ours) sh(ctx context.Context, node, script string) (string, error) {
	return o.Node(node).Exec(ctx, "sh", "-c", script)
}

func (o ours) fenceAgent() string { return "fence_lab" }
func (o ours) events() string     { return "/var/lib/told" }

func (o ours) told() (map[string]string, error) {
	out := make(map[string]string)
	for _, n := range o.Nodes() {
		if !n.Powered() {
			continue // what it was told is on its disk, and was read before
		}
		text, err := n.Exec(context.Background(), "sh", "-c", "cd "+o.events()+" 2>/dev/null && for f in *; do [ -f $f ] && echo \"=== $f\" && cat $f; done; true")
		if err != nil {
			return nil, err
		}
		for part := range strings.SplitSeq(text, "=== ") {
			if name, body, ok := strings.Cut(part, "\n"); ok {
				out[name] = body
			}
		}
	}
	return out, nil
}

// theirs is real Pacemaker in the peer lab.
type theirs struct{ tool, dir, scratch string }

func startTheirs(t *testing.T) side {
	t.Helper()
	root, err := room.Root()
	if err != nil {
		t.Fatal(err)
	}
	tool, err := filepath.Abs(filepath.Join(root, "..", "shared", "peers", "lab", "peerlab"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tool); err != nil {
		t.Skip("the peer lab is not here:", err)
	}
	for _, program := range []string{"python3", "corosync", "pacemakerd", "stonith_admin"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("the peer is not installed:", err)
		}
	}
	if room.Mapped() {
		t.Skip("the peer needs root: its daemons run as several users")
	}
	// Agents run as another user, and nodes see neither /run nor /var/tmp of a test below them.
	scratch, err := os.MkdirTemp("/tmp", "alerts")
	if err != nil {
		t.Fatal(err)
	}
	p := theirs{tool: tool, dir: filepath.Join(scratch, "lab"), scratch: scratch}
	for path, mode := range map[string]os.FileMode{scratch: 0o755, p.events(): 0o777} {
		if err := errors.Join(os.MkdirAll(path, mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		os.RemoveAll("/sys/fs/cgroup/cpuacct/peerlab") // peerlab would wait for the cgroups that are none
		if _, err := p.run(context.Background(), "down"); err != nil {
			t.Error(err)
		}
		os.RemoveAll(scratch)
	})
	if _, err := p.run(t.Context(), "up", "3", "--token", "1000", "--coefficient", "0"); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p theirs) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.tool, args...)
	cmd.Env = append(os.Environ(), "PEERLAB_DIR="+p.dir)
	cmd.WaitDelay = time.Second // its power switch stays behind as a daemon
	out, err := cmd.CombinedOutput()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return string(out), fmt.Errorf("peerlab %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

func (p theirs) sh(ctx context.Context, node, script string) (string, error) {
	return p.run(ctx, "exec", node, "sh", "-c", script)
}

func (p theirs) fenceAgent() string { return "fence_peerlab" }
func (p theirs) events() string     { return filepath.Join(p.scratch, "told") }

func (p theirs) told() (map[string]string, error) {
	out := make(map[string]string)
	list, err := os.ReadDir(p.events())
	for _, f := range list {
		if strings.HasPrefix(f.Name(), ".") {
			continue // not whole yet
		}
		raw, err := os.ReadFile(filepath.Join(p.events(), f.Name()))
		if err != nil {
			return nil, err
		}
		out[f.Name()] = string(raw)
	}
	return out, err
}
