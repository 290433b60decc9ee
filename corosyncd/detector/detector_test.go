package detector

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

const ms = time.Millisecond

var start = time.Unix(1000, 0)

func config() Config {
	return Config{Token: 1000 * ms, Interval: 200 * ms, StallGrace: 3000 * ms, Warning: 750 * ms, Links: []LinkConfig{{500 * ms, 2}, {500 * ms, 2}}}
}

// scene drives a detector in virtual time and writes down what it says.
type scene struct {
	d    *Detector
	now  time.Time
	seq  uint64
	text []string
}

func newScene(cfg Config) *scene {
	return &scene{d: New(cfg, start, []api.NodeID{2, 3}), now: start}
}

func (s *scene) note(outs []Output) {
	for _, o := range outs {
		at := s.now.Sub(start).Milliseconds()
		switch o := o.(type) {
		case Up:
			s.text = append(s.text, fmt.Sprintf("%d up %d", at, o.Peer))
		case Silent:
			s.text = append(s.text, fmt.Sprintf("%d silent %d for %d", at, o.Peer, o.For.Milliseconds()))
		case Ask:
			s.text = append(s.text, fmt.Sprintf("%d ask %d", at, o.Peer))
		case Slow:
			s.text = append(s.text, fmt.Sprintf("%d slow %d", at, o.Peer))
		case Link:
			s.text = append(s.text, fmt.Sprintf("%d link %d.%d up=%t", at, o.Peer, o.Link, o.Up))
		}
	}
}

// until lets time pass.
func (s *scene) until(t time.Duration) {
	end := start.Add(t)
	for !s.d.Deadline().After(end) {
		if s.d.Deadline().After(s.now) {
			s.now = s.d.Deadline()
		}
		s.note(s.d.Step(s.now, Wake{}))
		if !s.d.Deadline().After(s.now) {
			s.text = append(s.text, "busy loop")
			break
		}
	}
	s.now = end
}

func (s *scene) hear(at time.Duration, h Heard) {
	s.until(at)
	s.seq++
	h.Seq = s.seq
	if h.Incarnation == 0 {
		h.Incarnation = 1
	}
	s.note(s.d.Step(s.now, &h))
}

// said are the lines that contain the word.
func (s *scene) said(word string) string {
	var lines []string
	for _, l := range s.text {
		if strings.Contains(l, word) {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, ", ")
}

func (s *scene) expect(t *testing.T, word, want string) {
	t.Helper()
	if got := s.said(word); got != want {
		t.Errorf("%s: got %q, want %q\n%s", word, got, want, strings.Join(s.text, "\n"))
	}
}

func TestStep_DeclaresSilenceExactlyAtTheToken(t *testing.T) {
	s := newScene(config())
	s.hear(10*ms, Heard{Peer: 2})
	s.hear(210*ms, Heard{Peer: 2})
	s.until(5000 * ms)
	s.expect(t, "silent 2", "1210 silent 2 for 1000")
	s.expect(t, "silent 3", "1000 silent 3 for 1000") // never heard
	s.expect(t, "slow", "960 slow 2")
	s.expect(t, "up 2", "10 up 2")
	s.expect(t, "link 2.0", "10 link 2.0 up=true, 710 link 2.0 up=false")
}

func TestStep_AsksBeforeItGivesUp(t *testing.T) {
	s := newScene(config())
	s.hear(0, Heard{Peer: 2})
	s.until(3000 * ms)
	asks := strings.Split(s.said("ask"), ", ")
	if len(asks) != 10 || asks[0] != "500 ask 2" || asks[9] != "950 ask 2" {
		t.Errorf("asked: %q", asks)
	}
}

func TestStep_AllLinksMustBeSilent(t *testing.T) {
	s := newScene(config())
	s.hear(0, Heard{Peer: 2, Link: 0})
	for at := 100 * ms; at < 2000*ms; at += 200 * ms {
		s.hear(at, Heard{Peer: 2, Link: 1})
	}
	s.expect(t, "silent 2", "")
	s.expect(t, "link 2.0 up=false", "500 link 2.0 up=false")
	s.hear(2000*ms, Heard{Peer: 2, Link: 0})
	s.hear(2010*ms, Heard{Peer: 2, Link: 0})
	s.expect(t, "link 2.0 up=true", "0 link 2.0 up=true, 2000 link 2.0 up=true")
	if l := s.d.Links(2)[0]; l.Flaps != 1 || l.Received != 3 {
		t.Errorf("link: %+v", l)
	}
}

func TestStep_GracesWhoAdmitsStarvation(t *testing.T) {
	s := newScene(config())
	s.hear(0, Heard{Peer: 2, Starved: true})
	s.until(10_000 * ms)
	s.expect(t, "silent 2", "4000 silent 2 for 4000")
}

func TestStep_TakesTheLongerTokenOfAPeer(t *testing.T) {
	s := newScene(config())
	s.hear(0, Heard{Peer: 2, Token: 2000 * ms})
	s.until(10_000 * ms)
	s.expect(t, "silent 2", "2000 silent 2 for 2000")
}

// A node that is always a little late itself must still notice that another one is gone.
func TestStep_OwnLatenessIsForgivenUpToTheGrace(t *testing.T) {
	s := newScene(config())
	s.hear(0, Heard{Peer: 2})
	for s.now.Sub(start) < 8000*ms {
		s.now = s.now.Add(150 * ms)
		s.note(s.d.Step(s.now, Late{By: 100 * ms}))
		s.note(s.d.Step(s.now, Wake{}))
	}
	s.expect(t, "silent", "3000 silent 2 for 3000, 3000 silent 3 for 3000")
}

func TestStep_DoesNotAccuseForTimeInWhichItDidNotRun(t *testing.T) {
	s := newScene(config())
	s.hear(0, Heard{Peer: 2})
	s.hear(10*ms, Heard{Peer: 3})
	s.until(200 * ms)
	s.now = start.Add(5200 * ms) // a pause of five seconds
	s.note(s.d.Step(s.now, Late{By: 5000 * ms}))
	s.note(s.d.Step(s.now, Wake{}))
	s.expect(t, "silent", "")
	s.hear(5300*ms, Heard{Peer: 2})
	s.until(20_000 * ms)
	s.expect(t, "silent", "6010 silent 3 for 1000, 6300 silent 2 for 1000")
}

func TestStep_TellsANewLifeFromTheOld(t *testing.T) {
	s := newScene(config())
	s.hear(0, Heard{Peer: 2, Incarnation: 5})
	s.hear(100*ms, Heard{Peer: 2, Incarnation: 5})
	s.hear(200*ms, Heard{Peer: 2, Incarnation: 6})
	s.expect(t, "up 2", "0 up 2, 200 up 2")
}

func TestReconfigure_KeepsWhatIsKnown(t *testing.T) {
	s := newScene(config())
	s.hear(0, Heard{Peer: 2})
	cfg := config()
	cfg.Token = 400 * ms
	s.d.Reconfigure(s.now, cfg, []api.NodeID{2, 4})
	s.until(2000 * ms)
	s.expect(t, "silent", "400 silent 2 for 400, 400 silent 4 for 400")
}

func TestStep_SteadyHeartbeatsDoNotAllocate(t *testing.T) {
	d := New(config(), start, []api.NodeID{2, 3})
	now, h := start, &Heard{Incarnation: 1, RTT: ms}
	beat := func() {
		now = now.Add(200 * ms)
		h.Seq++
		for _, h.Peer = range [...]api.NodeID{2, 3} {
			d.Step(now, h)
		}
		d.Step(now, Wake{})
	}
	beat()
	beat()
	if n := testing.AllocsPerRun(1000, beat); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
