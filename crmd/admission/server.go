package admission

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/store/content"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// Config is what a Server needs.
type Config struct {
	Authority *pki.Authority
	// GossipKey is the cluster's key at present, in hexadecimal.
	GossipKey func() (string, error)
	// Content is the configuration as this node has it.
	Content func() *content.Content
	// Propose makes a change of the configuration, here or through the leader, and waits for its result.
	Propose func(context.Context, content.Change) error
	// Live tells whether a node of that name is a member right now.
	Live func(node string) bool
	Log  *slog.Logger
}

// Server answers machines that want to join; its handler belongs to protocol mesh.Join.
type Server struct {
	cfg   Config
	limit limiter
	slots chan struct{}
}

// NewServer makes a server.
func NewServer(cfg Config) *Server { return &Server{cfg: cfg, slots: make(chan struct{}, maxParallel)} }

// Handler answers the join protocol.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathCA, func(w http.ResponseWriter, _ *http.Request) {
		ipc.Reply(w, caReply{CA: string(s.cfg.Authority.CertPEM)})
	})
	mux.HandleFunc("POST "+pathJoin, s.join)
	return http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.limit.allow(r.RemoteAddr, time.Now()) {
			ipc.Fail(w, ipc.Errorf(api.CodePermission, "too many attempts to join from here; wait a minute"))
			return
		}
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
			mux.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}), maxCall)
}

// maxCall bounds a call's body; a real one has less than 2 KiB.
const maxCall = 64 << 10

func (s *Server) join(w http.ResponseWriter, r *http.Request) {
	var call joinCall
	if err := ipc.Read(r, &call); err != nil {
		ipc.Fail(w, err)
		return
	}
	var req joinRequest
	reply, err := s.admit(r.Context(), call, &req)
	if err != nil {
		s.cfg.Log.Warn("refused a machine that wants to join", "node", req.Node, "from", r.RemoteAddr, "err", err)
		ipc.Fail(w, err)
		return
	}
	s.cfg.Log.Info("a machine joins the cluster", "node", req.Node, "id", reply.ID, "from", r.RemoteAddr, "token", call.Token)
	ipc.Reply(w, reply)
}

// admit checks a call and admits the machine. The order matters: what can be refused is refused before the
// token is used up, and the token is used up before anything is changed or given away.
func (s *Server) admit(ctx context.Context, call joinCall, req *joinRequest) (*joinReply, error) {
	if err := s.checkProof(ctx, call); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(call.Body), req); err != nil {
		return nil, ipc.Errorf(api.CodeBadData, "join request: %v", err)
	}
	if s.cfg.Live(req.Node) {
		return nil, ipc.Errorf(api.CodeExists, "node %s is a member of this cluster right now; give this machine another name", req.Node)
	}
	cert, err := s.cfg.Authority.Sign(req.Node, []byte(req.CSR))
	if err != nil {
		return nil, ipc.Errorf(api.CodeBadData, "%v", err)
	}
	if _, _, err := Place(s.cfg.Content().File.Text, req.Node, req.Links); err != nil {
		return nil, ipc.Errorf(api.CodeConfig, "%v", err)
	}
	key, err := s.cfg.GossipKey()
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Propose(ctx, content.RemoveToken{ID: call.Token}); errors.Is(err, content.ErrNoToken) {
		return nil, unknownToken(call.Token)
	} else if err != nil {
		return nil, fmt.Errorf("use join token %s: %w", call.Token, err)
	}
	file, id, err := s.addNode(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("%w. The token is used up; make a new one", err)
	}
	return &joinReply{
		ID: id, Cert: string(cert), CAKey: string(s.cfg.Authority.KeyPEM), GossipKey: key,
		File: api.ClusterFile{Version: file.Version, Text: file.Text},
	}, nil
}

// checkProof checks that the machine knows the secret of a token that is valid.
func (s *Server) checkProof(ctx context.Context, call joinCall) error {
	binding, err := mesh.RequestBinding(ctx)
	if err != nil {
		return err
	}
	token, ok := s.cfg.Content().Token(call.Token)
	switch {
	case !ok:
		return unknownToken(call.Token)
	case !hmac.Equal(call.Proof, prove(token.Hash, binding, []byte(call.Body))):
		return ipc.Errorf(api.CodePermission, "the part of join token %s behind the dot is wrong", call.Token)
	case token.Expires <= time.Now().UnixMilli():
		return ipc.Errorf(api.CodeExpired, "join token %s has expired %s ago; make a new one",
			call.Token, time.Since(time.UnixMilli(token.Expires)).Round(time.Second))
	}
	return nil
}

func unknownToken(id string) error {
	return ipc.Errorf(api.CodeNoSuchObject, "join token %.6q is not known here: it was used already, it was removed, or it is another cluster's; make a new one", id)
}

// addAttempts is how often an addition is repeated when somebody else has changed the cluster file meanwhile.
const addAttempts = 10

func (s *Server) addNode(ctx context.Context, req *joinRequest) (content.File, api.NodeID, error) {
	var err error
	for range addAttempts {
		file := s.cfg.Content().File
		text, id, perr := Place(file.Text, req.Node, req.Links)
		if perr != nil {
			return file, 0, perr
		}
		if text == file.Text {
			return file, id, nil
		}
		next := content.File{Version: file.Version + 1, Text: text}
		if err = s.cfg.Propose(ctx, content.SetFile{File: next}); err == nil {
			return next, id, nil
		}
		if !errors.Is(err, content.ErrStale) {
			break
		}
		// This node may be behind the leader.
		select {
		case <-time.After(staleWait):
		case <-ctx.Done():
			return file, 0, ctx.Err()
		}
	}
	return content.File{}, 0, fmt.Errorf("add node %s to the cluster file: %w", req.Node, err)
}

// staleWait lets a member that is not the leader catch up.
const staleWait = 200 * time.Millisecond
