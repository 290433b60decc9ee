package script

import (
	"context"
	"os"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/internal/proc"
	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// watch fails when the process was stuck, or the probe without success, too often in a row. A process without
// a pid is not looked at.
func watch(ctx context.Context, c *ocf.Call, s *state, p proc.Process) error {
	before := *s
	err := countStuck(c, s, p)
	if err == nil && c.Text("probe") != "" {
		err = countSilent(ctx, c, s)
	}
	if *s != before {
		if serr := s.save(c); serr != nil {
			return serr
		}
	}
	return err
}

// countStuck looks at the state of the process. Z is one whose first thread has ended while others go on.
func countStuck(c *ocf.Call, s *state, p proc.Process) error {
	limit := c.Int("hang_checks")
	if limit == 0 || p.PID == 0 || !strings.ContainsRune("TDZ", rune(p.State)) {
		s.Stuck = 0
		return nil
	}
	s.Stuck++
	if s.Stuck < limit {
		c.Logf("the program is stuck (%v), %d of %d times", p, s.Stuck, limit)
		return nil
	}
	return ocf.Errorf(ocf.ErrGeneric, "the program is stuck (%v), %d times in a row", p, s.Stuck)
}

func countSilent(ctx context.Context, c *ocf.Call, s *state) error {
	a, err := runShell(ctx, c, c.Text("probe"), c.Duration("probe_timeout"))
	if err != nil {
		return err
	}
	if a.ok() {
		s.Silent = 0
		return nil
	}
	limit := c.Int("probe_count")
	s.Silent++
	if s.Silent < limit {
		c.Logf("the probe %s, %d of %d times", a, s.Silent, limit)
		return nil
	}
	return ocf.Errorf(ocf.ErrGeneric, "the probe %s, %d times in a row", a, s.Silent)
}

// processOf reads a pid file; a process without a pid if there is none that runs.
func processOf(pidfile string) proc.Process {
	if pidfile == "" {
		return proc.Process{}
	}
	raw, err := os.ReadFile(pidfile)
	if err != nil {
		return proc.Process{}
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return proc.Process{}
	}
	p, err := proc.Read(pid)
	if err != nil {
		return proc.Process{}
	}
	return p
}
