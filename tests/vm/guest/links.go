package main

import (
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
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
