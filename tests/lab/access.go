package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/tests/lab/enter"
)

// ErrOff is the error of doing something on a node that is off.
var ErrOff = errors.New("the node is off")

// Run runs a command in the node and returns its result, whatever its exit status. An error means that it did
// not run, or that the context ended it.
func (n *Node) Run(ctx context.Context, command ...string) (enter.Result, error) {
	return n.RunWith(ctx, "", command...)
}

// RunWith is Run with a standard input.
func (n *Node) RunWith(ctx context.Context, stdin string, command ...string) (enter.Result, error) {
	pid := n.PID()
	if pid == 0 {
		return enter.Result{}, fmt.Errorf("run %s on %s: %w", command[0], n.Name, ErrOff)
	}
	r, err := enter.Run(ctx, pid, n.machine.Env, stdin, command...)
	if err != nil {
		return r, fmt.Errorf("on %s: %w", n.Name, err)
	}
	return r, nil
}

// Exec runs a command in the node and returns its standard output; an exit status other than 0 is an error with
// what the command said.
func (n *Node) Exec(ctx context.Context, command ...string) (string, error) {
	r, err := n.Run(ctx, command...)
	if err == nil {
		err = r.Err(n.Name, command...)
	}
	return r.Stdout, err
}

// Start starts a command in the node. Its name is looked up there.
func (n *Node) Start(cmd *exec.Cmd) (*enter.Job, error) {
	pid := n.PID()
	if pid == 0 {
		return nil, fmt.Errorf("run %s on %s: %w", cmd.Args[0], n.Name, ErrOff)
	}
	cmd.Env = append(slices.Clone(n.machine.Env), cmd.Env...)
	job, err := enter.Start(pid, cmd)
	if err != nil {
		return nil, fmt.Errorf("on %s: %w", n.Name, err)
	}
	return job, nil
}

// Path is a path of the running node as the room sees it, also for unix sockets. Symbolic links with absolute
// targets lead astray.
func (n *Node) Path(path string) (string, error) {
	pid := n.PID()
	if pid == 0 {
		return "", fmt.Errorf("%s on %s: %w", path, n.Name, ErrOff)
	}
	return filepath.Join("/proc", strconv.Itoa(pid), "root", path), nil
}

// ReadFile reads a file of the node, whether it is on or off; while it is off only what the node or WriteFile
// has written is there.
func (n *Node) ReadFile(path string) ([]byte, error) {
	at, err := n.Path(path)
	if err != nil {
		at = n.atRest(path)
	}
	raw, err := os.ReadFile(at)
	if err != nil {
		return nil, fmt.Errorf("on %s: %w", n.Name, err)
	}
	return raw, nil
}

// WriteFile writes a file of the node, on or off, and makes the directories above it.
func (n *Node) WriteFile(path string, data []byte, mode fs.FileMode) error {
	at, err := n.Path(path)
	if err != nil {
		at = n.atRest(path)
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return fmt.Errorf("on %s: %w", n.Name, err)
	}
	if err := os.WriteFile(at, data, mode); err != nil {
		return fmt.Errorf("on %s: %w", n.Name, err)
	}
	return nil
}

// atRest is where a file lies while the node is off.
func (n *Node) atRest(path string) string {
	for _, b := range n.machine.Binds {
		if rel, ok := strings.CutPrefix(path, b.To+"/"); ok {
			return filepath.Join(b.From, rel)
		}
	}
	return n.Disk(path)
}

// Dial connects from within the node, such as to its loopback addresses. A unix socket's path is the node's.
func (n *Node) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	pid := n.PID()
	if pid == 0 {
		return nil, fmt.Errorf("dial %s on %s: %w", address, n.Name, ErrOff)
	}
	var d net.Dialer
	if network == "unix" {
		at, err := n.Path(address)
		if err != nil {
			return nil, err
		}
		return d.DialContext(ctx, network, at)
	}
	var conn net.Conn
	err := enter.Do(pid, enter.Net, func() (err error) {
		// Addresses are numbers, so everything happens in this thread: a socket belongs to the namespace in
		// which it was made.
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("dial from %s: %w", n.Name, err)
	}
	return conn, nil
}

// ListenPacket opens a datagram socket in the node's network.
func (n *Node) ListenPacket(network, address string) (net.PacketConn, error) {
	pid := n.PID()
	if pid == 0 {
		return nil, fmt.Errorf("listen on %s: %w", n.Name, ErrOff)
	}
	var conn net.PacketConn
	err := enter.Do(pid, enter.Net, func() (err error) {
		conn, err = net.ListenPacket(network, address)
		return err
	})
	return conn, err
}

// Client talks to a daemon of the node (corosyncd, crmd, fenced) on its unix socket. It also works after a
// power cycle.
func (n *Node) Client(daemon string) *ipc.Client {
	socket := paths.Dirs{Run: "/run/holdfast"}.Socket(daemon)
	return ipc.NewClientOn(daemon+" on "+n.Name, &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := n.Dial(ctx, "unix", socket)
			if err != nil {
				// A connection error for the client, as if the daemon were not there.
				return nil, &net.OpError{Op: "dial", Net: "unix", Err: err}
			}
			return conn, nil
		},
		DisableCompression: true,
		DisableKeepAlives:  true,
	})
}
