package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/fenced/plan"
	"pgregory.net/rapid"
)

// asked is a request of the property test and what became of it.
type asked struct {
	action, target string
	at             time.Time
	answers        []api.FenceResult
	proven         bool // at the time of the answer
}

// TestPlan_NeverClaimsAFenceThatDidNotHappen lets agents lie, fail, hang and die, nodes come, go, hang and
// vanish, and people ask for fences all the while. Every request has one answer within its limits, and a
// success means that the target's power is off or has been since it was asked for, at one of its outlets at
// least.
func TestPlan_NeverClaimsAFenceThatDidNotHappen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSim()
		run(s, "nodes n1 n2 n3")
		run(s, "agent fence_x on off status monitor list")
		for i := range rapid.IntRange(1, 4).Draw(t, "devices") {
			run(s, fmt.Sprintf("device d%d fence_x on=%s pcmk_host_list=n1,n2,n3 pcmk_delay_base=%d pcmk_action_limit=%d", i,
				rapid.SampledFrom([]string{"n1", "n2", "n3", "n1,n2", "n1,n2,n3"}).Draw(t, "on"),
				rapid.IntRange(0, 2).Draw(t, "delay"), rapid.SampledFrom([]int{-1, 1, 2}).Draw(t, "limit")))
			run(s, fmt.Sprintf("does d%d off %s", i, answers(t, "off")))
			run(s, fmt.Sprintf("does d%d status %s", i, answers(t, "status")))
		}
		for range rapid.IntRange(0, 3).Draw(t, "levels") {
			run(s, fmt.Sprintf("level %d n3 d%d d%d", rapid.IntRange(1, 3).Draw(t, "level"), rapid.IntRange(0, 3).Draw(t, "a"), rapid.IntRange(0, 3).Draw(t, "b")))
		}
		var all []*asked
		for range rapid.IntRange(1, 12).Draw(t, "events") {
			happen(t, s, &all)
			s.run(time.Duration(rapid.IntRange(0, 15000).Draw(t, "pause"))*time.Millisecond, false)
		}
		s.run(time.Hour, false)
		for i, a := range all {
			if len(a.answers) == 0 && !s.node("n1").dead {
				t.Fatalf("request %d (%s of %s) was never answered", i, a.action, a.target)
			}
			for _, r := range a.answers {
				if r.Proven() && !a.proven {
					t.Fatalf("request %d: %s of %s is claimed but did not happen: %+v", i, a.action, a.target, r)
				}
			}
		}
	})
}

func run(s *sim, line string) {
	words := strings.Fields(line)
	verbs[words[0]](s, words[1:])
}

func answers(t *rapid.T, label string) string {
	kinds := []string{"ok", "ok", "fail", "hang", "lie", "rc=1", "ok after=20s"}
	if label == "status" {
		kinds = []string{"ok", "ok", "fail", "hang", "rc=1", "rc=0"}
	}
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 4).Draw(t, label), " ; ")
}

// happen makes one event. n1 is the node that is asked, and stays.
func happen(t *rapid.T, s *sim, all *[]*asked) {
	switch rapid.SampledFrom([]string{"fence", "fence", "fence", "view", "dead", "mute", "cleanup"}).Draw(t, "event") {
	case "fence":
		a := &asked{action: rapid.SampledFrom([]string{"off", "reboot"}).Draw(t, "action"), target: rapid.SampledFrom([]string{"n2", "n3"}).Draw(t, "target"), at: s.now}
		*all = append(*all, a)
		id := fmt.Sprint("p", len(*all))
		n := s.node("n1")
		n.replies[id] = append(n.replies[id], func(r api.FenceResult) {
			a.answers = append(a.answers, r)
			for outlet, at := range s.cut {
				if strings.HasSuffix(outlet, "/"+a.target) && (s.off[outlet] || !at.Before(a.at)) {
					a.proven = true
				}
			}
			for _, e := range n.fencer.History(a.target) { // joined an operation that began before
				a.proven = a.proven || e.Result.Done == r.Done && e.At < a.at.UnixMilli() && e.Result.Proven()
			}
		})
		req := api.FenceRequest{ID: id, Target: a.target, Action: a.action, Origin: "n1", Client: "test", Timeout: 10_000}
		s.after(0, func() { s.plan(n, plan.Request{Request: req}) })
	case "view":
		s.view(append([]string{"n1"}, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"n2", "n3"}), 0, 2, rapid.ID).Draw(t, "members")...))
	case "dead":
		s.node(rapid.SampledFrom([]string{"n2", "n3"}).Draw(t, "dead")).dead = true
	case "mute":
		s.node(rapid.SampledFrom([]string{"n2", "n3"}).Draw(t, "mute")).mute = true
	case "cleanup":
		run(s, "cleanup n3")
	}
}
