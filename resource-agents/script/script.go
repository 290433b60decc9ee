// Package script is the resource agent ocf:holdfast:script: a program of the user's as a resource, by its
// own commands or as a supervised process.
package script

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// Agent describes the agent.
func Agent() *ocf.Agent {
	return &ocf.Agent{
		Name: "script", Version: "1.0",
		Short: "Runs a program or a user's start, stop and status commands",
		Long: `This agent makes a resource of any program, in one of two ways.

With the parameter command it starts a program that stays in the foreground, and remembers the process and when it began, so that
another process with the same number is never taken for it. A stop sends TERM to the program and everything that it has
started, and after a while KILL. Where cgroup v2 is available the program gets a cgroup of its own, so that nothing escapes.

With the parameters start, stop and status it calls the user's own commands.

In both ways it recognises a program that hangs: by the state of the process (stopped, or waiting uninterruptibly for a device) over
several monitors, and by a probe command that fails or does not answer several times in a row.`,
		Params: parameters(),
		Actions: []ocf.Action{
			{Name: "start", Timeout: "60s", Run: choose(startProgram, startCommand)},
			{Name: "stop", Timeout: "60s", Run: choose(stopProgram, stopCommand)},
			{Name: "monitor", Timeout: "20s", Interval: "10s", Depth: "0", Run: choose(monitorProgram, monitorCommand)},
			{Name: "status", Timeout: "20s", Interval: "10s", Run: choose(monitorProgram, monitorCommand)},
			{Name: "reload-agent", Timeout: "20s", Run: func(context.Context, *ocf.Call) error { return nil }},
		},
		Validate: validate,
	}
}

func parameters() []ocf.Param {
	return []ocf.Param{
		{Name: "command", Type: ocf.Text, Short: "Program that stays in the foreground",
			Long: "A shell command that runs the program and does not return while it runs, such as /opt/app/bin/server --config /etc/app.conf."},
		{Name: "start", Type: ocf.Text, Short: "Command that starts the service",
			Long: "A shell command that starts the service and returns when it is started, with exit code 0. It must succeed if it runs already."},
		{Name: "stop", Type: ocf.Text, Short: "Command that stops the service",
			Long: "A shell command that stops the service and returns when it is stopped, with exit code 0. It must succeed if it is stopped already."},
		{Name: "status", Type: ocf.Text, Short: "Command that tells whether the service runs",
			Long: "A shell command with the exit code 0 if the service runs and 1, 2, 3 or 7 if it does not. Any other is a failure."},
		{Name: "pidfile", Type: ocf.Text, Check: absolute, Reloadable: true, Short: "File with the process id, for the start command",
			Long: "The file into which the service writes its process id. With it the state of the process is checked also for a service that is started by command."},
		{Name: "user", Type: ocf.Text, Short: "User that runs the program and the commands", Long: "The user that runs the program and all commands; root if it is not set."},
		{Name: "directory", Type: ocf.Text, Default: "/", Check: absolute, Short: "Working directory", Long: "The working directory of the program and all commands."},
		{Name: "log", Type: ocf.Text, Check: absolute, Short: "File for the output",
			Long: "The file to which the output of the program and the commands is appended; /var/log/holdfast/RESOURCE.log if it is not set."},
		{Name: "settle", Type: ocf.Duration, Default: "200ms", Reloadable: true, Short: "Time that a started program must live",
			Long: "How long the program must run before its start has succeeded. With a probe the start waits until that succeeds as well."},
		{Name: "stop_signal", Type: ocf.Select, Default: "TERM", Values: []string{"TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "KILL"}, Reloadable: true,
			Short: "Signal that asks the program to stop", Long: "The signal that asks the program to stop."},
		{Name: "stop_timeout", Type: ocf.Duration, Reloadable: true, Short: "Time before the program is killed",
			Long: "How long the program may take to stop before it is killed. If it is not set, that is the timeout of the stop less 5 seconds, at least half of it."},
		{Name: "hang_checks", Type: ocf.Integer, Default: "5", Reloadable: true, Short: "Monitors before a stuck process is a failure",
			Long: `After how many monitors in a row that find the process stopped (T), waiting uninterruptibly (D) or half dead (Z) it has failed.
0 does not look at the state.`},
		{Name: "probe", Type: ocf.Text, Reloadable: true, Short: "Command that tests whether the service answers",
			Long: "A shell command with exit code 0 if the service does its work, such as curl -fs http://localhost:8080/health."},
		{Name: "probe_timeout", Type: ocf.Duration, Default: "5s", Reloadable: true, Short: "Time for the probe",
			Long: "How long the probe may take before it counts as failed."},
		{Name: "probe_count", Type: ocf.Integer, Default: "3", Min: 1, Reloadable: true, Short: "Failed probes before it is a failure",
			Long: "After how many failed probes in a row the resource has failed."},
	}
}

func absolute(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New("an absolute path is needed")
	}
	return nil
}

// validate makes sure that exactly one way is configured.
func validate(c *ocf.Call) error {
	var set, unset []string
	for _, name := range []string{"start", "stop", "status"} {
		if c.Text(name) != "" {
			set = append(set, name)
		} else {
			unset = append(unset, name)
		}
	}
	switch program := c.Text("command") != ""; {
	case program && len(set) > 0:
		return ocf.Errorf(ocf.ErrConfigured, "the parameter command excludes %s", strings.Join(set, ", "))
	case program && c.Text("pidfile") != "":
		return ocf.Errorf(ocf.ErrConfigured, "the parameter command excludes pidfile; the agent knows the process")
	case !program && len(unset) > 0:
		return ocf.Errorf(ocf.ErrConfigured, "either command or start, stop and status are needed; %s is not set", strings.Join(unset, ", "))
	}
	return nil
}

type action = func(context.Context, *ocf.Call) error

func choose(program, command action) action {
	return func(ctx context.Context, c *ocf.Call) error {
		// Whatever hangs ends before the cluster ends it, so that there is a reason.
		ctx, cancel := context.WithTimeout(ctx, c.Timeout()-min(time.Second, c.Timeout()/10))
		defer cancel()
		if c.Text("command") != "" {
			return program(ctx, c)
		}
		return command(ctx, c)
	}
}

// killTime is what a stop keeps for itself after the program was asked to stop.
const killTime = 5 * time.Second

// stopTimeout is how long the program may take to stop by itself.
func stopTimeout(c *ocf.Call) time.Duration {
	if c.Text("stop_timeout") != "" {
		return c.Duration("stop_timeout")
	}
	return max(c.Timeout()-killTime, c.Timeout()/2)
}
