package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/lab/journal"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// stateDir is what survives of a node's stack in its own directory, besides /etc.
const stateDir = "/var/lib/holdfast"

// Bounds of waiting for the kernel. Starting takes some 30 ms and dying a few; on a starved machine longer.
const (
	startTimeout = 30 * time.Second
	deathTimeout = 30 * time.Second
)

// Node is one machine of a cluster. Its methods are safe for concurrent use.
type Node struct {
	Name string
	ID   int

	cluster *Cluster
	dir     string
	machine room.Machine
	mounted []string // in the room, for this node

	mu    sync.Mutex
	life  *life // nil while the node is off
	last  *life // the life before
	boots int
	ends  []journal.Outage
}

// life is the time from one power-on to the next power-off.
type life struct {
	boot   int
	cmd    *exec.Cmd
	orders *os.File      // process 1 ends when this is closed
	dead   chan struct{} // closed when all processes are dead
	over   chan struct{} // closed when its network is gone too
}

func (c *Cluster) newNode(id int, o Options) (*Node, error) {
	n := &Node{Name: fmt.Sprintf("n%d", id), ID: id, cluster: c}
	n.dir = filepath.Join(c.dir, n.Name)
	state := filepath.Join(n.dir, "state")
	if o.State != "" {
		state = filepath.Join(o.State, n.Name)
	}
	// In a user namespace the machine's directories belong to nobody, and only what is made here lets itself be
	// written to.
	for _, dir := range []string{state, n.Disk("etc/holdfast"), n.Disk("var/log"), n.Disk(stateDir)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if o.StateSize > 0 {
		if err := unix.Mount("tmpfs", state, "tmpfs", 0, fmt.Sprintf("mode=755,size=%d", o.StateSize)); err != nil {
			return nil, fmt.Errorf("mount the state of %s: %w", n.Name, err)
		}
		n.mounted = append(n.mounted, state)
	}
	n.machine = room.Machine{
		Name: n.Name, Dir: n.dir, Layer: filepath.Join(c.dir, "layer"), Shared: c.shared(""), Console: n.console(),
		Binds:   []room.Bind{{From: state, To: stateDir}},
		Command: o.Command, Env: environment(n.Name, o.Env),
	}
	files := map[string]string{"etc/hostname": n.Name + "\n"}
	if room.Mapped() {
		// There is one user, and giving a file to another one fails.
		files["etc/passwd"] = "root:x:0:0:root:/root:/bin/sh\n"
		files["etc/group"] = "root:x:0:\n"
	}
	for path, text := range files {
		if err := os.WriteFile(n.Disk(path), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// environment is what a process on a node gets.
func environment(name string, more []string) []string {
	return append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb", "HOSTNAME=" + name,
	}, more...)
}

// Disk is where a file that the node has written lies in the room. It can be read at any time and written while
// the node is off.
func (n *Node) Disk(path string) string { return filepath.Join(n.dir, "disk", path) }

// console is what the node's stack has written.
func (n *Node) console() string { return filepath.Join(n.dir, "console") }

// Console returns what the node's stack has written to its standard output and error, in all its lives.
func (n *Node) Console() string { return tail(n.console(), 64<<20) }

// Addr is the node's address on a link.
func (n *Node) Addr(link int) netip.Addr { return n.cluster.Net.Addr(n.ID, link) }

// Powered tells whether the node is on.
func (n *Node) Powered() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.life != nil
}

// PID is the number of the node's process 1 in the room, 0 while the node is off.
func (n *Node) PID() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life == nil {
		return 0
	}
	return n.life.cmd.Process.Pid
}

// Boot is how often the node has been switched on.
func (n *Node) Boot() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.boots
}

func (n *Node) outages() []journal.Outage {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.ends)
}

// PowerOn starts the node and returns when its command has been started. It does nothing on a node that is on.
func (n *Node) PowerOn(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life != nil {
		return nil
	}
	if n.last != nil {
		<-n.last.over
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	l, err := n.boot(ctx)
	if err != nil {
		return fmt.Errorf("power on %s: %w", n.Name, err)
	}
	n.life = l
	go n.mourn(l)
	n.cluster.log.Info("power on", "node", n.Name, "boot", l.boot)
	return nil
}

func (n *Node) boot(ctx context.Context) (*life, error) {
	ordersR, ordersW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	readyR, readyW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, ordersR.Close(), ordersW.Close())
	}
	defer readyR.Close()
	n.boots++
	cmd := exec.Command(room.Init(), "node")
	cmd.ExtraFiles = []*os.File{ordersR, readyW}
	cmd.Env = n.machine.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWPID, Setsid: true,
	}
	err = cmd.Start()
	ordersR.Close()
	readyW.Close()
	if err != nil {
		return nil, errors.Join(err, ordersW.Close())
	}
	l := &life{boot: n.boots, cmd: cmd, orders: ordersW, dead: make(chan struct{}), over: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	if err := n.instruct(l, bufio.NewReader(readyR)); err != nil {
		cmd.Process.Kill()
		return nil, errors.Join(err, cmd.Wait(), ordersW.Close(), n.cluster.Net.Unplug(n.ID), ctx.Err())
	}
	return l, nil
}

// instruct tells process 1 what it is, gives it a network and waits until it has started the command.
func (n *Node) instruct(l *life, ready *bufio.Reader) error {
	m := n.machine
	m.Boot = l.boot
	m.Binds = slices.Clone(m.Binds)
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if _, err := l.orders.Write(append(raw, '\n')); err != nil {
		return err
	}
	if err := expect(ready, "built"); err != nil {
		return err
	}
	if err := n.cluster.Net.Plug(n.ID, l.cmd.Process.Pid); err != nil {
		return err
	}
	if _, err := l.orders.Write([]byte("\n")); err != nil {
		return err
	}
	return expect(ready, "ok")
}

func expect(from *bufio.Reader, want string) error {
	line, err := from.ReadString('\n')
	if line = strings.TrimSpace(line); line == want {
		return nil
	}
	if line != "" {
		return errors.New(line)
	}
	if err == io.EOF {
		err = errors.New("process 1 of the node ended early")
	}
	return err
}

// mourn waits for the end of a life, wanted or not.
func (n *Node) mourn(l *life) {
	defer close(l.over)
	l.cmd.Wait()
	at := journal.Now()
	n.mu.Lock()
	n.ends = append(n.ends, journal.Outage{Node: n.Name, Boot: l.boot, At: at})
	n.life, n.last = nil, l
	n.mu.Unlock()
	close(l.dead)
	n.cluster.log.Info("power off", "node", n.Name, "boot", l.boot, "state", l.cmd.ProcessState.String())
	l.orders.Close()
	if err := n.cluster.Net.Unplug(n.ID); err != nil {
		n.cluster.log.Error("unplug", "node", n.Name, "err", err)
	}
}

// PowerOff cuts the node's power and returns when every process of it is dead. The network goes first: what
// dies without power says goodbye to nobody.
func (n *Node) PowerOff() error {
	n.mu.Lock()
	l := n.life
	n.mu.Unlock()
	if l == nil {
		return nil
	}
	err := n.cluster.Net.Silence(n.ID)
	l.cmd.Process.Kill()
	select {
	case <-l.dead:
		return err
	case <-time.After(deathTimeout):
		return fmt.Errorf("power off %s: its processes do not die, process 1 is %d", n.Name, l.cmd.Process.Pid)
	}
}

// remove ends what the node has outside of its namespaces. It is off for good.
func (n *Node) remove() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last != nil {
		<-n.last.over
	}
	var errs []error
	for _, at := range n.mounted {
		errs = append(errs, unix.Unmount(at, unix.MNT_DETACH))
	}
	n.mounted = nil
	return errors.Join(errs...)
}
