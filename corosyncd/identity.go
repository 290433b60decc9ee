package corosyncd

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/clusterfile"
)

// findSelf finds this node in the cluster file: by the given name, else by the host's name, whole or up to the
// first dot, else by the addresses of the host.
func findSelf(name string, f *clusterfile.File) (*clusterfile.Node, error) {
	if name != "" {
		if n := f.Node(name); n != nil {
			return n, nil
		}
		return nil, fmt.Errorf("node %q is not in the cluster file, which has %s", name, nodeNames(f))
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name of this host: %w", err)
	}
	short, _, _ := strings.Cut(host, ".")
	for _, n := range []string{host, short} {
		if node := f.Node(n); node != nil {
			return node, nil
		}
	}
	if node := byAddress(f); node != nil {
		return node, nil
	}
	return nil, fmt.Errorf("this host, %s, is not in the cluster file, which has %s: neither its name nor an address of it; give the node's name with HOLDFAST_NODE",
		host, nodeNames(f))
}

func nodeNames(f *clusterfile.File) string {
	names := make([]string, len(f.Nodes))
	for i, n := range f.Nodes {
		names[i] = n.Name
	}
	return strings.Join(names, ", ")
}

// byAddress finds the one node that has an address of this host; none when two have.
func byAddress(f *clusterfile.File) *clusterfile.Node {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var found *clusterfile.Node
	for i := range f.Nodes {
		n := &f.Nodes[i]
		if !slices.ContainsFunc(n.Links, func(a netip.Addr) bool { return hasAddr(addrs, a) }) {
			continue
		}
		if found != nil {
			return nil
		}
		found = n
	}
	return found
}

func hasAddr(addrs []net.Addr, a netip.Addr) bool {
	return slices.ContainsFunc(addrs, func(have net.Addr) bool {
		ip, ok := have.(*net.IPNet)
		if !ok {
			return false
		}
		h, ok := netip.AddrFromSlice(ip.IP)
		return ok && h.Unmap() == a
	})
}
