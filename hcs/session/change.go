package session

import (
	"context"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/outline"
)

// Changed is what commands that change the configuration print with --json.
type Changed struct {
	// Version is the CIB's version afterwards.
	Version string           `json:"version"`
	Changes []outline.Change `json:"changes"`
	// Done tells that the cluster has carried the change out; only with --wait.
	Done bool `json:"done,omitempty"`
}

// Change edits the configuration, tells about it and waits when that is asked for. said is the sentence for a
// person; when nothing changed, that is said instead.
func (s *Session) Change(ctx context.Context, said string, change func(conf *cibxml.Element) (*cibxml.Element, error)) (*Edited, error) {
	e, err := s.Edit(ctx, change)
	if err != nil {
		return nil, err
	}
	if len(e.Changes) == 0 {
		s.Say("Nothing to change.")
	} else {
		s.Say("%s", said)
	}
	if err := s.WaitIdle(ctx, e.Version); err != nil {
		return e, err
	}
	waited := s.Wait > 0 && s.CIBFile == ""
	if s.JSON {
		return e, s.PrintJSON(Changed{e.Version, append([]outline.Change{}, e.Changes...), waited})
	}
	return e, nil
}
