package client

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

var ring = api.RingID{Rep: 1, Seq: 5}

// rig drives a machine and writes down what it wants.
type rig struct {
	t   *testing.T
	now time.Time
	m   *Machine
}

func newRig(t *testing.T, change func(*Config)) *rig {
	c := Config{Node: 1, Cluster: "shop", Nodes: []api.NodeID{1, 2}, Algorithm: wire.FFSplit, KeepActive: true, Server: "q:5403",
		TieBreaker: wire.TieBreaker{Mode: wire.TieLowest}, Timeout: 10 * time.Second, Heartbeat: 8 * time.Second, ConnectTimeout: 8 * time.Second,
		Heuristics: Heuristics{Timeout: 5 * time.Second, SyncTimeout: 15 * time.Second, Interval: 30 * time.Second}}
	change(&c)
	return &rig{t: t, now: time.Unix(1000, 0), m: New(c)}
}

// step gives the machine an input; the result is what it wants, in words.
func (r *rig) step(in Input) string {
	var words []string
	for _, o := range r.m.Step(r.now, in) {
		switch o := o.(type) {
		case Connect:
			words = append(words, "connect")
		case Secure:
			words = append(words, "secure")
		case Hangup:
			words = append(words, "hangup")
		case Run:
			words = append(words, fmt.Sprintf("run(%v)", o.Timeout))
		case Vote:
			words = append(words, fmt.Sprintf("vote(%s %t)", o.Ring, o.Cast))
		case Send:
			text := o.Message.Type.String()
			if o.Message.Type == wire.NodeList {
				text = []string{"initial", "changed", "membership", "quorum"}[o.Message.ListType] + fmt.Sprint(len(o.Message.Nodes))
				if o.Message.Has(wire.OptHeuristics) {
					text += " " + o.Message.Heuristics.String()
				}
			}
			words = append(words, text)
		}
	}
	return strings.Join(words, ", ")
}

func (r *rig) want(what string, in Input, want string) {
	r.t.Helper()
	if got := r.step(in); got != want {
		r.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func (r *rig) reply(t wire.Type, set func(*wire.Message), opts ...wire.Option) Input {
	m := &wire.Message{Type: t, Seq: r.m.seq}
	set(m)
	return Received{m.With(opts...).With(wire.OptSeq)}
}

func (r *rig) vote(t wire.Type, v wire.Vote, about api.RingID) Input {
	return r.reply(t, func(m *wire.Message) { m.Vote, m.Ring = v, about }, wire.OptVote, wire.OptRing)
}

func (r *rig) accept() Input {
	return r.reply(wire.InitReply, func(m *wire.Message) {
		m.MaxRequest, m.MaxReply, m.Algorithms, m.Options = wire.MaxMessage, wire.MaxMessage, []wire.Algorithm{wire.FFSplit, wire.LMS}, wire.AllOptions()
	}, wire.OptError, wire.OptMaxRequest, wire.OptMaxReply, wire.OptAlgorithms, wire.OptOptions)
}

// connect brings the machine to the point where the server has accepted it.
func (r *rig) connect() {
	r.t.Helper()
	r.want("first view", View{Ring: ring, Members: []api.NodeID{1, 2}, Quorate: true}, "connect")
	r.want("dialed", Dialed{}, "preinit")
	r.want("TLS", r.reply(wire.PreinitReply, func(m *wire.Message) { m.TLS = wire.TLSSupported }, wire.OptTLS), "starttls, secure")
	r.want("secured", Secured{}, "init")
}

func running1(t *testing.T, change func(*Config)) *rig {
	r := newRig(t, change)
	r.connect()
	r.want("accepted", r.accept(), "set option, initial2, membership2, quorum2")
	r.want("vote", r.vote(wire.VoteInfo, wire.ACK, ring), "vote(1.5 true), vote info reply")
	return r
}

func TestStep_NACKIsInForceBeforeTheServerHearsThatItIs(t *testing.T) {
	r := running1(t, func(*Config) {})
	r.want("taken away", r.vote(wire.VoteInfo, wire.NACK, ring), "vote(1.5 false), vote info reply")
}

func TestStep_AnswersAboutAnotherRingDoNotCount(t *testing.T) {
	r := running1(t, func(*Config) {})
	next := api.RingID{Rep: 1, Seq: 6}
	r.want("new ring", View{Ring: next, Members: []api.NodeID{1}}, "membership1, quorum2")
	r.want("late", r.vote(wire.VoteInfo, wire.ACK, ring), "vote info reply")
	r.want("thinks", r.vote(wire.NodeListReply, wire.WaitForReply, next), "")
	r.want("decides", r.vote(wire.VoteInfo, wire.ACK, next), "vote(1.6 true), vote info reply")
}

func TestStep_AnEarlierYesEndsWhenTheServerDoesNotDecide(t *testing.T) {
	r := running1(t, func(*Config) {})
	r.want("nodes changed", Reload{func() Config { c := r.m.cfg; c.Nodes = []api.NodeID{1, 2, 3, 4}; return c }()}, "changed4")
	r.want("thinks", r.vote(wire.NodeListReply, wire.WaitForReply, ring), "")
	r.now = r.now.Add(10 * time.Second)
	r.m.due.echo = time.Time{}
	r.want("too long", Wake{}, "vote(1.5 false)")
}

func TestStep_WithoutTheServer(t *testing.T) {
	for _, c := range []struct {
		name      string
		change    func(*Config)
		lost, cut string
	}{
		{"ffsplit", func(*Config) {}, "hangup, vote(1.5 false)", "vote(2.7 false)"},
		{"lms", func(c *Config) { c.Algorithm = wire.LMS }, "hangup, vote(1.5 false)", "vote(2.7 false)"},
		{"lms with wait_for_all", func(c *Config) { c.Algorithm, c.WaitForAll = wire.LMS, true }, "hangup", "vote(2.7 false)"},
	} {
		r := running1(t, c.change)
		r.want(c.name+": connection lost", Broken{"reset"}, c.lost)
		r.want(c.name+": then a cut", View{Ring: api.RingID{Rep: 2, Seq: 7}, Members: []api.NodeID{2}}, c.cut)
		r.now = r.m.Deadline()
		r.want(c.name+": tries again", Wake{}, "connect")
	}
}

func TestStep_TLS(t *testing.T) {
	for _, c := range []struct {
		client TLSMode
		server wire.TLS
		want   string
	}{
		{TLSOff, wire.TLSUnsupported, "init"}, {TLSOff, wire.TLSSupported, "init"}, {TLSOff, wire.TLSRequired, "hangup, vote(1.5 false)"},
		{TLSOn, wire.TLSUnsupported, "init"}, {TLSOn, wire.TLSSupported, "starttls, secure"}, {TLSOn, wire.TLSRequired, "starttls, secure"},
		{TLSRequired, wire.TLSUnsupported, "hangup, vote(1.5 false)"}, {TLSRequired, wire.TLSSupported, "starttls, secure"},
	} {
		r := newRig(t, func(cfg *Config) { cfg.TLS = c.client })
		r.step(View{Ring: ring, Members: []api.NodeID{1}})
		r.step(Dialed{})
		r.want(fmt.Sprint(c.client, c.server), r.reply(wire.PreinitReply, func(m *wire.Message) { m.TLS = c.server }, wire.OptTLS), c.want)
	}
}

func TestStep_EchoFindsADeadServer(t *testing.T) {
	r := running1(t, func(*Config) {})
	r.now = r.m.Deadline()
	r.want("first", Wake{}, "echo request")
	r.want("answer", Received{(&wire.Message{Type: wire.EchoReply, Seq: 1}).With(wire.OptSeq)}, "")
	r.now = r.m.Deadline()
	r.want("second", Wake{}, "echo request")
	r.now = r.m.Deadline()
	r.want("no answer", Wake{}, "hangup, vote(1.5 false)")
}

func TestStep_Heuristics(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Heuristics.Mode = HeuristicsOn })
	r.connect()
	r.want("accepted", r.accept(), "run(15s)")
	r.want("passed", Ran{r.m.checks.id, true}, "set option, initial2, membership2 Pass, quorum2")
	r.now = r.now.Add(30 * time.Second)
	r.m.due.echo = time.Time{}
	r.want("regular", Wake{}, "run(5s)")
	r.want("fails", Ran{r.m.checks.id, false}, "heuristics change")
	r.want("new ring", View{Ring: api.RingID{Rep: 1, Seq: 9}, Members: []api.NodeID{1}}, "run(15s)")
	r.want("an old result", Ran{r.m.checks.id - 1, true}, "")
	r.want("fails still", Ran{r.m.checks.id, false}, "membership1 Fail, quorum2")
}

func TestStep_RefusalsAreRetried(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.connect()
	r.want("refused", r.reply(wire.InitReply, func(m *wire.Message) { m.Error = wire.ErrDuplicateNode }, wire.OptError), "hangup, vote(1.5 false)")
	if wait := r.m.Deadline().Sub(r.now); wait > time.Second {
		t.Errorf("tries again after %v", wait)
	}
	if s := r.m.Status(); s.State != "Disconnected" || !strings.Contains(s.Problem, "connected already") {
		t.Errorf("%+v", s)
	}
	r.now = r.m.Deadline()
	r.want("again", Wake{}, "connect")
}

func FuzzStep(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
	f.Fuzz(func(t *testing.T, script []byte) {
		r := newRig(t, func(c *Config) { c.Heuristics.Mode = HeuristicsOn })
		for i, b := range script[:min(len(script), 300)] {
			r.now = r.now.Add(time.Duration(b) * 50 * time.Millisecond)
			switch b % 8 {
			case 0:
				r.step(View{Ring: api.RingID{Rep: 1, Seq: uint64(i/4) + 1}, Members: []api.NodeID{1}, Quorate: b&8 != 0})
			case 1:
				r.step(Dialed{})
			case 2:
				r.step(Secured{})
			case 3:
				r.step(r.accept())
			case 4:
				r.step(Ran{r.m.checks.id, b&8 != 0})
			case 5:
				r.step(r.vote(wire.Type(b)%18, wire.Vote(b>>4)%6, r.m.view.Ring))
			case 6:
				r.step(Broken{"x"})
			case 7:
				r.step(Wake{})
			}
			if d := r.m.Deadline(); r.m.view.Ring.Seq != 0 && d.IsZero() && r.m.phase == idle {
				t.Fatal("it would never connect again")
			}
		}
	})
}
