package vip

import (
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"
)

var mac = net.HardwareAddr{2, 0, 0, 0, 0, 1}

func TestFrames_BytesOnTheWire(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("2001:db8::100")
	padding := strings.Repeat("00", 18)
	cases := []struct {
		name  string
		frame []byte
		want  string
	}{
		{"ARP request", announcements(mac, v4)[0], "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 c0000264 000000000000 c0000264" + padding},
		{"ARP reply", announcements(mac, v4)[1], "ffffffffffff 020000000001 0806 0001 0800 06 04 0002 020000000001 c0000264 ffffffffffff c0000264" + padding},
		{"ARP probe", question(mac, v4), "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 00000000 000000000000 c0000264" + padding},
		{"advertisement", announcements(mac, v6)[0], "333300000001 020000000001 86dd 60000000 0020 3a ff 20010db8000000000000000000000100" +
			"ff020000000000000000000000000001 88 00 f72c 20000000 20010db8000000000000000000000100 02 01 020000000001"},
		{"solicitation", question(mac, v6), "3333ff000100 020000000001 86dd 60000000 0018 3a ff 00000000000000000000000000000000" +
			"ff0200000000000000000001ff000100 87 00 4aef 00000000 20010db8000000000000000000000100"},
	}
	for _, c := range cases {
		if got, want := hex.EncodeToString(c.frame), strings.ReplaceAll(c.want, " ", ""); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, want)
		}
		// The receiver's sum over pseudo header and message, its checksum included, is zero.
		if c.frame[12] == 0x86 {
			p := c.frame[14:]
			pseudo := append(append([]byte{}, p[8:40]...), 0, 0, 0, byte(len(p)-40), 0, 0, 0, 58)
			if sum := checksum(append(pseudo, p[40:]...)); sum != 0 {
				t.Errorf("%s: checksum is off by %x", c.name, sum)
			}
		}
	}
}

func TestClaims_WhoHasTheAddress(t *testing.T) {
	other := net.HardwareAddr{2, 0, 0, 0, 0, 2}
	for _, ip := range []netip.Addr{netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("2001:db8::100")} {
		foreign := netip.MustParseAddr("192.0.2.7")
		if ip.Is6() {
			foreign = netip.MustParseAddr("2001:db8::7")
		}
		for _, f := range append(announcements(other, ip), question(other, ip)) {
			if got := claims(f, mac, ip); got.String() != other.String() {
				t.Errorf("%s: %x: %v", ip, f, got)
			}
			if got := claims(f, other, ip); got != nil {
				t.Errorf("%s: our own frame counts as %v's", ip, got)
			}
			if got := claims(f, mac, foreign); got != nil {
				t.Errorf("%s: counts for another address as %v's", ip, got)
			}
		}
	}
}

func FuzzClaims(f *testing.F) {
	v4, v6 := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("2001:db8::100")
	f.Add(question(mac, v4))
	f.Add(announcements(mac, v6)[0])
	f.Fuzz(func(t *testing.T, frame []byte) {
		for _, ip := range []netip.Addr{v4, v6} {
			claims(frame, mac, ip)
		}
	})
}
