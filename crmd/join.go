package crmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/admission"
	"github.com/holdfast-ha/holdfast/crmd/store"
	"github.com/holdfast-ha/holdfast/crmd/store/content"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// joinHandler admits machines that show a token. A node without the CA's key sends them elsewhere.
func (d *Daemon) joinHandler() http.Handler {
	authority, err := pki.LoadAuthority(d.cfg.Dirs.PKI())
	if err != nil {
		d.log.Warn("this node cannot admit others: it has no key of the cluster's CA", "err", err)
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			ipc.Fail(w, ipc.Errorf(api.CodeError, "%s has no key of the cluster's CA: join through another node", d.node))
		})
	}
	return admission.NewServer(admission.Config{
		Authority: authority, GossipKey: d.gossipKey, Content: d.store.Content, Propose: d.proposeAnywhere,
		Live: func(node string) bool { v := d.view.Load(); return v != nil && hasMember(v, node) }, Log: d.log,
	}).Handler()
}

// gossipKey is the key with which corosyncd seals packets: the first in its file. It is read for each machine,
// because it can be changed at any time.
func (d *Daemon) gossipKey() (string, error) {
	text, err := os.ReadFile(d.cfg.Dirs.GossipKey())
	if err != nil {
		return "", fmt.Errorf("give the cluster key to a new node: %w", err)
	}
	key, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(key), nil
}

// proposeAnywhere makes a change of the configuration through the leader, whichever node that is.
func (d *Daemon) proposeAnywhere(ctx context.Context, change content.Change) error {
	give := time.Now().Add(dcWait)
	for {
		leader := d.store.Leader()
		var err error
		switch leader {
		case d.node:
			err = d.store.Propose(ctx, change)
		case "":
			err = ipc.Errorf(api.CodeNotConnected, "the configuration log has no leader at the moment")
		default:
			err = d.peers.Client(leader).Call(ctx, http.MethodPost, pathPropose, content.Encode(change), nil)
		}
		if err == nil || leader != "" && !isNotLeader(err) || time.Now().After(give) || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(reportRetry):
		case <-ctx.Done():
		}
	}
}

// takeProposal is the leader's side.
func (d *Daemon) takeProposal(w http.ResponseWriter, r *http.Request) {
	var raw []byte
	if err := ipc.Read(r, &raw); err != nil {
		ipc.Fail(w, err)
		return
	}
	change, err := content.Decode(raw)
	if err == nil {
		err = d.store.Propose(r.Context(), change)
	}
	if isNotLeader(err) {
		err = ipc.Errorf(api.CodeNotConnected, "%v", err)
	}
	finish(w, nil, err)
}

// newToken makes a token with which a machine can join.
func (c clientCalls) newToken(r *http.Request) (any, error) {
	var req api.TokenRequest
	if err := ipc.Read(r, &req); err != nil {
		return nil, err
	}
	ttl := time.Duration(req.TTL) * time.Millisecond
	if ttl <= 0 || ttl > maxTokenTTL {
		return nil, ipc.Errorf(api.CodeUsage, "a token lives for up to %s, not %s", maxTokenTTL, ttl)
	}
	token, change := admission.NewToken(time.Now(), ttl)
	if err := c.proposeAnywhere(r.Context(), change); err != nil {
		return nil, fmt.Errorf("make a join token: %w", err)
	}
	token.CAHash = pki.Hash(c.identity.CA)
	return token, nil
}

// maxTokenTTL keeps a forgotten token from being a door.
const maxTokenTTL = 7 * 24 * time.Hour

func (c clientCalls) tokens(*http.Request) (any, error) {
	out := []api.Token{}
	for _, t := range c.store.Content().Tokens {
		if t.Expires > time.Now().UnixMilli() {
			out = append(out, api.Token{ID: t.ID, Expires: t.Expires})
		}
	}
	return out, nil
}

func (c clientCalls) deleteToken(r *http.Request) (any, error) {
	id := r.URL.Query().Get("id")
	if _, ok := c.store.Content().Token(id); !ok {
		return nil, ipc.Errorf(api.CodeNoSuchObject, "there is no join token %q", id)
	}
	return nil, c.proposeAnywhere(r.Context(), content.RemoveToken{ID: id})
}

// isNotLeader reports whether another node has to be asked.
func isNotLeader(err error) bool {
	var nl *store.NotLeader
	var e *ipc.Error
	return errors.As(err, &nl) || errors.As(err, &e) && e.Code == api.CodeNotConnected
}
