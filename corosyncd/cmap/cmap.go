// Package cmap shows the daemon's configuration and state as Corosync's configuration map, for the programs
// that read that.
package cmap

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
)

// State is what the map is made of.
type State struct {
	File *clusterfile.File
	View *api.View
	// Joins counts how often each node joined, as this node saw it.
	Joins map[api.NodeID]int
	// Waiting is wait_for_all's status.
	Waiting  bool
	Realtime bool
	Links    []api.LinkStatus
	// Missed are the times when the daemon was not scheduled, the latest first.
	Missed []api.SchedMiss
	// User are the entries that programs have set.
	User []api.CmapEntry
}

// entries collects a map.
type entries []api.CmapEntry

func (e *entries) add(kind, key string, value any) {
	*e = append(*e, api.CmapEntry{Key: key, Type: kind, Value: fmt.Sprint(value)})
}

func (e *entries) u32(key string, value any) { e.add("u32", key, value) }
func (e *entries) str(key string, value any) { e.add("str", key, value) }

func (e *entries) flag(key string, on bool) {
	n := 0
	if on {
		n = 1
	}
	e.add("u8", key, n)
}

// Entries is the map, by key.
func Entries(s *State) []api.CmapEntry {
	var e entries
	e.totem(s)
	e.nodelist(s)
	e.quorum(s)
	e.members(s)
	e = append(e, s.User...)
	return sorted(e)
}

func sorted(e entries) []api.CmapEntry {
	slices.SortFunc(e, func(a, b api.CmapEntry) int { return strings.Compare(a.Key, b.Key) })
	return e
}

func (e *entries) totem(s *State) {
	t := &s.File.Totem
	e.str("totem.cluster_name", s.File.Cluster.Name)
	e.str("totem.crypto_cipher", "aes256")
	e.str("totem.crypto_hash", "sha256") // GCM authenticates; Corosync's word for that is a hash
	e.str("totem.transport", "knet")
	e.str("totem.link_mode", t.Mode.String())
	e.u32("totem.version", 2)
	e.u32("totem.token", t.Token.Milliseconds())
	e.u32("totem.token_coefficient", t.TokenCoefficient.Milliseconds())
	e.u32("runtime.config.totem.token", t.Effective().Milliseconds())
	e.u32("runtime.config.totem.token_retransmit", t.Interval().Milliseconds())
	e.u32("runtime.config.totem.token_retransmits_before_loss_const", t.Retransmits)
	e.u32("runtime.config.totem.token_warning", t.TokenWarning)
	e.u32("runtime.config.totem.consensus", t.Consensus.Milliseconds())
	e.u32("runtime.config.totem.join", t.Join.Milliseconds())
	e.u32("runtime.config.totem.stall_grace", t.StallGrace.Milliseconds())
	rr := "no"
	if s.Realtime {
		rr = "yes"
	}
	e.str("system.sched_rr", rr)
}

func (e *entries) nodelist(s *State) {
	for i, n := range s.View.Nodes {
		at := "nodelist.node." + strconv.Itoa(i) + "."
		e.str(at+"name", n.Name)
		e.u32(at+"nodeid", n.ID)
		e.u32(at+"quorum_votes", n.Votes)
		for link, addr := range n.Addrs {
			e.str(at+"ring"+strconv.Itoa(link)+"_addr", addr)
		}
		if n.ID == s.View.Local {
			e.u32("nodelist.local_node_pos", i)
			for link, addr := range n.Addrs {
				e.str("totem.interface."+strconv.Itoa(link)+".bindnetaddr", addr)
			}
		}
	}
}

func (e *entries) quorum(s *State) {
	q := &s.File.Quorum
	e.str("quorum.provider", "corosync_votequorum")
	if q.ExpectedVotes > 0 {
		e.u32("quorum.expected_votes", q.ExpectedVotes)
	}
	for _, f := range []struct {
		key string
		on  bool
	}{
		{"two_node", q.TwoNode}, {"wait_for_all", q.WaitForAll}, {"auto_tie_breaker", q.AutoTieBreaker},
		{"last_man_standing", q.LastManStanding}, {"allow_downscale", q.AllowDownscale}, {"expected_votes_tracking", q.ExpectedTracking},
	} {
		if f.on {
			e.flag("quorum."+f.key, true)
		}
	}
	if q.Device != nil {
		e.device(q.Device)
	}
	v := s.View
	e.u32("runtime.votequorum.this_node_id", v.Local)
	e.u32("runtime.votequorum.ev_barrier", v.Quorum.Expected)
	e.flag("runtime.votequorum.two_node", q.TwoNode && len(v.Members) <= 2)
	e.flag("runtime.votequorum.wait_for_all_status", s.Waiting)
	if n := len(v.Members); n > 0 {
		e.u32("runtime.votequorum.lowest_node_id", v.Members[0].ID)
		e.u32("runtime.votequorum.highest_node_id", v.Members[n-1].ID)
	}
	if q.AutoTieBreaker {
		e.u32("runtime.votequorum.atb_type", int(q.TieBreaker)+1)
	}
}

func (e *entries) members(s *State) {
	for _, n := range s.View.Nodes {
		joins := s.Joins[n.ID]
		if joins == 0 {
			continue // never seen
		}
		at := "runtime.members." + n.ID.String() + "."
		status := "left"
		if s.View.Has(n.ID) {
			status = "joined"
		}
		ip := ""
		for link, addr := range n.Addrs {
			ip += fmt.Sprintf("r(%d) ip(%s) ", link, addr)
		}
		e.str(at+"status", status)
		e.str(at+"ip", ip)
		e.u32(at+"join_count", joins)
		e.add("u64", at+"config_version", 0)
	}
}

// Stats is the map of statistics, by key.
func Stats(s *State, worstLateness int64) []api.CmapEntry {
	var e entries
	for _, l := range s.Links {
		at := fmt.Sprintf("stats.knet.node%d.link%d.", l.Node, l.Link)
		e.flag(at+"enabled", l.Enabled)
		e.flag(at+"connected", l.Connected)
		e.u32(at+"mtu", l.MTU)
		e.u32(at+"latency_ave", l.RTT)
		e.u32(at+"latency_min", l.RTTMin)
		e.u32(at+"latency_max", l.RTTMax)
		e.u32(at+"down_count", l.Flaps)
		e.add("u64", at+"tx_total_packets", l.Sent)
		e.add("u64", at+"rx_total_packets", l.Received)
		e.add("u64", at+"rx_lost_packets", l.Lost)
	}
	for i, m := range s.Missed {
		at := fmt.Sprintf("stats.schedmiss.%d.", i)
		e.add("u64", at+"timestamp", m.At)
		e.add("flt", at+"delay", fmt.Sprintf("%f", m.Delay))
	}
	e.add("u64", "stats.schedmiss.worst", worstLateness)
	return sorted(e)
}

// readOnly are the keys that belong to the daemon, with a dot, by prefix.
var readOnly = []string{
	"internal_configuration.", "runtime.services.", "runtime.config.", "runtime.totem.", "runtime.members.", "runtime.votequorum.",
	"uidgid.", "system.", "nodelist.", "totem.", "quorum.", "stats.",
}

// ReadOnly reports whether programs may not change a key.
func ReadOnly(key string) bool {
	return slices.ContainsFunc(readOnly, func(p string) bool { return strings.HasPrefix(key, p) })
}

// Limits of the entries that programs may set.
const (
	maxKey   = 255
	maxValue = 65535
)

// Check says what is wrong with an entry, "" when nothing is. The words are those of corosync-cmapctl.
func Check(e api.CmapEntry) string {
	bits := 0
	switch e.Type {
	case "i8", "u8":
		bits = 8
	case "i16", "u16":
		bits = 16
	case "i32", "u32":
		bits = 32
	case "i64", "u64", "flt", "dbl":
		bits = 64
	case "str", "bin":
	default:
		return "Unknown type " + e.Type
	}
	var err error
	switch e.Type[0] {
	case 'i':
		_, err = strconv.ParseInt(e.Value, 10, bits)
	case 'u':
		_, err = strconv.ParseUint(e.Value, 10, bits)
	case 'f', 'd':
		_, err = strconv.ParseFloat(e.Value, bits)
	}
	switch {
	case err != nil && (e.Type == "flt" || e.Type == "dbl"):
		return e.Value + " is not valid float"
	case err != nil:
		return fmt.Sprintf("%s is not valid %s integer", e.Value, e.Type)
	case e.Key == "" || len(e.Key) > maxKey || strings.ContainsFunc(e.Key, badInKey):
		return "Can't use key name " + e.Key
	case len(e.Value) > maxValue:
		return "The value is too long"
	}
	return ""
}

// badInKey is Corosync's alphabet of key names.
func badInKey(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/:", r))
}
