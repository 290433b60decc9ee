package simnet

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// A client that does not read its views must hold up nobody: it is disconnected, and starts again with the
// current view.
func TestDaemon_DropsAClientThatDoesNotRead(t *testing.T) {
	cluster(t, 2, "", func(t *testing.T, f *Fabric, ds []*daemon) {
		views, awake, done := 0, make(chan struct{}), make(chan error, 1)
		go func() {
			done <- ipc.Watch(t.Context(), ds[0].client, api.PathViews, func(api.View) error {
				views++
				<-awake
				return nil
			})
		}()
		time.Sleep(3 * time.Second)
		for i := range 400 { // more than may wait for a client
			if err := ds[0].call("POST", api.PathVotes, api.VotesChange{Votes: 2 + i%2}, nil); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Second)
		close(awake)
		if err := <-done; err == nil || views >= 400 {
			t.Errorf("%d views waited for the client, which ended with %v", views, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		again := ds[0].watch(ctx, "")()
		if len(again) != 1 || again[0].Quorum.Expected != 3 || len(again[0].Members) != 2 {
			t.Errorf("started again with %+v", again)
		}
	})
}

func TestDaemon_ServesTheMap(t *testing.T) {
	cluster(t, 2, "[quorum]\ntwo_node = true\n", func(t *testing.T, f *Fabric, ds []*daemon) {
		d := ds[0]
		put := func(key, kind, value string) error {
			return d.call(http.MethodPut, api.PathCmap, api.CmapEntry{Key: key, Type: kind, Value: value}, nil)
		}
		if err := put("foo.bar", "str", "hallo"); err != nil {
			t.Error(err)
		}
		if err := put("totem.token", "u32", "5"); err == nil {
			t.Error("changed what belongs to corosyncd")
		}
		if err := put("foo.bar", "u8", "300"); err == nil || err.Error() != "300 is not valid u8 integer" {
			t.Errorf("got %v", err)
		}
		var list []api.CmapEntry
		if err := d.call(http.MethodGet, api.PathCmap, nil, &list); err != nil {
			t.Fatal(err)
		}
		raw, _ := json.Marshal(list)
		for _, want := range []string{`{"key":"foo.bar","type":"str","value":"hallo"}`, `{"key":"runtime.members.2.status","type":"str","value":"joined"}`} {
			if !strings.Contains(string(raw), want) {
				t.Errorf("no %s in %s", want, raw)
			}
		}
		if err := d.call(http.MethodDelete, api.PathCmap+"?key=foo.bar", nil, nil); err != nil {
			t.Error(err)
		}
		if err := d.call(http.MethodGet, api.PathCmap+"?prefix=foo", nil, &list); err != nil || len(list) != 0 {
			t.Errorf("%v %v", list, err)
		}
	})
}

func TestDaemon_CanBeKeptFromLeaving(t *testing.T) {
	cluster(t, 2, "", func(t *testing.T, f *Fabric, ds []*daemon) {
		ctx, cancel := context.WithCancel(t.Context())
		views := ds[1].watch(ctx, "?hold=1")
		time.Sleep(time.Second)
		if err := ds[1].call(http.MethodPost, api.PathLeave+"?veto=1", nil, nil); err == nil || !strings.Contains(err.Error(), "resources may run on this node") {
			t.Errorf("got %v", err)
		}
		if err := ds[1].call(http.MethodPost, api.PathLeave, nil, nil); err != nil {
			t.Error(err)
		}
		if err := <-ds[1].done; err != nil {
			t.Error(err)
		}
		cancel()
		views()
		s := ds[0].status()
		if d := departure(&Node{View: &s.View}, 2); d.How != api.DepartureLeft {
			t.Errorf("%+v", d)
		}
		ds[1].start()
		time.Sleep(time.Second)
	})
}

// wait_for_all can be ended by the administrator of a node whose peer will not come.
func TestDaemon_StopsWaitingForAllWhenTold(t *testing.T) {
	cluster(t, 3, "[quorum]\nwait_for_all = true\n", func(t *testing.T, f *Fabric, ds []*daemon) {
		ds[2].stop()
		ds[1].stop()
		ds[1].start()
		time.Sleep(4 * time.Second)
		if q := ds[0].status().View.Quorum; q.Quorate || !strings.HasPrefix(q.Reason, "waiting for all nodes: 2 of 3") {
			t.Errorf("%+v", q)
		}
		if err := ds[0].call(http.MethodPut, api.PathCmap, api.CmapEntry{Key: "quorum.cancel_wait_for_all", Type: "u8", Value: "1"}, nil); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		for _, d := range ds[:2] {
			if q := d.status().View.Quorum; !q.Quorate {
				t.Errorf("%s: %+v", d.name, q)
			}
		}
		ds[2].start()
		time.Sleep(time.Second)
	})
}

// Who follows the views hears that they are watched over, and at once no more when they are not.
func TestClient_HearsThatTheViewIsCurrent(t *testing.T) {
	cluster(t, 2, "", func(t *testing.T, f *Fabric, ds []*daemon) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		words, longest, last := 0, time.Duration(0), time.Now()
		err := ipc.WatchAlive(ctx, ds[0].client, api.PathViews, func() {
			words++
			longest = max(longest, time.Since(last))
			last = time.Now()
		}, func(api.View) error { return nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if words < 45 || longest > 250*time.Millisecond {
			t.Errorf("%d words in 10 s, the longest pause %v, with heartbeats every 200 ms", words, longest)
		}
	})
}
