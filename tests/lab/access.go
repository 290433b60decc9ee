package lab

import (
	"bytes"
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
	"time"

	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/tests/lab/enter"
)

// ErrOff is the error of doing something on a node that is off.
var ErrOff = errors.New("the node is off")

// Result is what a command did.
type Result struct {
	Stdout, Stderr string
	Code           int // exit status, 128+signal when it was killed
}

// Run runs a command in the node and returns its result, whatever its exit status. An error means that it did
// not run, or that the context ended it.
func (n *Node) Run(ctx context.Context, command ...string) (Result, error) {
	return n.RunWith(ctx, "", command...)
}

// RunWith is Run with a standard input.
func (n *Node) RunWith(ctx context.Context, stdin string, command ...string) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	// A daemon that the command leaves behind may hold its output open.
	cmd.WaitDelay = time.Second
	job, err := n.Start(cmd)
	if err != nil {
		return Result{}, err
	}
	err = job.Wait()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	if ctx.Err() != nil {
		return r, fmt.Errorf("on %s: %s: %w", n.Name, strings.Join(command, " "), ctx.Err())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return r, fmt.Errorf("on %s: %s: %w", n.Name, strings.Join(command, " "), err)
	}
	r.Code = cmd.ProcessState.ExitCode()
	if s := waitStatus(cmd); s.Signaled() {
		r.Code = 128 + int(s.Signal())
	}
	return r, nil
}

// Exec runs a command in the node and returns its standard output; an exit status other than 0 is an error with
// what the command said.
func (n *Node) Exec(ctx context.Context, command ...string) (string, error) {
	r, err := n.Run(ctx, command...)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("on %s: %s: exit status %d: %s", n.Name, strings.Join(command, " "), r.Code,
			strings.TrimSpace(r.Stderr+"\n"+r.Stdout))
	}
	return r.Stdout, err
}

// Job is a command that runs in a node. It is reaped even when nobody waits for it, because a node is only dead
// when everything in it has been reaped.
type Job struct {
	done chan struct{}
	err  error
}

// Wait waits for the end of the command, and of the node at the latest, and returns what exec.Cmd.Wait does.
func (j *Job) Wait() error {
	<-j.done
	return j.err
}

// Start starts a command in the node. Its name is looked up there.
func (n *Node) Start(cmd *exec.Cmd) (*Job, error) {
	pid := n.PID()
	if pid == 0 {
		return nil, fmt.Errorf("run %s on %s: %w", cmd.Args[0], n.Name, ErrOff)
	}
	cmd.Env = append(slices.Clone(n.machine.Env), cmd.Env...)
	err := enter.Do(pid, enter.Whole, func() error {
		path, err := exec.LookPath(cmd.Args[0])
		if err != nil {
			return err
		}
		cmd.Path, cmd.Err = path, nil
		if cmd.Dir == "" {
			cmd.Dir = "/"
		}
		return cmd.Start()
	})
	if err != nil {
		return nil, fmt.Errorf("run %s on %s: %w", cmd.Args[0], n.Name, err)
	}
	j := &Job{done: make(chan struct{})}
	go func() {
		j.err = cmd.Wait()
		close(j.done)
	}()
	return j, nil
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
