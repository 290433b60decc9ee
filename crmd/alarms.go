package crmd

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/alert"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/detect"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
)

// alarmed takes what the detectors say. It must not wait.
func (d *Daemon) alarmed(out detect.Output) {
	if act, ok := out.(detect.Act); ok {
		d.actions.act(act)
		return
	}
	d.counts.alarm(out)
	d.enqueue(func(now time.Time) { d.alarm(now, out) })
}

// alarm tells everybody of an alarm. Only the loop calls it.
func (d *Daemon) alarm(now time.Time, out detect.Output) {
	var a api.Alarm
	task, text := "", ""
	switch out := out.(type) {
	case detect.Raised:
		a, task = out.Alarm, "raised"
		d.records.step(now, incident.Alarmed{Alarm: a})
		text = fmt.Sprintf("alarm %s (%s): %s", a.Name, a.Severity, a.Summary)
	case detect.Changed:
		a, task = out.Alarm, "changed"
		d.records.step(now, incident.Alarmed{Alarm: a})
		if d.severities[a.Name+" "+a.Subject] == a.Severity {
			return // only its evidence moved on
		}
		text = fmt.Sprintf("alarm %s is %s now: %s", a.Name, a.Severity, a.Summary)
	case detect.Cleared:
		a, task = out.Alarm, "cleared"
		d.records.step(now, incident.Alarmed{Alarm: a})
		text = fmt.Sprintf("alarm %s is over after %s", a.Name, time.Duration(a.Cleared-a.Raised)*time.Millisecond)
	default:
		return
	}
	if d.severities == nil {
		d.severities = make(map[string]string)
	}
	d.severities[a.Name+" "+a.Subject] = a.Severity
	if task == "cleared" {
		delete(d.severities, a.Name+" "+a.Subject)
	}
	d.note(now, controller.Note{Kind: "alarm", Subject: a.Name, Text: text, Loud: a.Severity != api.Info && task != "cleared"})
	d.alerts.tell(alert.Event{Kind: alert.Alarm, At: now, Node: d.node, ID: d.id, Desc: a.Summary, Task: task, Name: a.Name, Value: a.Severity, AlarmedSubject: a.Subject})
}

// actions does what the administrator wants done about alarms.
type actions struct {
	d *Daemon

	mu  sync.Mutex
	cfg detect.Config
	// attributes are those that are set because of alarms, with each alarm and its value.
	attributes map[string]map[string]string
	swept      map[string]bool // attributes that an earlier life of crmd cannot have left behind any more
}

func (a *actions) init(d *Daemon) {
	a.d, a.attributes, a.swept = d, make(map[string]map[string]string), make(map[string]bool)
}

// configure takes the settings. An attribute that is set while no alarm of this crmd's life wants it was set in
// an earlier one, and is deleted.
func (a *actions) configure(cfg detect.Config) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cfg = cfg
	for _, s := range cfg {
		if name := s.Action.Attribute; name != "" && !a.swept[name] {
			a.swept[name] = true
			if len(a.attributes[name]) == 0 {
				a.set(name, "")
			}
		}
	}
}

// act starts or ends what is to be done about an alarm of this node.
func (a *actions) act(x detect.Act) {
	if x.Action.Attribute != "" {
		a.attribute(x)
	}
	if x.Action.Hook != "" {
		a.hook(x.Action.Hook, x.Alarm, x.On)
	}
}

func (a *actions) attribute(x detect.Act) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name, key := x.Action.Attribute, x.Alarm.Name+" "+x.Alarm.Subject
	wanted := a.attributes[name]
	if wanted == nil {
		wanted = make(map[string]string)
		a.attributes[name] = wanted
	}
	if x.On {
		wanted[key] = x.Action.Value
		a.set(name, x.Action.Value)
		return
	}
	delete(wanted, key)
	for _, v := range wanted { // another alarm still wants it
		a.set(name, v)
		return
	}
	a.set(name, "")
}

// set changes an attribute of this node; "" deletes it.
func (a *actions) set(name, value string) {
	u := api.AttrUpdate{Op: "update", Name: name, Node: a.d.node, Value: value, Dampen: -1}
	if value == "" {
		u.Op = "delete"
	}
	a.d.enqueue(func(now time.Time) { a.d.step(now, controller.AttrRequest{Update: u}) })
}

// elsewhere runs the hooks that are to run on every node for alarms of another one.
func (a *actions) elsewhere(raised, cleared []api.Alarm) {
	a.mu.Lock()
	cfg := a.cfg
	a.mu.Unlock()
	for on, list := range map[bool][]api.Alarm{true: raised, false: cleared} {
		for _, x := range list {
			if s := cfg[x.Name].Action; s.Hook != "" && s.Everywhere && s.Due(x.Severity) {
				a.hook(s.Hook, x, on)
			}
		}
	}
}

// hookTimeout bounds a hook.
const hookTimeout = time.Minute

func (a *actions) hook(path string, x api.Alarm, on bool) {
	state := "cleared"
	if on {
		state = "raised"
	}
	env := []string{"PATH=" + searchPath, "HOLDFAST_ALARM_STATE=" + state, "HOLDFAST_ALARM=" + x.Name, "HOLDFAST_ALARM_NODE=" + x.Node, "HOLDFAST_NODE=" + a.d.node,
		"HOLDFAST_ALARM_SUBJECT=" + x.Subject, "HOLDFAST_ALARM_SEVERITY=" + x.Severity, "HOLDFAST_ALARM_SUMMARY=" + x.Summary}
	a.d.spawn(func(ctx context.Context) {
		exit, err := a.d.programs.Exec(ctx, ocfexec.Command{Path: path, Env: env, Timeout: hookTimeout, Label: "hook " + x.Name})
		switch {
		case err != nil:
			a.d.log.Warn("the hook of an alarm is not run", "alarm", x.Name, "state", state, "err", err)
		case exit.Code != 0:
			a.d.log.Warn("the hook of an alarm failed", "alarm", x.Name, "state", state, "hook", path, "exit", exit.Code, "timeout", exit.TimedOut, "output", strings.TrimSpace(string(exit.Stderr)))
		default:
			a.d.log.Info("the hook of an alarm ran", "alarm", x.Name, "state", state, "hook", path)
		}
	})
}

// searchPath is where hooks and alert agents find their programs.
const searchPath = "/usr/sbin:/usr/bin:/sbin:/bin"
