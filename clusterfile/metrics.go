package clusterfile

import "net/netip"

// Metrics is section [metrics]: where each daemon answers Prometheus over TCP. On its unix socket it always does.
type Metrics struct {
	// Listen is the address, the same on every node, or "node" for the node's address on link 0; "" does not
	// listen.
	Listen string
	// Ports of the daemons. Crmd's also tells what ha_cluster_exporter would.
	Crmd, Corosyncd, Fenced int
}

func readMetrics(root *Section) Metrics {
	s := root.Table("metrics")
	m := Metrics{Listen: s.Str("listen", ""), Crmd: s.Int("crmd_port", 9664, 1, 65535),
		Corosyncd: s.Int("corosyncd_port", 9665, 1, 65535), Fenced: s.Int("fenced_port", 9666, 1, 65535)}
	if m.Listen != "" && m.Listen != "node" {
		if _, err := netip.ParseAddr(m.Listen); err != nil {
			s.Problem("listen", "is %q, must be an address such as \"0.0.0.0\" or \"127.0.0.1\", or \"node\" for each node's own on its first link", m.Listen)
		}
	}
	if m.Crmd == m.Corosyncd || m.Crmd == m.Fenced || m.Corosyncd == m.Fenced {
		s.Problem("", "each daemon needs a port of its own, have %d, %d and %d", m.Crmd, m.Corosyncd, m.Fenced)
	}
	s.Done()
	return m
}

// Address is where a daemon of the node with those link addresses listens, "" when it does not.
func (m Metrics) Address(port int, links []netip.Addr) string {
	a, err := netip.ParseAddr(m.Listen)
	if m.Listen == "node" && len(links) > 0 {
		a, err = links[0], nil
	}
	if err != nil {
		return ""
	}
	return netip.AddrPortFrom(a, uint16(port)).String()
}
