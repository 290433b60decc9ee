// Package journal proves from what a test agent wrote down that no resource ran in two places at once.
package journal

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Phase tells whether an operation begins or has ended.
type Phase string

const (
	Begin Phase = "begin"
	End   Phase = "end"
)

// Entry is one line of the journal. The agent writes each with one write(2) to a file opened for appending,
// so lines of several nodes do not mix.
type Entry struct {
	At       time.Duration // CLOCK_MONOTONIC, which all nodes of a lab share
	Wall     time.Time     // microseconds
	Node     string
	Boot     int // how often the node had been switched on
	Resource string
	Op       string
	Phase    Phase
	RC       int // of an ended operation, an OCF exit code
	PID      int // of the agent within its node
	// MaxActive and MaxPromoted are how many nodes may run and promote the resource: 1 unless it is a clone.
	MaxActive   int
	MaxPromoted int
}

const format = "%d %d %s %d %s %s %s %d %d %d %d\n"

// String is the entry's line.
func (e Entry) String() string {
	return fmt.Sprintf(format, e.At.Microseconds(), e.Wall.UnixMicro(), e.Node, e.Boot, e.Resource, e.Op, e.Phase, e.RC,
		e.PID, e.MaxActive, e.MaxPromoted)
}

// Parse reads a journal. A last line without an end is an agent that was killed while it wrote, and is left
// out.
func Parse(r io.Reader) ([]Entry, error) {
	var all []Entry
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		e, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("journal line %d %q: %w", n, strings.TrimSpace(line), err)
		}
		all = append(all, e)
	}
}

func parseLine(line string) (Entry, error) {
	var e Entry
	var at, wall int64
	_, err := fmt.Sscanf(line, format, &at, &wall, &e.Node, &e.Boot, &e.Resource, &e.Op, &e.Phase, &e.RC, &e.PID,
		&e.MaxActive, &e.MaxPromoted)
	e.At = time.Duration(at) * time.Microsecond
	e.Wall = time.UnixMicro(wall)
	return e, err
}

// Now reads the clock of Entry.At.
func Now() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(fmt.Sprintf("journal: CLOCK_MONOTONIC: %v", err))
	}
	return time.Duration(ts.Nano())
}
