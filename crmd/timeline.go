package crmd

import (
	"sync"

	"github.com/holdfast-ha/holdfast/api"
)

// timelineSize bounds the timeline: enough for the story of several failovers.
const timelineSize = 4096

// timeline keeps the last steps. The zero value is empty.
type timeline struct {
	mu     sync.Mutex
	events []api.TimelineEvent // a ring once it is full
	next   int
}

func (t *timeline) add(e api.TimelineEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.events) < timelineSize {
		t.events = append(t.events, e)
		return
	}
	t.events[t.next] = e
	t.next = (t.next + 1) % timelineSize
}

// since lists the events from that time on (Unix ms), oldest first.
func (t *timeline) since(at int64) []api.TimelineEvent {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := []api.TimelineEvent{}
	for i := range t.events {
		e := t.events[(t.next+i)%len(t.events)]
		if e.At >= at {
			out = append(out, e)
		}
	}
	return out
}
