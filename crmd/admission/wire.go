package admission

import "github.com/holdfast-ha/holdfast/api"

// Paths of the join protocol.
const (
	pathCA   = "/v1/join/ca" // GET -> caReply
	pathJoin = "/v1/join"    // POST joinCall -> joinReply
)

type caReply struct {
	CA string `json:"ca"` // PEM
}

// joinCall carries the request as text, because the proof is over its bytes.
type joinCall struct {
	Token string `json:"token"` // id
	Body  string `json:"body"`  // a joinRequest
	Proof []byte `json:"proof"`
}

type joinRequest struct {
	Node  string   `json:"node"`
	Links []string `json:"links"`
	CSR   string   `json:"csr"` // PEM
}

type joinReply struct {
	ID        api.NodeID      `json:"id"`
	Cert      string          `json:"cert"`   // PEM
	CAKey     string          `json:"ca_key"` // PEM
	GossipKey string          `json:"gossip_key"`
	File      api.ClusterFile `json:"file"`
}
