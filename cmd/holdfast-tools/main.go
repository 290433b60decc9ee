// Command holdfast-tools is every drop-in command in one program: crm_mon, cibadmin, corosync-cfgtool and
// the others are links to it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/holdfast-ha/holdfast/tools"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := tools.Run(ctx, cli.OSEnv())
	stop()
	os.Exit(code)
}
