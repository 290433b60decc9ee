package vip

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/holdfast-ha/holdfast/internal/proc"
	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// TestMain is also the process that goes on announcing, as holdfast-agents is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == AnnounceFlag {
		if err := Announce(os.Args[2:]); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// lab is a node and a neighbour, each in a network namespace, on one cable. The test's goroutine is in the
// node's.
type lab struct {
	t          *testing.T
	node, peer netns.NsHandle
	dir        string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make network namespaces")
	}
	// The thread ends with the test, because it is not unlocked, and the namespaces with it.
	runtime.LockOSThread()
	l := &lab{t: t, dir: t.TempDir()}
	var err error
	if l.peer, err = netns.New(); err != nil {
		t.Skipf("cannot make network namespaces here: %v", err)
	}
	if l.node, err = netns.New(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.peer.Close(); l.node.Close() })
	l.ip("link", "set", "lo", "up")
	l.ip("link", "add", "eth0", "type", "veth", "peer", "name", "far0")
	far, err := netlink.LinkByName("far0")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetNsFd(far, int(l.peer)); err != nil {
		t.Fatal(err)
	}
	l.ip("addr", "add", "192.0.2.1/24", "dev", "eth0")
	l.ip("addr", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
	l.ip("link", "set", "eth0", "up")
	l.atPeer(func() {
		l.ip("addr", "add", "192.0.2.2/24", "dev", "far0")
		l.ip("addr", "add", "2001:db8::2/64", "dev", "far0", "nodad")
		l.ip("link", "set", "far0", "up")
	})
	l.eventually("the cable works", func() bool {
		eth, err := netlink.LinkByName("eth0")
		return err == nil && carrier(eth)
	})
	return l
}

func (l *lab) ip(args ...string) string {
	l.t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("ip %s: %s", strings.Join(args, " "), out)
	}
	return string(out)
}

// atPeer does something in the neighbour's namespace.
func (l *lab) atPeer(do func()) {
	l.t.Helper()
	if err := netns.Set(l.peer); err != nil {
		l.t.Fatal(err)
	}
	defer func() {
		if err := netns.Set(l.node); err != nil {
			l.t.Fatal(err)
		}
	}()
	do()
}

func (l *lab) eventually(what string, ok func() bool) {
	l.t.Helper()
	for limit := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			l.t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// call runs an action with parameters NAME=VALUE and returns the exit code and the reason.
func (l *lab) call(action string, params ...string) (int, string) {
	l.t.Helper()
	env := map[string]string{"OCF_RESKEY_CRM_meta_interval": "10000", "HA_RSCTMP": l.dir}
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		if name == "probe" {
			env["OCF_RESKEY_CRM_meta_interval"] = "0"
		} else if name == "OCF_CHECK_LEVEL" {
			env[name] = value
		} else {
			env["OCF_RESKEY_"+name] = value
		}
	}
	var stderr bytes.Buffer
	code := ocf.Main(l.t.Context(), Agent(), ocf.Process{Args: []string{action}, Stdout: &bytes.Buffer{}, Stderr: &stderr,
		Env: func(n string) (string, bool) { v, ok := env[n]; return v, ok }})
	_, reason, _ := strings.Cut(stderr.String(), "ocf-exit-reason:")
	return code, strings.TrimSpace(reason)
}

// want runs an action and compares its exit code and a part of its reason.
func (l *lab) want(code int, reason, action string, params ...string) {
	l.t.Helper()
	if got, why := l.call(action, params...); got != code || !strings.Contains(why, reason) || reason == "" && why != "" {
		l.t.Errorf("%s %v: exit code %d, want %d; %q", action, params, got, code, why)
	}
}

func (l *lab) addresses() string { return l.ip("-o", "addr", "show", "dev", "eth0") }

// sniffer collects the frames of a protocol that reach the neighbour.
type sniffer struct {
	mu     sync.Mutex
	frames [][]byte
}

func (l *lab) sniff(proto int) *sniffer {
	l.t.Helper()
	var conn *packet.Conn
	l.atPeer(func() {
		ifi, err := net.InterfaceByName("far0")
		if err != nil {
			l.t.Fatal(err)
		}
		if conn, err = packet.Listen(ifi, packet.Raw, proto, nil); err != nil {
			l.t.Fatal(err)
		}
	})
	s := &sniffer{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 2048); ; {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.frames = append(s.frames, bytes.Clone(buf[:n]))
			s.mu.Unlock()
		}
	}()
	l.t.Cleanup(func() { conn.Close(); <-done })
	return s
}

// announcing reports whether a process still announces the address.
func announcing(ip string) bool {
	return len(proc.Find(1, func(p proc.Process) bool {
		args := proc.Cmdline(p.PID)
		return !p.Gone() && len(args) > 3 && args[1] == AnnounceFlag && args[3] == ip
	})) > 0
}

// about counts the frames that announce an address in each form.
func (s *sniffer) about(ip string) (requests, replies, advertisements int) {
	addr := netip.MustParseAddr(ip).AsSlice()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.frames {
		payload := f[14:]
		switch {
		case f[12] == 0x08 && f[13] == 0x06 && bytes.Equal(payload[14:18], addr) && bytes.Equal(payload[24:28], addr):
			if payload[7] == arpRequest {
				requests++
			} else {
				replies++
			}
		case f[12] == 0x86 && len(payload) >= 72 && payload[40] == icmpAdvertise && bytes.Equal(payload[48:64], addr) &&
			payload[7] == 255 && payload[44]&0x20 != 0 && bytes.Equal(payload[8:24], addr):
			advertisements++
		}
	}
	return
}

// buildProgram makes the real program with its link, for tests that need a file.
func buildProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "holdfast-agents"), "../../cmd/holdfast-agents")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Symlink("holdfast-agents", filepath.Join(dir, "vip")); err != nil {
		t.Fatal(err)
	}
	// The tester calls it as an ordinary user.
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "vip")
}
