package vip

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
)

const (
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	arpRequest = 1
	arpReply   = 2

	icmpSolicit   = 135
	icmpAdvertise = 136
)

var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func ethernet(dst, src net.HardwareAddr, etherType uint16) []byte {
	f := append(append(make([]byte, 0, 100), dst...), src...)
	return binary.BigEndian.AppendUint16(f, etherType)
}

// arpFrame is an ARP packet (RFC 826) to everybody.
func arpFrame(op uint16, mac net.HardwareAddr, sender netip.Addr, targetMAC net.HardwareAddr, target netip.Addr) []byte {
	f := ethernet(broadcast, mac, etherARP)
	f = append(f, 0, 1, 0x08, 0, 6, 4) // Ethernet, IPv4, lengths of their addresses
	f = binary.BigEndian.AppendUint16(f, op)
	f = append(append(f, mac...), sender.AsSlice()...)
	f = append(append(f, targetMAC...), target.AsSlice()...)
	return append(f, make([]byte, 60-len(f))...) // shortest Ethernet frame
}

// announcements tell the neighbours that ip is at mac. For IPv4 that is a request and a reply, because some
// systems listen only to the one or the other; for IPv6 an unsolicited advertisement that overrides.
func announcements(mac net.HardwareAddr, ip netip.Addr) [][]byte {
	if ip.Is4() {
		return [][]byte{
			arpFrame(arpRequest, mac, ip, make(net.HardwareAddr, 6), ip),
			arpFrame(arpReply, mac, ip, broadcast, ip),
		}
	}
	const override = 0x20
	body := append([]byte{icmpAdvertise, 0, 0, 0, override, 0, 0, 0}, ip.AsSlice()...)
	body = append(append(body, 2, 1), mac...) // option: target link-layer address
	return [][]byte{ipv6Frame(mac, ip, netip.MustParseAddr("ff02::1"), body)}
}

// question asks who has ip without saying that we want it: an ARP probe (RFC 5227) or a neighbour
// solicitation for duplicate address detection (RFC 4862).
func question(mac net.HardwareAddr, ip netip.Addr) []byte {
	if ip.Is4() {
		return arpFrame(arpRequest, mac, netip.IPv4Unspecified(), make(net.HardwareAddr, 6), ip)
	}
	raw := ip.As16()
	group := netip.MustParseAddr("ff02::1:ff00:0").As16()
	copy(group[13:], raw[13:])
	return ipv6Frame(mac, netip.IPv6Unspecified(), netip.AddrFrom16(group),
		append([]byte{icmpSolicit, 0, 0, 0, 0, 0, 0, 0}, raw[:]...))
}

// ipv6Frame is an ICMPv6 message with hop limit 255 to a multicast group. The checksum of body is filled in.
func ipv6Frame(mac net.HardwareAddr, src, dst netip.Addr, body []byte) []byte {
	d := dst.As16()
	f := ethernet(net.HardwareAddr{0x33, 0x33, d[12], d[13], d[14], d[15]}, mac, etherIPv6)
	f = append(f, 0x60, 0, 0, 0)
	f = binary.BigEndian.AppendUint16(f, uint16(len(body)))
	f = append(f, 58, 255)
	f = append(append(f, src.AsSlice()...), dst.AsSlice()...)
	pseudo := append(append(src.AsSlice(), dst.AsSlice()...), 0, 0, 0, byte(len(body)), 0, 0, 0, 58)
	binary.BigEndian.PutUint16(body[2:], checksum(append(pseudo, body...)))
	return append(f, body...)
}

// checksum is the Internet checksum of a message of even length.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// claims reports who says in a received frame that it has ip or wants to have it; nil if the frame is about
// something else or comes from mac.
func claims(frame []byte, mac net.HardwareAddr, ip netip.Addr) net.HardwareAddr {
	if len(frame) < 14 {
		return nil
	}
	var from net.HardwareAddr
	switch payload := frame[14:]; binary.BigEndian.Uint16(frame[12:]) {
	case etherARP:
		if !ip.Is4() || len(payload) < 28 {
			return nil
		}
		sender, target := payload[14:18], payload[24:28]
		probes := bytes.Equal(sender, make([]byte, 4)) && bytes.Equal(target, ip.AsSlice()) && payload[7] == arpRequest
		if bytes.Equal(sender, ip.AsSlice()) || probes {
			from = bytes.Clone(payload[8:14])
		}
	case etherIPv6:
		if !ip.Is6() || len(payload) < 64 || payload[6] != 58 {
			return nil
		}
		about := bytes.Equal(payload[48:64], ip.AsSlice())
		detects := payload[40] == icmpSolicit && bytes.Equal(payload[8:24], make([]byte, 16))
		if about && (payload[40] == icmpAdvertise || detects) {
			from = bytes.Clone(frame[6:12])
		}
	}
	if bytes.Equal(from, mac) {
		return nil
	}
	return from
}
