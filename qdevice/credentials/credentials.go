// Package credentials keeps the certificates with which clusters and their quorum device server know each other.
//
// The rules are corosync-qnetd's, so that either end may be Corosync's: one CA for each server; the server's name
// is in the subject of its certificate and nowhere else; a cluster's certificate has the cluster's name there.
package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// Names in certificates.
const (
	CAName     = "QNet CA"
	ServerName = "Qnetd Server"
)

// validity of everything that is made here, as long as Corosync's tools make it: a certificate that expires
// would take the quorum away at a moment that nobody has chosen.
const validity = 100 * 365 * 24 * time.Hour

// clockSkew lets a certificate be used where the clock is behind.
const clockSkew = 24 * time.Hour

// Files of a cluster's node and of a server.
const (
	caFile      = "ca.crt"
	caKeyFile   = "ca.key"
	clientFile  = "client.crt"
	clientKey   = "client.key"
	serverFile  = "server.crt"
	serverKey   = "server.key"
	requestFile = "request.crq"
	// nextKey belongs to a request whose certificate has not come yet.
	nextKey = "request.key"
)

// ReadPEM reads a certificate that is PEM, PEM behind other text, or DER.
func ReadPEM(raw []byte) (*x509.Certificate, error) {
	for rest := raw; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, errors.New("neither a PEM nor a DER certificate")
	}
	return cert, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
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

func serial() *big.Int {
	var raw [15]byte
	_, _ = rand.Read(raw[:]) // never fails, see crypto/rand
	return new(big.Int).SetBytes(raw[:])
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-clockSkew), NotAfter: time.Now().Add(validity)}
}

type file struct {
	name string
	data []byte
	mode os.FileMode
}

func write(dir string, files ...file) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		if err := atomicfile.Write(filepath.Join(dir, f.name), f.data, f.mode); err != nil {
			return err
		}
	}
	return nil
}

// pair loads a certificate with its key.
func pair(dir, cert, key string) (tls.Certificate, error) {
	return tls.LoadX509KeyPair(filepath.Join(dir, cert), filepath.Join(dir, key))
}

func readCert(path string) (*x509.Certificate, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cert, err := ReadPEM(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cert, nil
}

// verify checks a chain of one or more certificates against a CA and the name of the first. A certificate that
// has expired is accepted: expired is set, and whoever asks says so.
func verify(certs []*x509.Certificate, ca *x509.Certificate, name string) (expired bool, err error) {
	if len(certs) == 0 {
		return false, errors.New("it has no certificate")
	}
	leaf := certs[0]
	// Subjects are compared as NSS compares host names.
	if !strings.EqualFold(leaf.Subject.CommonName, name) {
		return false, fmt.Errorf("its certificate is that of %q, not of %q", leaf.Subject.CommonName, name)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(ca)
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	_, err = leaf.Verify(o)
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().After(leaf.NotAfter) {
		o.CurrentTime = leaf.NotAfter
		_, err = leaf.Verify(o)
		return true, err
	}
	return false, err
}
