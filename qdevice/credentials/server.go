package credentials

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrExists is that a server has its certificates already.
var ErrExists = errors.New("there are certificates already")

// Setup makes a server's CA and its certificate.
func Setup(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, caFile)); err == nil {
		return fmt.Errorf("%s: %w", dir, ErrExists)
	}
	key, keyPEM, err := newKey()
	if err != nil {
		return fmt.Errorf("make a CA: %w", err)
	}
	t := template(CAName)
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("make a CA: %w", err)
	}
	if err := write(dir, file{caKeyFile, keyPEM, 0o600}, file{caFile, encode("CERTIFICATE", der), 0o644}); err != nil {
		return err
	}
	return RenewServer(dir)
}

// RenewServer makes a new certificate of the server. Clusters notice nothing.
func RenewServer(dir string) error {
	key, keyPEM, err := newKey()
	if err != nil {
		return fmt.Errorf("make the server's certificate: %w", err)
	}
	der, err := sign(dir, ServerName, &key.PublicKey)
	if err != nil {
		return err
	}
	return write(dir, file{serverKey, keyPEM, 0o600}, file{serverFile, encode("CERTIFICATE", der), 0o644})
}

// Sign makes a cluster's certificate from its request, which is DER or PEM. The result is DER, as
// corosync-qdevice-net-certutil wants it.
func Sign(dir, cluster string, request []byte) (certDER []byte, err error) {
	if block, _ := pem.Decode(request); block != nil {
		request = block.Bytes
	}
	csr, err := x509.ParseCertificateRequest(request)
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		return nil, fmt.Errorf("certificate request of %s: %w", cluster, err)
	}
	return sign(dir, cluster, csr.PublicKey)
}

func sign(dir, name string, key any) ([]byte, error) {
	ca, err := pair(dir, caFile, caKeyFile)
	if err != nil {
		return nil, fmt.Errorf("the server's CA: %w; hcs qdevice setup makes it", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template(name), ca.Leaf, key, ca.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", name, err)
	}
	return der, nil
}

// CAPath is the CA's certificate, which clusters need.
func CAPath(dir string) string { return filepath.Join(dir, caFile) }

// ServerConfig is the TLS configuration of a server. It reads the certificate for each connection, so that a new
// one is used at once.
func ServerConfig(dir string, clientCert bool) (*tls.Config, error) {
	ca, err := readCert(CAPath(dir))
	if err == nil {
		_, err = pair(dir, serverFile, serverKey)
	}
	if err != nil {
		return nil, fmt.Errorf("the server's certificates: %w; hcs qdevice setup makes them", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		own, err := pair(dir, serverFile, serverKey)
		return &own, err
	}}
	if clientCert {
		c.ClientAuth = tls.RequireAnyClientCert
		c.VerifyConnection = func(s tls.ConnectionState) error {
			// The name is compared when it is known for which cluster the client speaks.
			_, err := verify(s.PeerCertificates, ca, s.PeerCertificates[0].Subject.CommonName)
			return err
		}
	}
	return c, nil
}
