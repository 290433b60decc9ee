package guard

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

// Stack asks this node's corosyncd and crmd.
type Stack struct {
	// Disks tells that shared disks are watched too: a loss of quorum is then enough to be unhealthy.
	Disks    bool
	Watchdog time.Duration

	members, manager *ipc.Client
	// togetherOnce tells that both nodes of a two-node cluster have been members: from then on one alone
	// proves nothing, because there the half of a cut cluster is quorate too. Members owns it.
	togetherOnce bool
	// quorateOnce, policy and policyAt belong to Manager.
	quorateOnce bool
	policy      string
	policyAt    time.Time
}

// NewStack makes clients for the daemons; they connect when they are used.
func NewStack(dirs paths.Dirs) *Stack {
	return &Stack{members: ipc.NewClient(dirs.Socket("corosyncd")), manager: ipc.NewClient(dirs.Socket("crmd"))}
}

// Close drops connections.
func (s *Stack) Close() {
	s.members.Close()
	s.manager.Close()
}

// Members asks corosyncd for its view.
func (s *Stack) Members(ctx context.Context) Verdict {
	var c api.CorosyncStatus
	if err := s.members.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &c); err != nil {
		return Verdict{Unknown, err.Error()}
	}
	v := &c.View
	switch {
	case !v.Has(v.Local) || v.Local == 0:
		return Verdict{Unhealthy, "corosyncd has no view with this node in it yet"}
	case v.Stale:
		return Verdict{Unhealthy, "this node stood still for longer than the token; the others may have lost it"}
	}
	s.togetherOnce = s.togetherOnce || len(v.Members) > 1
	if v.TwoNode && s.togetherOnce && len(v.Members) == 1 {
		return Verdict{Unhealthy, "the other node of two is gone, and this one is quorate without it"}
	}
	return Verdict{State: Healthy}
}

// Manager asks crmd.
func (s *Stack) Manager(ctx context.Context) Verdict {
	var c api.CRMStatus
	if err := s.manager.Call(ctx, http.MethodGet, api.PathCRMStatus, nil, &c); err != nil {
		return Verdict{Unknown, err.Error()}
	}
	switch {
	case c.DC == "":
		return Verdict{Unknown, "no node leads the cluster"}
	case c.State == "S_PENDING":
		return Verdict{Unknown, "this node is joining the cluster"}
	case c.State == "S_STOPPING" || c.State == "S_TERMINATE":
		return Verdict{Unknown, "this node is leaving the cluster"}
	case c.View.Quorum.Quorate:
		s.quorateOnce = true
		return Verdict{State: Healthy}
	case s.Disks:
		return Verdict{Unhealthy, "no quorum: " + c.View.Quorum.Reason}
	case !s.quorateOnce:
		return Verdict{State: Healthy}
	}
	if policy := s.noQuorumPolicy(ctx); policy == "suicide" {
		return Verdict{Unhealthy, fmt.Sprintf("no quorum (%s), and no-quorum-policy is %s", c.View.Quorum.Reason, policy)}
	}
	return Verdict{Unknown, "no quorum: " + c.View.Quorum.Reason}
}

// noQuorumPolicy is the cluster option, read again now and then. One that cannot be read stays what it was; the
// default is stop.
func (s *Stack) noQuorumPolicy(ctx context.Context) string {
	if s.policy != "" && time.Since(s.policyAt) < s.Watchdog/2 {
		return s.policy
	}
	var r api.CIBReply
	req := api.CIBRequest{Op: "query", Section: "crm_config", Local: true, Client: "sbd"}
	if err := s.manager.Call(ctx, http.MethodPost, api.PathCIB, req, &r); err != nil {
		return s.policy
	}
	doc, err := cibxml.Parse(r.XML)
	if err != nil {
		return s.policy
	}
	s.policy, s.policyAt = "stop", time.Now()
	for set := range doc.Tags("cluster_property_set") {
		for nv := range set.Tags("nvpair") {
			if nv.Get("name") == "no-quorum-policy" {
				s.policy = nv.Get("value")
			}
		}
	}
	return s.policy
}
