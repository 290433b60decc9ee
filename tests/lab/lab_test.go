package lab

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

func TestMain(m *testing.M) {
	if init := os.Getenv(envVictim); init != "" {
		room.Main(func() (string, error) { return init, nil }, victim)
	}
	Main(m.Run)
}

// powered makes a cluster whose nodes are on.
func powered(t *testing.T, o Options) *Cluster {
	t.Helper()
	c := Start(t, o)
	if err := c.PowerOnAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// output runs a command that must succeed.
func output(t *testing.T, n *Node, command ...string) string {
	t.Helper()
	out, err := n.Exec(t.Context(), command...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNode_HasAWorldOfItsOwn(t *testing.T) {
	c := powered(t, Options{Nodes: 2, Links: 2, Software: (&Layer{}).Text("/usr/sbin/greet", "#!/bin/sh\necho hello from $(hostname)\n", 0o755)})
	n1, n2 := c.Node("n1"), c.Node("n2")
	if got := output(t, n1, "greet"); got != "hello from n1\n" {
		t.Errorf("greet says %q", got)
	}
	if got := output(t, n1, "cat", "/etc/hostname", "/proc/sys/kernel/hostname"); got != "n1\nn1\n" {
		t.Errorf("host name %q", got)
	}
	if got := output(t, n1, "sh", "-c", "echo $$"); len(got) > 4 {
		t.Errorf("process number %q: the node has no PID namespace of its own", got)
	}
	output(t, n1, "sh", "-c", "echo mine >/etc/mine; echo mine >/usr/mine; echo mine >/var/lib/holdfast/mine; echo mine >/run/mine")
	for _, path := range []string{"/etc/mine", "/usr/mine", "/var/lib/holdfast/mine", "/run/mine"} {
		if raw, err := n1.ReadFile(path); err != nil || string(raw) != "mine\n" {
			t.Errorf("%s on n1 holds %q (%v)", path, raw, err)
		}
		if raw, err := n2.ReadFile(path); err == nil {
			t.Errorf("%s of n1 is on n2 too: %q", path, raw)
		}
	}
	for _, to := range []string{n2.Addr(0).String(), n2.Addr(1).String(), "n2", c.Net.Room(0).String()} {
		output(t, n1, "ping", "-c1", "-W1", to)
	}
	if err := n1.PowerOff(); err != nil {
		t.Fatal(err)
	}
	if raw, err := n1.ReadFile("/etc/mine"); err != nil || string(raw) != "mine\n" {
		t.Errorf("the disk of a node that is off holds %q (%v)", raw, err)
	}
	if err := n1.WriteFile("/var/lib/holdfast/yours", []byte("yours"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n1.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := output(t, n1, "cat", "/usr/mine", "/var/lib/holdfast/mine", "/var/lib/holdfast/yours"); got != "mine\nmine\nyours" {
		t.Errorf("after a power cycle the disk holds %q", got)
	}
	if _, err := n1.ReadFile("/run/mine"); err == nil {
		t.Error("/run has outlived the power cycle")
	}
}

func TestPowerOff_KillsEverythingAtOnce(t *testing.T) {
	c := powered(t, Options{Nodes: 2, Command: []string{"sh", "-c", "sleep 1000 & exec sleep 1000"}})
	n1 := c.Node("n1")
	var procs []Process
	eventually(t, "process 1 and two sleeps run", func() bool {
		var err error
		procs, err = n1.Processes()
		return err == nil && len(procs) == 3
	})
	began := time.Now()
	if err := n1.PowerOff(); err != nil {
		t.Fatal(err)
	}
	t.Logf("power off took %v", time.Since(began))
	for _, p := range procs {
		if _, err := readStat(p.PID); !gone(err) {
			t.Errorf("%v has outlived the power cut (%v)", p, err)
		}
	}
	if n1.Powered() || !c.Node("n2").Powered() {
		t.Error("the wrong node is off")
	}
	if _, err := n1.Exec(t.Context(), "true"); err == nil || !strings.Contains(err.Error(), "off") {
		t.Errorf("running a command on a node that is off gives %v", err)
	}
	began = time.Now()
	if err := n1.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("power on took %v", time.Since(began))
	if got := c.Outages(); len(got) != 1 || got[0].Node != "n1" || got[0].Boot != 1 || n1.Boot() != 2 {
		t.Errorf("outages %v, boot %d", got, n1.Boot())
	}
}

func TestNode_ResetsItself(t *testing.T) {
	for how, command := range map[string]string{
		"reboot(2)":           "reboot -ff",
		"/proc/sysrq-trigger": "test -e /proc/sysrq-trigger || exit 77; echo b >/proc/sysrq-trigger; sleep 5",
	} {
		t.Run(how, func(t *testing.T) {
			n := powered(t, Options{Nodes: 1}).Node("n1")
			r, err := n.Run(t.Context(), "sh", "-c", command)
			if err == nil && (r.Code == 77 || r.Code == 127) {
				t.Skipf("this machine has no %s (%s)", how, r.Stderr)
			}
			eventually(t, "the node is off", func() bool { return !n.Powered() })
		})
	}
}

// eventually polls a condition of real processes.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func TestDial_ReachesLoopbackAndUnixSockets(t *testing.T) {
	c := powered(t, Options{Nodes: 1, Command: []string{"holdfast-hello", "127.0.0.1:8080"}})
	n := c.Node("n1")
	var conn net.Conn
	eventually(t, "the web server answers on the node's loopback", func() bool {
		var err error
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		conn, err = n.Dial(ctx, "tcp", "127.0.0.1:8080")
		return err == nil
	})
	conn.Close()
	if err := n.Client("crmd").Call(t.Context(), "GET", "/v1/status", nil, nil); err == nil || !strings.Contains(err.Error(), "not running") {
		t.Errorf("calling a daemon that is not there gives %v", err)
	}
}
