package redfish

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/holdfast-ha/holdfast/fenced/driver/param"
)

// pinError tells that a card shows another certificate than the one that was pinned.
type pinError struct{ want, got string }

func (e *pinError) Error() string {
	return fmt.Sprintf("its certificate has the fingerprint %s, not %s", e.got, e.want)
}

// trust says which certificates are accepted: the pinned one, those of an authority, those of the system's
// authorities, or any.
func trust(v *param.Values) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if pin := normal(v.Str("ssl_fingerprint")); pin != "" {
		if raw, err := hex.DecodeString(pin); err != nil || len(raw) != sha256.Size {
			return nil, errors.New("parameter ssl_fingerprint must be 64 hexadecimal digits, with or without colons")
		}
		// The chain does not matter: the certificate itself is known.
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if got := Fingerprint(s.PeerCertificates[0]); got != pin {
				return &pinError{pin, got}
			}
			return nil
		}
		return c, nil
	}
	if file := v.Str("ssl_ca"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("parameter ssl_ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("parameter ssl_ca: there is no certificate in %s", file)
		}
		return c, nil
	}
	c.InsecureSkipVerify = v.Bool("ssl_insecure")
	return c, nil
}

// Fingerprint is a certificate's SHA-256 fingerprint in lower-case hexadecimal digits.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// normal is a fingerprint without the decorations that tools print.
func normal(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	for _, prefix := range []string{"sha256 fingerprint=", "sha-256:", "sha256:"} {
		s = strings.TrimPrefix(s, prefix)
	}
	return strings.NewReplacer(":", "", " ", "").Replace(s)
}
