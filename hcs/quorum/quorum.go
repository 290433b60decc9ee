// Package quorum is the command "quorum": votes, the options of votequorum, and the quorum device.
package quorum

import (
	"context"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// Command is "quorum".
func Command(s *session.Session) *cobra.Command {
	return verb.Noun("quorum", "Look at quorum, change votes and options, use a quorum device", "",
		status(s), config(s), update(s), expectedVotes(s), votesCommand(s), unblock(s), device(s))
}

// file is the cluster file that is to be changed: the cluster's, or this node's where no cluster runs.
type file struct {
	text    string
	version uint64
	local   bool
	parsed  *clusterfile.File
}

func load(ctx context.Context, s *session.Session) (*file, error) {
	if s.CIBFile != "" {
		return nil, session.Fail(api.CodeUsage, "votes and quorum are not part of a CIB; leave out --cib")
	}
	crm := s.CRM()
	defer crm.Close()
	var have api.ClusterFile
	f := &file{}
	switch err := crm.Call(ctx, http.MethodGet, api.PathFile, nil, &have); {
	case err == nil:
		f.text, f.version = have.Text, have.Version
	case session.NotRunning(err):
		raw, err := os.ReadFile(s.Dirs.ClusterFile())
		if err != nil {
			return nil, session.Fail(api.CodeNoInput, "%v; is this machine part of a cluster?", err)
		}
		f.text, f.local = string(raw), true
	default:
		return nil, err
	}
	var err error
	if f.parsed, err = clusterfile.Parse("the cluster file", []byte(f.text)); err != nil {
		return nil, session.Fail(api.CodeConfig, "%v", err)
	}
	return f, nil
}

// save brings a changed text into effect everywhere.
func (f *file) save(ctx context.Context, s *session.Session, text string) error {
	if _, err := clusterfile.Parse("the changed cluster file", []byte(text)); err != nil {
		return session.Fail(api.CodeConfig, "%v\nNothing was changed.", err)
	}
	if f.local {
		if err := atomicfile.Write(s.Dirs.ClusterFile(), []byte(text), 0o640); err != nil {
			return session.Fail(api.CodeCantCreate, "%v", err)
		}
		s.Say("The cluster does not run here: changed %s on this node only.", s.Dirs.ClusterFile())
		return nil
	}
	crm := s.CRM()
	defer crm.Close()
	return crm.Call(ctx, http.MethodPut, api.PathFile, api.ClusterFile{Text: text, Base: f.version}, nil)
}

// sections is what the file says about quorum.
func (f *file) sections() string {
	var b strings.Builder
	for _, block := range clusterfile.Blocks(f.text) {
		if block.Key == "quorum" {
			b.WriteString(strings.TrimRight(block.Text, "\n") + "\n\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func config(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "config", Short: "Show what the cluster file says about quorum", Min: 0, Max: 0,
		Run: func(ctx context.Context, _ []string) error {
			f, err := load(ctx, s)
			if err != nil {
				return err
			}
			text := f.sections()
			if s.JSON {
				return s.PrintJSON(map[string]string{"text": text})
			}
			if text == "" {
				text = "# the defaults: each node has one vote, more than half are needed"
			}
			s.Say("%s", text)
			return nil
		},
	})
}
