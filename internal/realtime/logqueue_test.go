package realtime

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

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
