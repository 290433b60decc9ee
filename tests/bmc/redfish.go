package bmc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// Redfish is a card that speaks Redfish. Several machines may be behind it, by the id of their systems.
type Redfish struct {
	*Machine
	// Allowed are the reset types that the first system names; nil names none. InInfo has them in a document of
	// their own.
	Allowed []string
	InInfo  bool
	// NoSessions knows no sessions, only the password with every request.
	NoSessions bool
	// BasicWhenFull takes the password with every request when no session is free.
	BasicWhenFull bool

	listener net.Listener
	server   *http.Server
	mu       sync.Mutex
	cert     tls.Certificate
	machines map[string]*Machine
	sessions map[string]bool
	opened   int
}

// system is the id of the first system.
const system = "System.Embedded.1"

// NewRedfish starts a card on a port of the loopback interface until the test ends.
func NewRedfish(t testing.TB, m *Machine) *Redfish {
	t.Helper()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := MakeRedfish(t, m)
	c.Serve(t, plain)
	return c
}

// MakeRedfish makes a card that is not reachable yet.
func MakeRedfish(t testing.TB, m *Machine) *Redfish {
	t.Helper()
	c := &Redfish{Machine: m, Allowed: []string{"On", "ForceOff", "GracefulShutdown", "ForceRestart"}, machines: map[string]*Machine{system: m}, sessions: map[string]bool{}}
	c.Renew(t)
	return c
}

// Serve answers on a listener until the test ends or the card is closed; then it may serve on another one.
func (c *Redfish) Serve(t testing.TB, plain net.Listener) {
	t.Helper()
	c.listener = tls.NewListener(plain, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return &c.cert, nil
	}})
	server := &http.Server{Handler: http.HandlerFunc(c.serve), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	c.server = server
	done := make(chan struct{})
	go func() { _ = server.Serve(c.listener); close(done) }()
	t.Cleanup(func() { server.Close(); <-done })
}

// Close takes the card away: who has asked it gets no answer.
func (c *Redfish) Close() { _ = c.server.Close() }

// Addr is where the card listens.
func (c *Redfish) Addr() *net.TCPAddr { return c.listener.Addr().(*net.TCPAddr) }

// Renew gives the card a new certificate of its own making.
func (c *Redfish) Renew(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "card"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	c.mu.Unlock()
}

// Fingerprint is that of the certificate, in the form in which tools print it.
func (c *Redfish) Fingerprint() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := sha256.Sum256(c.cert.Certificate[0])
	text := ""
	for i, b := range sum {
		if i > 0 {
			text += ":"
		}
		text += fmt.Sprintf("%02X", b)
	}
	return text
}

// Certificate is the card's certificate in DER.
func (c *Redfish) Certificate() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cert.Certificate[0]
}

// Add puts one more machine behind the card.
func (c *Redfish) Add(id string, m *Machine) { c.mu.Lock(); c.machines[id] = m; c.mu.Unlock() }

// Sessions counts the sessions that are open, Opened all there were.
func (c *Redfish) Sessions() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.sessions) }
func (c *Redfish) Opened() int   { c.mu.Lock(); defer c.mu.Unlock(); return c.opened }

func (c *Redfish) serve(w http.ResponseWriter, r *http.Request) {
	f := c.Faults()
	if c.silent() {
		<-r.Context().Done()
		return
	}
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
			return
		}
	}
	if f.Garbage {
		fmt.Fprint(w, "<html>Welcome to your card</html>")
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /redfish/v1/{$}", c.root)
	mux.HandleFunc("POST /redfish/v1/SessionService/Sessions", c.login)
	mux.HandleFunc("DELETE /redfish/v1/SessionService/Sessions/{id}", c.logout)
	mux.HandleFunc("GET /redfish/v1/Systems", c.allowed(c.list))
	mux.HandleFunc("GET /redfish/v1/Systems/{id}", c.allowed(c.describe))
	mux.HandleFunc("GET /redfish/v1/Systems/{id}/ResetActionInfo", c.allowed(c.info))
	mux.HandleFunc("POST /redfish/v1/Systems/{id}/Actions/ComputerSystem.Reset", c.allowed(c.reset))
	mux.ServeHTTP(w, r)
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, code int, id, text string) {
	answer(w, code, map[string]any{"error": map[string]any{"message": text, "@Message.ExtendedInfo": []any{map[string]string{"MessageId": "Base.1.8." + id, "Message": text}}}})
}

func (c *Redfish) root(w http.ResponseWriter, _ *http.Request) {
	links := map[string]any{}
	if !c.NoSessions {
		links["Sessions"] = map[string]string{"@odata.id": "/redfish/v1/SessionService/Sessions"}
	}
	answer(w, http.StatusOK, map[string]any{"Systems": map[string]string{"@odata.id": "/redfish/v1/Systems"}, "Links": links})
}

func (c *Redfish) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ UserName, Password string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.Faults().Full:
		refuse(w, http.StatusServiceUnavailable, "SessionLimitExceeded", "The session establishment failed due to the number of simultaneous sessions exceeding the limit.")
	case in.UserName != User || in.Password != Password:
		refuse(w, http.StatusUnauthorized, "ResourceAtUriUnauthorized", "While accessing the resource, the service received an authorization error.")
	default:
		var b [16]byte
		_, _ = rand.Read(b[:])
		token := hex.EncodeToString(b[:])
		c.sessions[token] = true
		c.opened++
		w.Header().Set("X-Auth-Token", token)
		w.Header().Set("Location", "/redfish/v1/SessionService/Sessions/"+token)
		answer(w, http.StatusCreated, map[string]string{"Id": token})
	}
}

func (c *Redfish) logout(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	delete(c.sessions, r.PathValue("id"))
	c.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// allowed serves only who has logged in.
func (c *Redfish) allowed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, password, basic := r.BasicAuth()
		c.mu.Lock()
		ok := c.sessions[r.Header.Get("X-Auth-Token")] || basic && user == User && password == Password
		c.mu.Unlock()
		switch {
		case c.Faults().Full && basic && !c.BasicWhenFull:
			refuse(w, http.StatusServiceUnavailable, "SessionLimitExceeded", "The number of simultaneous sessions exceeds the limit.")
		case !ok:
			refuse(w, http.StatusUnauthorized, "ResourceAtUriUnauthorized", "While accessing the resource, the service received an authorization error.")
		default:
			next(w, r)
		}
	}
}

func (c *Redfish) list(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var members []any
	for id := range c.machines {
		members = append(members, map[string]string{"@odata.id": "/redfish/v1/Systems/" + id})
	}
	answer(w, http.StatusOK, map[string]any{"Members": members})
}

func (c *Redfish) machine(w http.ResponseWriter, r *http.Request) *Machine {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.machines[r.PathValue("id")]
	if m == nil {
		refuse(w, http.StatusNotFound, "ResourceMissingAtURI", "The resource was not found.")
	}
	return m
}

func (c *Redfish) describe(w http.ResponseWriter, r *http.Request) {
	m := c.machine(w, r)
	if m == nil {
		return
	}
	id := r.PathValue("id")
	reset := map[string]any{"target": "/redfish/v1/Systems/" + id + "/Actions/ComputerSystem.Reset"}
	switch {
	case c.InInfo:
		reset["@Redfish.ActionInfo"] = "/redfish/v1/Systems/" + id + "/ResetActionInfo"
	case c.Allowed != nil:
		reset["ResetType@Redfish.AllowableValues"] = c.Allowed
	}
	d := map[string]any{"Id": id, "Name": "System", "HostName": "host-" + id, "Actions": map[string]any{"#ComputerSystem.Reset": reset}, "PowerState": "Off"}
	switch {
	case m.Faults().Blind:
		d["PowerState"] = nil
	case m.reads():
		d["PowerState"] = "On"
	}
	answer(w, http.StatusOK, d)
}

func (c *Redfish) info(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"Parameters": []any{map[string]any{"Name": "ResetType", "AllowableValues": c.Allowed}}})
}

func (c *Redfish) reset(w http.ResponseWriter, r *http.Request) {
	m := c.machine(w, r)
	if m == nil {
		return
	}
	var in struct{ ResetType string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	f := m.Faults()
	switch {
	case f.ReadOnly:
		refuse(w, http.StatusForbidden, "InsufficientPrivilege", "There are insufficient privileges for the account or credentials.")
	case f.Refuses:
		refuse(w, http.StatusBadRequest, "GeneralError", "Not now.")
	case c.Allowed != nil && !slices.Contains(c.Allowed, in.ResetType):
		refuse(w, http.StatusBadRequest, "ActionParameterNotSupported", "The value is not supported.")
	default:
		m.order(in.ResetType == "On" || in.ResetType == "ForceOn")
		w.WriteHeader(http.StatusNoContent)
	}
}
