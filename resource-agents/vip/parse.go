package vip

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// parse reads the parameters. It looks at nothing else, so that it says the same on every node.
func parse(c *ocf.Call) (settings, error) {
	s := settings{prefix: -1, nic: c.Text("nic"), label: c.Text("iflabel"), noRoute: c.Bool("noprefixroute"), lifetime: forever}
	fail := func(format string, args ...any) (settings, error) {
		return s, ocf.Errorf(ocf.ErrConfigured, format, args...)
	}
	text, bits, hasBits := strings.Cut(c.Text("ip"), "/")
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast() {
		return fail("the parameter ip is %q, not an IPv4 or IPv6 address that a node can have", c.Text("ip"))
	}
	s.ip = ip.Unmap()
	if hasBits {
		if s.prefix, err = prefixLength(bits, s.ip); err != nil {
			return fail("the parameter ip is %q: %v", c.Text("ip"), err)
		}
	}
	if mask := c.Text("cidr_netmask"); mask != "" {
		n, err := prefixLength(mask, s.ip)
		if err != nil {
			return fail("the parameter cidr_netmask is %q: %v", mask, err)
		}
		if s.prefix >= 0 && n != s.prefix {
			return fail("the parameters ip (%s) and cidr_netmask (%s) name different prefixes", c.Text("ip"), mask)
		}
		s.prefix = n
	}
	if s.ip.Is6() && s.ip.IsLinkLocalUnicast() && s.nic == "" {
		return fail("the parameter nic is needed for the link-local address %s", s.ip)
	}
	if len(s.nic) >= unix.IFNAMSIZ {
		return fail("the parameter nic is %q, but interface names have at most %d characters", s.nic, unix.IFNAMSIZ-1)
	}
	if s.label != "" && s.ip.Is6() {
		return fail("the parameter iflabel is set, but IPv6 addresses have no label")
	}
	if lft := c.Text("preferred_lft"); lft != "forever" {
		n, err := strconv.ParseUint(lft, 10, 32)
		if err != nil {
			return fail("the parameter preferred_lft is %q, not a number of seconds or forever", lft)
		}
		s.lifetime = uint32(n)
	}
	return s, nil
}

// prefixLength reads 24 or 255.255.255.0.
func prefixLength(s string, ip netip.Addr) (int, error) {
	if n, err := strconv.Atoi(s); err == nil {
		if n < 1 || n > ip.BitLen() {
			return 0, fmt.Errorf("the length of a prefix is between 1 and %d", ip.BitLen())
		}
		return n, nil
	}
	mask, err := netip.ParseAddr(s)
	if err != nil || !mask.Is4() || !ip.Is4() {
		return 0, fmt.Errorf("a length such as %d is needed", ip.BitLen()/4*3)
	}
	m := mask.As4()
	ones, size := net.IPMask(m[:]).Size()
	if size == 0 || ones == 0 {
		return 0, fmt.Errorf("%s is not a netmask", s)
	}
	return ones, nil
}
