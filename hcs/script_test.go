package hcs

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

// fixedNow is what time it is in the scripts.
var fixedNow = time.Date(2026, 11, 21, 20, 30, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hcs": func() {
		dir, _ := os.Executable()
		s := &session.Session{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Dirs: paths.FromEnv(),
			Terminal: os.Getenv("SCREEN") != "", AnswerFrom: os.Getenv("ANSWERS") != "", Program: dir, Now: func() time.Time { return fixedNow }}
		s.Width, _ = strconv.Atoi(os.Getenv("SCREEN"))
		os.Exit(Main(context.Background(), s, os.Args[1:]))
	}})
}

// TestScripts runs testdata/script/*.txtar. In them
//
//	fake start [DAEMON...]   puts a cluster made of the fixtures in the script on its sockets
//	fake stop                takes it away
//	fake busy N              makes the DC busy for N questions
//	fake calls               prints what it was asked to do since the last time
//	fake cib                 prints its configuration
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), UpdateScripts: *update, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			run, err := os.MkdirTemp("", "hcs") // short: unix sockets have at most 107 bytes
			if err != nil {
				return err
			}
			env.Defer(func() { os.RemoveAll(run) })
			env.Setenv("HOLDFAST_RUN_DIR", run)
			env.Setenv("HOLDFAST_ETC_DIR", filepath.Join(env.WorkDir, "etc"))
			env.Setenv("HOLDFAST_VAR_DIR", filepath.Join(env.WorkDir, "var"))
			env.Setenv("HOLDFAST_NO_SYSTEMD", "1")
			env.Setenv("GORACE", "atexit_sleep_ms=10") // the race detector lets every command end one second late
			env.Setenv("OCF_ROOT", filepath.Join(env.WorkDir, "ocf"))
			env.Setenv("HOLDFAST_FENCE_AGENTS", filepath.Join(env.WorkDir, "fence"))
			return agentsIn(env.WorkDir)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"fake": fakeCommand(t), "screen": screenCommand},
	})
}

// fakeCommand keeps one cluster for each script, by its run directory.
func fakeCommand(t *testing.T) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		run := ts.Getenv("HOLDFAST_RUN_DIR")
		f := clusters.get(run)
		switch args[0] {
		case "start":
			f = newFake(t, ts.Getenv("WORK"))
			clusters.set(run, f)
			daemons := args[1:]
			if len(daemons) == 0 {
				daemons = []string{"crmd", "corosyncd", "fenced"}
			}
			ts.Check(f.serve(run, daemons...))
			ts.Defer(func() { _ = f.end() })
		case "stop":
			ts.Check(f.end())
		case "busy":
			n, err := strconv.Atoi(args[1])
			ts.Check(err)
			f.mu.Lock()
			f.busy = n
			f.mu.Unlock()
		case "calls":
			f.mu.Lock()
			text := strings.Join(f.calls, "\n")
			f.calls = nil
			f.mu.Unlock()
			ts.Check(os.WriteFile(ts.MkAbs("calls"), []byte(text+"\n"), 0o600))
		case "cib":
			f.mu.Lock()
			text := f.doc.Child("configuration").String()
			f.mu.Unlock()
			ts.Check(os.WriteFile(ts.MkAbs("cib"), []byte(text), 0o600))
		default:
			ts.Fatalf("fake %s: no such command", args[0])
		}
		if neg {
			ts.Fatalf("fake %s does not fail", args[0])
		}
	}
}

// screenCommand makes hcs believe that its output is a terminal of so many columns.
func screenCommand(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv("SCREEN", args[0]) }

// agentsIn installs two small agents.
func agentsIn(work string) error {
	for path, text := range map[string]string{
		"ocf/resource.d/test/IP": agentScript("IP", `<parameter name="ip" required="1"><longdesc lang="en">The address that is brought up.</longdesc><shortdesc lang="en">address</shortdesc><content type="string"/></parameter>
<parameter name="prefix"><longdesc lang="en">The length of its network's prefix.</longdesc><shortdesc lang="en">prefix</shortdesc><content type="integer" default="24"/></parameter>`,
			`<action name="start" timeout="20s"/><action name="stop" timeout="20s"/><action name="monitor" timeout="20s" interval="10s" depth="0"/><action name="meta-data" timeout="5s"/>`),
		"ocf/resource.d/test/DB": agentScript("DB", `<parameter name="password"><longdesc lang="en">The password of the database.</longdesc><shortdesc lang="en">password</shortdesc><content type="string"/></parameter>`,
			`<action name="start" timeout="120s"/><action name="stop" timeout="120s"/><action name="monitor" timeout="30s" interval="15s" role="Promoted"/><action name="monitor" timeout="30s" interval="16s" role="Unpromoted"/><action name="promote" timeout="60s"/><action name="demote" timeout="60s"/>`),
		"fence/fence_test": agentScript("fence_test", `<parameter name="ip" required="1"><shortdesc lang="en">address of the device</shortdesc><content type="string"/></parameter>
<parameter name="password"><shortdesc lang="en">its password</shortdesc><content type="string"/></parameter>
<parameter name="port" required="1"><shortdesc lang="en">plug</shortdesc><content type="string"/></parameter>`,
			`<action name="off"/><action name="on"/><action name="reboot"/><action name="monitor"/>`),
	} {
		path = filepath.Join(work, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func agentScript(name, params, actions string) string {
	return fmt.Sprintf("#!/bin/sh\ncat <<'E'\n<resource-agent name=%q><version>1.1</version><longdesc lang=\"en\">An agent for tests.</longdesc>"+
		"<shortdesc lang=\"en\">test agent</shortdesc><parameters>%s</parameters><actions>%s</actions></resource-agent>\nE\n", name, params, actions)
}
