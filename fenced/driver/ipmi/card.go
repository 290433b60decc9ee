package ipmi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/chassis"
	"github.com/bougou/go-ipmi/pkg/types"
	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/driver/power"
)

// card is a management card as a device describes it.
type card struct {
	driver         *Driver
	address, host  string
	port           int
	user, password string
	privilege      types.PrivilegeLevel
	suite          types.CipherSuiteID
	suiteGiven     bool
	// login bounds the wait for the first answer of a card, request each exchange after it.
	login, request time.Duration
	old            bool // IPMI 1.5
}

const (
	// resend is when a datagram that was not answered is sent again.
	resend = time.Second
	// patience is the same for a card that has been seen to be slower than that.
	patience = 4 * time.Second
	// fullPause lies between two attempts to get a session from a card that has none free.
	fullPause = 500 * time.Millisecond
	// farewell bounds the end of a session.
	farewell = 400 * time.Millisecond
)

// Cipher suites in the order in which they are tried: HMAC-SHA256 with AES, then HMAC-SHA1 with AES.
const (
	modern = types.CipherSuiteID17
	common = types.CipherSuiteID3
)

// open logs in. It goes on trying while the card has no session free, and with another suite or more patience
// where that was the problem.
func (c *card) open(ctx context.Context) (power.Switch, error) {
	suite := c.suite
	if known, ok := c.driver.known(c.address); !c.suiteGiven && ok {
		suite = known
	} else if !c.suiteGiven {
		suite = modern
	}
	wait := resend
	deadline := time.Now().Add(c.login)
	for {
		s, err := c.connect(ctx, suite, wait)
		switch why := reason(err); {
		case err == nil:
			c.driver.agreed(c.address, suite)
			return s, nil
		case ctx.Err() != nil:
			return nil, c.problem(err)
		case (why == noSuite || why == truncated) && suite == modern && !c.suiteGiven:
			suite = common
		case why == full && time.Now().Add(fullPause).Before(deadline):
			if native.Sleep(ctx, fullPause) != nil {
				return nil, c.problem(err)
			}
		case why == garbled && wait == resend:
			// The answer to a datagram that was sent twice has been taken for that to the next one: the card is
			// slower than it was given time for.
			wait = patience
		case why == silent && suite == modern && !c.suiteGiven && s == nil && wait == resend && c.answers(ctx):
			suite = common // some old cards say nothing to a suite that they do not know
		default:
			return nil, c.problem(err)
		}
	}
}

// newClient makes a client that sends a datagram again after wait, within limit.
func (c *card) newClient(ctx context.Context, wait, limit time.Duration) (*client.Client, error) {
	host, err := resolve(ctx, c.host)
	if err != nil {
		return nil, err
	}
	cl, err := client.NewClient(host, c.port, c.user, c.password)
	if err != nil {
		return nil, err
	}
	return cl.WithTimeout(wait).WithRetry(max(int(limit/wait)-1, 0)).WithMaxPrivilegeLevel(c.privilege), nil
}

// connect opens a session with one suite.
func (c *card) connect(ctx context.Context, suite types.CipherSuiteID, wait time.Duration) (power.Switch, error) {
	cl, err := c.newClient(ctx, wait, c.login)
	if err != nil {
		return nil, err
	}
	s := &session{card: c, client: cl}
	if c.old {
		limit, cancel := context.WithTimeout(ctx, c.login)
		defer cancel()
		if err := cl.WithInterface(client.InterfaceLan).Connect(limit); err != nil {
			s.drop()
			return nil, err
		}
		return s, nil
	}
	cl.WithCipherSuiteID(suite)
	for i, step := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := cl.OpenSession(ctx); return err },
		func(ctx context.Context) error { _, err := cl.RAKPMessage1(ctx); return err },
		func(ctx context.Context) error { _, err := cl.RAKPMessage3(ctx); return err },
		func(ctx context.Context) error { _, err := cl.SetSessionPrivilegeLevel(ctx, c.privilege); return err },
	} {
		d := c.request
		if i == 0 {
			d = c.login
		}
		limit, cancel := context.WithTimeout(ctx, max(d, wait))
		err := step(limit)
		cancel()
		if err != nil {
			if i == 3 {
				s.Close() // the session stands
			} else {
				s.drop()
			}
			return nil, &stepError{i, err}
		}
	}
	return s, nil
}

// answers reports whether the card answers anything at all.
func (c *card) answers(ctx context.Context) bool {
	cl, err := c.newClient(ctx, resend, resend)
	if err != nil {
		return false
	}
	s := &session{card: c, client: cl}
	defer s.drop()
	limit, cancel := context.WithTimeout(ctx, resend)
	defer cancel()
	cl.WithInterface(client.InterfaceLan)
	_, err = cl.GetChannelAuthenticationCapabilities(limit, types.ChannelNumberSelf, c.privilege)
	return err == nil
}

// stepError is an error of the login, and at which of its steps.
type stepError struct {
	step int
	err  error
}

func (e *stepError) Error() string {
	return [...]string{"open session", "RAKP 1", "RAKP 3", "set privilege"}[e.step] + ": " + e.err.Error()
}
func (e *stepError) Unwrap() error { return e.err }

// session is an open session.
type session struct {
	*card
	client *client.Client
}

// within runs a request in its time.
func (s *session) within(ctx context.Context, do func(context.Context) error) error {
	limit, cancel := context.WithTimeout(ctx, s.request)
	defer cancel()
	if err := do(limit); err != nil {
		return s.problem(err)
	}
	return nil
}

// State reads the chassis status.
func (s *session) State(ctx context.Context) (power.State, error) {
	state := power.Unknown
	err := s.within(ctx, func(ctx context.Context) error {
		r, err := s.client.GetChassisStatus(ctx)
		if err != nil {
			return err
		}
		if state = power.Off; r.PowerIsOn {
			state = power.On
		}
		return nil
	})
	return state, err
}

// Turn sends a chassis control command.
func (s *session) Turn(ctx context.Context, to power.State) error {
	control := chassis.ChassisControlPowerDown
	if to == power.On {
		control = chassis.ChassisControlPowerUp
	}
	return s.within(ctx, func(ctx context.Context) error {
		_, err := s.client.ChassisControl(ctx, control)
		return err
	})
}

// Close ends the session: cards have few of them.
func (s *session) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	_ = s.client.Close(ctx) // the card ends it by itself after a minute
}

// drop gives up what was never a session.
func (s *session) drop() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.client.Close(ctx) // nobody is told
}

// cause is why a request was not answered as it should have been.
type cause uint8

const (
	other cause = iota
	silent
	unreachable
	refused
	noSuite
	full
	badUser
	badPassword
	noPrivilege
	garbled
	// truncated is an answer to the first message that ends too early: OpenIPMI's simulator and the cards that
	// are made of it refuse a cipher suite in that way.
	truncated
	busy
)

// reason sorts an error.
func reason(err error) cause {
	var status *types.RmcpStatusError
	var response *types.ResponseError
	var step *stepError
	switch {
	case err == nil:
		return other
	case errors.As(err, &status):
		return ofStatus(status.StatusCode())
	case errors.As(err, &response):
		return ofCompletion(uint8(response.CompletionCode()))
	case errors.Is(err, client.ErrRAKPAuthentication):
		return badPassword
	case errors.Is(err, unix.ECONNREFUSED):
		return refused
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return unreachable
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), strings.Contains(err.Error(), "timed out"), strings.Contains(err.Error(), "read deadline"):
		return silent
	case errors.As(err, &step) && step.step == 0 && strings.Contains(err.Error(), "unpack"):
		return truncated
	case errors.As(err, &step) && step.step > 0, strings.Contains(err.Error(), "unpack"):
		return garbled
	}
	return other
}

func ofStatus(code types.RmcpStatusCode) cause {
	switch code {
	case types.RmcpStatusCodeInvalidAuthAlg, types.RmcpStatusCodeInvalidIntegrityAlg, types.RmcpStatusCodeNoMatchingAuthPayload,
		types.RmcpStatusCodeNoMatchingIntegrityPayload, types.RmcpStatusCodeInvalidConfidentAlg, types.RmcpStatusCodeNoCipherSuiteMatch, types.RmcpStatusCodeIllegalParameter:
		return noSuite
	case types.RmcpStatusCodeNoResToCreateSess, types.RmcpStatusCodeNoResToCreateSessAtRole:
		return full
	case types.RmcpStatusCodeUnauthorizedName, types.RmcpStatusCodeInvalidNameLength:
		return badUser
	case types.RmcpStatusCodeInvalidIntegrityCheckValue:
		return badPassword
	case types.RmcpStatusCodeInvalidRole, types.RmcpStatusCodeUnauthorizedRoleOfPriLevel:
		return noPrivilege
	case types.RmcpStatusCodeInvalidSessionID, types.RmcpStatusCodeInactiveSessionID, types.RmcpStatusCodeInvalidPayloadType:
		return garbled
	}
	return other
}

func ofCompletion(code uint8) cause {
	switch code {
	case 0xd4, 0x81: // insufficient privilege; 0x81 of Set Session Privilege Level: exceeds the user's limit
		return noPrivilege
	case 0xc0, 0xc3, 0xd3: // node busy, timeout, destination unavailable
		return busy
	}
	return other
}

// problem says what is wrong with the card and what to do about it.
func (c *card) problem(err error) error {
	var known *native.Problem
	if errors.As(err, &known) {
		return err
	}
	p := &native.Problem{Subject: "BMC " + c.address, Err: err}
	set := func(cause, remedy string) { p.Cause, p.Remedy = cause, remedy }
	switch reason(err) {
	case silent:
		p.Silent = true
		set("it does not answer", "check its network and that IPMI over LAN is enabled; a card whose machine has no power cannot answer: add a second fencing level. Where it is only slow, raise login_timeout or shell_timeout")
	case unreachable:
		set("it cannot be reached", "check address, route and firewall")
	case refused:
		set("nothing listens there", "check the port, and enable IPMI over LAN on the card")
	case noSuite:
		set("it refuses the cipher suite", "set the parameter cipher to one that it offers (`ipmitool channel getciphers ipmi`)")
	case full:
		set("it has no session free", "end sessions of other programs, or wait until they expire; restart the card if it has lost count")
	case badUser:
		set(fmt.Sprintf("it does not know the user %q", c.user), "check the parameter username, and that the user is enabled for LAN access")
	case badPassword:
		set(fmt.Sprintf("it refuses the password of user %q", c.user), "check the parameter password (at most 20 characters)")
	case noPrivilege:
		set(fmt.Sprintf("user %q may not do this", c.user), "give the user the privilege level operator or administrator, or lower the parameter privlvl")
	case garbled, truncated:
		set("its answers make no sense", "it may be too slow: raise login_timeout; otherwise update its firmware")
	case busy:
		set("it is busy", "try again; restart the card if it stays so")
	default:
		set("a request failed", "look at the card's own log; driver=legacy runs the external agent instead")
	}
	return p
}
