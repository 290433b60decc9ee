// Command demo shows what Holdfast does: it forms a cluster of real daemons in namespaces of this machine, runs
// a web server behind a floating address, cuts the power of the node that runs it, and tells when what
// happened. First with three nodes, then with two. It leaves nothing behind; its exit status is 0 only if
// everything went as it should.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// limit bounds the whole demo.
const limit = 85 * time.Second

func main() { holdfast.Main(work) }

func work() int {
	if why := room.Missing(); why != "" {
		fmt.Fprintln(os.Stderr, "The demo needs namespaces, and this machine gives it none:", why)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if room.Mapped() {
		fmt.Println("Without root: the cluster runs in a user namespace, and its heartbeat without realtime priority.")
	}
	for _, nodes := range []int{3, 2} {
		if err := show(ctx, os.Stdout, nodes); err != nil {
			fmt.Fprintf(os.Stderr, "\nThe demo with %d nodes FAILED: %v\n", nodes, err)
			return 1
		}
	}
	fmt.Println("\nBoth clusters did what they should. Nothing of them is left on this machine.")
	return 0
}
