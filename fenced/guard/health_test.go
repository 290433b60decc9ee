package guard

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/fenced/sbdconf"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

// fakeHealth is a cluster stack that answers what it is told.
type fakeHealth struct{ members, manager atomic.Pointer[Verdict] }

func newHealth() *fakeHealth {
	h := &fakeHealth{}
	h.members.Store(&Verdict{State: Healthy})
	h.manager.Store(&Verdict{State: Healthy})
	return h
}
func (h *fakeHealth) Members(context.Context) Verdict { return *h.members.Load() }
func (h *fakeHealth) Manager(context.Context) Verdict { return *h.manager.Load() }

func TestDiskless_LivesWithItsCluster(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members, manager *Verdict
		ends             bool
	}{
		"manager gone":            {nil, &Verdict{Unknown, "not running"}, true},
		"membership gone":         {&Verdict{Unknown, "not running"}, nil, true},
		"quorum lost, suicide":    {nil, &Verdict{Unhealthy, "no quorum"}, true},
		"left in an orderly way":  {&Verdict{Unknown, "stopped"}, &Verdict{State: Gone}, false},
		"all as it should be":     {nil, nil, false},
		"manager did not come up": {nil, &Verdict{Unknown, "starting"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, 0)
			h := newHealth()
			l.cfg.Health = h
			l.run().guarding()
			time.Sleep(time.Second)
			if c.members != nil {
				h.members.Store(c.members)
			}
			if c.manager != nil {
				h.manager.Store(c.manager)
			}
			if c.ends {
				l.ended(sbdconf.Reboot, 6*time.Second)
				return
			}
			time.Sleep(4 * time.Second)
			before := l.dog.count()
			time.Sleep(1500 * time.Millisecond)
			if len(l.ends) > 0 || l.dog.count() == before {
				t.Error("the node does not live on")
			}
		})
	}
}

func TestDiskless_WaitsForTheClusterUnarmed(t *testing.T) {
	t.Parallel()
	l := newLab(t, 0)
	h := newHealth()
	h.members.Store(&Verdict{Unknown, "not running"})
	h.manager.Store(&Verdict{Unknown, "not running"})
	l.cfg.Health = h
	l.run()
	time.Sleep(4 * time.Second)
	if l.dog.count() != 0 || len(l.ends) > 0 || len(l.done) > 0 {
		t.Fatal("the watchdog runs without a cluster, or the guard has ended")
	}
	h.members.Store(&Verdict{State: Healthy})
	l.guarding()
}

// stack is a node's corosyncd and crmd that answer what they are told.
type stack struct {
	corosync api.CorosyncStatus
	crm      api.CRMStatus
	config   string
}

func serve(t *testing.T, s *stack) *Stack {
	t.Helper()
	dir, err := os.MkdirTemp("", "guard")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	dirs := paths.Dirs{Run: dir}
	for name, routes := range map[string]map[string]func() any{
		"corosyncd": {"GET " + api.PathCorosyncStatus: func() any { return s.corosync }},
		"crmd": {"GET " + api.PathCRMStatus: func() any { return s.crm },
			"POST " + api.PathCIB: func() any { return api.CIBReply{XML: s.config} }},
	} {
		l, err := ipc.Listen(dirs.Socket(name), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		for route, answer := range routes {
			mux.HandleFunc(route, func(w http.ResponseWriter, _ *http.Request) { ipc.Reply(w, answer()) })
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- ipc.Serve(ctx, l, mux, slog.New(slog.DiscardHandler)) }()
		t.Cleanup(func() { cancel(); <-done })
	}
	st := NewStack(dirs)
	t.Cleanup(st.Close)
	return st
}

func view(members ...api.NodeID) api.View {
	v := api.View{Local: 1, Quorum: api.Quorum{Quorate: true}}
	for _, id := range members {
		v.Members = append(v.Members, api.Member{ID: id})
	}
	return v
}

func TestStack_MembersVerdicts(t *testing.T) {
	t.Parallel()
	s := &stack{}
	st := serve(t, s)
	is := func(name string, want State, word string) {
		t.Helper()
		if got := st.Members(t.Context()); got.State != want || !strings.Contains(got.Why, word) {
			t.Errorf("%s: %+v, want %d %q", name, got, want, word)
		}
	}
	is("no view yet", Unhealthy, "no view")
	s.corosync.View = view(1, 2)
	is("member", Healthy, "")
	s.corosync.View.Stale = true
	is("stood still", Unhealthy, "stood still")
	s.corosync.View = view(1)
	is("alone of three", Healthy, "")
	s.corosync.View.TwoNode = true
	is("alone of two that were together", Unhealthy, "other node of two is gone")
	if got := NewStack(paths.Dirs{Run: t.TempDir()}).Members(t.Context()); got.State != Unknown || !strings.Contains(got.Why, "not running") {
		t.Errorf("no corosyncd: %+v", got)
	}
}

func TestStack_ManagerVerdicts(t *testing.T) {
	t.Parallel()
	lost := view(1)
	lost.Quorum = api.Quorum{Reason: "1 of 3 votes, 2 needed"}
	good := view(1, 2)
	policy := func(p string) string {
		return `<crm_config><cluster_property_set id="s"><nvpair id="p" name="no-quorum-policy" value="` + p + `"/></cluster_property_set></crm_config>`
	}
	for _, c := range []struct {
		name   string
		disks  bool
		before bool // was quorate once
		crm    api.CRMStatus
		config string
		want   State
		word   string
	}{
		{"no DC", false, true, api.CRMStatus{State: "S_PENDING"}, "", Unknown, "no node leads"},
		{"joining", false, true, api.CRMStatus{DC: "n2", State: "S_PENDING", View: good}, "", Unknown, "joining"},
		{"quorate", false, false, api.CRMStatus{DC: "n1", State: "S_IDLE", View: good}, "", Healthy, ""},
		{"no quorum with disks", true, true, api.CRMStatus{DC: "n1", State: "S_IDLE", View: lost}, "", Unhealthy, "1 of 3 votes"},
		{"never had quorum", false, false, api.CRMStatus{DC: "n1", State: "S_IDLE", View: lost}, "", Healthy, ""},
		{"quorum lost, stop", false, true, api.CRMStatus{DC: "n1", State: "S_IDLE", View: lost}, policy("stop"), Unknown, "no quorum"},
		{"quorum lost, default", false, true, api.CRMStatus{DC: "n1", State: "S_IDLE", View: lost}, "<crm_config/>", Unknown, "no quorum"},
		{"quorum lost, suicide", false, true, api.CRMStatus{DC: "n1", State: "S_IDLE", View: lost}, policy("suicide"), Unhealthy, "suicide"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := serve(t, &stack{crm: c.crm, config: c.config})
			st.Disks, st.quorateOnce, st.Watchdog = c.disks, c.before, 5*time.Second
			if got := st.Manager(t.Context()); got.State != c.want || !strings.Contains(got.Why, c.word) {
				t.Errorf("%+v, want %d %q", got, c.want, c.word)
			}
		})
	}
}
