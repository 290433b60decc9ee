// Package qdevice is the command "qdevice": a quorum device server on this machine, and certificates for one.
package qdevice

import (
	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Command is "qdevice".
func Command(s *session.Session) *cobra.Command {
	return verb.Noun("qdevice", "Run a quorum device server, and get certificates for one", `A quorum device server stands outside of a cluster and says which part of it goes on when the
nodes cannot talk to each other. It serves any number of clusters. corosync-qnetd is one, hcs qdevice serve another; both speak the same protocol.

hcs quorum device add makes a cluster use a server.`,
		setup(s), serve(s), serverStatus(s), signCommand(s), renew(s), destroy(s), certs(s))
}
