package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// Resolve returns the addresses (host:port) of a node's daemon, one for each link, best first.
type Resolve func(node string) []string

// attemptTimeout is how long one address is tried before the next. Nodes are on one LAN; a dead link must
// not cost a failover its budget.
const attemptTimeout = 300 * time.Millisecond

// Dialer connects to other nodes by name.
type Dialer struct {
	id      *pki.Identity
	resolve Resolve
}

// NewDialer makes a dialer that shows id.
func NewDialer(id *pki.Identity, resolve Resolve) *Dialer { return &Dialer{id: id, resolve: resolve} }

// Dial connects to node with the protocol, over the first of its links that answers. The node must show the
// certificate of that name.
func (d *Dialer) Dial(ctx context.Context, node, proto string) (net.Conn, error) {
	addrs := d.resolve(node)
	if len(addrs) == 0 {
		return nil, fmt.Errorf("connect to %s: its address is not known", node)
	}
	td := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: attemptTimeout, KeepAlive: -1},
		Config: &tls.Config{
			Certificates: []tls.Certificate{d.id.Cert}, RootCAs: d.id.Pool, ServerName: node,
			MinVersion: tls.VersionTLS13, NextProtos: []string{proto},
		},
	}
	var errs []error
	for _, a := range addrs {
		actx, cancel := context.WithTimeout(ctx, handshakeTimeout)
		c, err := td.DialContext(actx, "tcp", a)
		cancel()
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("connect to %s: %w", node, errors.Join(errs...))
}

// Client makes a JSON client for a node's daemon. It keeps connections open between calls.
func (d *Dialer) Client(node string) *ipc.Client {
	return ipc.NewClientOn("the daemon on "+node, &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.Dial(ctx, node, HTTP)
		},
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
	})
}

// connKey is the context key of the connection that a request came on.
type connKey struct{}

// ConnContext is http.Server.ConnContext for a protocol listener: handlers then see the client's node name
// with Peer.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// Peer is the name of the node that made the request, from its certificate.
func Peer(ctx context.Context) string {
	c, _ := ctx.Value(connKey{}).(net.Conn)
	return PeerName(c)
}

// RequestBinding is Binding of the connection that the request came on.
func RequestBinding(ctx context.Context) ([]byte, error) {
	c, ok := ctx.Value(connKey{}).(*conn)
	if !ok {
		return nil, errors.New("the request did not come over TLS")
	}
	return Binding(c.tls)
}

// bindingSize is the size of a binding in bytes.
const bindingSize = 32

// Binding is a value that only the two ends of this TLS session know. A proof that contains it is worthless
// to a machine in the middle, whose session with each end has another one.
func Binding(c *tls.Conn) ([]byte, error) {
	state := c.ConnectionState()
	return state.ExportKeyingMaterial("EXPORTER-holdfast", nil, bindingSize)
}

// HostPort joins a host and a port, with brackets around IPv6.
func HostPort(host string, port int) string {
	return net.JoinHostPort(strings.Trim(host, "[]"), fmt.Sprint(port))
}
