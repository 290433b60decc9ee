package holdfast

import (
	"fmt"

	"github.com/holdfast-ha/holdfast/crmd/admission"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// provision makes all nodes members, as `hcs cluster init` and `hcs cluster join` do one after the other.
func (c *Cluster) provision(o Options) error {
	c.File = c.file(o)
	var ca *pki.Authority
	for _, n := range c.Nodes() {
		m, err := admission.Create(n.Name, c.File)
		if err == nil && ca == nil {
			if ca, err = pki.ParseAuthority(m.CA, m.CAKey); err != nil {
				return err
			}
			c.gossipKey = m.GossipKey
		}
		if err != nil {
			return fmt.Errorf("provision %s: %w", n.Name, err)
		}
		csr, key, err := pki.Request(n.Name)
		if err != nil {
			return fmt.Errorf("provision %s: %w", n.Name, err)
		}
		if m.Cert, err = ca.Sign(n.Name, csr); err != nil {
			return fmt.Errorf("provision %s: %w", n.Name, err)
		}
		m.CA, m.CAKey, m.Key, m.GossipKey = ca.CertPEM, ca.KeyPEM, key, c.gossipKey
		// The node is off: what is written to its disk is there when it starts.
		if err := m.Write(paths.Dirs{Etc: n.Disk("etc/holdfast")}); err != nil {
			return fmt.Errorf("provision %s: %w", n.Name, err)
		}
	}
	return c.Nodes()[0].WriteFile("/var/lib/holdfast/crmd/bootstrap", []byte(c.Nodes()[0].Name+"\n"), 0o600)
}
