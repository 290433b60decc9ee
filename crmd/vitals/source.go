package vitals

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// filler puts what a source has read into a sample. fresh is false when the same reading was used before: what
// it counted must not count twice.
type filler func(v *api.Vitals, fresh bool)

// reader reads a source. It may take as long as it likes. nil keeps what was read before.
type reader func(now time.Time) filler

// source is something that is measured on a goroutine of its own.
type source struct {
	name  string
	every time.Duration
	read  reader
	// hung, when set, completes a sample while a reading has taken longer than deadline.
	hung     func(v *api.Vitals, since time.Duration)
	deadline time.Duration

	wake     chan time.Time // capacity 1
	answered chan struct{}  // capacity 1

	mu    sync.Mutex
	begun time.Time // of the reading that is under way; zero when none is
	asked time.Time // when the last reading was begun
	last  filler
	fresh bool
}

func newSource(name string, every time.Duration, read reader) *source {
	return &source{name: name, every: every, read: read, wake: make(chan time.Time, 1), answered: make(chan struct{}, 1)}
}

func (s *source) run(ctx context.Context) {
	for {
		select {
		case now := <-s.wake:
			s.end(s.read(now))
			select {
			case s.answered <- struct{}{}:
			default:
			}
		case <-ctx.Done():
			return
		}
	}
}

// slack lets a source be due a little early, so that a sampler that was late once does not skip a period.
const slack = 300 * time.Millisecond

func (s *source) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun.IsZero() && (s.asked.IsZero() || now.Sub(s.asked) >= s.every-slack || now.Before(s.asked))
}

// ask starts a reading if one is due, or at once unless one is under way. It never waits.
func (s *source) ask(now time.Time, atOnce bool) bool {
	if !s.due(now) && !(atOnce && s.busySince().IsZero()) {
		return false
	}
	s.begin(now)
	select {
	case <-s.answered: // of a reading that nobody waited for
	default:
	}
	s.wake <- now // never full: begun was zero
	return true
}

func (s *source) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun, s.asked = now, now
}

func (s *source) end(f filler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = time.Time{}
	if f != nil {
		s.last, s.fresh = f, true
	}
}

func (s *source) busySince() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// staleAfter is how long a reading may take before the sample says so.
const staleAfter = 2 * time.Second

// fill adds the source's part to a sample.
func (s *source) fill(now time.Time, v *api.Vitals) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		s.last(v, s.fresh)
		s.fresh = false
	}
	if s.begun.IsZero() {
		return
	}
	busy := now.Sub(s.begun)
	if busy >= staleAfter {
		v.Stale = append(v.Stale, api.StaleSource{Name: s.name, For: busy.Milliseconds()})
	}
	if s.hung != nil && busy >= s.deadline {
		s.hung(v, busy)
	}
}
