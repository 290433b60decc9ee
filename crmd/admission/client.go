package admission

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// Request is what a machine needs to join.
type Request struct {
	Addr   string   // host:port of any member's crmd
	Token  string   // ID.SECRET
	CAHash string   // sha256:HEX, printed with the token
	Node   string   // the name that this machine shall have
	Links  []string // its address on each link
}

// dialTimeout bounds connecting to the member.
const dialTimeout = 10 * time.Second

// Join asks a member to admit this machine. Nothing is written; see Membership.Write.
func Join(ctx context.Context, r Request) (*Membership, error) {
	id, secret, err := parseToken(r.Token)
	if err != nil {
		return nil, err
	}
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: &tls.Config{
		// The certificate is checked below, as soon as the CA is known.
		InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, NextProtos: []string{mesh.Join},
	}}
	c, err := d.DialContext(ctx, "tcp", r.Addr)
	if err != nil {
		return nil, fmt.Errorf("join through %s: %w", r.Addr, err)
	}
	defer c.Close()
	conn := c.(*tls.Conn)
	client := ipc.NewClientOn("the cluster's node at "+r.Addr, &http.Transport{DialContext: once(conn), MaxConnsPerHost: 1})
	defer client.Close()
	ca, err := checkMember(ctx, client, conn, r)
	if err != nil {
		return nil, err
	}
	csr, key, err := pki.Request(r.Node)
	if err != nil {
		return nil, err
	}
	reply, err := ask(ctx, client, conn, id, secret, joinRequest{Node: r.Node, Links: r.Links, CSR: string(csr)})
	if err != nil {
		return nil, fmt.Errorf("join through %s: %w", r.Addr, err)
	}
	m := &Membership{
		Node: r.Node, ID: reply.ID, CA: ca, CAKey: []byte(reply.CAKey), Cert: []byte(reply.Cert), Key: key,
		GossipKey: reply.GossipKey, File: reply.File,
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("join through %s: its answer: %w", r.Addr, err)
	}
	return m, nil
}

// once dials the connection that exists, so that both calls run on the session whose certificate was checked.
func once(c net.Conn) func(context.Context, string, string) (net.Conn, error) {
	var mu sync.Mutex
	return func(context.Context, string, string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		conn := c
		c = nil
		if conn == nil {
			return nil, errors.New("the connection to the cluster broke; try again")
		}
		return conn, nil
	}
}

// checkMember makes sure that the other end belongs to the cluster that made the token.
func checkMember(ctx context.Context, client *ipc.Client, conn *tls.Conn, r Request) (caPEM []byte, err error) {
	var reply caReply
	if err := client.Call(ctx, http.MethodGet, pathCA, nil, &reply); err != nil {
		return nil, fmt.Errorf("join through %s: %w", r.Addr, err)
	}
	block, _ := pem.Decode([]byte(reply.CA))
	if block == nil {
		return nil, fmt.Errorf("join through %s: it sent no CA certificate", r.Addr)
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("join through %s: its CA certificate: %w", r.Addr, err)
	}
	if got := pki.Hash(ca); !strings.EqualFold(got, strings.TrimSpace(r.CAHash)) {
		return nil, fmt.Errorf("%s is not the cluster that the token is for: its CA has %s, expected %s", r.Addr, got, r.CAHash)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	leaf := conn.ConnectionState().PeerCertificates[0]
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
		return nil, fmt.Errorf("%s shows a certificate that the cluster's CA did not sign: %w", r.Addr, err)
	}
	return []byte(reply.CA), nil
}

func ask(ctx context.Context, client *ipc.Client, conn *tls.Conn, id, secret string, req joinRequest) (*joinReply, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	binding, err := mesh.Binding(conn)
	if err != nil {
		return nil, err
	}
	reply := &joinReply{}
	call := joinCall{Token: id, Body: string(body), Proof: prove(proofKey(id, secret), binding, body)}
	return reply, client.Call(ctx, http.MethodPost, pathJoin, call, reply)
}
