package controller

import (
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
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// TestScripts runs testdata/*.txt. A line that begins with a verb is an input; the lines behind it, indented,
// are what the controller answered. `go test -update` rewrites the answers.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(t, string(raw))
			if *update {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(raw) {
				t.Errorf("transcript differs; got:\n%s", got)
			}
		})
	}
}

// world is a controller and what a script knows about it.
type world struct {
	t     *testing.T
	m     *Machine
	now   time.Time
	start time.Time
	nodes []string
	keys  map[string]string // "NODE OPKEY" or "fence TARGET" -> transition key or request id
	runs  int
}

func runScript(t *testing.T, text string) string {
	w := &world{t: t, start: time.Unix(100000, 0), keys: make(map[string]string)}
	w.now = w.start
	var out strings.Builder
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, "    ") {
			continue
		}
		out.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		answers := w.verb(strings.Fields(line))
		if d := w.m.Deadline(); !d.IsZero() && !d.After(w.now) {
			t.Errorf("after %q the controller wants to be woken at once, for ever", line)
		}
		for _, o := range answers {
			if s := w.describe(o); s != "" {
				out.WriteString("    " + s + "\n")
			}
		}
	}
	return out.String()
}

// arg is the value of NAME=VALUE among the words, or the fallback.
func arg(words []string, name, fallback string) string {
	for _, x := range words {
		if v, ok := strings.CutPrefix(x, name+"="); ok {
			return v
		}
	}
	return fallback
}

func list(s string) []string { return strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) }

func (w *world) verb(f []string) []Output {
	switch f[0] {
	case "cluster": // cluster SELF NODE...
		w.nodes = f[2:]
		cfg := Config{Node: f[1], ID: w.id(f[1]), UUID: "uuid", Version: "1.0", FeatureSet: "3.16.1", Throttle: ThrottleChanged{All: throttle.Default()}, Times: DefaultTimes()}
		w.m = New(cfg)
		return w.m.Step(w.now, ConfigChanged{w.config(nil)})
	case "options": // options NAME=VALUE...
		return w.m.Step(w.now, ConfigChanged{w.config(f[1:])})
	case "view":
		return w.m.Step(w.now, ViewChanged{w.view(f[1:])})
	case "raft":
		n := func(name string) uint64 { v, _ := strconv.ParseUint(arg(f, name, "1"), 10, 64); return v }
		return w.m.Step(w.now, RaftChanged{RaftState{Leader: arg(f, "leader", ""), Voters: list(arg(f, "voters", strings.Join(w.nodes, ","))),
			Epoch: n("epoch"), Term: n("term"), Started: true, Last: Progress{Epoch: n("epoch"), Term: n("term"), Index: n("index")}}})
	case "progress": // progress NODE index=N
		i, _ := strconv.ParseUint(arg(f, "index", "1"), 10, 64)
		return w.m.Step(w.now, PeerProgress{f[1], Progress{1, 1, i}})
	case "enlisted": // enlisted NODE... [session=S] [history=XML...]
		var out []Output
		for _, node := range f[1:] {
			if !strings.Contains(node, "=") {
				out = append(out, w.m.Step(w.now, EnlistResult{Node: node, Answer: api.Enlisted{Node: node, Session: arg(f, "session", "s1"), Cores: 2, Mode: "negligible", FeatureSet: cib.FeatureSet, Fresh: arg(f, "fresh", "") != ""}})...)
			}
		}
		return out
	case "refused": // refused NODE WHY...
		return w.m.Step(w.now, EnlistResult{Node: f[1], Err: fmt.Errorf("%s", strings.Join(f[2:], " "))})
	case "crm-gone":
		return w.m.Step(w.now, CRMGone{Node: f[1], Session: "s1", Reason: strings.Join(f[2:], " ")})
	case "planned": // planned [ACTION...], ACTION = TASK:RSC@NODE[:INTERVALMS][<INPUT+INPUT], for stonith ACTION as RSC; inputs by position from 1
		return w.m.Step(w.now, Planned{Run: w.m.plan.run, Graph: w.graph(f[1:]), Load: map[string]int{"n1": 5, "n2": 1}})
	case "result": // result NODE OPKEY rc=N [status=N] [seq=N]
		return w.m.Step(w.now, NodeReported{w.result(f)})
	case "deleted": // deleted NODE RSC: the node confirms the end of a history
		w.runs++
		return w.m.Step(w.now, NodeReported{api.Updates{Node: f[1], Session: "s1", Mode: "negligible",
			Updates: []api.NodeUpdate{{Seq: uint64(w.runs), Rsc: f[2], Event: &api.OpEvent{Rsc: f[2], Op: lrm.Op{Task: "delete", CallID: -1}}}}}})
	case "fence-done": // fence-done TARGET ok|REASON
		r := api.FenceResult{Delegate: "n2", Action: "reboot", Reason: strings.Join(f[2:], " ")}
		if f[2] != "ok" {
			r.Status, r.RC = int(lrm.Timeout), 1
		}
		return w.m.Step(w.now, FenceDone{ID: w.keys["fence "+f[1]], Result: r})
	case "history": // history TARGET life=N [action=on]: an entry that fenced had while nobody listened
		inc, _ := strconv.ParseUint(arg(f, "life", "1"), 10, 64)
		return w.m.Step(w.now, FenceHistory{[]api.FenceEvent{{ID: "y", Target: f[1], State: arg(f, "state", "done"), Action: arg(f, "action", "off"),
			Incarnation: api.Incarnation(inc), Result: api.FenceResult{Delegate: "n1"}}}})
	case "fenced-by-other":
		return w.m.Step(w.now, FenceHappened{api.FenceEvent{ID: "x", Target: f[1], State: "done", Action: "off", Client: "stonith_admin.7", Result: api.FenceResult{Delegate: "n3"}}})
	case "attr": // attr NODE NAME VALUE
		return w.m.Step(w.now, AttrRequest{Ticket: 1, Update: api.AttrUpdate{Op: "update", Node: f[1], Name: f[2], Value: f[3], Dampen: -1}})
	case "property": // property NAME VALUE
		nv := cibxml.New("nvpair", "id", "cib-bootstrap-options-"+f[1], "name", f[1], "value", f[2])
		in := cibxml.New("crm_config").Append(cibxml.New("cluster_property_set", "id", "cib-bootstrap-options").Append(nv))
		return w.m.Step(w.now, CIBCommand{Ticket: 9, Command: cib.Command{Op: cib.OpModify, Section: "crm_config", AllowCreate: true, Input: in}})
	case "remove": // remove NODE from the configuration
		in := cibxml.New("node", "id", w.id(f[1]).String())
		return w.m.Step(w.now, CIBCommand{Ticket: 9, Command: cib.Command{Op: cib.OpDelete, Section: "nodes", Input: in}})
	case "committed": // every proposal so far
		var out []Output
		head := w.m.head
		for id := range w.m.pending {
			out = append(out, w.m.Step(w.now, Committed{ID: id})...)
		}
		return append(out, w.m.Step(w.now, ConfigChanged{head})...)
	case "cleanup":
		return w.m.Step(w.now, Cleanup{Ticket: 3, Request: api.CleanupRequest{Resource: f[1]}})
	case "after": // after DURATION
		d, err := time.ParseDuration(f[1])
		if err != nil {
			w.t.Fatal(err)
		}
		return w.pass(w.now.Add(d))
	case "show": // show NODE...: node states
		for _, node := range f[1:] {
			n := w.m.status.Find("node_state", w.id(node).String())
			w.m.out = append(w.m.out, Note{Kind: "=", Text: strings.TrimSpace(n.Format(cibxml.Style{}))})
		}
		out := w.m.out[len(w.m.out)-len(f)+1:]
		return out
	}
	w.t.Fatalf("unknown verb %s", f[0])
	return nil
}

// pass wakes the controller at each of its deadlines until then.
func (w *world) pass(until time.Time) []Output {
	var out []Output
	for range 1000 {
		d := w.m.Deadline()
		if d.IsZero() || d.After(until) {
			break
		}
		w.now = d
		out = append(out, w.m.Step(w.now, Wake{})...)
	}
	w.now = until
	return append(out, w.m.Step(w.now, Wake{})...)
}

func (w *world) id(node string) api.NodeID { return api.NodeID(slices.Index(w.nodes, node) + 1) }

func (w *world) config(options []string) *cibxml.Element {
	set := cibxml.New("cluster_property_set", "id", "cib-bootstrap-options")
	for _, o := range append([]string{"have-watchdog=false", "dc-version=1.0", "cluster-infrastructure=corosync", "cluster-name=shop"}, options...) {
		n, v, _ := strings.Cut(o, "=")
		set.Append(cibxml.New("nvpair", "id", "o-"+n, "name", n, "value", v))
	}
	nodes := cibxml.New("nodes")
	for _, n := range w.nodes {
		nodes.Append(cibxml.New("node", "id", w.id(n).String(), "uname", n))
	}
	conf := cibxml.New("configuration").Append(cibxml.New("crm_config").Append(set), nodes, cibxml.New("resources"), cibxml.New("constraints"))
	return cibxml.New("cib", "crm_feature_set", "3.16.1", "validate-with", "pacemaker-3.9", "epoch", "5", "num_updates", "0", "admin_epoch", "0").Append(conf)
}

func (w *world) view(f []string) api.View {
	seq, _ := strconv.ParseUint(arg(f, "ring", "1"), 10, 64)
	v := api.View{Ring: api.RingID{Rep: 1, Seq: seq}, Local: w.m.cfg.ID, Cluster: "shop", Token: 1000, TokenInterval: 200,
		Quorum: api.Quorum{Quorate: arg(f, "quorate", "yes") == "yes", Reason: "votes"}, TwoNode: arg(f, "two_node", "") != "", At: w.now.UnixMilli()}
	lives := map[string]api.Incarnation{} // NODE:N; 1 unless it is said
	for _, n := range w.nodes {
		lives[n] = 1
	}
	for _, l := range list(arg(f, "lives", "")) {
		name, life, _ := strings.Cut(l, ":")
		inc, _ := strconv.ParseUint(life, 10, 64)
		lives[name] = api.Incarnation(inc)
	}
	for _, n := range w.nodes {
		v.Nodes = append(v.Nodes, api.ConfiguredNode{ID: w.id(n), Name: n, Votes: 1})
		switch {
		case slices.Contains(list(arg(f, "members", "")), n):
			v.Members = append(v.Members, api.Member{ID: w.id(n), Name: n, Incarnation: lives[n], Votes: 1})
		case slices.Contains(list(arg(f, "lost", "")), n):
			v.Departed = append(v.Departed, api.Departed{ID: w.id(n), Name: n, Incarnation: lives[n], How: api.DepartureLost, Reason: "silent"})
		case slices.Contains(list(arg(f, "left", "")), n):
			v.Departed = append(v.Departed, api.Departed{ID: w.id(n), Name: n, Incarnation: lives[n], How: api.DepartureLeft, Reason: "said goodbye"})
		}
	}
	return v
}

func (w *world) graph(actions []string) *graph.Graph {
	g := &graph.Graph{ClusterDelayMs: 60000, StonithTimeoutMs: 60000}
	for i, text := range actions {
		spec, inputs, _ := strings.Cut(text, "<")
		task, rest, _ := strings.Cut(spec, ":")
		rsc, at, _ := strings.Cut(rest, "@")
		node, interval, _ := strings.Cut(at, ":")
		a := &graph.Action{ID: i + 1, Kind: graph.Resource, Task: task, Node: node, Key: fmt.Sprintf("%s_%s_%s", rsc, task, max(interval, "0")),
			Attrs: []cibxml.Attr{{Name: "CRM_meta_timeout", Value: "20000"}}}
		if interval != "" {
			a.Attrs = append(a.Attrs, cibxml.Attr{Name: "CRM_meta_interval", Value: interval})
		}
		switch task {
		case graph.TaskFence, graph.TaskShutdown:
			a.Kind, a.Key = graph.Cluster, task+"-"+node
			if rsc != "" { // stonith:ACTION@NODE
				a.Attrs = append(a.Attrs, cibxml.Attr{Name: "CRM_meta_stonith_action", Value: rsc}, cibxml.Attr{Name: "CRM_meta_digests_all", Value: "dev:fence_scsi:all,"},
					cibxml.Attr{Name: "CRM_meta_digests_secure", Value: "dev:fence_scsi:secure,"})
			}
		default:
			a.Resource = &graph.Primitive{ID: rsc, Class: "ocf", Provider: "pacemaker", Type: "Dummy"}
		}
		s := &graph.Synapse{ID: i, Action: a}
		for _, in := range strings.FieldsFunc(inputs, func(r rune) bool { return r == '+' }) {
			n, _ := strconv.Atoi(in)
			s.Inputs = append(s.Inputs, g.Synapses[n-1].Action)
		}
		g.Synapses = append(g.Synapses, s)
	}
	return g
}

func (w *world) result(f []string) api.Updates {
	node, opKey := f[1], f[2]
	rsc, task, interval, err := lrm.ParseOpKey(opKey)
	if err != nil {
		w.t.Fatal(err)
	}
	n := func(name string) int { v, _ := strconv.Atoi(arg(f, name, "0")); return v }
	key := arg(f, "key", w.keys[node+" "+opKey])
	k, _ := lrm.ParseKey(key)
	op := lrm.Op{ID: rsc + "_last_0", Key: opKey, Task: task, IntervalMs: interval, Transition: k, RC: lrm.RC(n("rc")), Status: lrm.Status(n("status"))}
	history := cibxml.New("lrm_resource", "id", rsc, "class", "ocf", "provider", "pacemaker", "type", "Dummy").Append(op.XML())
	w.runs++
	cancelled := op.Status == lrm.Cancelled
	return api.Updates{Node: node, Session: arg(f, "session", "s1"), Mode: "negligible",
		Updates: []api.NodeUpdate{{Seq: uint64(w.runs), Rsc: rsc, XML: history.Compact(), Event: &api.OpEvent{Key: key, Rsc: rsc, Op: op, Recorded: !cancelled, Cancelled: cancelled}}}}
}

// describe is one line for an output; notes about single operations are left out.
func (w *world) describe(o Output) string {
	switch o := o.(type) {
	case Campaign:
		return "campaign"
	case AskProgress:
		return "ask progress of " + strings.Join(o.Nodes, " ")
	case Enlist:
		return fmt.Sprintf("enlist %s (%d.%d.%d)", o.Node, o.Generation.Epoch, o.Generation.Ring, o.Generation.Term)
	case Send:
		w.keys[o.Node+" "+lrm.OpKey(o.Order.Rsc, o.Order.Task, o.Order.Interval)] = o.Order.Key
		return fmt.Sprintf("order %s: %s %s %s", o.Node, o.Order.Kind, o.Order.Rsc, o.Order.Task)
	case Plan:
		return "plan " + cib.VersionOf(o.Doc).String() + " because of " + w.m.plan.reasons
	case Fence:
		w.keys["fence "+o.Request.Target] = o.Request.ID
		return fmt.Sprintf("fence %s delay=%d incarnation=%d: %s", o.Request.Target, o.Request.Delay, o.Request.Incarnation, o.Request.Reason)
	case Proven:
		return fmt.Sprintf("proven dead: %d in life %d", o.ID, o.Incarnation)
	case LetGo:
		return fmt.Sprintf("let go, reset=%v", o.Reset)
	case Share:
		s := "share"
		if o.Entries[0].Name == "#feature-set" {
			return ""
		}
		for _, e := range o.Entries {
			s += fmt.Sprintf(" %s@%s=%s", e.Name, e.Node, e.Value)
		}
		return s
	case Propose:
		return "propose " + cib.VersionOf(o.New).String()
	case Recover:
		return "recover raft: " + o.Reason
	case AddVoter:
		return "add voter " + o.Node
	case RemoveVoter:
		return "remove voter " + o.Node
	case Answer:
		if o.Err != nil {
			return "answer: " + o.Err.Error()
		}
		if c, ok := o.Value.(api.CleanupReply); ok {
			return "answer: cleaned " + strings.Join(c.Cleaned, ", ")
		}
		return "answer: ok"
	case Note:
		if o.Kind == "op-start" || o.Kind == "op-done" || o.Kind == "view" || o.Kind == "joined" || o.Kind == "quorum" {
			return ""
		}
		return strings.TrimSpace(o.Kind + " " + o.Text)
	}
	return ""
}
