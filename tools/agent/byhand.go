package agent

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/executor"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// Op is an operation of an agent.
type Op = executor.Op

// Action is an operation that is to be run by hand.
type Action struct {
	// Name is what the person asked for, such as force-start or validate.
	Name string
	Op   Op
	// Resource is its name, "" when only an agent is tried.
	Resource string
	// Overrides are parameters that replace those of the resource.
	Overrides map[string]string
}

// unsupported is what cannot be run by hand: devices are the fencer's.
const unsupported = "Manual execution of the stonith standard is unsupported"

// Run runs an operation by hand and shows what came of it. The error carries the agent's exit code.
func Run(ctx context.Context, env *cli.Env, out *output.Out, a Action) error {
	var t executor.Attempt
	if a.Op.Class == "stonith" {
		t.Outcome = executor.Outcome{Status: lrm.Error, RC: lrm.RCUnimplemented, ExitReason: unsupported}
	} else {
		extra := map[string]string{}
		if out.Verbose > 1 { // the agents' own way to show every step
			extra["OCF_TRACE_RA"], extra["OCF_TRACE_FILE"], extra["HA_debug"] = "1", "/dev/stderr", "1"
		}
		err := with(ctx, env, extra, func(ctx context.Context, e *executor.Executor) error {
			t = e.ByHand(ctx, a.Op)
			return nil
		})
		if err != nil {
			return err
		}
	}
	show(out, a, &t)
	if code := exitCode(&t); code != 0 {
		return program.Faultf(code, "")
	}
	return nil
}

// exitCode is that of the command: the agent's, unless it could not be run.
func exitCode(t *executor.Attempt) int {
	if t.Status == lrm.Timeout {
		return api.CodeTimeout
	}
	return int(t.RC)
}

func show(out *output.Out, a Action, t *executor.Attempt) {
	if out.IsXML() {
		out.Add(asXML(a, t))
		return
	}
	what := "Operation " + a.Name
	if a.Resource != "" {
		what += " for " + a.Resource
	}
	what += " (" + name(a.Op) + ")"
	reason := ""
	if t.ExitReason != "" {
		reason = ": " + t.ExitReason
	}
	if t.Status == lrm.Done {
		out.Printf("%s returned %d (%s%s)\n", what, t.RC, t.RC, reason)
	} else {
		out.Errorf("%s could not be executed (%s%s)", what, t.Status, reason)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Overrides)) {
		out.Printf("Overriding the cluster configuration for '%s' with '%s' = '%s'\n", a.Resource, name, a.Overrides[name])
	}
	if t.RC != 0 || out.Verbose > 0 {
		for _, text := range []string{t.Stdout, t.Stderr} {
			if text != "" {
				out.Printf("%s\n", text)
			}
		}
	}
}

func name(op Op) string {
	if op.Provider != "" {
		return op.Class + ":" + op.Provider + ":" + op.Type
	}
	return op.Class + ":" + op.Type
}

func asXML(a Action, t *executor.Attempt) *cibxml.Element {
	e := cibxml.New("resource-agent-action", "action", a.Name, "class", a.Op.Class, "type", a.Op.Type)
	if a.Resource != "" {
		e.Set("rsc", a.Resource)
	}
	if a.Op.Provider != "" {
		e.Set("provider", a.Op.Provider)
	}
	overrides := cibxml.New("overrides")
	for _, name := range slices.Sorted(maps.Keys(a.Overrides)) {
		o := cibxml.New("override", "name", name, "value", a.Overrides[name])
		if a.Resource != "" {
			o = cibxml.New("override", "rsc", a.Resource, "name", name, "value", a.Overrides[name])
		}
		overrides.Append(o)
	}
	status := cibxml.New("agent-status", "code", strconv.Itoa(int(t.RC)), "message", t.RC.String(),
		"execution_code", strconv.Itoa(int(t.Status)), "execution_message", t.Status.String())
	if t.ExitReason != "" {
		status.Set("reason", t.ExitReason)
	}
	e.Append(overrides, status)
	if t.Stdout != "" || t.Stderr != "" {
		cmd := cibxml.New("command", "code", strconv.Itoa(int(t.RC)))
		for _, s := range [][2]string{{"stdout", t.Stdout}, {"stderr", t.Stderr}} {
			if s[1] != "" {
				cmd.Append(output.TextElement("output", s[1], "source", s[0]))
			}
		}
		e.Append(cmd)
	}
	return e
}

// Known reports whether there is such an agent.
func Known(ctx context.Context, env *cli.Env, class, provider, typ string) (known bool) {
	_ = with(ctx, env, nil, func(ctx context.Context, e *executor.Executor) error {
		_, err := e.Metadata(ctx, class, provider, typ)
		known = err == nil
		return nil
	})
	return known
}
