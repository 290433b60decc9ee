package clusterfile

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Quorum is section [quorum], with votequorum's names.
type Quorum struct {
	// ExpectedVotes is 0 when the file does not say it: the sum of the nodes' votes.
	ExpectedVotes int
	TwoNode       bool
	// WaitForAll is on unless the file says otherwise wherever a part of the cluster can go on without the
	// rest: with two_node, last_man_standing, auto_tie_breaker, allow_downscale and a quorum device. Corosync
	// implies it for two_node only.
	WaitForAll bool
	// WaitOnce is WaitForAll that a quorum device has brought along: what has been whole once does not wait for all
	// nodes again when it loses quorum, because without being fenced nobody is left behind by the others.
	WaitOnce        bool
	AutoTieBreaker  bool
	TieBreaker      TieBreaker
	TieBreakerNodes []api.NodeID // for TieBreakerList
	LastManStanding bool
	LastManWindow   time.Duration
	AllowDownscale  bool
	// ExpectedTracking remembers the highest number of expected votes over restarts.
	ExpectedTracking bool
	// Device is the quorum device, nil when there is none.
	Device *Device
}

// TieBreaker is auto_tie_breaker_node: which half of an even split goes on.
type TieBreaker uint8

const (
	TieBreakerLowest TieBreaker = iota
	TieBreakerHighest
	TieBreakerList
)

// maxExpected bounds expected_votes: every node with every vote.
const maxExpected = maxNodes * maxVotes

func readQuorum(root *Section, nodes []Node) Quorum {
	s := root.Table("quorum")
	q := Quorum{
		ExpectedVotes:    s.Int("expected_votes", 0, 1, maxExpected),
		TwoNode:          s.Bool("two_node", false),
		AutoTieBreaker:   s.Bool("auto_tie_breaker", false),
		LastManStanding:  s.Bool("last_man_standing", false),
		LastManWindow:    s.Millis("last_man_standing_window", 10*time.Second, minTimer, maxTimer),
		AllowDownscale:   s.Bool("allow_downscale", false),
		ExpectedTracking: s.Bool("expected_votes_tracking", false),
	}
	q.Device = readDevice(s, nodes)
	q.WaitForAll = s.Bool("wait_for_all", q.TwoNode || q.LastManStanding || q.AutoTieBreaker || q.AllowDownscale || q.Device != nil)
	q.WaitOnce = q.Device != nil && !s.Has("wait_for_all")
	q.TieBreaker, q.TieBreakerNodes = readTieBreaker(s, nodes)
	if provider := s.Str("provider", "corosync_votequorum"); provider != "corosync_votequorum" {
		s.Problem("provider", "is %q, there is only corosync_votequorum", provider)
	}
	s.Ignore("votes", "votes are [[node]] votes")
	s.Ignore("leaving_timeout", "a node has left as soon as it says so")
	checkQuorum(s, q, nodes)
	s.Done()
	return q
}

// checkQuorum refuses combinations that Corosync refuses, and those in which it silently switches one of the
// two off.
func checkQuorum(s *Section, q Quorum, nodes []Node) {
	sum, most := 0, 0
	for _, n := range nodes {
		sum += n.Votes
		most = max(most, n.Votes)
	}
	expected := max(q.ExpectedVotes, sum)
	if q.TwoNode && len(nodes) != 2 {
		s.Problem("two_node", "is for a cluster of two nodes, the file has %d", len(nodes))
	}
	if q.Device != nil {
		checkDevice(s, q, nodes)
	}
	if q.TwoNode && q.AutoTieBreaker {
		s.Problem("auto_tie_breaker", "cannot be combined with two_node: both decide which half goes on")
	}
	if q.AutoTieBreaker && expected%2 == 1 {
		s.Problem("auto_tie_breaker", "needs an even number of expected votes, there are %d: an odd number has no halves", expected)
	}
	if q.LastManStanding && most > 1 {
		s.Problem("last_man_standing", "needs nodes with one vote each, one has %d", most)
	}
	if len(nodes) > 0 && sum == 0 {
		s.Problem("", "no node has a vote, so no partition could ever be quorate")
	}
}

// checkDevice refuses what Corosync switches the device off for, or does not start with.
func checkDevice(s *Section, q Quorum, nodes []Node) {
	for _, x := range []struct {
		on       bool
		key, why string
	}{
		{q.TwoNode, "two_node", "both decide what a node that is alone may do; the device does it better"},
		{q.AutoTieBreaker, "auto_tie_breaker", "both decide which half goes on"},
		{q.LastManStanding, "last_man_standing", "the algorithm lms of the device does that"},
		{q.AllowDownscale, "allow_downscale", "the votes of the device would not follow"},
	} {
		if x.on {
			s.Problem(x.key, "cannot be combined with a quorum device: %s", x.why)
		}
	}
	sum := 0
	for _, n := range nodes {
		sum += n.Votes
	}
	if q.ExpectedVotes > 0 && q.ExpectedVotes-q.Device.Votes < 2 {
		s.Problem("expected_votes", "is %d with the %d votes of the quorum device: the nodes must have at least two of them", q.ExpectedVotes, q.Device.Votes)
	}
	if len(nodes) == 1 {
		s.Problem("device", "arbitrates between nodes, and there is only one")
	} else if q.Device.Votes >= sum && sum > 0 && q.Device.Net.Algorithm != "test" {
		s.Table("device").Problem("votes", "the quorum device has %d votes and all nodes together %d: it could make a cluster of no nodes quorate, give it at most %d", q.Device.Votes, sum, sum-1)
	}
}

// readTieBreaker reads auto_tie_breaker_node: "lowest", "highest", "3 1" or [3, 1].
func readTieBreaker(s *Section, nodes []Node) (TieBreaker, []api.NodeID) {
	const key = "auto_tie_breaker_node"
	var words []string
	switch v := s.Raw(key).(type) {
	case nil:
		return TieBreakerLowest, nil
	case string:
		words = strings.Fields(v)
	case int64:
		words = []string{strconv.FormatInt(v, 10)}
	case []any:
		for _, item := range v {
			n, ok := item.(int64)
			if !ok {
				s.Problem(key, "holds %s, must hold node ids only", kind(item))
				return TieBreakerLowest, nil
			}
			words = append(words, strconv.FormatInt(n, 10))
		}
	default:
		s.Problem(key, `is %s, must be "lowest", "highest" or node ids`, kind(v))
		return TieBreakerLowest, nil
	}
	switch {
	case slices.Equal(words, []string{"lowest"}):
		return TieBreakerLowest, nil
	case slices.Equal(words, []string{"highest"}):
		return TieBreakerHighest, nil
	}
	var ids []api.NodeID
	for _, w := range words {
		n, err := strconv.ParseUint(w, 10, 16)
		id := api.NodeID(n)
		if err != nil || !slices.ContainsFunc(nodes, func(n Node) bool { return n.ID == id }) {
			s.Problem(key, `%q is neither "lowest", "highest" nor the id of a node`, w)
			continue
		}
		ids = append(ids, id)
	}
	if len(words) == 0 {
		s.Problem(key, `is empty, must be "lowest", "highest" or node ids`)
	}
	return TieBreakerList, ids
}
