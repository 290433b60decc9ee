package plan_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/plan"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// TestScripts runs every testdata/*.txt. A script is a list of commands; what the simulated cluster does
// follows each "run" and the like, in lines that start with "> ". Review a rewritten transcript like code.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, f, string(raw))
			if *update {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(raw) {
				t.Errorf("the transcript of %s differs; it is now:\n%s", f, got)
			}
		})
	}
}

// play runs a script and returns it with its transcript.
func play(t *testing.T, file, script string) string {
	t.Helper()
	var out strings.Builder
	s := newSim()
	for i, line := range strings.Split(strings.TrimSuffix(script, "\n"), "\n") {
		if strings.HasPrefix(line, ">") {
			continue
		}
		out.WriteString(line + "\n")
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		verb := verbs[words[0]]
		if verb == nil {
			t.Fatalf("%s:%d: no verb %q", file, i+1, words[0])
		}
		verb(s, words[1:])
		for _, l := range strings.Split(s.out.String(), "\n") {
			if l != "" {
				out.WriteString("> " + l + "\n")
			}
		}
		s.out.Reset()
	}
	return out.String()
}

// verbs are the commands of scripts.
var verbs = map[string]func(s *sim, args []string){
	"nodes": func(s *sim, args []string) {
		for _, name := range args {
			s.names = append(s.names, name)
			s.nodes = append(s.nodes, &node{name: name})
			s.boot(s.node(name))
		}
		s.view(args)
	},
	"view": func(s *sim, args []string) { s.view(args) },
	"stale": func(s *sim, args []string) {
		v := s.currentView()
		v.Stale = args[1] == "yes"
		s.plan(s.node(args[0]), plan.ViewChanged{View: v})
	},
	"quorate": func(s *sim, args []string) { s.quorate = args[0] == "yes" },
	"agent": func(s *sim, args []string) {
		a := &agent{}
		for _, w := range args[1:] {
			name, value, _ := strings.Cut(w, "=")
			switch name {
			case "port":
				a.caps.Port = value
			case "nodeid":
				a.caps.NodeID = true
			case "on_target":
				a.caps.OnTarget = true
			case "automatic":
				a.caps.Automatic = true
			case "notice":
				a.caps.Notice, _ = strconv.ParseInt(value, 10, 64)
			case "broken":
				a.broken = value
			default:
				a.caps.Actions = append(a.caps.Actions, w)
			}
		}
		s.agents[args[0]] = a
	},
	"device": (*sim).addDevice,
	"remove": func(s *sim, args []string) {
		for name, list := range s.devices {
			s.devices[name] = slices.DeleteFunc(list, func(d api.FenceDevice) bool { return d.ID == args[0] })
			s.device(s.node(name), device.Configure{Devices: s.devices[name]})
		}
	},
	"level": func(s *sim, args []string) {
		n, _ := strconv.Atoi(args[0])
		l := api.FenceLevel{Index: n, Devices: args[2:]}
		if name, value, ok := strings.Cut(args[1], "="); ok {
			l.Attribute, l.Value = name, value
		} else if p, ok := strings.CutPrefix(args[1], "~"); ok {
			l.Pattern = p
		} else {
			l.Target = args[1]
		}
		s.config.Levels = append(s.config.Levels, l)
		s.configure()
	},
	"attr": func(s *sim, args []string) {
		name, value, _ := strings.Cut(args[1], "=")
		s.config.NodeAttrs = map[string]map[string]string{args[0]: {name: value}}
		s.configure()
	},
	"config": (*sim).setConfig,
	"does":   (*sim).addBehaviour,
	"dead":   func(s *sim, args []string) { s.node(args[0]).dead = true },
	"mute":   func(s *sim, args []string) { s.node(args[0]).mute = true },
	"verify": func(s *sim, args []string) {
		for _, n := range args[1:] {
			s.device(s.node(n), device.Check{ID: "quiet", Check: api.FenceCheck{Device: args[0], Action: "monitor"}})
		}
		s.run(200*time.Millisecond, false)
		s.out.Reset()
		s.start = s.now
	},
	"check": func(s *sim, args []string) {
		s.device(s.node(args[2]), device.Check{ID: "check", Check: api.FenceCheck{Device: args[0], Action: args[1], Target: option(args, "target")}})
	},
	"query": func(s *sim, args []string) {
		n := s.node(args[2])
		s.device(n, device.Query{ID: n.name + "|query", Target: args[0], Action: args[1]})
	},
	"fence": (*sim).fence,
	"cancel": func(s *sim, args []string) {
		s.device(s.node(args[0]), device.Cancel{ID: args[1]})
	},
	"confirm": func(s *sim, args []string) {
		s.requests++
		id, n := fmt.Sprint("confirm", s.requests), s.node(args[2])
		n.replies[id] = append(n.replies[id], func(r api.FenceResult) { s.printf("%s answers %s: %s", n.name, id, outcome(r)) })
		s.plan(n, plan.Confirm{ID: id, Confirm: api.FenceConfirm{Target: args[0], Origin: args[2], Client: "test", By: "root"}})
	},
	"cleanup": func(s *sim, args []string) {
		for _, n := range s.nodes {
			s.plan(n, plan.Cleanup{Target: args[0]})
		}
	},
	"restart": func(s *sim, args []string) {
		n := s.node(args[0])
		saved := n.fencer.History("")
		n.life++
		s.boot(n)
		s.configure()
		s.plan(n, plan.Restored{Events: saved})
		s.plan(n, plan.ViewChanged{View: s.currentView()})
	},
	"forget": func(s *sim, args []string) {
		n := s.node(args[0])
		n.life++
		s.boot(n)
		s.plan(n, plan.ViewChanged{View: s.currentView()})
	},
	"sync": func(s *sim, args []string) {
		events := s.node(args[2]).fencer.History("")
		s.plan(s.node(args[0]), plan.Heard{Events: events})
	},
	"run": func(s *sim, args []string) {
		if len(args) > 0 {
			s.run(duration(args[0]), false)
		} else {
			s.run(time.Hour, true)
		}
	},
	"devices": func(s *sim, args []string) {
		for _, d := range s.node(args[0]).exec.Devices() {
			s.printf("%s has %s: verified=%v running=%d %s", args[0], d.ID, d.Verified, d.Running, d.Error)
		}
	},
	"history": func(s *sim, args []string) {
		for _, e := range s.node(args[0]).fencer.History("") {
			s.printf("%s knows %s: %s of %s for %s@%s is %s: %s", args[0], e.ID, e.Action, e.Target, e.Client, e.Origin, e.State, outcome(e.Result))
		}
	},
}

func outcome(r api.FenceResult) string {
	text := resultText(lrm.Status(r.Status), r.RC, r.Reason)
	if r.Delegate != "" {
		text += fmt.Sprintf(" (%s on %s)", r.Device, r.Delegate)
	}
	return text
}

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return d
}

// option returns the value of name=value among args.
func option(args []string, name string) string {
	for _, a := range args {
		if v, ok := strings.CutPrefix(a, name+"="); ok {
			return v
		}
	}
	return ""
}

func (s *sim) boot(n *node) {
	n.fencer, n.exec = plan.New(n.name), device.New(n.name, 1)
	n.calls, n.replies = map[uint64]func(device.Result){}, map[string][]func(api.FenceResult){}
	s.plan(n, plan.Configure{Config: s.config})
	s.device(n, device.Configure{Devices: s.devices[n.name]})
}

func (s *sim) configure() {
	for _, n := range s.nodes {
		s.plan(n, plan.Configure{Config: s.config})
	}
}

func (s *sim) view(members []string) {
	for _, n := range s.nodes {
		n.member = slices.Contains(members, n.name)
		n.seen = n.seen || n.member
		if n.dead = !n.member; n.dead {
			n.life++
		}
	}
	for _, n := range s.nodes {
		if n.member {
			s.plan(n, plan.ViewChanged{View: s.currentView()})
			s.device(n, device.Nodes{IDs: device.NodeIDs(s.currentView().Nodes)})
		}
	}
}

func (s *sim) currentView() *api.View {
	v := &api.View{Quorum: api.Quorum{Quorate: s.quorate}}
	for i, n := range s.nodes {
		id := api.NodeID(i + 1)
		v.Nodes = append(v.Nodes, api.ConfiguredNode{ID: id, Name: n.name})
		switch {
		case n.member:
			v.Members = append(v.Members, api.Member{ID: id, Name: n.name, Incarnation: api.Incarnation(n.life + 1)})
		case n.seen:
			v.Departed = append(v.Departed, api.Departed{ID: id, Name: n.name, Incarnation: api.Incarnation(n.life), How: api.DepartureLost})
		}
	}
	return v
}

func (s *sim) addDevice(args []string) {
	d := api.FenceDevice{ID: args[0], Agent: args[1], Params: map[string]string{}, Unfencing: slices.Contains(args, "unfencing")}
	on := s.names
	for _, w := range args[2:] {
		name, value, ok := strings.Cut(w, "=")
		switch {
		case name == "on":
			on = strings.Split(value, ",")
		case ok:
			d.Params[name] = strings.ReplaceAll(value, "_", " ")
		}
	}
	for _, name := range on {
		s.devices[name] = append(slices.DeleteFunc(slices.Clone(s.devices[name]), func(x api.FenceDevice) bool { return x.ID == d.ID }), d)
		s.device(s.node(name), device.Configure{Devices: s.devices[name]})
	}
	s.run(0, false)
}

func (s *sim) setConfig(args []string) {
	for _, w := range args {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "timeout":
			s.config.Timeout = duration(value)
		case "watchdog":
			s.config.Watchdog = duration(value)
		case "watchdog_hosts":
			s.config.WatchdogHosts = strings.Split(value, ",")
		case "rate":
			n, window, _ := strings.Cut(value, "/")
			s.config.RateLimit, _ = strconv.Atoi(n)
			s.config.RateWindow = duration(window)
		case "io":
			s.config.IOFence = map[string]plan.IOFence{"first": plan.IOFirst, "sufficient": plan.IOSufficient}[value]
		}
	}
	s.configure()
}

// addBehaviour reads: DEVICE ACTION [of=TARGET] [on=NODE] ANSWER [; ANSWER]...
func (s *sim) addBehaviour(args []string) {
	b := &behaviour{device: args[0], action: args[1], target: option(args, "of"), node: option(args, "on")}
	a := answer{after: time.Second}
	for _, w := range append(args[2:], ";") {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "of", "on":
		case ";":
			b.answers = append(b.answers, a)
			a = answer{after: time.Second}
		case "after":
			a.after = duration(value)
		case "rc":
			a.kind = name
			a.rc, _ = strconv.Atoi(value)
		default:
			a.kind, a.text = name, cmp.Or(strings.ReplaceAll(value, "_", " "), "agent failed")
		}
	}
	s.behaviours = append([]*behaviour{b}, s.behaviours...)
}

// fence reads: TARGET ACTION by=NODE [timeout=] [delay=ms] [tolerance=] [life=N] [id=] [client=] [self]
func (s *sim) fence(args []string) {
	s.requests++
	n := s.node(option(args, "by"))
	req := api.FenceRequest{ID: cmp.Or(option(args, "id"), fmt.Sprint("r", s.requests)), Target: args[0], Action: args[1],
		Origin: n.name, Client: cmp.Or(option(args, "client"), "crmd.1"), AllowSelf: slices.Contains(args, "self")}
	if v := option(args, "timeout"); v != "" {
		req.Timeout = duration(v).Milliseconds()
	}
	if v := option(args, "tolerance"); v != "" {
		req.Tolerance = duration(v).Milliseconds()
	}
	req.Delay, _ = strconv.ParseInt(cmp.Or(option(args, "delay"), "0"), 10, 64)
	life, _ := strconv.Atoi(option(args, "life"))
	req.Incarnation = api.Incarnation(life)
	n.replies[req.ID] = append(n.replies[req.ID], func(r api.FenceResult) {
		s.printf("%s answers %s: %s of %s: %s", n.name, req.ID, r.Action, req.Target, outcome(r))
	})
	s.after(0, func() { s.plan(n, plan.Request{Request: req}) })
	s.run(0, false)
}
