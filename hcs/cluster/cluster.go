// Package cluster is the command "cluster": make a cluster, join it, start, stop and leave it.
package cluster

import (
	"context"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Command is "cluster".
func Command(s *session.Session) *cobra.Command {
	return verb.Noun("cluster", "Make a cluster, join one, start and stop this node", "",
		initCommand(s), importCommand(s), join(s), token(s), start(s), stop(s), status(s), authkey(s), destroy(s))
}

// hostname is this machine's name without its domain, which is its node name unless something else is said.
func hostname() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", err
	}
	name, _, _ = strings.Cut(name, ".")
	return name, nil
}

// configured reports whether this machine belongs to a cluster.
func configured(s *session.Session) bool {
	_, err := os.Stat(s.Dirs.ClusterFile())
	return err == nil
}

// crmStatus is the state of this node's crmd.
func crmStatus(ctx context.Context, s *session.Session) (*api.CRMStatus, error) {
	crm := s.CRM()
	defer crm.Close()
	var st api.CRMStatus
	if err := crm.Call(ctx, http.MethodGet, api.PathCRMStatus, nil, &st); err != nil {
		return nil, err
	}
	return &st, nil
}

// corosyncStatus is the state of this node's corosyncd.
func corosyncStatus(ctx context.Context, s *session.Session) (*api.CorosyncStatus, error) {
	corosync := s.Corosync()
	defer corosync.Close()
	var st api.CorosyncStatus
	if err := corosync.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &st); err != nil {
		return nil, err
	}
	return &st, nil
}

// daemons are the daemons of a node.
var daemons = []string{"corosyncd", "fenced", "crmd"}

// running lists the daemons that answer on their sockets.
func running(ctx context.Context, s *session.Session) []string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var list []string
	if _, err := corosyncStatus(ctx, s); !session.NotRunning(err) {
		list = append(list, "corosyncd")
	}
	fencer := s.Fencer()
	defer fencer.Close()
	if err := fencer.Call(ctx, http.MethodGet, api.PathFenceDevices, nil, nil); !session.NotRunning(err) {
		list = append(list, "fenced")
	}
	if _, err := crmStatus(ctx, s); !session.NotRunning(err) {
		list = append(list, "crmd")
	}
	return list
}
