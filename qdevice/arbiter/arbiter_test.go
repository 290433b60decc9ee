package arbiter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// rig is a server with nodes that answer as a test wants it.
type rig struct {
	m     *Machine
	now   time.Time
	tie   wire.TieBreaker
	algo  wire.Algorithm
	nodes []api.NodeID // configured
	seq   uint32
	rings uint64
	// votes are what the nodes were told last, with the rings that it was about.
	votes map[api.NodeID]wire.Vote
	about map[api.NodeID]api.RingID
	at    map[api.NodeID]api.RingID
	owed  map[api.NodeID]*wire.Message // vote infos that were not answered
	mute  map[api.NodeID]bool          // do not answer vote infos
	log   []string
}

func newRig(n int, algo wire.Algorithm, mode wire.TieMode, node api.NodeID) *rig {
	r := &rig{m: New(Config{}), now: time.Unix(1000, 0), algo: algo, tie: wire.TieBreaker{Mode: mode, Node: node}, rings: 4,
		votes: map[api.NodeID]wire.Vote{}, about: map[api.NodeID]api.RingID{}, at: map[api.NodeID]api.RingID{}, owed: map[api.NodeID]*wire.Message{}, mute: map[api.NodeID]bool{}}
	for i := range n {
		r.nodes = append(r.nodes, api.NodeID(i+1))
	}
	return r
}

func conn(id api.NodeID) Conn { return Conn(id) }

// do gives the server an input and answers vote infos.
func (r *rig) do(in Input) {
	var answers []Input
	for _, o := range r.m.Step(r.now, in) {
		s, ok := o.(Send)
		if !ok {
			continue
		}
		id, m := api.NodeID(s.Conn), s.Message
		text := fmt.Sprintf("%d %s", id, m.Type)
		if m.Has(wire.OptError) && m.Error != wire.NoError {
			text += fmt.Sprintf(" %d", m.Error)
		}
		if m.Has(wire.OptVote) {
			text += " " + m.Vote.String()
			if m.Vote == wire.ACK || m.Vote == wire.NACK {
				r.votes[id], r.about[id] = m.Vote, m.Ring
			}
		}
		r.log = append(r.log, text)
		if m.Type == wire.VoteInfo {
			if r.mute[id] {
				r.owed[id] = m
				continue
			}
			answers = append(answers, Received{s.Conn, (&wire.Message{Type: wire.VoteInfoReply, Seq: m.Seq}).With(wire.OptSeq)})
		}
	}
	for _, a := range answers {
		r.do(a)
	}
}

func (r *rig) send(id api.NodeID, m *wire.Message, opts ...wire.Option) {
	r.seq++
	m.Seq = r.seq
	r.do(Received{conn(id), m.With(opts...).With(wire.OptSeq)})
}

func (r *rig) list(ids []api.NodeID) []wire.Node {
	var l []wire.Node
	for _, id := range ids {
		l = append(l, wire.Node{ID: id})
	}
	return l
}

// connect lets a node come.
func (r *rig) connect(id api.NodeID, keep bool) {
	r.do(Opened{Conn: conn(id), Addr: "n" + id.String()})
	r.send(id, &wire.Message{Type: wire.Preinit, Cluster: "shop"}, wire.OptCluster)
	r.send(id, &wire.Message{Type: wire.Init, Node: id, Algorithm: r.algo, TieBreaker: r.tie, Heartbeat: 8000}, wire.OptNode, wire.OptAlgorithm, wire.OptTieBreaker, wire.OptHeartbeat, wire.OptRing)
	r.send(id, &wire.Message{Type: wire.SetOption, KeepActive: keep}, wire.OptKeepActive)
	r.send(id, &wire.Message{Type: wire.NodeList, ListType: wire.InitialConfig, Nodes: r.list(r.nodes)}, wire.OptListType, wire.OptNodeInfo)
}

func (r *rig) membership(id api.NodeID, ring api.RingID, ids ...api.NodeID) {
	r.at[id] = ring
	r.send(id, &wire.Message{Type: wire.NodeList, ListType: wire.Membership, Ring: ring, Nodes: r.list(ids)}, wire.OptListType, wire.OptRing, wire.OptNodeInfo)
}

// split tells the server partitions such as "1 2|3".
func (r *rig) split(parts string) {
	r.rings += 4
	for part := range strings.SplitSeq(parts, "|") {
		var ids []api.NodeID
		for w := range strings.FieldsSeq(part) {
			var id api.NodeID
			fmt.Sscan(w, &id)
			ids = append(ids, id)
		}
		for _, id := range ids {
			r.membership(id, api.RingID{Rep: ids[0], Seq: r.rings}, ids...)
		}
	}
}

func (r *rig) heuristics(id api.NodeID, h wire.Heuristics) {
	r.send(id, &wire.Message{Type: wire.HeuristicsChange, Heuristics: h}, wire.OptHeuristics)
}

// acks are the nodes that count the device's votes: told ACK for the ring that they are in.
func (r *rig) acks() string {
	var ids []string
	for _, id := range r.nodes {
		if r.votes[id] == wire.ACK && r.about[id] == r.at[id] && r.m.clients[conn(id)] != nil {
			ids = append(ids, id.String())
		}
	}
	return strings.Join(ids, " ")
}

func TestStep_WhoGetsTheVote(t *testing.T) {
	type step struct{ do, want string }
	for _, c := range []struct {
		name  string
		nodes int
		algo  wire.Algorithm
		mode  wire.TieMode
		node  api.NodeID
		keep  bool
		steps []step
	}{
		{"two halves, lowest", 2, wire.FFSplit, wire.TieLowest, 0, true, []step{{"1 2", "1 2"}, {"1|2", "1"}, {"1 2", "1 2"}}},
		{"two halves, highest", 2, wire.FFSplit, wire.TieHighest, 0, true, []step{{"1|2", "2"}}},
		{"two halves, by id", 4, wire.FFSplit, wire.TieNode, 3, true, []step{{"1 2|3 4", "3 4"}}},
		{"a half wins against less", 4, wire.FFSplit, wire.TieLowest, 0, true, []step{{"1|2|3 4", "3 4"}, {"1|2 3 4", "2 3 4"}, {"1|2|3|4", ""}}},
		{"an odd number of nodes", 3, wire.FFSplit, wire.TieLowest, 0, true, []step{{"1|2 3", "2 3"}, {"1|2|3", ""}}},
		{"heuristics decide, and change it", 2, wire.FFSplit, wire.TieLowest, 0, true, []step{{"1|2", "1"}, {"fail 1", "2"}, {"pass 1", "1"}}},
		{"the other node is gone", 2, wire.FFSplit, wire.TieLowest, 0, true, []step{{"1|2", "1"}, {"gone 1", "2"}}},
		{"who comes back does not take it", 2, wire.FFSplit, wire.TieLowest, 0, true, []step{{"1|2", "1"}, {"gone 1", "2"}, {"come 1", "2"}}},
		{"unless the active side is not kept", 2, wire.FFSplit, wire.TieLowest, 0, false, []step{{"1|2", "1"}, {"gone 1", "2"}, {"come 1", "1"}}},
		{"lms: the larger part", 4, wire.LMS, wire.TieLowest, 0, true, []step{{"1 2 3 4", "1 2 3 4"}, {"1|2 3 4", "2 3 4"}, {"1|2|3 4", "3 4"}}},
		{"lms: the lowest of equals", 4, wire.LMS, wire.TieLowest, 0, true, []step{{"1 4|2 3", "1 4"}, {"1|4|2|3", "1"}}},
		{"lms: heuristics before size", 3, wire.LMS, wire.TieLowest, 0, true, []step{{"1|2 3", "2 3"}, {"fail 2", "2 3"}, {"fail 3", "1"}}},
		{"lms: by id, with its mates", 4, wire.LMS, wire.TieNode, 4, true, []step{{"1 2|3 4", "3 4"}}},
		{"lms: a newcomer does not take it", 2, wire.LMS, wire.TieLowest, 0, true, []step{{"1|2", "1"}, {"gone 1", "2"}, {"come 1", "2"}}},
		{"2nodelms", 2, wire.TwoNodeLMS, wire.TieHighest, 0, true, []step{{"1 2", "1 2"}, {"1|2", "2"}, {"gone 2", "1"}}},
	} {
		r := newRig(c.nodes, c.algo, c.mode, c.node)
		for _, id := range r.nodes {
			r.connect(id, c.keep)
		}
		for i, s := range c.steps {
			var id api.NodeID
			word, rest, _ := strings.Cut(s.do, " ")
			fmt.Sscan(rest, &id)
			switch word {
			case "fail":
				r.heuristics(id, wire.HeuristicsFail)
			case "pass":
				r.heuristics(id, wire.HeuristicsPass)
			case "gone":
				r.do(Closed{conn(id)})
			case "come":
				r.connect(id, c.keep)
				r.rings += 4
				r.membership(id, api.RingID{Rep: id, Seq: r.rings}, id)
			default:
				r.split(s.do)
			}
			if got := r.acks(); got != s.want {
				t.Errorf("%s, step %d (%s): %q have the vote, want %q", c.name, i, s.do, got, s.want)
			}
		}
	}
}

func TestStep_TheWinnerHearsItAfterTheLoserHasAnswered(t *testing.T) {
	r := newRig(2, wire.FFSplit, wire.TieLowest, 0)
	r.connect(1, true)
	r.connect(2, true)
	r.split("1 2")
	r.mute[2] = true
	r.split("1|2")
	if got := r.acks(); got != "" || r.votes[2] != wire.NACK {
		t.Fatalf("%q have the vote, node 2 was told %s", got, r.votes[2])
	}
	owed := r.owed[2]
	r.send(2, &wire.Message{Type: wire.EchoRequest})
	if r.acks() != "" {
		t.Error("another message counted as an answer")
	}
	r.do(Received{conn(2), (&wire.Message{Type: wire.VoteInfoReply, Seq: owed.Seq}).With(wire.OptSeq)})
	if got := r.acks(); got != "1" {
		t.Errorf("%q", got)
	}
}

func TestStep_ASilentClientIsGivenUp(t *testing.T) {
	r := newRig(2, wire.FFSplit, wire.TieLowest, 0)
	r.connect(1, true)
	r.connect(2, true)
	r.split("1|2")
	r.now = r.now.Add(9 * time.Second)
	r.send(2, &wire.Message{Type: wire.EchoRequest})
	r.now = r.m.Deadline()
	r.do(Wake{})
	if got := r.acks(); got != "2" {
		t.Errorf("%q", got)
	}
	if r.m.Clients() != 1 || len(r.m.Status()) != 1 {
		t.Error(r.m.Status())
	}
}

func TestStep_Errors(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		do   func(r *rig)
		want string
	}{
		{"preinit without a name", Config{}, func(r *rig) { r.send(1, &wire.Message{Type: wire.Preinit}) }, "1 server error 7"},
		{"starttls first", Config{}, func(r *rig) { r.send(1, &wire.Message{Type: wire.StartTLS}) }, "1 server error 6"},
		{"init first", Config{}, func(r *rig) { r.send(1, &wire.Message{Type: wire.Init}) }, "1 init reply 6"},
		{"echo before init", Config{}, func(r *rig) { r.send(1, &wire.Message{Type: wire.EchoRequest}) }, "1 server error 11"},
		{"a reply", Config{}, func(r *rig) { r.send(1, &wire.Message{Type: wire.InitReply}) }, "1 server error 8"},
		{"without TLS", Config{TLS: wire.TLSRequired}, func(r *rig) { r.connect2(1, "shop", 8000) }, "1 init reply 3"},
		{"heartbeat", Config{}, func(r *rig) { r.connect2(1, "shop", 10) }, "1 init reply 13"},
		{"twice", Config{}, func(r *rig) { r.connect(5, true); r.now = r.now.Add(1); r.do(Opened{Conn: 6}); r.init(6, 5) }, "6 init reply 17"},
		{"not in its list", Config{}, func(r *rig) { r.nodes = []api.NodeID{7}; r.connect(5, true) }, "5 server error 18"},
		{"garbage", Config{}, func(r *rig) { r.do(Garbled{Conn: 1, Code: wire.ErrDecoding}) }, "1 server error 9"},
	} {
		r := newRig(2, wire.FFSplit, wire.TieLowest, 0)
		r.m = New(c.cfg)
		r.nodes = []api.NodeID{5, 6}
		r.do(Opened{Conn: 1})
		c.do(r)
		if got := r.log[len(r.log)-1]; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func (r *rig) connect2(id api.NodeID, name string, heartbeat uint32) {
	r.send(id, &wire.Message{Type: wire.Preinit, Cluster: name}, wire.OptCluster)
	r.send(id, &wire.Message{Type: wire.Init, Node: id, Algorithm: r.algo, TieBreaker: r.tie, Heartbeat: heartbeat}, wire.OptNode, wire.OptAlgorithm, wire.OptTieBreaker, wire.OptHeartbeat, wire.OptRing)
}

func (r *rig) init(on, id api.NodeID) {
	r.send(on, &wire.Message{Type: wire.Preinit, Cluster: "shop"}, wire.OptCluster)
	r.send(on, &wire.Message{Type: wire.Init, Node: id, Algorithm: r.algo, TieBreaker: r.tie, Heartbeat: 8000}, wire.OptNode, wire.OptAlgorithm, wire.OptTieBreaker, wire.OptHeartbeat, wire.OptRing)
}

func TestStep_ACertificateIsForOneCluster(t *testing.T) {
	m := New(Config{TLS: wire.TLSRequired, ClientCert: true})
	now := time.Unix(1000, 0)
	m.Step(now, Opened{Conn: 1})
	m.Step(now, Received{1, (&wire.Message{Type: wire.Preinit, Cluster: "shop"}).With(wire.OptCluster)})
	m.Step(now, Secured{1, "bank"})
	outs := m.Step(now, Received{1, &wire.Message{Type: wire.Init}})
	if !slices.Contains(outs, Output(Close{1})) || m.Clients() != 0 {
		t.Error(outs)
	}
}

// Whatever happens in whatever order, no two nodes that are in different rings have the vote for them at once.
func TestStep_NeverTwoPartitionsHaveTheVote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(t, "nodes")
		algo := rapid.SampledFrom([]wire.Algorithm{wire.FFSplit, wire.LMS}).Draw(t, "algorithm")
		r := newRig(n, algo, wire.TieLowest, 0)
		for _, id := range r.nodes {
			r.connect(id, true)
		}
		part := map[api.NodeID]int{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			id := api.NodeID(rapid.IntRange(1, n).Draw(t, "node"))
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				r.do(Closed{conn(id)})
				r.votes[id] = wire.NACK // its connection is gone, and so is its vote
				delete(r.owed, id)
			case 1:
				if r.m.clients[conn(id)] == nil {
					r.connect(id, true)
				}
			case 2:
				r.heuristics(id, wire.Heuristics(rapid.IntRange(1, 2).Draw(t, "result")))
			case 3:
				r.mute[id] = !r.mute[id]
				if m := r.owed[id]; m != nil && !r.mute[id] {
					delete(r.owed, id)
					r.do(Received{conn(id), (&wire.Message{Type: wire.VoteInfoReply, Seq: m.Seq}).With(wire.OptSeq)})
				}
			default:
				// The network has changed; this node is the first to say so, or follows.
				if rapid.Bool().Draw(t, "changed") {
					r.rings += 4
					for _, o := range r.nodes {
						part[o] = rapid.IntRange(0, 1).Draw(t, "side")
					}
				}
				var ids []api.NodeID
				for _, o := range r.nodes {
					if part[o] == part[id] {
						ids = append(ids, o)
					}
				}
				if r.m.clients[conn(id)] != nil {
					r.membership(id, api.RingID{Rep: ids[0], Seq: r.rings}, ids...)
				}
			}
			var who api.NodeID
			for _, o := range r.nodes {
				if r.votes[o] != wire.ACK || r.about[o] != r.at[o] || r.m.clients[conn(o)] == nil {
					continue
				}
				if who != 0 && r.at[o] != r.at[who] {
					t.Fatalf("%d in %s and %d in %s have the vote:\n%s", who, r.at[who], o, r.at[o], strings.Join(r.log, "\n"))
				}
				who = o
			}
		}
	})
}
