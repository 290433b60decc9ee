package admission

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// Membership is everything that makes a machine a member of a cluster. It contains secrets.
type Membership struct {
	Node      string
	ID        api.NodeID
	CA        []byte // PEM, like the following three
	CAKey     []byte
	Cert      []byte
	Key       []byte
	GossipKey string // 32 bytes in hexadecimal
	File      api.ClusterFile
}

// gossipKeySize is the size of the gossip key in bytes.
const gossipKeySize = 32

// Create makes a new cluster from the text of its cluster file: the CA, the keys, and the certificate of its
// first node.
func Create(node, file string) (*Membership, error) {
	f, err := clusterfile.Parse(fileName, []byte(file))
	if err != nil {
		return nil, err
	}
	n := f.Node(node)
	if n == nil {
		return nil, fmt.Errorf("the cluster file has no [[node]] with the name %s of this machine", node)
	}
	ca, err := pki.NewAuthority(f.Cluster.Name)
	if err != nil {
		return nil, err
	}
	csr, key, err := pki.Request(node)
	if err != nil {
		return nil, err
	}
	cert, err := ca.Sign(node, csr)
	if err != nil {
		return nil, err
	}
	var gossip [gossipKeySize]byte
	_, _ = rand.Read(gossip[:]) // never fails, see crypto/rand
	m := &Membership{
		Node: node, ID: n.ID, CA: ca.CertPEM, CAKey: ca.KeyPEM, Cert: cert, Key: key,
		GossipKey: hex.EncodeToString(gossip[:]), File: api.ClusterFile{Version: 1, Text: file},
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

// check finds what would make the node unable to start.
func (m *Membership) check() error {
	if _, err := tls.X509KeyPair(m.Cert, m.Key); err != nil {
		return fmt.Errorf("certificate of node %s: %w", m.Node, err)
	}
	if _, err := pki.ParseAuthority(m.CA, m.CAKey); err != nil {
		return err
	}
	if raw, err := hex.DecodeString(m.GossipKey); err != nil || len(raw) != gossipKeySize {
		return fmt.Errorf("the gossip key is not %d bytes in hexadecimal", gossipKeySize)
	}
	f, err := clusterfile.Parse(fileName, []byte(m.File.Text))
	if err != nil {
		return err
	}
	if n := f.Node(m.Node); n == nil || n.ID != m.ID {
		return fmt.Errorf("the cluster file has no node %s with id %d", m.Node, m.ID)
	}
	return nil
}

// Write stores the membership on this machine, the cluster file last: with it the node is configured. It
// refuses when there is one already.
func (m *Membership) Write(dirs paths.Dirs) error {
	if _, err := os.Stat(dirs.ClusterFile()); err == nil {
		return fmt.Errorf("%s exists: this machine belongs to a cluster already; hcs cluster destroy takes it out", dirs.ClusterFile())
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dirs.ClusterFile()), 0o755); err != nil {
		return err
	}
	if err := pki.Write(dirs.PKI(), m.CA, m.CAKey, m.Cert, m.Key); err != nil {
		return err
	}
	if err := atomicfile.Write(dirs.GossipKey(), []byte(m.GossipKey+"\n"), 0o600); err != nil {
		return err
	}
	return atomicfile.Write(dirs.ClusterFile(), []byte(m.File.Text), 0o640)
}
