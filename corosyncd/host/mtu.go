package host

import (
	"net"
	"net/netip"
)

// IP and UDP headers in front of a packet.
const (
	udp4Headers = 28
	udp6Headers = 48
)

// MTU is how much payload fits into one packet of the interface that has the address, when overhead bytes of
// it are taken already. It is 0 when no interface has the address.
func MTU(addr string, overhead int) int {
	want, err := netip.ParseAddr(addr)
	if err != nil {
		return 0
	}
	headers := udp4Headers
	if want.Is6() {
		headers = udp6Headers
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return 0
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			// 127.0.0.0/8 is all on one interface.
			if p, err := netip.ParsePrefix(a.String()); err == nil && (p.Addr() == want || want.IsLoopback() && p.Contains(want)) {
				return i.MTU - headers - overhead
			}
		}
	}
	return 0
}
