package session

import (
	"context"
	"net/http"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/devices"
)

// Timely wraps a change of the configuration: one with which timeouts of fencing newly contradict each other is
// refused with the inequality, unless it is forced. What contradicts already does not stand in the way of other
// changes. Where no fencer runs, or a file is changed, nothing is known of the heartbeat and of disks, and
// nothing is refused.
func (s *Session) Timely(ctx context.Context, force bool, change func(conf *cibxml.Element) (*cibxml.Element, error)) func(conf *cibxml.Element) (*cibxml.Element, error) {
	return func(conf *cibxml.Element) (*cibxml.Element, error) {
		next, err := change(conf)
		if err != nil || force || s.CIBFile != "" {
			return next, err
		}
		before, known := s.contradictions(ctx, conf)
		after, _ := s.contradictions(ctx, next)
		if !known {
			return next, nil
		}
		old := map[string]bool{}
		for _, c := range before {
			old[c] = true
		}
		for _, c := range after {
			if !old[c] {
				return nil, Fail(api.CodeUnsafe, "timeouts of fencing would contradict each other: %s (hcs doctor timeouts shows the sum, --force does it all the same)", c)
			}
		}
		return next, nil
	}
}

// contradictions are the inequalities between timeouts that would make fences fail, or succeed wrongly, with a
// configuration; false when no fencer can tell.
func (s *Session) contradictions(ctx context.Context, conf *cibxml.Element) ([]string, bool) {
	fencer := s.Fencer()
	defer fencer.Close()
	config := devices.From(cibxml.New("cib").Append(conf), func(string) bool { return false })
	var b api.FenceBudget
	if err := fencer.Call(ctx, http.MethodPost, api.PathFenceBudget, config, &b); err != nil {
		return nil, false
	}
	var found []string
	for _, c := range b.Conflicts {
		if c.Fatal {
			found = append(found, c.Text)
		}
	}
	return found, true
}
