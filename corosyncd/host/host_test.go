package host

import (
	"bytes"
	"fmt"
	"net"
	"path/filepath"
	"strings"
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

// stuck is a log that does not take anything until it is let go.
type stuck struct {
	bytes.Buffer
	let chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.let
	return s.Buffer.Write(p)
}

func TestLogQueue_DoesNotWaitForASlowLog(t *testing.T) {
	out := &stuck{let: make(chan struct{})}
	q := NewLogQueue(out)
	done := make(chan struct{})
	go func() { q.Run(); close(done) }()
	for i := range maxLines + 100 {
		fmt.Fprintf(q, "line %d\n", i)
	}
	close(out.let)
	q.Close()
	<-done
	if text := out.String(); !strings.HasPrefix(text, "line 0\n") || !strings.Contains(text, "log lines were dropped") {
		t.Errorf("%.200q", text)
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
