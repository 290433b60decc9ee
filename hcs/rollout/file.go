// Package rollout brings a cluster file into effect: plan, apply, diff, and the way back, config export.
package rollout

import (
	"context"
	"io"
	"net/http"
	"os"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/hcs/agents"
	"github.com/holdfast-ha/holdfast/hcs/session"
)

// maxSecret bounds a file that holds a secret.
const maxSecret = 4096

// wanted is a cluster file that is to come into effect.
type wanted struct {
	path   string
	text   string
	file   *clusterfile.File
	config *crm.Config
}

// load reads a cluster file and checks all of it. The error lists every problem.
func load(ctx context.Context, s *session.Session, path string, noAgents bool) (*wanted, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, session.Fail(api.CodeNoInput, "%v", err)
	}
	return parse(ctx, s, path, string(raw), noAgents)
}

func parse(ctx context.Context, s *session.Session, path, text string, noAgents bool) (*wanted, error) {
	src := crm.Source{Agents: agents.New(ctx, s.Getenv), Secret: secret}
	if noAgents {
		src.Agents = agent.Unknown{}
	}
	f, c, err := crm.Load(path, []byte(text), src)
	if err != nil {
		return nil, session.Fail(api.CodeConfig, "%v\nNothing was changed.", err)
	}
	return &wanted{path, text, f, c}, nil
}

// secret reads a file that holds a secret.
func secret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxSecret))
	return string(raw), err
}

// agreed is the cluster file that the cluster agreed on. Without a running crmd, or while it has none yet, it is
// empty.
func agreed(ctx context.Context, s *session.Session) (api.ClusterFile, error) {
	var file api.ClusterFile
	if s.CIBFile != "" {
		return file, nil
	}
	crm := s.CRM()
	defer crm.Close()
	err := crm.Call(ctx, http.MethodGet, api.PathFile, nil, &file)
	return file, err
}

// before reads the agreed file as far as it can be read: agents and secrets may have changed since, and what the
// file said is wanted all the same.
func before(text string) *crm.Config {
	if text == "" {
		return nil
	}
	_, c, err := crm.Load("the cluster's file", []byte(text), crm.Source{})
	if err != nil {
		return nil
	}
	return c
}

// Check reads all of a cluster file's text and reports every problem.
func Check(ctx context.Context, s *session.Session, path, text string) error {
	_, err := parse(ctx, s, path, text, false)
	return err
}
