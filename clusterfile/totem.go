package clusterfile

import "time"

// Totem is section [totem]: Corosync's names. In the file times are milliseconds.
type Totem struct {
	// Token is how long a node may be silent before it is lost, as written; Effective adds the coefficient.
	Token            time.Duration
	TokenCoefficient time.Duration
	// Retransmits is token_retransmits_before_loss_const: a node sends Retransmits+1 heartbeats in Token.
	Retransmits int
	// Consensus bounds how long survivors that disagree may take to settle on one view.
	Consensus time.Duration
	// Join is how long a node waits for others that come up at the same time before it proposes a view.
	Join time.Duration
	// StallGrace is how much longer than the token a node that admitted starvation may be silent.
	StallGrace time.Duration
	// TokenWarning is the silence, in percent of the token, that is worth a warning; 0 never warns.
	TokenWarning int
	// Mode is link_mode, Interfaces are links that are treated in another way than by default, by number.
	Mode       LinkMode
	Interfaces map[int]Interface
	nodes      int
}

// Corosync's minimum of every totem timer, and a maximum beyond which a value can only be a slip.
const (
	minTimer = 30 * time.Millisecond
	maxTimer = time.Hour
	// minInterval is the shortest time between heartbeats that a Go timer keeps on a busy machine.
	minInterval = 5 * time.Millisecond
)

// Effective is the token timeout in force: the coefficient is added for each node above two.
func (t Totem) Effective() time.Duration {
	return t.Token + time.Duration(max(0, t.nodes-2))*t.TokenCoefficient
}

// Interval is the time between two heartbeats of a node.
func (t Totem) Interval() time.Duration { return t.Effective() / time.Duration(t.Retransmits+1) }

// noUse are Corosync's keys that have no meaning for a full mesh of heartbeats, with the reason.
var noUse = map[string]string{
	"version":                         "there is one format",
	"cluster_name":                    "the name is [cluster] name",
	"config_version":                  "the cluster agrees on the file by itself",
	"transport":                       "there is one transport: encrypted UDP",
	"ip_version":                      "links are addresses, not names",
	"ip_dscp":                         "heartbeats are not marked",
	"crypto_model":                    "every packet is encrypted with AES-256-GCM",
	"crypto_cipher":                   "every packet is encrypted with AES-256-GCM",
	"crypto_hash":                     "every packet is encrypted with AES-256-GCM",
	"secauth":                         "every packet is encrypted with AES-256-GCM",
	"keyfile":                         "the key is /etc/holdfast/gossip.key",
	"key":                             "the key is /etc/holdfast/gossip.key",
	"netmtu":                          "heartbeats fit into every MTU",
	"nodeid":                          "the id is [[node]] id",
	"clear_node_high_bit":             "ids are never generated",
	"threads":                         "there is nothing to thread",
	"token_retransmit":                "there is no token that could be sent again",
	"hold":                            "there is no token that could be held",
	"send_join":                       "there are no join storms to spread",
	"merge":                           "every heartbeat is a chance to merge",
	"downcheck":                       "links are checked by their heartbeats",
	"fail_recv_const":                 "there is no token",
	"seqno_unchanged_const":           "there is no token",
	"heartbeat_failures_allowed":      "the detector is a heartbeat",
	"max_network_delay":               "round trips are measured",
	"window_size":                     "there is no message ring",
	"max_messages":                    "there is no message ring",
	"miss_count_const":                "there is no message ring",
	"cancel_token_hold_on_retransmit": "there is no token that could be held",
	"block_unlisted_ips":              "packets from unlisted addresses are always dropped",
	"knet_pmtud_interval":             "the path MTU is looked for every 30 s",
	"knet_mtu":                        "the path MTU is found out",
	"knet_compression_model":          "heartbeats are too small to compress",
	"knet_compression_threshold":      "heartbeats are too small to compress",
	"knet_compression_level":          "heartbeats are too small to compress",
}

// NoUse says why a key of [totem] that Corosync knows has no meaning here; ok is false when it has one.
func NoUse(key string) (why string, ok bool) {
	why, ok = noUse[key]
	return why, ok
}

func readTotem(root *Section, nodes int) Totem {
	s := root.Table("totem")
	t := Totem{
		Token:            s.Millis("token", time.Second, minTimer, maxTimer),
		TokenCoefficient: s.Millis("token_coefficient", 0, 0, maxTimer),
		Retransmits:      s.Int("token_retransmits_before_loss_const", 4, 0, 100),
		Join:             s.Millis("join", 50*time.Millisecond, time.Millisecond, maxTimer),
		StallGrace:       s.Millis("stall_grace", 3*time.Second, 0, time.Minute),
		TokenWarning:     s.Int("token_warning", 75, 0, 100),
		Mode:             linkModes[s.Word("link_mode", "passive", "passive", "active", "rr")],
		Interfaces:       readInterfaces(s),
		nodes:            nodes,
	}
	if t.Retransmits == 0 { // Corosync's way to write "default"
		t.Retransmits = 4
	}
	t.Consensus = s.Millis("consensus", t.Effective()*6/5, minTimer, maxTimer)
	if t.Consensus < t.Join {
		s.Problem("consensus", "is %d ms, must not be less than join, which is %d ms", t.Consensus.Milliseconds(), t.Join.Milliseconds())
	}
	if t.Interval() < minInterval {
		s.Problem("token", "%d ms with %d heartbeats is one every %.1f ms; below %d ms they are not reliable: raise token or lower token_retransmits_before_loss_const",
			t.Effective().Milliseconds(), t.Retransmits+1, float64(t.Interval().Microseconds())/1000, minInterval.Milliseconds())
	}
	t.checkInterfaces(s)
	for _, key := range s.Keys() {
		if why, ok := noUse[key]; ok {
			s.Ignore(key, why)
		}
	}
	s.Done()
	return t
}
