package fenced

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFence_IsProvenAndKnownEverywhere(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	for _, n := range c.nodes {
		n.configure(c.device("d1", "n3"))
	}
	n1 := c.nodes["n1"]
	r, err := n1.fence("n3", "off", func(r *api.FenceRequest) { r.Reason = "a test" })
	if err != nil || !r.Proven() || r.Delegate != "n1" || r.Device != "d1" || r.Action != "off" || r.Done < r.Started {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := c.calls(); !slices.Equal(got, []string{"off n3", "status n3"}) {
		t.Errorf("agents were told %q", got)
	}
	for _, n := range c.nodes {
		c.Eventually(n.Name+" knows", func() bool {
			h := n.history("n3")
			return len(h) == 1 && h[0].State == api.FenceDone && h[0].Result.Delegate == "n1" && h[0].Reason == "a test" && h[0].Incarnation == 3
		})
	}
}

func TestFence_ByThePeerThatCan(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	c.nodes["n1"].configure(c.device("d1", "n2"))
	c.nodes["n2"].configure(c.device("d3", "n3"))
	r, err := c.nodes["n1"].fence("n3", "reboot")
	if err != nil || !r.Proven() || r.Delegate != "n2" || r.Device != "d3" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestFence_FailureNamesTheCause(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	n1 := c.nodes["n1"]
	for _, x := range []struct {
		mode, reason string
	}{
		{"fail", "d1 on n1: the plug is pulled"},
		{"lie", "Agent fence_test reported success, but n2 reads on afterwards"},
	} {
		n1.configure(c.device("d1", "n2", "mode", x.mode, "pcmk_off_retries", "1"))
		r, err := n1.fence("n2", "off")
		if err != nil || r.Proven() || !strings.Contains(r.Reason, x.reason) {
			t.Errorf("%s: %+v, %v", x.mode, r, err)
		}
	}
	r, err := n1.fence("n9", "off")
	if err != nil || r.Status != int(lrm.NoFenceDevice) || r.Reason != "No device configured for target 'n9'" {
		t.Errorf("%+v, %v", r, err)
	}
}

// The executor's fenced dies in the middle: another node takes over at once.
func TestFence_AnotherNodeTakesOver(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3", "n4")
	c.nodes["n2"].configure(c.device("d1", "n4", "mode", "hang"))
	c.nodes["n3"].configure(c.device("d2", "n4"))
	check(t, c.nodes["n2"], "d1")
	type outcome struct {
		r   api.FenceResult
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := c.nodes["n1"].fence("n4", "reboot")
		done <- outcome{r, err}
	}()
	c.Eventually("n2's agent runs", func() bool { return slices.Contains(c.calls(), "reboot n4") })
	begin := time.Now()
	c.nodes["n2"].Stop()
	got := <-done
	if got.err != nil || !got.r.Proven() || got.r.Delegate != "n3" {
		t.Errorf("%+v", got)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// check runs a monitor, which makes a device verified.
func check(t *testing.T, n *testNode, dev string) {
	t.Helper()
	var r api.FenceResult
	n.must(http.MethodPost, api.PathFenceTest, api.FenceCheck{Device: dev, Action: "monitor"}, &r)
	if !r.Proven() {
		t.Fatalf("monitor of %s: %+v", dev, r)
	}
}

func TestFence_OfTheOwnNodeIsDoneByAPeer(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	for _, n := range c.nodes {
		n.configure(c.device("d1", "n1"))
	}
	r, err := c.nodes["n1"].fence("n1", "reboot")
	if err != nil || !r.Proven() || r.Delegate != "n2" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestFence_EqualRequestsOnTwoNodesAreOne(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	for _, n := range c.nodes {
		n.configure(c.device("d1", "n3", "mode", "1"))
	}
	first := make(chan api.FenceResult, 1)
	go func() {
		r, _ := c.nodes["n1"].fence("n3", "reboot")
		first <- r
	}()
	c.Eventually("n2 knows that n1 shoots", func() bool { return len(c.nodes["n2"].history("n3")) == 1 })
	second, err := c.nodes["n2"].fence("n3", "reboot")
	if r := <-first; err != nil || !r.Proven() || !second.Proven() || second.Delegate != r.Delegate {
		t.Errorf("%+v and %+v, %v", r, second, err)
	}
	if got := c.calls(); len(got) != 1 {
		t.Errorf("agents were told %q", got)
	}
}

// A fenced that dies fails its clients at once, and afterwards everybody knows that nothing is known.
func TestRestart_PresumesTheOldOperationsFailed(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	n1 := c.nodes["n1"]
	n1.configure(c.device("d1", "n3", "mode", "hang"))
	failed := make(chan error, 1)
	go func() {
		_, err := n1.fence("n3", "reboot", func(r *api.FenceRequest) { r.ID = "op" })
		failed <- err
	}()
	c.Eventually("n2 knows of the operation", func() bool {
		h := c.nodes["n2"].history("n3")
		return len(h) == 1 && h[0].State == api.FenceExecuting
	})
	n1.Stop()
	if err := <-failed; err == nil {
		t.Error("the client was not told")
	}
	n1.Start()
	for _, n := range c.nodes {
		c.Eventually(n.Name+" presumes a failure", func() bool {
			h := n.history("n3")
			return len(h) == 1 && h[0].State == api.FenceFailed && h[0].Result.RC == api.CodeExpired && strings.HasPrefix(h[0].Result.Reason, "Initiated by earlier fencer process")
		})
	}
	// The client asks again with the same id, and this time the device works.
	n1.configure(c.device("d1", "n3"))
	if r, err := n1.fence("n3", "reboot", func(r *api.FenceRequest) { r.ID = "op" }); err != nil || !r.Proven() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRestart_FencesWithoutCrmd(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	n1 := c.nodes["n1"]
	n1.configure(c.device("d1", "n2", "password", "geheim"))
	n1.Stop()
	info, err := os.Stat(filepath.Join(n1.Dirs.State("fenced"), "config.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	n1.Start()
	if r, err := n1.fence("n2", "off"); err != nil || !r.Proven() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestView_StaysWhileCorosyncdRestarts(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	n1 := c.nodes["n1"]
	c.nodes["n2"].configure(c.device("d1", "n3"))
	n1.Deaf()
	c.Eventually("n1 notices", func() bool {
		var s api.FenceStatus
		n1.must(http.MethodGet, api.PathFenceStatus, nil, &s)
		return s.View != "ok" && len(s.Peers) == 2
	})
	if r, err := n1.fence("n3", "off"); err != nil || r.Delegate != "n2" {
		t.Errorf("%+v, %v", r, err)
	}
	n1.Hear()
	c.Eventually("n1 hears again", func() bool {
		var s api.FenceStatus
		n1.must(http.MethodGet, api.PathFenceStatus, nil, &s)
		return s.View == "ok"
	})
}

func TestHistory_ReachesANodeThatJoins(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	c.SetView("n1", "n3")
	c.nodes["n1"].configure(c.device("d1", "n3"))
	if r, err := c.nodes["n1"].fence("n3", "off"); err != nil || !r.Proven() {
		t.Fatalf("%+v, %v", r, err)
	}
	// What n2 asked for before it was cut off may still arrive, but not how it ended.
	if h := c.nodes["n2"].history(""); len(h) != 0 && !h[0].Pending() {
		t.Fatalf("n2 knows %+v", h)
	}
	c.SetView("n1", "n2", "n3")
	c.Eventually("n2 knows", func() bool {
		h := c.nodes["n2"].history("n3")
		return len(h) == 1 && h[0].State == api.FenceDone
	})
	c.nodes["n2"].must(http.MethodDelete, api.PathFenceHistory+"?target=n3", nil, nil)
	for _, n := range c.nodes {
		c.Eventually(n.Name+" has forgotten", func() bool { return len(n.history("")) == 0 })
	}
	var events []api.FenceEvent
	c.nodes["n1"].Stop()
	c.nodes["n1"].Start()
	c.nodes["n1"].must(http.MethodGet, api.PathFenceHistory, nil, &events)
	if len(events) != 0 {
		t.Errorf("after a restart n1 knows %+v again", events)
	}
}

func TestConfirm_EndsTheRequestAndNamesTheUser(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	n1, n2 := c.nodes["n1"], c.nodes["n2"]
	n1.configure(c.device("d1", "n3", "mode", "hang"))
	err := n2.Call(http.MethodPost, api.PathFenceConfirm, api.FenceConfirm{Target: "n3", Client: "test"}, nil)
	if e := (*ipc.Error)(nil); err == nil || !asError(err, &e) || e.Code != api.CodeUnsafe {
		t.Fatalf("a member was confirmed to be down: %v", err)
	}
	c.SetView("n1", "n2")
	done := make(chan api.FenceResult, 1)
	go func() {
		r, _ := n1.fence("n3", "reboot")
		done <- r
	}()
	c.Eventually("the agent hangs", func() bool { return slices.Contains(c.calls(), "reboot n3") })
	n2.must(http.MethodPost, api.PathFenceConfirm, api.FenceConfirm{Target: "n3", Client: "test", By: "somebody else"}, nil)
	if r := <-done; !r.Proven() || r.Delegate != "a human" {
		t.Errorf("%+v", r)
	}
	raw, err := os.ReadFile(filepath.Join(n2.Dirs.State("fenced"), "audit.log"))
	if want := fmt.Sprintf("uid %d, pid %d on n2", os.Getuid(), os.Getpid()); err != nil || !strings.Contains(string(raw), want) || strings.Contains(string(raw), "somebody") {
		t.Errorf("the audit says %s, %v", raw, err)
	}
}

func TestEvents_StreamFromNowOn(t *testing.T) {
	c := newCluster(t, "n1", "n2")
	n1 := c.nodes["n1"]
	n1.configure(c.device("d1", "n2"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var states []string
	_ = ipc.Watch(ctx, n1.Client, api.PathFenceEvents, func(e api.FenceEvent) error {
		states = append(states, e.State)
		switch e.State {
		case "":
			go n1.fence("n2", "reboot")
		case api.FenceDone:
			cancel()
		}
		return nil
	})
	if got := strings.Join(states, " "); got != " querying executing done" {
		t.Errorf("states are %q", got)
	}
}
