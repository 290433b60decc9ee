// Package admission lets machines join a cluster with a token that is valid once and for a while.
//
// The exchange runs over TLS, protocol mesh.Join, to any member:
//
//  1. GET ca: the machine gets the CA's certificate, compares its hash with the one that came with the token,
//     and checks that the CA signed the certificate that the member showed. Now it knows whom it talks to.
//  2. POST join: its name, addresses and certificate request, with a proof that it knows the token's secret.
//     The proof contains a value that is bound to this TLS session, so that nobody can pass it on; the secret
//     itself is never sent.
//  3. The member uses the token up, adds the machine to the cluster file, and answers with everything that a
//     member has: certificate, CA with key, gossip key, cluster file.
package admission

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/store/content"
)

// Token lengths. crypto/rand.Text gives 26 characters with 130 bits; an id needs to be unique, no more.
const (
	idLength     = 6
	secretLength = 26
)

// NewToken makes a token and the change that makes the cluster accept it. Only the token contains the secret.
func NewToken(now time.Time, ttl time.Duration) (api.Token, content.AddToken) {
	id, secret := strings.ToLower(rand.Text()[:idLength]), strings.ToLower(rand.Text())
	expires := now.Add(ttl).UnixMilli()
	return api.Token{ID: id, Secret: secret, Expires: expires},
		content.AddToken{Token: content.Token{ID: id, Hash: proofKey(id, secret), Expires: expires}, Now: now.UnixMilli()}
}

// FormatToken is how a person passes a token on: ID.SECRET.
func FormatToken(t api.Token) string { return t.ID + "." + t.Secret }

// parseToken takes ID.SECRET apart. The error does not repeat the token.
func parseToken(text string) (id, secret string, err error) {
	id, secret, found := strings.Cut(strings.TrimSpace(text), ".")
	if !found || len(id) != idLength || len(secret) != secretLength {
		return "", "", fmt.Errorf("this is not a join token: it is %d characters, a dot and %d characters, as `hcs cluster token` prints it",
			idLength, secretLength)
	}
	return strings.ToLower(id), strings.ToLower(secret), nil
}

// proofKey is what the cluster stores of a token: enough to check a proof, and not the secret.
func proofKey(id, secret string) [32]byte {
	return sha256.Sum256([]byte("holdfast join token\x00" + id + "\x00" + secret))
}

// prove binds a request to the token and to the TLS session.
func prove(key [32]byte, binding, body []byte) []byte {
	sum := sha256.Sum256(body)
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("holdfast join proof\x00"))
	mac.Write(binding)
	mac.Write(sum[:])
	return mac.Sum(nil)
}
