package hcs

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// fake is a cluster of three nodes behind the sockets of one of them. Its CIB is a real one, changed by cib.Apply;
// what would run where is decided by the few rules in place_test.go.
type fake struct {
	mu       sync.Mutex
	doc      *cibxml.Element
	crm      api.CRMStatus
	corosync api.CorosyncStatus
	links    []api.LinkStatus
	notes    []api.Note
	timeline []api.TimelineEvent
	throttle api.ThrottleStatus
	alarms   api.AlarmStatus
	// incidents are whole, newest first.
	incidents []api.Incident
	file      api.ClusterFile
	tokens    []api.Token
	devices   []api.FenceDeviceStatus
	qdevice   *api.QdeviceStatus
	history   []api.FenceEvent
	result    api.FenceResult
	health    api.FenceHealth
	budget    *api.FenceBudget
	cleaned   []string
	// busy is how many more times the DC says that it is not done.
	busy int
	// calls are the requests that change something other than the CIB, for the scripts to look at.
	calls []string
	stop  context.CancelFunc
	done  []chan error
}

// load reads a fixture of the script into v; a missing one leaves it.
func load(t testing.TB, dir, name string, v any) {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if os.IsNotExist(err) {
		return
	}
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// newFake makes a cluster of the fixtures in a script's directory: cib.xml, crm.json, corosync.json, ...
func newFake(t testing.TB, dir string) *fake {
	f := &fake{links: []api.LinkStatus{}, notes: []api.Note{}, timeline: []api.TimelineEvent{}}
	members := []api.Member{{ID: 1, Name: "n1", Votes: 1, Addrs: []string{"10.0.0.1"}}, {ID: 2, Name: "n2", Votes: 1, Addrs: []string{"10.0.0.2"}},
		{ID: 3, Name: "n3", Votes: 1, Addrs: []string{"10.0.0.3"}}}
	view := api.View{Ring: api.RingID{Rep: 1, Seq: 12}, Local: 1, Members: members, Cluster: "shop", Token: 1000,
		Quorum: api.Quorum{Quorate: true, Reason: "3 of 3 votes, 2 needed", Votes: 3, Expected: 3, Needed: 2, Flags: []string{"Quorate"}}}
	for _, m := range members {
		view.Nodes = append(view.Nodes, api.ConfiguredNode{ID: m.ID, Name: m.Name, Addrs: m.Addrs, Votes: 1})
		if m.ID != 1 {
			f.links = append(f.links, api.LinkStatus{Node: m.ID, Local: "10.0.0.1", Remote: m.Addrs[0], Enabled: true, Connected: true, RTT: 184, Received: 1000, LastHeard: fixedNow.UnixMilli() - 200})
		}
	}
	f.corosync = api.CorosyncStatus{Version: Version, Cluster: "shop", Local: 1, Name: "n1", View: view, Realtime: true, Locked: true, OOMProtected: true}
	f.crm = api.CRMStatus{Version: Version, Node: "n1", NodeID: 1, State: "S_IDLE", DC: "n1", DCID: 1, View: view, Fencing: "ok", Voters: []string{"n1", "n2", "n3"}, ClusterEpoch: 1}
	load(t, dir, "crm.json", &f.crm)
	load(t, dir, "corosync.json", &f.corosync)
	load(t, dir, "links.json", &f.links)
	load(t, dir, "notes.json", &f.notes)
	load(t, dir, "timeline.json", &f.timeline)
	load(t, dir, "incidents.json", &f.incidents)
	load(t, dir, "throttle.json", &f.throttle)
	load(t, dir, "alarms.json", &f.alarms)
	load(t, dir, "devices.json", &f.devices)
	load(t, dir, "qdevice.json", &f.qdevice)
	load(t, dir, "history.json", &f.history)
	load(t, dir, "result.json", &f.result)
	load(t, dir, "health.json", &f.health)
	load(t, dir, "budget.json", &f.budget)
	load(t, dir, "cleaned.json", &f.cleaned)
	load(t, dir, "tokens.json", &f.tokens)
	if raw, err := os.ReadFile(filepath.Join(dir, "cluster.toml")); err == nil {
		f.file = api.ClusterFile{Version: 4, Text: string(raw)}
	}
	src, err := os.ReadFile(filepath.Join(dir, "cib.xml"))
	if err != nil {
		src = []byte(startCIB)
	}
	if f.doc, err = cibxml.Parse(string(src)); err != nil {
		t.Fatal(err)
	}
	f.settle()
	return f
}

// startCIB is the CIB of a cluster in which nothing is configured yet.
const startCIB = `<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="7" num_updates="0" admin_epoch="0" have-quorum="1" dc-uuid="1">
<configuration><crm_config><cluster_property_set id="cib-bootstrap-options">
<nvpair id="cib-bootstrap-options-cluster-name" name="cluster-name" value="shop"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/><node id="3" uname="n3"/></nodes><resources/><constraints/></configuration>
<status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"/>
<node_state id="2" uname="n2" in_ccm="true" crmd="online" join="member" expected="member"/>
<node_state id="3" uname="n3" in_ccm="true" crmd="online" join="member" expected="member"/></status></cib>`

// serve puts the daemons of the list on their sockets.
func (f *fake) serve(run string, daemons ...string) error {
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	for _, d := range daemons {
		l, err := ipc.Listen(filepath.Join(run, d+".sock"), 0o600)
		if err != nil {
			cancel()
			return err
		}
		mux := map[string]func() *http.ServeMux{"crmd": f.crmd, "corosyncd": f.corosyncd, "fenced": f.fenced}[d]()
		done := make(chan error, 1)
		f.done = append(f.done, done)
		go func() { done <- ipc.Serve(ctx, l, mux, slog.New(slog.DiscardHandler)) }()
	}
	return nil
}

// end stops the daemons and waits for them.
func (f *fake) end() error {
	f.stop()
	var first error
	for _, d := range f.done {
		if err := <-d; err != nil && first == nil {
			first = err
		}
	}
	f.done = nil
	return first
}

// handle makes a handler of a function that runs with the lock.
func (f *fake) handle(mux *http.ServeMux, pattern string, do func(r *http.Request) (any, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		v, err := do(r)
		if err != nil {
			ipc.Fail(w, err)
			return
		}
		ipc.Reply(w, v)
	})
}

// call notes a request.
func (f *fake) call(r *http.Request, body any) {
	raw, _ := json.Marshal(body)
	line := r.Method + " " + r.URL.RequestURI()
	if body != nil {
		line += " " + string(raw)
	}
	f.calls = append(f.calls, line)
}

func (f *fake) cib(r *http.Request) (any, error) {
	var req api.CIBRequest
	if err := ipc.Read(r, &req); err != nil {
		return nil, err
	}
	cmd := cib.Command{Op: cib.Op(req.Op), Section: req.Section, XPath: req.XPath, AllowCreate: req.AllowCreate, All: req.All,
		NoChildren: req.NoChildren, PathsOnly: req.PathsOnly, Client: req.Client, User: "root"}
	var err error
	if req.Input != "" {
		if cmd.Input, err = cibxml.Parse(req.Input); err != nil {
			return nil, err
		}
	}
	if req.Base != "" {
		v, err := cib.ParseVersion(req.Base)
		if err != nil {
			return nil, err
		}
		cmd.Base = &v
	}
	res, err := cib.Apply(f.doc, cmd)
	if ce, ok := err.(*cib.Error); ok {
		return nil, ipc.Errorf(ce.Code, "%s", ce.Error())
	} else if err != nil {
		return nil, err
	}
	if f.crm.ReadOnly != "" && cmd.Op.Writes() {
		return nil, ipc.Errorf(api.CodeNoQuorum, "the configuration cannot be changed: %s", f.crm.ReadOnly)
	}
	f.doc = res.Doc
	if cmd.Op.Writes() {
		f.settle()
	}
	reply := api.CIBReply{Version: cib.VersionOf(f.doc).String(), Note: res.Note}
	if res.Output != nil {
		reply.XML = res.Output.String()
	}
	return reply, nil
}
