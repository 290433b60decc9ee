// Package supervisor keeps the daemons of a node running where systemd does not: it starts, watches, restarts and
// ends them. Package policy decides; this one acts.
//
// Goroutines, all joined before Run returns: the loop (owner of the machine), for each process one that waits for
// its end and one that reads its output, one for the notification socket of each daemon, the log writer, the call
// that asks crmd to leave, and where this is process 1 one that reaps orphans.
package supervisor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/supervisor/policy"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

// Daemons are the daemons of a node, in the order in which they start.
var Daemons = []policy.Daemon{
	{Name: "corosyncd", Watchdog: 10 * time.Second, Leaves: true},
	{Name: "fenced", After: "corosyncd", Watchdog: 30 * time.Second},
	{Name: "crmd", After: "corosyncd", Watchdog: 30 * time.Second, Leaves: true},
}

// Config is what a supervisor is made with.
type Config struct {
	Dirs paths.Dirs
	// BinDir is where the programs are, "" finds them in PATH.
	BinDir string
	// Daemons and CRM are those of a node unless set; tests have others.
	Daemons []policy.Daemon
	CRM     string
	// Drain bounds how long this node's resources may take to stop.
	Drain time.Duration
	// Out takes the log, a line at a time. A slow one costs lines, never time of the daemons.
	Out io.Writer
	// Hurry is a request not to wait for the resources any longer.
	Hurry <-chan struct{}
	// Notify tells whoever supervises this program that the node is up; nil tells nobody.
	Notify func(state string)
}

// Supervisor supervises one node.
type Supervisor struct {
	cfg     Config
	machine *policy.Machine
	log     *lineLog
	inputs  chan policy.Input
	tasks   sync.WaitGroup
	known   processes
	sockets map[string]*notifySocket
}

// maxInputs bounds the inputs that wait for the loop.
const maxInputs = 256

// New prepares a supervisor.
func New(cfg Config) *Supervisor {
	if cfg.Daemons == nil {
		cfg.Daemons, cfg.CRM = Daemons, "crmd"
	}
	if cfg.Notify == nil {
		cfg.Notify = func(string) {}
	}
	return &Supervisor{cfg: cfg, machine: policy.New(cfg.Daemons, cfg.CRM, cfg.Drain), log: newLineLog(cfg.Out),
		inputs: make(chan policy.Input, maxInputs), sockets: map[string]*notifySocket{}}
}

// Run supervises until ctx ends (the node then stops in order), until the node has left the cluster, or until a
// daemon cannot run with its configuration. Nothing that it started is left when it returns.
func (s *Supervisor) Run(ctx context.Context) error {
	// The daemons die with the thread that started them, so that a supervisor that is killed leaves none behind.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unlock, err := lock(filepath.Join(s.cfg.Dirs.Run, "node.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	logged := make(chan struct{})
	go func() { s.log.run(); close(logged) }()
	defer func() { s.log.close(); <-logged }()
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer s.tasks.Wait()
	defer cancel()
	for _, d := range s.cfg.Daemons {
		n, err := listenNotify(filepath.Join(s.cfg.Dirs.Run, "notify-"+d.Name+".sock"))
		if err != nil {
			return err
		}
		s.sockets[d.Name] = n
		s.tasks.Go(func() { n.run(inner, d.Name, s.post(inner)) })
	}
	if os.Getpid() == 1 {
		s.tasks.Go(func() { s.reap(inner) })
	}
	return s.loop(ctx, inner)
}

// post gives inputs to the loop from other goroutines, until it has ended.
func (s *Supervisor) post(inner context.Context) func(policy.Input) {
	return func(in policy.Input) {
		select {
		case s.inputs <- in:
		case <-inner.Done():
		}
	}
}

// loop owns the machine.
func (s *Supervisor) loop(ctx, inner context.Context) error {
	stop, hurry := ctx.Done(), s.cfg.Hurry
	timer := time.NewTimer(0)
	defer timer.Stop()
	var in policy.Input = policy.Wake{}
	for {
		done, err := s.act(inner, s.machine.Step(time.Now(), in))
		if done {
			return err
		}
		if d := s.machine.Deadline(); d.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(d))
		}
		select {
		case in = <-s.inputs:
		case <-timer.C:
			in = policy.Wake{}
		case <-stop:
			stop, in = nil, policy.Stop{}
		case <-hurry:
			in = policy.Stop{}
		}
	}
}

// act carries out what the machine says. It reports whether the supervision has ended.
func (s *Supervisor) act(inner context.Context, outputs []policy.Output) (done bool, err error) {
	for len(outputs) > 0 {
		o := outputs[0]
		outputs = outputs[1:]
		switch o := o.(type) {
		case policy.Start:
			outputs = append(outputs, s.machine.Step(time.Now(), s.start(inner, o.Name))...)
		case policy.Send:
			s.known.signal(o.Name, map[policy.Signal]syscall.Signal{policy.Terminate: syscall.SIGTERM, policy.Abort: syscall.SIGABRT,
				policy.Kill: syscall.SIGKILL}[o.Signal])
		case policy.Drain:
			s.tasks.Go(func() { s.drain(inner) })
		case policy.AllReady:
			s.cfg.Notify("READY=1")
		case policy.Say:
			s.log.say(o.Bad, o.Text)
		case policy.Done:
			if o.Err != "" {
				return true, session.Fail(o.Status, "%s", o.Err)
			}
			return true, nil
		}
	}
	return false, nil
}

// start makes a process and the goroutines that belong to it.
func (s *Supervisor) start(inner context.Context, name string) policy.Input {
	path := name
	if s.cfg.BinDir != "" {
		path = filepath.Join(s.cfg.BinDir, name)
	}
	cmd := exec.Command(path)
	i := slices.IndexFunc(s.cfg.Daemons, func(d policy.Daemon) bool { return d.Name == name })
	cmd.Env = append(cleanEnv(os.Environ()), "NOTIFY_SOCKET="+s.sockets[name].path)
	if w := s.cfg.Daemons[i].Watchdog; w > 0 {
		cmd.Env = append(cmd.Env, "WATCHDOG_USEC="+strconv.FormatInt(w.Microseconds(), 10))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	read, write, err := os.Pipe()
	if err != nil {
		return policy.Failed{Name: name, Reason: err.Error()}
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := s.known.start(name, cmd); err != nil {
		read.Close()
		write.Close()
		return policy.Failed{Name: name, Reason: err.Error()}
	}
	write.Close()
	s.sockets[name].follow(cmd.Process.Pid)
	post := s.post(inner)
	s.tasks.Go(func() { s.log.follow(inner, name, read) })
	s.tasks.Go(func() {
		err := cmd.Wait()
		s.known.forget(name)
		how := "exit status 0"
		if err != nil {
			how = err.Error()
		}
		post(policy.Exited{Name: name, How: how, Status: cmd.ProcessState.ExitCode()})
	})
	return policy.Started{Name: name}
}

// cleanEnv drops what belongs to this process's own supervisor.
func cleanEnv(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(e string) bool {
		return strings.HasPrefix(e, "NOTIFY_SOCKET=") || strings.HasPrefix(e, "WATCHDOG_")
	})
}

// Limits of asking crmd to leave. A crmd that has just been restarted answers after a moment.
const (
	drainTries = 10
	drainPause = time.Second
	drainCall  = 15 * time.Second
)

// drain asks crmd to stop this node's resources and to leave.
func (s *Supervisor) drain(inner context.Context) {
	crm := ipc.NewClient(s.cfg.Dirs.Socket(s.cfg.CRM))
	defer crm.Close()
	var err error
	for range drainTries {
		ctx, cancel := context.WithTimeout(inner, drainCall)
		err = crm.Call(ctx, http.MethodPost, api.PathShutdown, api.ShutdownRequest{}, nil)
		cancel()
		if err == nil || inner.Err() != nil {
			break
		}
		select {
		case <-time.After(drainPause):
		case <-inner.Done():
		}
	}
	text := ""
	if err != nil {
		text = fmt.Sprint(err)
	}
	s.post(inner)(policy.Drained{Err: text})
}
