package plan

import (
	"fmt"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
)

func ended(id string, done int64) api.FenceEvent {
	return api.FenceEvent{ID: id, Target: "n1", Action: "off", State: api.FenceDone, At: done, Result: api.FenceResult{Done: done}}
}

func TestHistory_DropsTheOlderHalfWhenFull(t *testing.T) {
	var h history
	h.put(api.FenceEvent{ID: "open", Target: "n2", State: api.FenceQuerying})
	for i := range maxHistory {
		h.put(ended(fmt.Sprint(i), int64(i+1)))
	}
	list := h.list("")
	if len(list) != maxHistory/2+1 || list[0].ID != "open" || list[1].ID != fmt.Sprint(maxHistory-1) || list[len(list)-1].ID != fmt.Sprint(maxHistory/2) {
		t.Errorf("%d events: %s, %s ... %s", len(list), list[0].ID, list[1].ID, list[len(list)-1].ID)
	}
}

func TestHistory_BoundsWhatIsPending(t *testing.T) {
	var h history
	for i := range 3 * maxHistory {
		h.put(api.FenceEvent{ID: fmt.Sprint(i), Target: "n2", State: api.FenceQuerying})
	}
	if len(h.list("")) > maxHistory {
		t.Errorf("%d events", len(h.list("")))
	}
}

// A peer that has not heard of the cleanup sends what it knows.
func TestHistory_CleanedUpEventsDoNotComeBack(t *testing.T) {
	var h history
	h.put(ended("a", 10))
	h.put(ended("b", 20))
	h.cleanup("N1")
	for _, c := range []struct {
		event api.FenceEvent
		want  bool
	}{{ended("a", 10), false}, {ended("b", 20), false}, {ended("older", 15), false}, {ended("c", 21), true}} {
		if got := h.put(c.event); got != c.want {
			t.Errorf("%s was taken: %v", c.event.ID, got)
		}
	}
}

// Whatever the order in which they arrive, the best knowledge stays.
func TestHistory_MergeDoesNotDependOnTheOrder(t *testing.T) {
	querying := api.FenceEvent{ID: "x", Target: "n1", State: api.FenceQuerying, Seq: 1}
	executing := api.FenceEvent{ID: "x", Target: "n1", State: api.FenceExecuting, Seq: 2}
	presumed := api.FenceEvent{ID: "x", Target: "n1", State: api.FenceFailed, Seq: 3, Result: api.FenceResult{Status: 9, RC: rcPresumed, Done: 5}}
	done := ended("x", 6)
	done.Seq = 3
	all := []api.FenceEvent{querying, executing, presumed, done}
	var orders func(rest, chosen []api.FenceEvent)
	orders = func(rest, chosen []api.FenceEvent) {
		if len(rest) == 0 {
			var h history
			for _, e := range chosen {
				h.put(e)
			}
			if got := h.get("x"); got.State != api.FenceDone {
				t.Errorf("%v leads to %+v", chosen, got)
			}
		}
		for i := range rest {
			left := append(append([]api.FenceEvent{}, rest[:i]...), rest[i+1:]...)
			orders(left, append(append([]api.FenceEvent{}, chosen...), rest[i]))
		}
	}
	orders(all, nil)
}
