package guard

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/fenced/sbdconf"
	"github.com/holdfast-ha/holdfast/internal/sysrq"
)

const (
	// flushTime is what writing dirty data gets before the end; a disk that hangs must not put it off.
	flushTime = 2 * time.Second
	// rehearsal is how long sbd's trace mode 3 waits before the end.
	rehearsal = 10 * time.Second
)

// end ends the node. It is called by whichever goroutine finds the reason, and does not return: if everything
// fails, the watchdog, which nobody pets any more, resets the machine.
func (g *guard) end(kind sbdconf.Kind, flush bool) {
	g.ending.Do(func() {
		g.over.Store(true)
		switch {
		case g.Rehearse == 2:
			g.quit(errRehearsed)
			return
		case g.Rehearse >= 3:
			g.Log.Warn("the node ends in ten seconds", "action", kind)
			time.Sleep(rehearsal)
		case g.Rehearse == 1:
			kind = sbdconf.Crashdump
		}
		if kind == sbdconf.Crashdump {
			g.calm()
		}
		if flush {
			writeBack(flushTime)
		}
		g.End(kind)
	})
}

// calm keeps the watchdog from interrupting a crash dump.
func (g *guard) calm() {
	calm := g.disarm
	if g.CrashWatchdog > 0 {
		calm = func() error { return g.withDog(func(d Dog) error { return d.SetTimeout(g.CrashWatchdog) }) }
	}
	if err := calm(); err != nil {
		g.Log.Warn("the watchdog may interrupt the crash dump", "err", err)
	}
}

// writeBack writes dirty data as far as it gets within d.
func writeBack(d time.Duration) {
	done := make(chan struct{})
	go func() { unix.Sync(); close(done) }() // the process ends before it if a disk hangs
	select {
	case <-done:
	case <-time.After(d):
	}
}

// EndMachine ends the machine at once, without stopping anything.
func EndMachine(kind sbdconf.Kind) {
	switch kind {
	case sbdconf.Off:
		sysrq.End(sysrq.PowerOff)
	case sbdconf.Crashdump:
		sysrq.End(sysrq.Crash)
	default:
		sysrq.End(sysrq.Restart)
	}
}
