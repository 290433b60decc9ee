package api

import "fmt"

// RingID names one view. Rep is the lowest node id in it; Seq rises with every view of the cluster, so a
// later view always has a larger Seq.
type RingID struct {
	Rep NodeID `json:"rep"`
	Seq uint64 `json:"seq"`
}

// String is Corosync's form: representative, dot, sequence in hexadecimal.
func (r RingID) String() string { return fmt.Sprintf("%d.%x", r.Rep, r.Seq) }

// Member is a node in a view.
type Member struct {
	ID          NodeID      `json:"id"`
	Name        string      `json:"name"`
	Incarnation Incarnation `json:"incarnation"`
	Votes       int         `json:"votes"`
	// Addrs are the node's link addresses in link order, without port.
	Addrs []string `json:"addrs"`
	// Device is what the node says of its quorum device, in corosync-quorumtool's words: alive, votes, master
	// wins, such as A,V,NMW; NR is none.
	Device string `json:"device,omitempty"`
}

// Departure says how a node that was in the previous view went.
type Departure string

const (
	// DepartureLost is a node that fell silent: nothing is known about what it still runs.
	DepartureLost Departure = "lost"
	// DepartureLeft is a node that said goodbye after its resources were stopped.
	DepartureLeft Departure = "left"
)

// Departed is a node that is not in the view any more.
type Departed struct {
	ID          NodeID      `json:"id"`
	Name        string      `json:"name"`
	Incarnation Incarnation `json:"incarnation"`
	How         Departure   `json:"how"`
	// Reason is for a person, such as "silent for 1003 ms on 1 of 1 links".
	Reason string `json:"reason"`
	// LastHeard is when the node last gave a sign of life, Unix ms on the observer's clock.
	LastHeard int64 `json:"last_heard"`
}

// Quorum is votequorum's verdict on a view.
type Quorum struct {
	Quorate  bool   `json:"quorate"`
	Reason   string `json:"reason"` // for a person: "2 of 3 votes, 2 needed"
	Votes    int    `json:"votes"`
	Expected int    `json:"expected"`
	// Highest is the highest number of votes that a member expects.
	Highest int `json:"highest"`
	Needed  int `json:"needed"`
	// Undecided tells that the word of the quorum device is awaited and decides: Quorate is still the verdict of
	// the view before, and the view is Stale.
	Undecided bool `json:"undecided,omitempty"`
	// Device is the quorum device, without votes when there is none.
	Device QuorumDevice `json:"device,omitzero"`
	// Flags in the order in which corosync-quorumtool prints them: 2Node Quorate WaitForAll ...
	Flags []string `json:"flags,omitempty"`
}

// QuorumDevice is the arbiter outside of the cluster as this node sees it.
type QuorumDevice struct {
	Votes int  `json:"votes"`
	Alive bool `json:"alive"` // it can be asked
	Cast  bool `json:"cast"`  // its votes count here
}

// View is what corosyncd tells crmd and fenced: who is here, how the others went, and whether this
// partition may act. Views of one corosyncd life arrive in order and none is left out. A view is sent again
// with the same ring when something else in it changes: the quorum, Departed, Stale or the node list.
type View struct {
	Ring    RingID   `json:"ring"`
	Local   NodeID   `json:"local"`
	Members []Member `json:"members"` // by ascending id; contains the local node
	// Departed are all configured nodes that were members in this life of the local corosyncd and are not
	// now, by ascending id; a node that was never seen is in neither list.
	Departed []Departed `json:"departed,omitempty"`
	Quorum   Quorum     `json:"quorum"`
	// Nodes is the configured node list, by ascending id, so that readers know who is missing.
	Nodes []ConfiguredNode `json:"nodes"`
	// Cluster is the cluster's name.
	Cluster string `json:"cluster"`
	// Token is the effective token timeout in ms; others derive their own budgets from it.
	Token int64 `json:"token"`
	// TokenInterval is the time in ms between two heartbeats of a node.
	TokenInterval int64 `json:"token_interval"`
	// TwoNode tells that quorum.two_node is in effect, so that a cut leaves both sides quorate.
	TwoNode bool `json:"two_node,omitempty"`
	// Stale tells that this node did not run for longer than the token, so that the others may have lost it, or
	// that the quorum device has not decided yet which part of the cluster goes on: nothing may be started or
	// fenced until a view comes that is not stale.
	Stale bool `json:"stale,omitempty"`
	// At is when the local node adopted the view, Unix ms.
	At int64 `json:"at"`
}

// ConfiguredNode is an entry of the cluster file's node list.
type ConfiguredNode struct {
	ID    NodeID   `json:"id"`
	Name  string   `json:"name"`
	Addrs []string `json:"addrs"`
	Votes int      `json:"votes"`
}

// Has reports whether the node is a member.
func (v *View) Has(id NodeID) bool { return v.Member(id) != nil }

// Member returns the member with that id, nil when it is not in the view.
func (v *View) Member(id NodeID) *Member {
	for i := range v.Members {
		if v.Members[i].ID == id {
			return &v.Members[i]
		}
	}
	return nil
}
