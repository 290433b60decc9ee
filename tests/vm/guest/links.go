package main

import (
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

// configureLinks gives eth0, eth1 and so on the addresses of the kernel's command line.
func configureLinks() error {
	addrs := map[string]string{"lo": ""}
	for i, addr := range strings.FieldsFunc(parameter("vm.addrs"), func(r rune) bool { return r == ',' }) {
		addrs[fmt.Sprintf("eth%d", i)] = addr
	}
	for name, text := range addrs {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return fmt.Errorf("interface %s: %w", name, err)
		}
		if text != "" {
			addr, err := netlink.ParseAddr(text)
			if err != nil {
				return fmt.Errorf("address of %s: %w", name, err)
			}
			if err := netlink.AddrAdd(link, addr); err != nil {
				return fmt.Errorf("give %s the address %s: %w", name, text, err)
			}
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("switch %s on: %w", name, err)
		}
	}
	return nil
}

// queued is how many packets a disturbed interface holds back at most.
const queued = 10_000

// disturb has the kernel do to the packets that leave by an interface what a bad network would do.
func disturb(name string, n order.Network) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	root := netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT}
	err = netlink.QdiscReplace(netlink.NewNetem(root, netlink.NetemQdiscAttrs{Limit: queued, Loss: n.Loss, Duplicate: n.Duplicate,
		Latency: uint32(n.Delay.Microseconds()), ReorderProb: n.Overtaking}))
	if err != nil {
		return fmt.Errorf("netem on %s: %w", name, err)
	}
	return nil
}
