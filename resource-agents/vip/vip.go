// Package vip is the resource agent ocf:holdfast:vip: an IP address that moves with the resource.
package vip

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// Agent describes the agent.
func Agent() *ocf.Agent {
	return &ocf.Agent{
		Name: "vip", Version: "1.0",
		Short: "Manages a virtual IPv4 or IPv6 address",
		Long: `This agent adds an IP address to a network interface when it is started and removes it when it is stopped.

In most cases only the parameter ip is needed: the interface and the length of the prefix are those of the network
of this node that contains the address. Before the address is added, the network is asked whether somebody else uses
it; afterwards the neighbours are told where it is now, several times.

The monitor checks that the address is there and that the interface is up and has a carrier, so that the address
leaves a node whose cable was pulled.`,
		Params: parameters(),
		Actions: []ocf.Action{
			{Name: "start", Timeout: "20s", Run: start},
			{Name: "stop", Timeout: "20s", Run: stop},
			{Name: "monitor", Timeout: "20s", Interval: "10s", Depth: "0", Run: monitor},
			{Name: "status", Timeout: "20s", Interval: "10s", Run: monitor},
			{Name: "reload-agent", Timeout: "20s", Run: func(context.Context, *ocf.Call) error { return nil }},
		},
		Validate: func(c *ocf.Call) error { _, err := parse(c); return err },
	}
}

func parameters() []ocf.Param {
	return []ocf.Param{
		{Name: "ip", Type: ocf.Text, Required: true, UniqueGroup: "address", Short: "IPv4 or IPv6 address",
			Long: "The address, alone (192.0.2.10, 2001:db8::10) or with the length of its prefix (192.0.2.10/24)."},
		{Name: "nic", Type: ocf.Text, Short: "Network interface",
			Long: "The interface that gets the address, such as eth0. If it is not set, it is the one whose network contains the address."},
		{Name: "cidr_netmask", Type: ocf.Text, Short: "Length of the prefix",
			Long: `The length of the prefix, such as 24, or an IPv4 netmask such as 255.255.255.0. If neither this nor a prefix in ip is set, it is that
of the network which contains the address, and that of a single address (32 or 128) if only nic is set and it has no such network.`},
		{Name: "iflabel", Type: ocf.Text, Short: "Label of the IPv4 address",
			Long: "A label for old tools such as ifconfig: the address is shown as eth0:LABEL. Interface name and label have at most 15 characters together."},
		{Name: "duplicate_check", Type: ocf.Duration, Default: "50ms", Reloadable: true, Short: "Time for the duplicate address check",
			Long: `For how long the network is asked before the start whether somebody else has the address. Somebody who answers makes the start fail.
0 does not ask; that is needed in networks whose switches answer for machines that are gone (proxy ARP, ARP suppression).`},
		{Name: "arp_count", Type: ocf.Integer, Default: "5", Min: 1, Reloadable: true, Short: "Number of announcements",
			Long: `How often the neighbours are told where the address is (gratuitous ARP, or unsolicited neighbour advertisement for IPv6). The first
announcement is made before the start ends, the others in the background.`},
		{Name: "arp_interval", Type: ocf.Integer, Default: "200", Min: 1, Reloadable: true, Short: "Time between announcements in ms",
			Long: "The time between two announcements in milliseconds."},
		{Name: "arp_count_refresh", Type: ocf.Integer, Default: "0", Reloadable: true, Short: "Announcements with each monitor",
			Long: "How often each recurring monitor announces the address again. Some switches and clouds forget silent addresses."},
		{Name: "check_link", Type: ocf.Boolean, Default: "true", Reloadable: true, Short: "Fail when the interface has no carrier",
			Long: "Whether start and monitor fail when the interface has no carrier."},
		{Name: "noprefixroute", Type: ocf.Boolean, Default: "false", Short: "Add no route for the prefix",
			Long: "Whether the kernel leaves out the route to the address's own network, for setups that manage routes themselves."},
		{Name: "preferred_lft", Type: ocf.Text, Default: "forever", Short: "Preferred lifetime of the address",
			Long: `For how many seconds the address may be chosen as the source of new connections; forever, or 0 so that this node never uses it for
connections that it opens itself.`},
	}
}

// settings are the parameters of one call.
type settings struct {
	ip       netip.Addr
	prefix   int // -1 is to be found
	nic      string
	label    string
	lifetime uint32 // seconds; forever is the largest number
	noRoute  bool
}

const forever = 1<<32 - 1

func start(ctx context.Context, c *ocf.Call) error {
	s, err := parse(c)
	if err != nil {
		return err
	}
	at, err := find(s)
	if err != nil {
		return err
	}
	there := at != nil
	prefix := 0
	if !there {
		if at, prefix, err = ready(ctx, c, s); err != nil {
			return err
		}
	}
	w, err := open(at, s.ip.Is6())
	if err != nil {
		return err
	}
	defer w.close()
	if !there {
		if err := conflict(ctx, w, s.ip, c.Duration("duplicate_check")); err != nil {
			return err
		}
		if err := add(at, prefix, s); err != nil {
			return err
		}
		c.Logf("added %s/%d to %s", s.ip, prefix, at.Attrs().Name)
	}
	if err := w.announce(s.ip); err != nil {
		c.Logf("the neighbours are not told of %s: %v", s.ip, err)
		return nil
	}
	if n := c.Int("arp_count") - 1; n > 0 && w != nil {
		if err := announceLater(w, at, s.ip, n, time.Duration(c.Int("arp_interval"))*time.Millisecond); err != nil {
			c.Logf("the neighbours are told of %s only once: %v", s.ip, err)
		}
	}
	return nil
}

func stop(_ context.Context, c *ocf.Call) error {
	s, err := parse(c)
	if err != nil {
		return err
	}
	// More than once only if the address was added to several interfaces by hand.
	for range 16 {
		at, err := find(s)
		if err != nil || at == nil {
			return err
		}
		if err := remove(at, s); err != nil {
			return err
		}
		c.Logf("removed %s from %s", s.ip, at.Attrs().Name)
	}
	return ocf.Errorf(ocf.ErrGeneric, "%s comes back after it was removed; somebody else manages it", s.ip)
}

func monitor(ctx context.Context, c *ocf.Call) error {
	s, err := parse(c)
	if err != nil {
		return err
	}
	at, err := find(s)
	switch {
	case err != nil:
		return err
	case at == nil:
		return ocf.ErrNotRunning
	case c.Probe:
		return nil
	}
	if err := usable(at, s); err != nil {
		return err
	}
	if c.Bool("check_link") && !carrier(at) {
		return ocf.Errorf(ocf.ErrGeneric, "interface %s has no carrier", at.Attrs().Name)
	}
	deep, refresh := c.Level >= 10, c.Int("arp_count_refresh")
	if !deep && refresh == 0 {
		return nil
	}
	w, err := open(at, s.ip.Is6())
	if err != nil {
		return err
	}
	defer w.close()
	if deep {
		if err := conflict(ctx, w, s.ip, c.Duration("duplicate_check")); err != nil {
			return err
		}
	}
	for range refresh {
		if err := w.announce(s.ip); err != nil {
			c.Logf("the neighbours are not told of %s: %v", s.ip, err)
			break
		}
	}
	return nil
}

// conflict fails if somebody else answers for the address.
func conflict(ctx context.Context, w *wire, ip netip.Addr, within time.Duration) error {
	mac, err := w.probe(ctx, ip, within)
	if err != nil {
		return fmt.Errorf("ask for duplicates of %s: %w", ip, err)
	}
	if mac != nil {
		return ocf.Errorf(ocf.ErrGeneric, "%s is in use by %s on the network of %s", ip, mac, w.name)
	}
	return nil
}
