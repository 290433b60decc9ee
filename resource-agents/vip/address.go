package vip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

type link = netlink.Link

const (
	// carrierWait is how long an interface that start has switched on may take to find its carrier.
	carrierWait = 2 * time.Second
	// dumpTries: the kernel interrupts a list that changes while it is read.
	dumpTries = 10
)

// again repeats a netlink list that was interrupted.
func again[T any](list func() (T, error)) (T, error) {
	for try := 1; ; try++ {
		v, err := list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) || try == dumpTries {
			return v, err
		}
	}
}

func family(ip netip.Addr) int {
	if ip.Is4() {
		return netlink.FAMILY_V4
	}
	return netlink.FAMILY_V6
}

func toAddr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

// find returns the interface that has the address; nil if none has. Without the parameter nic that is any
// but the loopback, where an LVS real server keeps addresses that are not its to announce.
func find(s settings) (link, error) {
	addrs, err := again(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, family(s.ip)) })
	if err != nil {
		return nil, fmt.Errorf("list the addresses of this node: %w", err)
	}
	for _, a := range addrs {
		if toAddr(a.IP) != s.ip {
			continue
		}
		l, err := netlink.LinkByIndex(a.LinkIndex)
		if err != nil {
			continue // the interface went away with its address
		}
		if s.nic == l.Attrs().Name || s.nic == "" && l.Attrs().Flags&net.FlagLoopback == 0 {
			return l, nil
		}
	}
	return nil, nil
}

// place finds the interface and the prefix that are not given: those of the network of this node that
// contains the address, of the smallest one if there are several.
func place(s settings) (link, int, error) {
	networks, err := onLink(s.ip)
	if err != nil {
		return nil, 0, err
	}
	if s.nic != "" {
		l, err := netlink.LinkByName(s.nic)
		if err != nil {
			return nil, 0, ocf.Errorf(ocf.ErrInstalled, "this node has no interface %s", s.nic)
		}
		prefix := s.prefix
		if prefix < 0 {
			prefix = s.ip.BitLen()
			best := -1
			for _, n := range networks {
				if n.link == l.Attrs().Index && n.prefix.Bits() > best {
					best, prefix = n.prefix.Bits(), n.prefix.Bits()
				}
			}
		}
		return l, prefix, nil
	}
	var best *network
	for i, n := range networks {
		if best == nil || n.prefix.Bits() > best.prefix.Bits() {
			best = &networks[i]
		}
	}
	if best == nil {
		return nil, 0, ocf.Errorf(ocf.ErrInstalled, "no network of this node contains %s; set the parameters nic and cidr_netmask", s.ip)
	}
	l, err := netlink.LinkByIndex(best.link)
	if err != nil {
		return nil, 0, fmt.Errorf("interface of the network %s: %w", best.prefix, err)
	}
	if s.prefix >= 0 {
		return l, s.prefix, nil
	}
	return l, best.prefix.Bits(), nil
}

// network is a network to which this node has a direct route.
type network struct {
	link   int
	prefix netip.Prefix
}

// onLink lists the networks that contain the address and need no gateway. Routes to single addresses are
// left out, and so are default routes.
func onLink(ip netip.Addr) ([]network, error) {
	routes, err := again(func() ([]netlink.Route, error) { return netlink.RouteList(nil, family(ip)) })
	if err != nil {
		return nil, fmt.Errorf("list the routes of this node: %w", err)
	}
	var found []network
	for _, r := range routes {
		if r.Dst == nil || r.Gw != nil || r.Via != nil || len(r.MultiPath) > 0 || r.Type != unix.RTN_UNICAST || r.LinkIndex == 0 {
			continue
		}
		ones, _ := r.Dst.Mask.Size()
		p := netip.PrefixFrom(toAddr(r.Dst.IP), ones)
		if ones > 0 && ones < ip.BitLen() && p.Contains(ip) {
			found = append(found, network{r.LinkIndex, p})
		}
	}
	return found, nil
}

// ready finds the interface and the prefix for an address that no interface has, and switches the interface on.
func ready(ctx context.Context, c *ocf.Call, s settings) (link, int, error) {
	l, prefix, err := place(s)
	if err != nil {
		return nil, 0, err
	}
	name := l.Attrs().Name
	elsewhere := s
	elsewhere.nic = ""
	if at, err := find(elsewhere); err != nil || at != nil {
		if err == nil {
			err = ocf.Errorf(ocf.ErrGeneric, "%s is on interface %s already, not on %s", s.ip, at.Attrs().Name, name)
		}
		return nil, 0, err
	}
	if len(name)+1+len(s.label) >= unix.IFNAMSIZ && s.label != "" {
		return nil, 0, ocf.Errorf(ocf.ErrArgs, "the label %s:%s is longer than %d characters", name, s.label, unix.IFNAMSIZ-1)
	}
	l, err = up(ctx, l, c.Bool("check_link"))
	return l, prefix, err
}

// add puts the address on its interface.
func add(l link, prefix int, s settings) error {
	name := l.Attrs().Name
	a := &netlink.Addr{IPNet: &net.IPNet{IP: s.ip.AsSlice(), Mask: net.CIDRMask(prefix, s.ip.BitLen())}}
	if s.label != "" {
		a.Label = name + ":" + s.label
	}
	if s.lifetime != forever {
		a.PreferedLft, a.ValidLft = int(s.lifetime), forever
	}
	if s.noRoute {
		a.Flags |= unix.IFA_F_NOPREFIXROUTE
	}
	if s.ip.Is6() {
		// The kernel's own check takes 1-2 s, in which the address cannot be used. Ours is done.
		a.Flags |= unix.IFA_F_NODAD
	}
	if err := netlink.AddrReplace(l, a); err != nil {
		return fmt.Errorf("add %s/%d to %s: %w", s.ip, prefix, name, err)
	}
	return nil
}

// up switches the interface on if it is off, and waits for its carrier.
func up(ctx context.Context, l link, needCarrier bool) (link, error) {
	name := l.Attrs().Name
	if l.Attrs().Flags&net.FlagUp == 0 {
		if err := netlink.LinkSetUp(l); err != nil {
			return nil, fmt.Errorf("switch on interface %s: %w", name, err)
		}
	}
	for limit := time.Now().Add(carrierWait); ; {
		now, err := netlink.LinkByIndex(l.Attrs().Index)
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w", name, err)
		}
		if carrier(now) || !needCarrier {
			return now, nil
		}
		if time.Now().After(limit) {
			return nil, ocf.Errorf(ocf.ErrGeneric, "interface %s has no carrier", name)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// carrier reports whether the interface is up and its cable, or what it has in place of one, is connected.
func carrier(l link) bool {
	const need = unix.IFF_UP | unix.IFF_LOWER_UP
	return l.Attrs().RawFlags&need == need
}

// usable fails if the kernel has found that somebody else has the address.
func usable(l link, s settings) error {
	addrs, err := again(func() ([]netlink.Addr, error) { return netlink.AddrList(l, family(s.ip)) })
	if err != nil {
		return fmt.Errorf("list the addresses of %s: %w", l.Attrs().Name, err)
	}
	for _, a := range addrs {
		if toAddr(a.IP) == s.ip && a.Flags&unix.IFA_F_DADFAILED != 0 {
			return ocf.Errorf(ocf.ErrGeneric, "%s is in use by another machine on the network of %s", s.ip, l.Attrs().Name)
		}
	}
	return nil
}

// remove takes the address off its interface.
func remove(l link, s settings) error {
	name := l.Attrs().Name
	addrs, err := again(func() ([]netlink.Addr, error) { return netlink.AddrList(l, family(s.ip)) })
	if err != nil {
		return fmt.Errorf("list the addresses of %s: %w", name, err)
	}
	for _, a := range addrs {
		if toAddr(a.IP) != s.ip {
			continue
		}
		if s.ip.Is4() && a.Flags&unix.IFA_F_SECONDARY == 0 {
			// Otherwise the kernel removes the other addresses of the same network with the first one. A
			// machine that does not let us has its reasons, and most have this set anyway.
			_ = os.WriteFile("/proc/sys/net/ipv4/conf/"+name+"/promote_secondaries", []byte("1"), 0)
		}
		if err := netlink.AddrDel(l, &a); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("remove %s from %s: %w", s.ip, name, err)
		}
	}
	return nil
}
