package redfish

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/fenced/driver/native"
)

const (
	// maxBody bounds what is read of an answer; a system's description is some 10 kB.
	maxBody = 4 << 20
	// farewell bounds the end of a session: cards have few of them, so that it is worth the time.
	farewell = 400 * time.Millisecond
)

// client is a session with a card.
type client struct {
	address        string
	http           *http.Client
	request        time.Duration // bounds each request
	user, password string
	// token is the session's; with basic every request carries the password instead.
	token, session string
	basic          bool
	systems        string // the collection of systems
}

func newClient(address string, t *tls.Config, user, password string, request time.Duration) *client {
	transport := &http.Transport{TLSClientConfig: t, Proxy: nil, DisableCompression: true, MaxConnsPerHost: 1,
		TLSHandshakeTimeout: request, ResponseHeaderTimeout: request, DialContext: (&net.Dialer{Timeout: request}).DialContext}
	return &client{address: address, user: user, password: password, request: request, http: &http.Client{
		Transport: transport,
		// What follows a redirect would carry the session elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// begin reads where things are and opens a session. A card that has none free, or that knows none, gets the
// password with every request, which takes no session on most of them.
func (c *client) begin(ctx context.Context, root string) error {
	var service struct {
		Systems struct {
			ID string `json:"@odata.id"`
		}
		Links struct {
			Sessions struct {
				ID string `json:"@odata.id"`
			}
		}
	}
	if _, err := c.do(ctx, http.MethodGet, strings.TrimSuffix(root, "/")+"/", nil, &service); err != nil {
		return err
	}
	c.systems = service.Systems.ID
	sessions := service.Links.Sessions.ID
	if c.basic = sessions == ""; c.basic {
		return nil
	}
	header, err := c.do(ctx, http.MethodPost, sessions, map[string]string{"UserName": c.user, "Password": c.password}, nil)
	var status *statusError
	switch {
	case err == nil:
		c.token, c.session = header.Get("X-Auth-Token"), header.Get("Location")
		return nil
	case errors.As(err, &status) && (status.full() || status.code == http.StatusNotFound || status.code == http.StatusMethodNotAllowed):
		c.basic = true
		return nil
	}
	return err
}

// end closes the session.
func (c *client) end() {
	if c.session != "" {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		path := c.session
		if u, err := url.Parse(path); err == nil {
			path = u.Path // some cards answer with a whole URL
		}
		_, _ = c.do(ctx, http.MethodDelete, path, nil, nil) // the card ends it by itself after its timeout
	}
	c.http.CloseIdleConnections()
}

// do performs a request within its time.
func (c *client) do(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, c.request)
	defer cancel()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+c.address+path, body)
	if err != nil {
		return nil, c.problem(method, path, err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("OData-Version", "4.0")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("X-Auth-Token", c.token)
	} else if c.basic {
		req.SetBasicAuth(c.user, c.password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.problem(method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, c.problem(method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, c.problem(method, path, newStatusError(resp.StatusCode, raw))
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			return nil, c.problem(method, path, &nonsenseError{err})
		}
	}
	return resp.Header, nil
}

// nonsenseError tells that an answer is not what Redfish says.
type nonsenseError struct{ err error }

func (e *nonsenseError) Error() string { return e.err.Error() }

// statusError is an answer that is not a success.
type statusError struct {
	code int
	id   string // of the message, such as Base.1.8.SessionLimitExceeded
	text string
}

func newStatusError(code int, body []byte) *statusError {
	e := &statusError{code: code}
	var r struct {
		Error struct {
			Message  string
			Extended []struct{ MessageID, Message string } `json:"@Message.ExtendedInfo"`
		}
	}
	if json.Unmarshal(body, &r) == nil {
		if e.text = r.Error.Message; len(r.Error.Extended) > 0 {
			e.id, e.text = r.Error.Extended[0].MessageID, r.Error.Extended[0].Message
		}
	}
	return e
}

func (e *statusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s. %s", e.code, http.StatusText(e.code), e.text))
}

// full reports whether the card has no session free.
func (e *statusError) full() bool {
	return strings.Contains(e.id, "SessionLimitExceeded") || strings.Contains(e.id, "CreateLimitReached") || e.code == http.StatusServiceUnavailable && e.id == ""
}

// problem says what is wrong with the card and what to do about it.
func (c *client) problem(method, path string, err error) error {
	p := &native.Problem{Subject: "BMC " + c.address, Err: err}
	set := func(cause, remedy string) error { p.Cause, p.Remedy = cause, remedy; return p }
	var (
		status    *statusError
		pin       *pinError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		expired   x509.CertificateInvalidError
		lookup    *net.DNSError
		nonsense  *nonsenseError
		record    tls.RecordHeaderError
		timeout   net.Error
	)
	switch {
	case errors.As(err, &pin):
		return set("it shows another certificate than the one that was pinned", "find out why: if the certificate was renewed, set ssl_fingerprint to the new one; otherwise somebody stands in for the card")
	case errors.As(err, &authority):
		what := ""
		if authority.Cert != nil {
			what = " (now " + Fingerprint(authority.Cert) + ")"
		}
		return set("nobody who is trusted has signed its certificate", "pin it by ssl_fingerprint"+what+" after comparing it on the card itself, or name its authority in ssl_ca")
	case errors.As(err, &name):
		return set("its certificate is for another name", "use that name as ip, or pin the certificate by ssl_fingerprint")
	case errors.As(err, &expired):
		return set("its certificate is not valid", "renew it on the card, or pin it by ssl_fingerprint")
	case errors.As(err, &record):
		return set("it does not speak TLS there", "check the port, and enable HTTPS on the card")
	case errors.As(err, &lookup):
		return set("its name cannot be resolved", "use its address, so that fencing does not depend on a name server")
	case errors.Is(err, unix.ECONNREFUSED):
		return set("nothing listens there", "check the port, and enable the web server or Redfish on the card")
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETUNREACH):
		return set("it cannot be reached", "check address, route and firewall")
	case errors.As(err, &nonsense):
		return set(fmt.Sprintf("its answer to %s %s makes no sense", method, path), "check redfish_uri and systems_uri; update its firmware")
	case errors.As(err, &status):
		return set(status.cause(c.user, method, path))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.As(err, &timeout) && timeout.Timeout():
		p.Silent = true
		return set("it does not answer", "check its network; a card whose machine has no power cannot answer: add a second fencing level. Where it is only slow, raise login_timeout or shell_timeout")
	}
	return set(fmt.Sprintf("%s %s failed", method, path), "look at the card's own log; driver=legacy runs the external agent instead")
}

// cause says what an answer means and what to do about it.
func (e *statusError) cause(user, method, path string) (cause, remedy string) {
	switch {
	case e.full():
		return "it has no session free", "end sessions of other programs, or wait until they expire; restart the card if it has lost count"
	case e.code == http.StatusUnauthorized:
		return fmt.Sprintf("it refuses user %q with this password", user), "check the parameters username and password, and that the user is not locked"
	case e.code == http.StatusForbidden:
		return fmt.Sprintf("user %q may not do this", user), "give the user the role Operator or Administrator on the card"
	case e.code == http.StatusNotFound:
		return path + " is not there", "check systems_uri and redfish_uri"
	case e.code == http.StatusConflict || e.code == http.StatusServiceUnavailable || e.code == http.StatusTooManyRequests:
		return fmt.Sprintf("it does not take %s %s now", method, path), "try again; restart the card if it stays so"
	case e.code/100 == 3:
		return path + " has moved", "check systems_uri and redfish_uri"
	}
	return fmt.Sprintf("it refuses %s %s", method, path), "look at the card's own log"
}
