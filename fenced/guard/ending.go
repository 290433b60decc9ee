package guard

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/fenced/sbdconf"
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

// EndMachine ends the machine at once, without stopping anything: by the kernel's system request and, where
// that does not work, by the system call.
func EndMachine(kind sbdconf.Kind) {
	key, call := "b", unix.LINUX_REBOOT_CMD_RESTART
	switch kind {
	case sbdconf.Off:
		key, call = "o", unix.LINUX_REBOOT_CMD_POWER_OFF
	case sbdconf.Crashdump:
		key = "c"
	}
	_ = os.WriteFile("/proc/sysrq-trigger", []byte(key), 0)
	if kind == sbdconf.Off {
		time.Sleep(2 * time.Second) // it powers off in its own time
	}
	_ = unix.Reboot(call)
	select {}
}
