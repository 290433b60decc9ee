// Package paths knows where Holdfast's files are.
package paths

import (
	"os"
	"path/filepath"
)

// Dirs are the roots of Holdfast's files on a node. The environment moves them, for several nodes on one
// machine without namespaces and for tests.
type Dirs struct {
	Etc string // HOLDFAST_ETC_DIR, default /etc/holdfast: cluster.toml, keys, certificates
	Var string // HOLDFAST_VAR_DIR, default /var/lib/holdfast: raft, fencing configuration, incidents
	Run string // HOLDFAST_RUN_DIR, default /run/holdfast: sockets and what does not outlive a boot
}

// FromEnv reads the directories from the environment.
func FromEnv() Dirs {
	or := func(name, fallback string) string {
		if v := os.Getenv(name); v != "" {
			return v
		}
		return fallback
	}
	return Dirs{
		Etc: or("HOLDFAST_ETC_DIR", "/etc/holdfast"),
		Var: or("HOLDFAST_VAR_DIR", "/var/lib/holdfast"),
		Run: or("HOLDFAST_RUN_DIR", "/run/holdfast"),
	}
}

// ClusterFile is cluster.toml.
func (d Dirs) ClusterFile() string { return filepath.Join(d.Etc, "cluster.toml") }

// GossipKey is the cluster's symmetric key for heartbeats and gossip, 32 bytes in hexadecimal.
func (d Dirs) GossipKey() string { return filepath.Join(d.Etc, "gossip.key") }

// PKI is the directory of the cluster's CA and this node's certificate: ca.crt, ca.key, node.crt, node.key.
func (d Dirs) PKI() string { return filepath.Join(d.Etc, "pki") }

// Qdevice is the directory of the cluster's certificate for its quorum device server.
func (d Dirs) Qdevice() string { return filepath.Join(d.Etc, "qdevice") }

// Qnetd is the directory of the CA and certificates of a quorum device server on this machine.
func (d Dirs) Qnetd() string { return filepath.Join(d.Etc, "qnetd") }

// Socket is the unix socket of a daemon: corosyncd, crmd or fenced.
func (d Dirs) Socket(daemon string) string { return filepath.Join(d.Run, daemon+".sock") }

// State is a daemon's own directory for what outlives a restart.
func (d Dirs) State(daemon string) string { return filepath.Join(d.Var, daemon) }
