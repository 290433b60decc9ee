// Package mesh is how the nodes of a cluster talk over TCP: mutual TLS under the cluster's CA, several
// protocols on one port, and HTTP with JSON as one of them.
package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/internal/pki"
)

// HTTP is the protocol (ALPN) of HTTP with JSON between members.
const HTTP = "holdfast-http/1"

// Join is the protocol of a machine that has no certificate yet: HTTP whose client is not authenticated.
const Join = "holdfast-join/1"

// handshakeTimeout bounds a TLS handshake, so that a silent client holds a goroutine only so long.
const handshakeTimeout = 5 * time.Second

// maxPending bounds the handshakes in progress.
const maxPending = 256

// Listener accepts TLS connections on one port and hands each to the listener of its protocol.
type Listener struct {
	tcp    net.Listener
	config *tls.Config
	log    *slog.Logger
	protos map[string]*protoListener
}

// Listen opens addr for the given protocols. Clients of all protocols but Join must show a certificate of
// the cluster's CA.
func Listen(addr string, id *pki.Identity, log *slog.Logger, protos ...string) (*Listener, error) {
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for peers: %w", err)
	}
	l := &Listener{tcp: tcp, log: log, protos: make(map[string]*protoListener)}
	for _, p := range protos {
		l.protos[p] = &protoListener{addr: tcp.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	}
	l.config = &tls.Config{
		Certificates: []tls.Certificate{id.Cert}, ClientCAs: id.Pool, MinVersion: tls.VersionTLS13,
		ClientAuth: tls.VerifyClientCertIfGiven, NextProtos: protos,
		VerifyConnection: func(s tls.ConnectionState) error {
			if s.NegotiatedProtocol != Join && len(s.VerifiedChains) == 0 {
				return errors.New("client shows no certificate of this cluster")
			}
			return nil
		},
	}
	return l, nil
}

// Addr is the address that the listener has.
func (l *Listener) Addr() net.Addr { return l.tcp.Addr() }

// Proto is the listener of one protocol. Its connections have finished their handshake.
func (l *Listener) Proto(name string) net.Listener { return l.protos[name] }

// Run accepts until ctx ends, and joins everything it started.
func (l *Listener) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.tcp.Close() })
	defer stop()
	slots := make(chan struct{}, maxPending)
	for {
		c, err := l.tcp.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept peers: %w", err)
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			c.Close()
			return nil
		}
		wg.Go(func() {
			defer func() { <-slots }()
			l.handshake(ctx, c)
		})
	}
}

func (l *Listener) handshake(ctx context.Context, c net.Conn) {
	hctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	t := tls.Server(c, l.config)
	if err := t.HandshakeContext(hctx); err != nil {
		l.log.Warn("refused a connection", "from", c.RemoteAddr(), "err", err)
		c.Close()
		return
	}
	p := l.protos[t.ConnectionState().NegotiatedProtocol]
	if p == nil {
		c.Close()
		return
	}
	select {
	case p.conns <- &conn{Conn: t, tls: t, peer: peerName(t)}:
	case <-p.closed:
		c.Close()
	case <-ctx.Done():
		c.Close()
	}
}

// protoListener is a net.Listener fed by the Listener.
type protoListener struct {
	addr   net.Addr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *protoListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *protoListener) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *protoListener) Addr() net.Addr { return p.addr }

// conn is a connection after its handshake. It hides *tls.Conn, because net/http drops TLS connections whose
// protocol it does not know.
type conn struct {
	net.Conn
	tls  *tls.Conn
	peer string
}

// PeerName is the node name in the certificate of a connection's other end, "" when it showed none.
func PeerName(c net.Conn) string {
	if c, ok := c.(*conn); ok {
		return c.peer
	}
	return ""
}

func peerName(t *tls.Conn) string {
	certs := t.ConnectionState().PeerCertificates
	if len(certs) == 0 {
		return ""
	}
	return certs[0].Subject.CommonName
}
