package simnet

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/realtime"
)

// daemon is a whole corosyncd on a Fabric.
type daemon struct {
	t      *testing.T
	dirs   paths.Dirs
	name   string
	fabric *Fabric
	api    *Listener
	client *ipc.Client
	cancel context.CancelFunc
	done   chan error
}

func fabricAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 9, 0, byte(i)}) }

// clusterText is the cluster file of n nodes.
func clusterText(n int, more string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[cluster]\nname = \"shop\"\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "[[node]]\nname = \"n%d\"\nid = %d\nlinks = [\"%s\"]\n", i, i, fabricAddr(i))
	}
	return b.String() + more
}

// prepare writes a node's files.
func prepare(t *testing.T, f *Fabric, name, text, key string) *daemon {
	t.Helper()
	root := t.TempDir()
	d := &daemon{t: t, name: name, fabric: f, dirs: paths.Dirs{Etc: filepath.Join(root, "etc"), Var: filepath.Join(root, "var"), Run: filepath.Join(root, "run")}}
	if err := os.MkdirAll(d.dirs.Etc, 0o755); err != nil {
		t.Fatal(err)
	}
	d.write(text)
	if err := os.WriteFile(d.dirs.GossipKey(), []byte(strings.Repeat(key, 64)), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *daemon) write(text string) {
	d.t.Helper()
	if err := os.WriteFile(d.dirs.ClusterFile(), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) start() {
	d.t.Helper()
	d.api = NewListener()
	var out io.Writer = io.Discard
	if testing.Verbose() {
		out = os.Stderr
	}
	c, err := corosyncd.New(corosyncd.Config{
		Dirs: d.dirs, Node: d.name, Network: d.fabric, API: d.api,
		Protection: realtime.Protection{Realtime: true, Locked: true}, // so that the load of the real host means nothing
		Log:        slog.New(slog.NewTextHandler(out, nil)).With("on", d.name)})
	if err != nil {
		d.t.Fatal(err)
	}
	l := d.api
	d.client = ipc.NewClientOn(d.name, &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return l.Dial() },
		DisableKeepAlives: true,
	})
	var ctx context.Context
	ctx, d.cancel = context.WithCancel(d.t.Context())
	d.done = make(chan error, 1)
	go func() { d.done <- c.Run(ctx) }()
}

// stop ends the daemon as SIGTERM does.
func (d *daemon) stop() {
	d.t.Helper()
	d.cancel()
	if err := <-d.done; err != nil {
		d.t.Errorf("%s: %v", d.name, err)
	}
}

func (d *daemon) call(method, path string, in, out any) error {
	return d.client.Call(d.t.Context(), method, path, in, out)
}

func (d *daemon) status() api.CorosyncStatus {
	d.t.Helper()
	var s api.CorosyncStatus
	if err := d.call("GET", api.PathCorosyncStatus, nil, &s); err != nil {
		d.t.Fatal(err)
	}
	return s
}

// members are the ids in the daemon's view.
func (d *daemon) members() []api.NodeID {
	v := d.status().View
	return ids(&v)
}

// watch collects the views that the daemon streams.
func (d *daemon) watch(ctx context.Context, query string) func() []api.View {
	var list []api.View
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = ipc.Watch(ctx, d.client, api.PathViews+query, func(v api.View) error { list = append(list, v); return nil })
	}()
	return func() []api.View { <-done; return list }
}

// cluster starts n daemons in a bubble and runs the test when they are in one view.
func cluster(t *testing.T, n int, more string, test func(t *testing.T, f *Fabric, ds []*daemon)) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFabric()
		var ds []*daemon
		for i := 1; i <= n; i++ {
			d := prepare(t, f, fmt.Sprintf("n%d", i), clusterText(n, more), "1")
			d.start()
			ds = append(ds, d)
		}
		time.Sleep(500 * time.Millisecond)
		for _, d := range ds {
			if got := d.members(); len(got) != n {
				t.Errorf("%s sees %v", d.name, got)
			}
		}
		test(t, f, ds)
		for _, d := range ds {
			d.stop()
		}
		time.Sleep(time.Minute) // what memberlist started ends by itself
	})
}

func TestDaemon_StreamsViewsInOrder(t *testing.T) {
	cluster(t, 3, "", func(t *testing.T, f *Fabric, ds []*daemon) {
		ctx, cancel := context.WithCancel(t.Context())
		views := ds[0].watch(ctx, "")
		time.Sleep(time.Second)
		ds[2].stop()
		time.Sleep(time.Second)
		ds[2].start()
		time.Sleep(time.Second)
		cancel()
		var text []string
		last := api.RingID{}
		for _, v := range views() {
			if v.Ring.Seq < last.Seq {
				t.Errorf("ring %s after %s", v.Ring, last)
			}
			if v.Ring != last {
				text = append(text, fmt.Sprint(ids(&v), departed(&v)))
			}
			last = v.Ring
		}
		want := []string{"[1 2 3] []", "[1 2] [n3 left: said goodbye]", "[1 2 3] []"}
		if !slices.Equal(text, want) {
			t.Errorf("got %q", text)
		}
	})
}

func TestDaemon_LosesACutNodeWithinTheToken(t *testing.T) {
	cluster(t, 3, "", func(t *testing.T, f *Fabric, ds []*daemon) {
		time.Sleep(time.Second)
		for _, i := range []int{1, 2} {
			f.Cut(fabricAddr(3), fabricAddr(i), true)
			f.Cut(fabricAddr(i), fabricAddr(3), true)
		}
		time.Sleep(1200 * time.Millisecond)
		s := ds[0].status()
		if !slices.Equal(ids(&s.View), []api.NodeID{1, 2}) || !s.View.Quorum.Quorate || departure(&Node{View: &s.View}, 3).How != api.DepartureLost {
			t.Errorf("n1: %+v", s.View)
		}
		if s := ds[2].status(); s.View.Quorum.Quorate || len(s.View.Members) != 1 {
			t.Errorf("n3: %+v", s.View)
		}
		for _, i := range []int{1, 2} {
			f.Cut(fabricAddr(3), fabricAddr(i), false)
			f.Cut(fabricAddr(i), fabricAddr(3), false)
		}
		time.Sleep(3 * time.Second)
		if got := ds[0].members(); len(got) != 2 {
			t.Errorf("n3 came back unfenced: %v", got)
		}
		if err := ds[1].call("POST", api.PathFencedNode, api.FencedNode{ID: 3}, nil); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if got := ds[0].members(); len(got) != 3 {
			t.Errorf("n3 is not back: %v", got)
		}
	})
}

func TestDaemon_ChangesVotesEverywhere(t *testing.T) {
	cluster(t, 3, "", func(t *testing.T, f *Fabric, ds []*daemon) {
		time.Sleep(3 * time.Second) // gossip has met
		if err := ds[0].call("POST", api.PathVotes, api.VotesChange{Votes: 5}, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for _, d := range ds {
			s := d.status()
			if q := s.View.Quorum; q.Expected != 5 || q.Needed != 3 {
				t.Errorf("%s: %+v", d.name, q)
			}
			if s.Versions["n3"] != corosyncd.Version {
				t.Errorf("%s knows versions %v", d.name, s.Versions)
			}
		}
		err := ds[0].call("POST", api.PathVotes, api.VotesChange{Votes: 2}, nil)
		if err == nil || !strings.Contains(err.Error(), "3 votes are here already") {
			t.Errorf("got %v", err)
		}
		if err := ds[0].call("POST", api.PathKill, api.KillNode{ID: 3}, nil); err != nil {
			t.Fatal(err)
		}
		if err := <-ds[2].done; err != nil {
			t.Errorf("n3 ended with %v", err)
		}
		if got := ds[0].members(); len(got) != 2 {
			t.Errorf("n1 sees %v", got)
		}
		ds[2].start()
		time.Sleep(time.Second)
	})
}

func TestDaemon_ReloadsTheClusterFile(t *testing.T) {
	cluster(t, 2, "", func(t *testing.T, f *Fabric, ds []*daemon) {
		time.Sleep(3 * time.Second)
		d := prepare(t, f, "n3", clusterText(3, ""), "1")
		d.start()
		time.Sleep(2 * time.Second)
		if s := d.status(); len(s.View.Members) != 1 || s.View.Quorum.Quorate || len(s.Refused) == 0 || !strings.Contains(s.Refused[0].Reason, "not in the cluster file") {
			t.Errorf("n3: %+v", s)
		}
		for _, o := range ds {
			o.write(clusterText(3, ""))
		}
		if err := ds[0].call("POST", api.PathReload+"?all=1", nil, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		for _, o := range append(ds, d) {
			if got := o.members(); len(got) != 3 {
				t.Errorf("%s sees %v", o.name, got)
			}
		}
		ds[0].write(clusterText(2, "[totem]\ntoken = \"1s\"\n"))
		if err := ds[0].call("POST", api.PathReload, nil, nil); err == nil || !strings.Contains(err.Error(), "totem.token") {
			t.Errorf("got %v", err)
		}
		ds[0].write(clusterText(2, ""))
		if err := ds[0].call("POST", api.PathReload, nil, nil); err == nil || !strings.Contains(err.Error(), "n3 is missing although it is a member") {
			t.Errorf("got %v", err)
		}
		d.stop()
	})
}

func TestDaemon_TellsOfAnotherKeyOnBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFabric()
		a, b := prepare(t, f, "n1", clusterText(2, ""), "1"), prepare(t, f, "n2", clusterText(2, ""), "2")
		a.start()
		b.start()
		time.Sleep(5 * time.Second)
		for _, d := range []*daemon{a, b} {
			s := d.status()
			if len(s.View.Members) != 1 || len(s.Refused) != 1 || !strings.Contains(s.Refused[0].Reason, "another cluster key") || s.Rejected["foreign key"] == 0 {
				t.Errorf("%s: %+v", d.name, s)
			}
		}
		a.stop()
		b.stop()
		time.Sleep(time.Minute)
	})
}

// A client that says that resources run here keeps a mere restart from looking like a clean goodbye.
func TestDaemon_SaysNoGoodbyeWhileResourcesRun(t *testing.T) {
	cluster(t, 2, "[quorum]\ntwo_node = true\n", func(t *testing.T, f *Fabric, ds []*daemon) {
		ctx, cancel := context.WithCancel(t.Context())
		views := ds[1].watch(ctx, "?hold=1")
		watch := ds[0].watch(ctx, "")
		time.Sleep(time.Second)
		ds[1].stop()
		ds[1].start()
		time.Sleep(3 * time.Second)
		cancel()
		views()
		for _, v := range watch() {
			if len(v.Members) != 2 || len(v.Departed) > 0 {
				t.Errorf("a restart within the token was seen: %+v", v)
			}
		}
	})
}

func TestDaemon_EndsWithTheConfigurationsProblems(t *testing.T) {
	d := prepare(t, NewFabric(), "n1", "[cluster]\nname = \"x\"\nport = 0\n", "1")
	_, err := corosyncd.New(corosyncd.Config{Dirs: d.dirs, Node: "n1", Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "cluster.toml:3: cluster.port") || !strings.Contains(err.Error(), "there is no node") {
		t.Errorf("got %v", err)
	}
	d.write(clusterText(1, ""))
	if _, err := corosyncd.New(corosyncd.Config{Dirs: d.dirs, Node: "n7", Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), `node "n7" is not in the cluster file, which has n1`) {
		t.Errorf("got %v", err)
	}
}
