package clusterfile

// Cluster is section [cluster].
type Cluster struct {
	Name string
	// Port is that of heartbeats (UDP) and gossip (UDP and TCP), the same on every link.
	Port int
	// CRMPort and FencedPort are those of crmd and fenced (TCP).
	CRMPort    int
	FencedPort int
}

// Ports that are used unless the file says otherwise. 5405 is Corosync's.
const (
	defaultPort       = 5405
	defaultCRMPort    = 5420
	defaultFencedPort = 5421
)

// maxName bounds names of clusters and nodes, which every heartbeat carries.
const maxName = 63

func readCluster(root *Section) Cluster {
	s := root.Table("cluster")
	c := Cluster{
		Name:       s.Str("name", ""),
		Port:       s.Int("port", defaultPort, 1, 65535),
		CRMPort:    s.Int("crmd_port", defaultCRMPort, 1, 65535),
		FencedPort: s.Int("fenced_port", defaultFencedPort, 1, 65535),
	}
	switch {
	case !root.Has("cluster"):
		root.Problem("cluster", "the section is missing; it needs at least name = \"...\"")
	case !s.Has("name"):
		s.Problem("name", "is missing; nodes join only a cluster of the same name")
	case !PlainName(c.Name):
		s.Problem("name", "is %q, must be 1 to %d letters, digits, dots, dashes and underscores", c.Name, maxName)
	}
	if c.Port == c.CRMPort || c.Port == c.FencedPort || c.CRMPort == c.FencedPort {
		s.Problem("", "port %d, crmd_port %d and fenced_port %d must differ", c.Port, c.CRMPort, c.FencedPort)
	}
	s.Done()
	return c
}

// PlainName reports whether a text can be the name of a cluster or a node.
func PlainName(name string) bool {
	if name == "" || len(name) > maxName || name[0] == '-' || name[0] == '.' {
		return false
	}
	for i := range len(name) {
		if !bare(name[i]) && name[i] != '.' {
			return false
		}
	}
	return true
}
