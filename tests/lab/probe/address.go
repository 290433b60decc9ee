package probe

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// WatchAddresses records when addresses come and go in the network namespace of a process, until the context
// ends. It returns when it watches; wait then waits for its end. The addresses of a node that dies go when the
// lab takes its interfaces away, some milliseconds later.
func WatchAddresses(ctx context.Context, into *Record, node string, pid int) (wait func(), err error) {
	space, err := netns.GetFromPid(pid)
	if err != nil {
		return nil, fmt.Errorf("watch the addresses of %s: %w", node, err)
	}
	defer space.Close()
	updates := make(chan netlink.AddrUpdate, 256)
	done := make(chan struct{})
	options := netlink.AddrSubscribeOptions{Namespace: &space}
	if err := netlink.AddrSubscribeWithOptions(updates, done, options); err != nil {
		return nil, fmt.Errorf("watch the addresses of %s: %w", node, err)
	}
	stop := context.AfterFunc(ctx, func() { close(done) })
	var work sync.WaitGroup
	work.Go(func() {
		defer stop()
		for u := range updates {
			if a, ok := netip.AddrFromSlice(u.LinkAddress.IP); ok {
				into.add(Event{At: time.Now(), Node: node, What: a.Unmap().String(), Up: u.NewAddr})
			}
		}
	})
	return work.Wait, nil
}
