package clusterfile

import "time"

// LinkMode says which links carry what is not a heartbeat. Heartbeats use every link at once: they are the pings.
type LinkMode uint8

const (
	// Passive uses the connected link with the highest priority, of those the one with the lowest number.
	Passive LinkMode = iota
	// Active uses every connected link at once.
	Active
	// RoundRobin uses the connected links in turn.
	RoundRobin
)

func (m LinkMode) String() string { return [...]string{"passive", "active", "rr"}[m] }

// Interface is one link, for all nodes: a section [[totem.interface]].
type Interface struct {
	// Priority is knet_link_priority, never 0.
	Priority int
	// PingTimeout is after how long without a heartbeat the link is down, 0 for its default: the token divided by
	// PongCount.
	PingTimeout time.Duration
	// PongCount is how many heartbeats in a row bring the link up again.
	PongCount int
}

// defaultInterface is a link of which the file says nothing, as knet treats one.
var defaultInterface = Interface{Priority: 1, PongCount: 2}

// Timeout is after how long without a heartbeat the link counts as down.
func (i Interface) Timeout(token time.Duration) time.Duration {
	if i.PingTimeout > 0 {
		return i.PingTimeout
	}
	return token / time.Duration(i.PongCount)
}

// Interface is how a link is treated.
func (t Totem) Interface(link int) Interface {
	if i, ok := t.Interfaces[link]; ok {
		return i
	}
	return defaultInterface
}

// noUseOfLink are Corosync's keys of a link that have no meaning here.
var noUseOfLink = map[string]string{
	"knet_ping_interval":  "every heartbeat is a ping: there are token_retransmits_before_loss_const + 1 of them in the token time",
	"knet_ping_precision": "round trips are averaged as TCP does",
	"knet_transport":      "there is one transport: encrypted UDP",
	"bindnetaddr":         "the addresses are [[node]] links",
	"broadcast":           "heartbeats go to each node",
	"mcastaddr":           "heartbeats go to each node",
	"mcastport":           "the port is [cluster] port",
	"ttl":                 "heartbeats go to each node",
}

func readInterfaces(s *Section) map[int]Interface {
	all := make(map[int]Interface)
	for _, section := range s.Tables("interface") {
		number := section.Int("linknumber", 0, 0, maxLinks-1)
		i := Interface{
			Priority:    section.Int("knet_link_priority", defaultInterface.Priority, 0, 255),
			PingTimeout: section.Millis("knet_ping_timeout", 0, 0, maxTimer),
			PongCount:   section.Int("knet_pong_count", defaultInterface.PongCount, 1, 100),
		}
		if i.Priority == 0 { // to knet that is not the least, but the default
			i.Priority = defaultInterface.Priority
		}
		if _, twice := all[number]; twice {
			section.Problem("linknumber", "there are two sections for link %d", number)
		}
		for key, why := range noUseOfLink {
			section.Ignore(key, why)
		}
		section.Done()
		all[number] = i
	}
	return all
}

var linkModes = map[string]LinkMode{"passive": Passive, "active": Active, "rr": RoundRobin}

// checkInterfaces reports a link that is silent between two heartbeats.
func (t *Totem) checkInterfaces(s *Section) {
	for number, i := range t.Interfaces {
		if i.PingTimeout > 0 && i.PingTimeout < 2*t.Interval() {
			s.Problem("interface", "knet_ping_timeout of link %d is %d ms, must be at least %d ms: heartbeats come every %d ms",
				number, i.PingTimeout.Milliseconds(), 2*t.Interval().Milliseconds(), t.Interval().Milliseconds())
		}
	}
}
