package simulate

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// profiling runs the scheduler on every file of a directory and shows how long it takes.
func (s *session) profiling(ctx context.Context) error {
	repeat := max(1, scalar.MinInt(s.repeat, 1))
	entries, err := os.ReadDir(s.profile)
	if err != nil {
		return program.Faultf(exitNoInput, "%v", err)
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".xml") && !strings.HasPrefix(e.Name(), ".") {
			files = append(files, filepath.Join(s.profile, e.Name()))
		}
	}
	slices.Sort(files)
	s.out.beginTimings()
	defer s.out.endTimings()
	for _, f := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		spent, err := s.profileFile(f, repeat)
		if err != nil {
			s.out.fail(s.env.Name + ": " + err.Error())
			continue
		}
		s.out.timing(f, spent.Seconds())
	}
	return nil
}

// profileFile times the scheduler alone, without reading the file.
func (s *session) profileFile(path string, repeat int) (time.Duration, error) {
	doc, err := ReadFile(path)
	if err != nil {
		return 0, err
	}
	if doc, err = Prepare(doc, func(string) {}); err != nil {
		return 0, err
	}
	start := time.Now()
	for range repeat {
		in := sched.Input{Doc: doc, Now: s.clock(doc), Zone: time.Local, Sanitized: true}
		sched.Schedule(in, sched.Options{Scores: s.scores, Utilization: s.use})
	}
	return time.Since(start), nil
}
