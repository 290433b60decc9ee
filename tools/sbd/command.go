// Package sbd is the command sbd: messages on shared disks, and the guard of a node.
package sbd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/sbdconf"
	"github.com/holdfast-ha/holdfast/fenced/sbddisk"
	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// Command is the row of sbd.
var Command = cli.Command{Name: "sbd", Help: "fence by messages on shared disks, and guard this node with a watchdog", Run: run}

// call is one run of the command.
type call struct {
	env      *cli.Env
	settings sbdconf.Settings

	devices  []string
	node     string
	timeouts sbdformat.Timeouts
	msgwait  bool // -4 was given
	io       time.Duration
	disk     sbddisk.Options

	watchdogs, pacemaker int // how often -W and -P were given
	keepTimeout          bool
	clusterFirst         bool
	normal               bool // -R
	rehearse             int
	startMode            string
	startTimeout         time.Duration
	warn                 time.Duration
	crash                time.Duration
	pidFile              string
	help                 bool
	verbose              int
}

// errUsage tells that the command line makes no sense; the usage follows.
type errUsage struct{ text string }

func (e *errUsage) Error() string { return e.text }

// commands are the verbs with the number of operands that each needs.
var commands = map[string]struct {
	operands int
	do       func(*call, context.Context, []string) error
}{
	"create":         {0, (*call).create},
	"dump":           {0, (*call).dump},
	"list":           {0, (*call).list},
	"allocate":       {1, (*call).allocate},
	"message":        {2, (*call).message},
	"ping":           {1, (*call).ping},
	"watch":          {0, (*call).watch},
	"query-watchdog": {0, (*call).queryWatchdog},
	"test-watchdog":  {0, (*call).testWatchdog},
}

func run(ctx context.Context, env *cli.Env) int {
	c := &call{env: env, timeouts: sbdformat.DefaultTimeouts(), startTimeout: 2 * time.Minute, warn: -1}
	err := c.main(ctx)
	var usage *errUsage
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		if usage.text != "" {
			fmt.Fprintln(env.Stderr, usage.text)
		}
		fmt.Fprint(env.Stderr, c.usage())
	default:
		if text := err.Error(); text != "" {
			fmt.Fprintln(env.Stderr, text)
		}
		fmt.Fprintln(env.Stderr, "sbd failed; please check the logs.")
	}
	return 1
}

// errSaid tells that what is wrong has been printed.
var errSaid = errors.New("")

func (c *call) main(ctx context.Context) error {
	file := map[string]string{}
	for _, path := range sbdconf.Files {
		if raw, err := os.ReadFile(path); err == nil {
			file = sbdconf.Parse(string(raw))
			break
		}
	}
	var err error
	if c.settings, err = sbdconf.From(sbdconf.Or(c.env.Getenv, file)); err != nil {
		fmt.Fprintf(c.env.Stderr, "sbd: %v; the default is used\n", err)
	}
	operands, err := cli.Parse(c.options(), c.env.Args)
	var wrong *cli.UsageError
	switch {
	case errors.As(err, &wrong):
		return &errUsage{"sbd: " + wrong.Msg}
	case err != nil:
		return err
	case c.help:
		fmt.Fprint(c.env.Stdout, c.usage())
		return nil
	case len(operands) == 0:
		return &errUsage{"Not enough arguments."}
	}
	if len(c.devices) == 0 {
		c.devices = c.settings.Devices
	}
	for _, d := range c.devices {
		if !filepath.IsAbs(d) {
			return fmt.Errorf("Invalid device: %s", d) //nolint:staticcheck // sbd's text
		}
	}
	if err := c.localNode(); err != nil {
		return err
	}
	cmd, ok := commands[operands[0]]
	if !ok {
		return &errUsage{""}
	}
	if len(operands)-1 < cmd.operands {
		return fmt.Errorf("sbd %s needs %d operands", operands[0], cmd.operands)
	}
	c.disk.Timeout = c.io
	return cmd.do(c, ctx, operands[1:])
}

// localNode finds this node's name: in lower case, as slots have it.
func (c *call) localNode() error {
	if c.node == "" {
		name, err := os.Hostname()
		if err != nil {
			return err
		}
		c.node = strings.ToLower(name)
	}
	return sbdformat.CheckName(c.node)
}

// seconds makes an action that reads a number of seconds.
func seconds(option string, least int, into *time.Duration, given *bool) func(string) error {
	return func(v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > 1<<31 {
			return &errUsage{fmt.Sprintf("Invalid value \"%s\" for option -%s", v, option)}
		}
		*into = time.Duration(n) * time.Second
		if given != nil {
			*given = true
		}
		return nil
	}
}

// count makes an action that counts how often an option is given.
func count(n *int) func(string) error { return func(string) error { *n++; return nil } }

func (c *call) options() []cli.Option {
	ignore := func(string) error { return nil }
	var watchdogGiven bool
	return []cli.Option{
		{Short: 'd', Arg: cli.NeedArg, Do: c.addDevice},
		{Short: 'n', Arg: cli.NeedArg, Do: func(v string) error { c.node = v; return sbdformat.CheckName(v) }},
		{Short: 'h', Do: cli.Flag(&c.help)},
		{Short: 'v', Do: count(&c.verbose)},
		{Short: 'R', Do: cli.Flag(&c.normal)},
		{Short: 'I', Arg: cli.NeedArg, Do: seconds("I", 1, &c.io, nil)},
		{Short: '1', Arg: cli.NeedArg, Do: func(v string) error {
			err := seconds("1", 1, &c.timeouts.Watchdog, &watchdogGiven)(v)
			if !c.msgwait {
				c.timeouts.Msgwait = 2 * c.timeouts.Watchdog
			}
			return err
		}},
		{Short: '2', Arg: cli.NeedArg, Do: seconds("2", 0, &c.timeouts.Allocate, nil)},
		{Short: '3', Arg: cli.NeedArg, Do: seconds("3", 1, &c.timeouts.Loop, nil)},
		{Short: '4', Arg: cli.NeedArg, Do: seconds("4", 1, &c.timeouts.Msgwait, &c.msgwait)},
		{Short: '5', Arg: cli.NeedArg, Do: seconds("5", 0, &c.warn, nil)},
		{Short: 'W', Do: count(&c.watchdogs)},
		{Short: 'w', Arg: cli.NeedArg, Do: func(v string) error {
			if c.settings.WatchdogDevice = v; v == os.DevNull {
				c.settings.WatchdogDevice = ""
			}
			return nil
		}},
		{Short: 'T', Do: cli.Flag(&c.keepTimeout)},
		{Short: 'S', Arg: cli.NeedArg, Do: func(v string) error {
			if c.startMode = v; v != "0" && v != "1" {
				return &errUsage{fmt.Sprintf("Invalid value \"%s\" for option -S", v)}
			}
			return nil
		}},
		{Short: 's', Arg: cli.NeedArg, Do: seconds("s", 0, &c.startTimeout, nil)},
		{Short: 'p', Arg: cli.NeedArg, Do: cli.Text(&c.pidFile)},
		{Short: 'P', Do: count(&c.pacemaker)},
		{Short: 'z', Do: cli.Flag(&c.clusterFirst)},
		{Short: 'Z', Do: count(&c.rehearse)},
		{Short: 'C', Arg: cli.NeedArg, Do: seconds("C", 0, &c.crash, nil)},
		{Short: 'r', Arg: cli.NeedArg, Do: func(v string) (err error) {
			if c.settings.Action, err = sbdconf.ParseAction(v); err != nil {
				return &errUsage{fmt.Sprintf("Invalid value \"%s\" for option -r", v)}
			}
			return nil
		}},
		// A disk that fails is opened again every second; that costs nothing here, where no process is started.
		{Short: 't', Arg: cli.NeedArg, Do: ignore}, {Short: 'F', Arg: cli.NeedArg, Do: ignore}, {Short: 'c', Do: ignore},
	}
}

func (c *call) addDevice(v string) error {
	if c.devices = append(c.devices, v); len(c.devices) > sbdformat.MaxDevices {
		return fmt.Errorf("You can specify up to %d devices via the -d option.", sbdformat.MaxDevices) //nolint:staticcheck // sbd's text
	}
	return nil
}
