// Package pki is the cluster's own certificate authority and the node certificates that it signs.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// Validity of certificates. The CA outlives the hardware; nodes renew when they join or with `hcs cluster
// renew`.
const (
	caValidity   = 20 * 365 * 24 * time.Hour
	nodeValidity = 5 * 365 * 24 * time.Hour
	// clockSkew lets a certificate be used by a node whose clock is behind the CA's.
	clockSkew = 24 * time.Hour
)

// Files in a node's PKI directory.
const (
	CAFile      = "ca.crt"
	CAKeyFile   = "ca.key"
	NodeFile    = "node.crt"
	NodeKeyFile = "node.key"
)

// Authority is the cluster's CA with its key.
type Authority struct {
	Cert    *x509.Certificate
	CertPEM []byte
	KeyPEM  []byte
	key     *ecdsa.PrivateKey
}

// NewAuthority makes a CA for a cluster.
func NewAuthority(cluster string) (*Authority, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, fmt.Errorf("make the CA of cluster %s: %w", cluster, err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Holdfast CA", Organization: []string{cluster}},
		NotBefore: time.Now().Add(-clockSkew), NotAfter: time.Now().Add(caValidity),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make the CA of cluster %s: %w", cluster, err)
	}
	return ParseAuthority(encode("CERTIFICATE", der), keyPEM)
}

// ParseAuthority reads a CA's certificate and key.
func ParseAuthority(certPEM, keyPEM []byte) (*Authority, error) {
	cert, err := parseCert(certPEM)
	if err != nil {
		return nil, fmt.Errorf("CA certificate: %w", err)
	}
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return nil, errors.New("CA key: not PEM")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("CA key: %w", err)
	}
	return &Authority{Cert: cert, CertPEM: certPEM, KeyPEM: keyPEM, key: key}, nil
}

// LoadAuthority reads the CA of a node's PKI directory.
func LoadAuthority(dir string) (*Authority, error) {
	cert, err := os.ReadFile(filepath.Join(dir, CAFile))
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(filepath.Join(dir, CAKeyFile))
	if err != nil {
		return nil, err
	}
	return ParseAuthority(cert, key)
}

// Hash is how a join token pins the CA: sha256: and the hexadecimal digest of the certificate.
func Hash(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Request makes a key and a certificate request for a node, both PEM.
func Request(node string) (csrPEM, keyPEM []byte, err error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, nil, fmt.Errorf("certificate request of %s: %w", node, err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: node}}, key)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate request of %s: %w", node, err)
	}
	return encode("CERTIFICATE REQUEST", der), keyPEM, nil
}

// Sign makes a certificate for node from a request. The name in the request is not trusted.
func (a *Authority) Sign(node string, csrPEM []byte) (certPEM []byte, err error) {
	block, _ := pem.Decode(csrPEM)
	if block == nil {
		return nil, fmt.Errorf("certificate request of %s: not PEM", node)
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		return nil, fmt.Errorf("certificate request of %s: %w", node, err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: node, Organization: a.Cert.Subject.Organization},
		DNSNames: []string{node}, NotBefore: time.Now().Add(-clockSkew), NotAfter: time.Now().Add(nodeValidity),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Cert, csr.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", node, err)
	}
	return encode("CERTIFICATE", der), nil
}

// Identity is a node's certificate with its key and the CA that it trusts.
type Identity struct {
	Name    string // node name
	Cluster string
	Cert    tls.Certificate
	CA      *x509.Certificate
	Pool    *x509.CertPool
}

// Write stores the files of a node in dir, keys readable by root alone. caKeyPEM may be nil.
func Write(dir string, caPEM, caKeyPEM, certPEM, keyPEM []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
		mode os.FileMode
	}{{CAFile, caPEM, 0o644}, {CAKeyFile, caKeyPEM, 0o600}, {NodeFile, certPEM, 0o644}, {NodeKeyFile, keyPEM, 0o600}} {
		if f.data == nil {
			continue
		}
		if err := atomicfile.Write(filepath.Join(dir, f.name), f.data, f.mode); err != nil {
			return err
		}
	}
	return nil
}

// Load reads a node's identity from its PKI directory.
func Load(dir string) (*Identity, error) {
	caPEM, err := os.ReadFile(filepath.Join(dir, CAFile))
	if err != nil {
		return nil, fmt.Errorf("node identity: %w", err)
	}
	ca, err := parseCert(caPEM)
	if err != nil {
		return nil, fmt.Errorf("node identity: %s: %w", filepath.Join(dir, CAFile), err)
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, NodeFile), filepath.Join(dir, NodeKeyFile))
	if err != nil {
		return nil, fmt.Errorf("node identity: %w", err)
	}
	id := &Identity{Name: cert.Leaf.Subject.CommonName, Cert: cert, CA: ca, Pool: x509.NewCertPool()}
	if len(ca.Subject.Organization) > 0 {
		id.Cluster = ca.Subject.Organization[0]
	}
	id.Pool.AddCert(ca)
	return id, nil
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, encode("EC PRIVATE KEY", der), nil
}

func parseCert(certPEM []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(certPEM)
	if block == nil {
		return nil, errors.New("not PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func serial() *big.Int {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails, see crypto/rand
	return new(big.Int).SetBytes(raw[:])
}
