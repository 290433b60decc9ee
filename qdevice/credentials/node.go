package credentials

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Node is what a node of a cluster needs: the server's CA, the cluster's certificate, and its key, all PEM. Every
// node of a cluster has the same.
type Node struct {
	CA   []byte `json:"ca"`
	Cert []byte `json:"cert"`
	Key  []byte `json:"key"`
}

// Request makes a key and a certificate request for a cluster, and keeps both in dir until Complete.
func Request(dir, cluster string) (requestDER []byte, err error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, fmt.Errorf("certificate request of %s: %w", cluster, err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: cluster}}, key)
	if err != nil {
		return nil, fmt.Errorf("certificate request of %s: %w", cluster, err)
	}
	return der, write(dir, file{nextKey, keyPEM, 0o600}, file{requestFile, der, 0o644})
}

// RequestPath is where Request has left the request.
func RequestPath(dir string) string { return filepath.Join(dir, requestFile) }

// Complete makes credentials of a CA's and a cluster's certificate with the key of the last request in dir, or with
// the key that is in use when the certificate is for that.
func Complete(dir, cluster string, ca, cert []byte) (*Node, error) {
	root, err := ReadPEM(ca)
	if err != nil {
		return nil, fmt.Errorf("the CA's certificate: %w", err)
	}
	leaf, err := ReadPEM(cert)
	if err != nil {
		return nil, fmt.Errorf("the cluster's certificate: %w", err)
	}
	n := &Node{CA: encode("CERTIFICATE", root.Raw), Cert: encode("CERTIFICATE", leaf.Raw)}
	for _, name := range []string{nextKey, clientKey} {
		key, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if _, err := tls.X509KeyPair(n.Cert, key); err == nil {
			n.Key = key
			return n, n.Check(cluster)
		}
	}
	return nil, fmt.Errorf("the certificate does not belong to a key in %s: it was made for another request", dir)
}

// Check says what is wrong with credentials.
func (n *Node) Check(cluster string) error {
	ca, err := ReadPEM(n.CA)
	if err != nil {
		return fmt.Errorf("the CA's certificate: %w", err)
	}
	cert, err := tls.X509KeyPair(n.Cert, n.Key)
	if err != nil {
		return fmt.Errorf("the cluster's certificate: %w", err)
	}
	if _, err := verify([]*x509.Certificate{cert.Leaf}, ca, cluster); err != nil {
		return fmt.Errorf("the cluster's certificate: %w", err)
	}
	return nil
}

// Write stores credentials in dir.
func (n *Node) Write(dir string) error {
	err := write(dir, file{clientKey, n.Key, 0o600}, file{clientFile, n.Cert, 0o644}, file{caFile, n.CA, 0o644})
	if err != nil {
		return err
	}
	for _, done := range []string{nextKey, requestFile} {
		if err := os.Remove(filepath.Join(dir, done)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Same reports whether dir holds these credentials.
func (n *Node) Same(dir string) bool {
	have, err := ReadNode(dir)
	return err == nil && bytes.Equal(have.CA, n.CA) && bytes.Equal(have.Cert, n.Cert) && bytes.Equal(have.Key, n.Key)
}

// ReadNode reads what Write has stored.
func ReadNode(dir string) (*Node, error) {
	var n Node
	for _, f := range []struct {
		name string
		to   *[]byte
	}{{caFile, &n.CA}, {clientFile, &n.Cert}, {clientKey, &n.Key}} {
		raw, err := os.ReadFile(filepath.Join(dir, f.name))
		if err != nil {
			return nil, err
		}
		*f.to = raw
	}
	return &n, nil
}

// ErrNone is that there are no credentials.
var ErrNone = errors.New("there are no certificates for the quorum device server yet; make them with hcs qdevice certs")

// ClientConfig is the TLS configuration of a node. warn gets what is not as it should be and no reason to refuse.
func ClientConfig(dir, serverName string, warn func(string)) (*tls.Config, error) {
	ca, err := readCert(filepath.Join(dir, caFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	own, err := pair(dir, clientFile, clientKey)
	if err != nil {
		return nil, fmt.Errorf("certificate of this cluster for the quorum device server: %w", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12,
		// The name is in the subject only, which the standard library does not look at; VerifyConnection does.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			expired, err := verify(s.PeerCertificates, ca, serverName)
			if err != nil {
				return fmt.Errorf("the server is not the one it should be: %w", err)
			}
			if expired {
				warn("the certificate of the quorum device server has expired; it is accepted all the same")
			}
			return nil
		},
	}, nil
}
