package plan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// verdict on something that answers may still change.
type verdict uint8

const (
	no verdict = iota
	yes
	wait // for answers of peers
)

// answersOut reports whether peers still have to answer in time, and arranges to be woken at that time.
func (f *Fencer) answersOut(op *operation, until time.Time) bool {
	if len(op.waiting) == 0 || !f.now.Before(until) {
		return false
	}
	op.wake = earlier(op.wake, until)
	return true
}

// unranked is the rank of no node at all.
const unranked = 99

// rank orders the nodes for a device, best first: a node other than the target that has verified the device,
// another one, the target itself. Among equals this node goes first, because it is the nearest.
func (f *Fencer) rank(op *operation, o *offer) int {
	switch {
	case strings.EqualFold(o.peer, op.req.Target) && op.req.Action != actionOn:
		return 4
	case o.Verified && o.peer == f.local:
		return 0
	case o.Verified:
		return 1
	case o.peer == f.local:
		return 2
	default:
		return 3
	}
}

// executor finds the node that is to use a device.
func (f *Fencer) executor(op *operation, device string) (offer, verdict) {
	if device == watchdogDevice && f.watchdogCovers(op) {
		return offer{peer: f.local, FenceOffer: api.FenceOffer{Device: device}}, yes
	}
	best, bestRank := offer{}, unranked
	for i := range op.offers {
		o := &op.offers[i]
		if r := f.rank(op, o); o.Device == device && r < bestRank && !slices.Contains(op.lost, o.peer) {
			best, bestRank = *o, r
		}
	}
	if f.worthWaiting(op, bestRank) {
		return offer{}, wait
	}
	if bestRank == unranked {
		return offer{}, no
	}
	return best, yes
}

// worthWaiting reports whether a better node than one of the given rank may still come forward: a verified
// one for a moment, any node instead of none or of the target itself as long as answers are awaited.
func (f *Fencer) worthWaiting(op *operation, rank int) bool {
	switch {
	case rank < 2:
		return false
	case rank < 4:
		return f.answersOut(op, op.created.Add(verifiedWait))
	default:
		return f.answersOut(op, op.limit)
	}
}

// nextAnywhere executes the next device when there is no topology: node by node, each with all its devices
// until one succeeds.
func (f *Fencer) nextAnywhere(op *operation) {
	offers, rank := f.untried(op, op.peer)
	if len(offers) == 0 {
		for _, p := range op.asked {
			other, r := f.untried(op, p)
			if f.preferred(other, r, offers, rank) {
				offers, rank = other, r
			}
		}
		if f.worthWaiting(op, rank) {
			return
		}
	}
	if len(offers) == 0 {
		f.exhausted(op)
		return
	}
	op.peer = offers[0].peer
	op.tried = append(op.tried, used{op.peer, offers[0].Device})
	f.execute(op, offers[0], op.req.Action)
}

// untried are the devices of a node that have not had their turn, best first, and the rank of the best.
func (f *Fencer) untried(op *operation, peer string) ([]offer, int) {
	var offers []offer
	for _, o := range op.offers {
		if o.peer == peer && !slices.Contains(op.lost, peer) && !slices.Contains(op.tried, used{peer, o.Device}) {
			offers = append(offers, o)
		}
	}
	if len(offers) == 0 {
		return nil, unranked
	}
	slices.SortStableFunc(offers, func(a, b offer) int {
		return cmp.Or(cmp.Compare(f.rank(op, &a), f.rank(op, &b)), cmp.Compare(a.Device, b.Device))
	})
	return offers, f.rank(op, &offers[0])
}

// preferred reports whether one node goes before another: by kind, then the one with more devices, then the
// nearer one.
func (f *Fencer) preferred(a []offer, rankA int, b []offer, rankB int) bool {
	kind := func(rank int) int { return rank / 2 }
	return cmp.Or(cmp.Compare(kind(rankA), kind(rankB)), cmp.Compare(len(b), len(a)), cmp.Compare(rankA, rankB)) < 0
}
