// Package host is what the heartbeat daemon asks of the operating system: to be told when it is not run on
// time, and to say that it is ready.
package host

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready tells systemd that the daemon works. It does nothing where there is no systemd.
func Ready(status string) { notify(daemon.SdNotifyReady + "\nSTATUS=" + status) }

// Status shows a line in `systemctl status`.
func Status(text string) { notify("STATUS=" + text) }

// Stopping tells systemd that the daemon ends.
func Stopping() { notify(daemon.SdNotifyStopping) }

// notify ignores errors: a supervisor that does not listen changes nothing.
func notify(state string) { _, _ = daemon.SdNotify(false, state) }

// WatchdogPing is how often the supervisor's watchdog is fed within its timeout.
const watchdogPings = 3

// Watchdog feeds the supervisor's watchdog as long as progress rises, until ctx ends. It returns at once when
// no watchdog was asked for.
func Watchdog(ctx context.Context, progress func() uint64) {
	timeout, err := daemon.SdWatchdogEnabled(false)
	if err != nil || timeout == 0 {
		return
	}
	t := time.NewTicker(timeout / watchdogPings)
	defer t.Stop()
	last := progress()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if now := progress(); now != last {
			last = now
			notify(daemon.SdNotifyWatchdog)
		}
	}
}
