package watch

import (
	"time"

	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/crmd/confirm"
	"github.com/holdfast-ha/holdfast/crmd/supervise"
)

// readMonitor reads [monitor]: when a missing answer of a monitor is a failure.
func readMonitor(s *clusterfile.Section) confirm.Config {
	c := confirm.Default()
	c.Of = s.Int("tries", c.Of, 1, 100)
	c.Failures = s.Int("failures", min(c.Failures, c.Of), 1, c.Of)
	c.Deadline = span(s, "deadline", c.Deadline)
	if s.Has("starved") {
		t := s.Table("starved")
		c.Starved.CPU = number(t, "cpu", c.Starved.CPU)
		c.Starved.Memory = number(t, "memory", c.Starved.Memory)
		c.Starved.IO = number(t, "io", c.Starved.IO)
		c.Starved.LoadPerCore = number(t, "load_per_core", c.Starved.LoadPerCore)
		c.Starved.Late = span(t, "late", c.Starved.Late)
		t.Done()
	}
	if c.Deadline <= 0 {
		s.Problem("deadline", "must be more than 0")
	}
	s.Done()
	return c
}

// span reads a time span.
func span(s *clusterfile.Section, key string, fallback time.Duration) time.Duration {
	return time.Duration(duration(s, key, fallback.Milliseconds())) * time.Millisecond
}

// readSupervise reads [supervise], and [supervise.RESOURCE] for single resources.
func readSupervise(f *clusterfile.File) supervise.Settings {
	s := f.Rest.Table("supervise")
	out := supervise.Settings{Resources: make(map[string]supervise.Config)}
	out.All = superviseSection(s, supervise.Default())
	for _, name := range s.Keys() {
		if _, table := s.Raw(name).(map[string]any); !table {
			continue // a key of the section itself
		}
		one := s.Table(name)
		c := superviseSection(one, out.All)
		c.PIDFile = one.Str("pidfile", "")
		c.Probe = one.Strings("probe")
		if len(c.Probe) > 0 && c.Probe[0][0] != '/' {
			one.Problem("probe", "is %q, must be a program with its arguments, written from / on", c.Probe[0])
		}
		one.Done()
		out.Resources[name] = c
	}
	s.Done()
	return out
}

func superviseSection(s *clusterfile.Section, c supervise.Config) supervise.Config {
	c.OnHang = supervise.Reaction(s.Word("on_hang", string(c.OnHang), string(supervise.Failover), string(supervise.Restart), string(supervise.Alarm)))
	c.Restarts = s.Int("restarts", c.Restarts, 0, 1000)
	c.Pause = span(s, "pause", c.Pause)
	c.Kill = s.Bool("kill", c.Kill)
	c.StopWithin = span(s, "stop_within", c.StopWithin)
	c.ProbeInterval = span(s, "probe_interval", c.ProbeInterval)
	c.ProbeTimeout = span(s, "probe_timeout", c.ProbeTimeout)
	if c.ProbeInterval < time.Second {
		s.Problem("probe_interval", "must be at least 1s")
	}
	if c.ProbeTimeout < 100*time.Millisecond {
		s.Problem("probe_timeout", "must be at least 100ms")
	}
	return c
}
