// Package sdnotify tells the supervisor how a daemon is: systemd, or `hcs node run` where there is none, which
// speaks the same protocol.
package sdnotify

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// States that daemons report.
const (
	Ready    = daemon.SdNotifyReady
	Stopping = daemon.SdNotifyStopping
)

// Notify sends a state. Without a supervisor it does nothing; errors are the supervisor's problem, a daemon
// works without being heard.
func Notify(state string) { _, _ = daemon.SdNotify(false, state) }

// Watchdog keeps the supervisor's watchdog fed until ctx ends, if one is set: at a third of its interval, and
// only while alive returns true. alive has to answer from the daemon's own loop, so that a loop that hangs
// leads to a restart.
func Watchdog(ctx context.Context, alive func(context.Context) bool) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every <= 0 {
		return
	}
	tick := time.NewTicker(every / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if alive(ctx) {
				Notify(daemon.SdNotifyWatchdog)
			}
		case <-ctx.Done():
			return
		}
	}
}
