package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/lab/enter"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// peerSpace is the network namespace in which the peer lab has its bridge.
const peerSpace = "/run/netns/plab-sw"

// peer is real Corosync and Pacemaker, run by the peer lab.
type peer struct {
	tool  string   // peerlab
	dir   string   // PEERLAB_DIR
	names []string // of the nodes that are up
}

// newPeer prepares the peer lab, which lies beside the repository. An error tells why there is no peer.
func newPeer() (*peer, error) {
	root, err := room.Root()
	if err != nil {
		return nil, err
	}
	from := filepath.Join(root, "..", "shared", "peers", "lab")
	if _, err := os.Stat(filepath.Join(from, "peerlab")); err != nil {
		return nil, fmt.Errorf("the peer lab is not here: %w", err)
	}
	for _, program := range []string{"python3", "corosync", "pacemakerd", "crm_mon"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("the peer is not installed: %w", err)
		}
	}
	if room.Mapped() {
		return nil, errors.New("the peer needs root: its daemons run as several users")
	}
	scratch, err := room.Scratch()
	if err != nil {
		return nil, err
	}
	// Not below /run: each node covers that.
	home := filepath.Join(scratch, "peerlab")
	if err := os.MkdirAll(filepath.Join(home, "sbin"), 0o755); err != nil {
		return nil, err
	}
	// The lab's copy has our fence agent under the peer's name: the same agent on both sides.
	for _, c := range [][2]string{
		{filepath.Join(from, "peerlab"), "peerlab"}, {filepath.Join(from, "node-init"), "node-init"}, {room.Init(), "sbin/fence_peerlab"},
	} {
		raw, err := os.ReadFile(c[0])
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(home, c[1]), raw, 0o755); err != nil {
			return nil, err
		}
	}
	// The peer lab counts CPU time in a cgroup, which would outlive us. We count in another way.
	const cpuacct = "/sys/fs/cgroup/cpuacct"
	if _, err := os.Stat(cpuacct); err == nil {
		if err := unix.Mount("tmpfs", cpuacct, "tmpfs", 0, ""); err != nil {
			return nil, fmt.Errorf("cover %s: %w", cpuacct, err)
		}
	}
	return &peer{tool: filepath.Join(home, "peerlab"), dir: filepath.Join(scratch, "peer")}, nil
}

func (p *peer) name() string       { return "pacemaker" }
func (p *peer) nodes() []string    { return p.names }
func (p *peer) space() string      { return peerSpace }
func (p *peer) vip() netip.Addr    { return netip.MustParseAddr("10.77.0.200") }
func (p *peer) fenceAgent() string { return "fence_peerlab" }
func (p *peer) heartbeat() string  { return "corosync" }
func (p *peer) others() []string   { return []string{"node-init", "bash", "sleep"} }

func (p *peer) peerlab(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, p.tool, args...)
	cmd.Env = append(os.Environ(), "PEERLAB_DIR="+p.dir)
	// Its power switch stays behind as a daemon.
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("peerlab %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (p *peer) up(ctx context.Context, want shape) error {
	args := []string{"up", strconv.Itoa(want.nodes), "--token", strconv.Itoa(want.token), "--coefficient", "0", "--ttl", "36000"}
	if want.slow {
		args = append(args, "--no-rr")
	}
	if err := p.peerlab(ctx, args...); err != nil {
		return err
	}
	p.names = nil
	for i := 1; i <= want.nodes; i++ {
		p.names = append(p.names, fmt.Sprintf("n%d", i))
	}
	return enter.InNet(peerSpace, func() error {
		bridge, err := netlink.LinkByName("br0")
		if err != nil {
			return err
		}
		client, err := netlink.ParseAddr("10.77.0.254/24")
		if err != nil {
			return err
		}
		return netlink.AddrAdd(bridge, client)
	})
}

func (p *peer) down() error {
	if p.names == nil {
		return nil
	}
	p.names = nil
	// It would wait for the cgroups that are none.
	os.RemoveAll("/sys/fs/cgroup/cpuacct/peerlab")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return p.peerlab(ctx, "down")
}

// pid reads what node-init has written: its number and its start time, which tells it from a later process.
func (p *peer) pid(node string) int {
	raw, err := os.ReadFile(filepath.Join(p.dir, node, "pid"))
	if err != nil {
		return 0
	}
	words := strings.Fields(string(raw))
	if len(words) != 2 {
		return 0
	}
	stat, err := os.ReadFile("/proc/" + words[0] + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 || fields[19] != words[1] || fields[0] == "Z" {
		return 0
	}
	pid, _ := strconv.Atoi(words[0])
	return pid
}

func (p *peer) powerOff(node string) error {
	pid := p.pid(node)
	if pid == 0 {
		return nil
	}
	if err := errors.Join(p.pull(node, true), syscall.Kill(pid, syscall.SIGKILL)); err != nil {
		return err
	}
	// The peer lab does not switch on what is not off yet.
	return poll(context.Background(), "the processes of "+node+" die", time.Minute, time.Millisecond, func() (bool, error) { return p.pid(node) == 0, nil })
}

func (p *peer) pull(node string, out bool) error {
	return enter.InNet(peerSpace, func() error {
		port, err := netlink.LinkByName("p" + strings.TrimPrefix(node, "n"))
		if err != nil {
			return err
		}
		if out {
			return netlink.LinkSetDown(port)
		}
		return netlink.LinkSetUp(port)
	})
}

func (p *peer) powerOn(ctx context.Context, node string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", filepath.Join(p.dir, "power.sock"))
	if err != nil {
		return fmt.Errorf("power on %s: %w", node, err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := fmt.Fprintf(conn, "on %s bench\n", node); err != nil {
		return fmt.Errorf("power on %s: %w", node, err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || strings.TrimSpace(string(answer)) != "ok" {
		return fmt.Errorf("power on %s: the switch answers %q (%v)", node, answer, err)
	}
	return nil
}

// fenced reads the event file of the peer lab: "TIME WORD target=NODE ...".
func (p *peer) fenced(target string, since time.Time) (asked, done time.Time) {
	f, err := os.Open(filepath.Join(p.dir, "events"))
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 3 || !strings.Contains(lines.Text(), "target="+target) {
			continue
		}
		seconds, err := strconv.ParseFloat(words[0], 64)
		at := time.UnixMicro(int64(seconds * 1e6))
		if err != nil || at.Before(since) {
			continue
		}
		switch {
		case words[1] == "agent-start" && asked.IsZero():
			asked = at
		case words[1] == "power-off" && done.IsZero():
			done = at
		}
	}
	return asked, done
}
