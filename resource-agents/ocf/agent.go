// Package ocf is what resource agents written in Go share: how an agent is called, its parameters, its
// metadata and its exit codes, after OCF 1.1.
package ocf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
)

// Agent describes a resource agent. The description is the metadata, and what it says of parameters is
// checked before an action runs.
type Agent struct {
	Name        string
	Version     string
	Short, Long string
	Params      []Param
	Actions     []Action
	// Validate checks what the parameters' own checks cannot, such as two that exclude each other. It runs
	// before every action but meta-data and changes nothing.
	Validate func(*Call) error
}

// Param is a parameter of an agent.
type Param struct {
	Name        string
	Short, Long string
	Type        Type
	Default     string
	Required    bool
	// UniqueGroup names the group of parameters in which two resources must differ.
	UniqueGroup string
	// Reloadable parameters may change while the resource runs.
	Reloadable bool
	Values     []string // of a Select
	// Min is the least value of an Integer.
	Min int64
	// Check looks at a value that is set; its error says what is wrong with it.
	Check func(value string) error
}

// Type is the type of a parameter in metadata.
type Type string

// The types that the agents use. A Duration is a number of seconds, or a number with a unit.
const (
	Text     Type = "string"
	Boolean  Type = "boolean"
	Integer  Type = "integer"
	Select   Type = "select"
	Duration Type = "time"
)

// Action is something that an agent can be asked to do.
type Action struct {
	Name     string
	Timeout  string // suggested
	Interval string // suggested, for monitors
	Depth    string // OCF_CHECK_LEVEL
	// Run does it. nil error is success; otherwise the exit code is in an *Error and 1 without one.
	Run func(context.Context, *Call) error
}

// Standard actions every agent has in the same form.
const (
	metaData    = "meta-data"
	validateAll = "validate-all"
)

// Process is what an agent is given when it is called.
type Process struct {
	Args           []string // action first
	Env            func(name string) (string, bool)
	Stdout, Stderr io.Writer
}

// Main runs one action of an agent and returns the exit code.
func Main(ctx context.Context, a *Agent, p Process) (code int) {
	if len(p.Args) == 0 {
		fmt.Fprint(p.Stderr, a.usage())
		return int(ErrArgs)
	}
	name := p.Args[0]
	switch name {
	case metaData:
		io.WriteString(p.Stdout, a.XML())
		return int(Success)
	case "usage", "help", "--help":
		fmt.Fprint(p.Stdout, a.usage())
		return int(Success)
	}
	c := newCall(a, name, p)
	defer func() {
		// A crash must not look like "not running" (Go's exit code 2 is a wrong parameter to the cluster).
		if r := recover(); r != nil {
			fmt.Fprintf(p.Stderr, "%s\n", debug.Stack())
			code = c.exit(Errorf(ErrGeneric, "the agent has crashed: %v", r))
		}
	}()
	return c.exit(a.act(ctx, c))
}

// act finds the action, checks the parameters and runs it.
func (a *Agent) act(ctx context.Context, c *Call) error {
	run := func(context.Context, *Call) error { return nil }
	if c.Action != validateAll {
		found := false
		for _, x := range a.Actions {
			if x.Name == c.Action && x.Run != nil {
				run, found = x.Run, true
				break
			}
		}
		if !found {
			return Errorf(ErrUnimplemented, "%s has no action %s", a.Name, c.Action)
		}
	}
	if err := c.check(); err != nil {
		return err
	}
	if a.Validate != nil {
		if err := a.Validate(c); err != nil {
			return err
		}
	}
	return run(ctx, c)
}

func (a *Agent) usage() string {
	names := []string{}
	for _, x := range a.Actions {
		names = append(names, x.Name)
	}
	return fmt.Sprintf("usage: %s {%s}\nThe cluster calls this program; parameters are in the environment as OCF_RESKEY_NAME.\n",
		a.Name, strings.Join(append(names, validateAll, metaData), "|"))
}

// Code is an exit code of an agent.
type Code int

// What the codes mean to the cluster.
const (
	Success          Code = 0
	ErrGeneric       Code = 1 // tried again as the cluster sees fit
	ErrArgs          Code = 2 // wrong on this node
	ErrUnimplemented Code = 3
	ErrPerm          Code = 4 // not again on this node
	ErrInstalled     Code = 5 // not again on this node
	ErrConfigured    Code = 6 // not again anywhere
	NotRunning       Code = 7
	RunningPromoted  Code = 8
	FailedPromoted   Code = 9
	Degraded         Code = 190
)

// Error ends an action with a code and a reason that the cluster shows.
type Error struct {
	Code   Code
	Reason string
}

func (e *Error) Error() string { return e.Reason }

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// ErrNotRunning is the answer of a monitor when the resource is stopped. It has no reason, because it is
// none.
var ErrNotRunning error = &Error{Code: NotRunning}

// exit prints the reason and finds the code.
func (c *Call) exit(err error) int {
	if err == nil {
		return int(Success)
	}
	code := ErrGeneric
	var e *Error
	if errors.As(err, &e) {
		code = e.Code
	}
	if reason := strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", "; ")); reason != "" {
		fmt.Fprintf(c.stderr, "%s%s\n", c.reasonPrefix, reason)
	}
	return int(code)
}
