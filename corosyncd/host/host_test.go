package host

import (
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestParsePressure_ReadsTheTenSecondAverage(t *testing.T) {
	raw := []byte("some avg10=41.50 avg60=1.00 avg300=0.10 total=123\nfull avg10=2.25 avg60=0.00 avg300=0.00 total=1\n")
	if some, full := parsePressure(raw, "some"), parsePressure(raw, "full"); some != 41.5 || full != 2.25 {
		t.Errorf("got %g, %g", some, full)
	}
	if v := parsePressure([]byte("nonsense"), "some"); v != 0 {
		t.Errorf("got %g", v)
	}
}

func TestWatchdog_IsFedOnlyWhileThereIsProgress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", "")
	synctest.Test(t, func(t *testing.T) {
		var ticks atomic.Uint64
		done := make(chan struct{})
		ctx := t.Context()
		go func() { Watchdog(ctx, ticks.Load); close(done) }()
		for range 3 {
			time.Sleep(9 * time.Second)
			ticks.Add(1)
			time.Sleep(time.Second)
		}
		time.Sleep(2 * time.Minute) // no progress any more
	})
	c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	fed := 0
	buf := make([]byte, 100)
	for {
		n, err := c.Read(buf)
		if err != nil {
			break
		}
		if string(buf[:n]) == "WATCHDOG=1" {
			fed++
		}
	}
	if fed != 3 {
		t.Errorf("fed %d times, want 3", fed)
	}
}
