// Package power is the lab's power switch: it stands outside of all nodes, and the fence agent asks it over a
// unix socket.
package power

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Socket is where the fence agent finds the switch by default.
const Socket = "/run/lab/power.sock"

// Answers of the switch. A request is one line, "VERB [TARGET [BY]]" with a verb on, off, reboot, status, list,
// list-status or ping; anything else than these answers is an error text.
const (
	OK  = "ok"
	On  = "on"
	Off = "off"
)

// Machine is what hangs on the switch.
type Machine interface {
	PowerOn(ctx context.Context) error
	// PowerOff returns when every process of the machine is dead.
	PowerOff() error
	Powered() bool
}

// Behaviour is how the switch treats requests. The zero value is a switch that works.
type Behaviour struct {
	Fail  string        // answer with this error and do nothing
	Hang  bool          // never answer and do nothing
	Lie   bool          // answer ok and do nothing; status then tells what the lie claims
	Delay time.Duration // take that long before acting
	// KeepOff makes a reboot leave the machine off.
	KeepOff bool
	// Verbs are what Fail and Hang apply to; empty is on, off and reboot.
	Verbs []string
}

func (b Behaviour) concerns(verb string) bool {
	if len(b.Verbs) > 0 {
		return slices.Contains(b.Verbs, verb)
	}
	return switches(verb)
}

func switches(verb string) bool { return verb == "on" || verb == "off" || verb == "reboot" }

// Event is a request that has been dealt with or still is.
type Event struct {
	Verb, Target, By string
	Asked            time.Time
	Answered         time.Time // zero while the switch is at it
	Answer           string
}

// Switch serves the requests. Its methods are safe for concurrent use.
type Switch struct {
	machines map[string]Machine
	names    []string

	mu        sync.Mutex
	behaviour map[string]Behaviour // by target, "" is the default
	claimed   map[string]string    // what lies have claimed
	events    []*Event
}

// New makes a switch for the machines.
func New(machines map[string]Machine) *Switch {
	s := &Switch{machines: machines, behaviour: map[string]Behaviour{}, claimed: map[string]string{}}
	for name := range machines {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	return s
}

// Behave sets how requests for a target are treated; "" sets it for all that have no setting of their own.
func (s *Switch) Behave(target string, b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviour[target] = b
	delete(s.claimed, target)
}

// Events returns what was asked so far, in order.
func (s *Switch) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Event, len(s.events))
	for i, e := range s.events {
		all[i] = *e
	}
	return all
}

// Serve answers requests on the socket until the context ends; it removes the socket.
func (s *Switch) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var calls sync.WaitGroup
	defer calls.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("power switch: %w", err)
		}
		calls.Go(func() { s.serve(ctx, conn) })
	}
}

func (s *Switch) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return
	}
	words := append(strings.Fields(line), "", "", "")
	answer, err := s.Do(ctx, words[0], words[1], words[2])
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil {
		answer = "error " + err.Error()
	}
	conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
	fmt.Fprintln(conn, answer)
}

// Do carries out one request for by and returns the answer. It blocks while the switch is told to hang.
func (s *Switch) Do(ctx context.Context, verb, target, by string) (string, error) {
	e := &Event{Verb: verb, Target: target, By: by, Asked: time.Now()}
	s.mu.Lock()
	b, ok := s.behaviour[target]
	if !ok {
		b = s.behaviour[""]
	}
	if switches(verb) {
		s.events = append(s.events, e)
	}
	s.mu.Unlock()
	answer, err := s.perform(ctx, b, verb, target)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Answered, e.Answer = time.Now(), answer
	if err != nil {
		e.Answer = err.Error()
	}
	return answer, err
}

func (s *Switch) perform(ctx context.Context, b Behaviour, verb, target string) (string, error) {
	if b.Delay > 0 && switches(verb) {
		select {
		case <-time.After(b.Delay):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if b.Hang && b.concerns(verb) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	if b.Fail != "" && b.concerns(verb) {
		return "", errors.New(b.Fail)
	}
	switch verb {
	case "ping":
		return OK, nil
	case "list":
		return strings.Join(s.names, "\n"), nil
	case "list-status":
		var lines []string
		for _, name := range s.names {
			lines = append(lines, name+","+s.status(name, s.machines[name]))
		}
		return strings.Join(lines, "\n"), nil
	}
	m := s.machines[target]
	if m == nil {
		return "", fmt.Errorf("there is no machine %q on this switch", target)
	}
	return s.operate(ctx, b, verb, target, m)
}

func (s *Switch) operate(ctx context.Context, b Behaviour, verb, target string, m Machine) (string, error) {
	if verb == "status" {
		return s.status(target, m), nil
	}
	if !switches(verb) {
		return "", fmt.Errorf("the switch knows no %q", verb)
	}
	if b.Lie {
		s.claim(target, map[string]string{"off": Off, "reboot": Off, "on": On}[verb])
		return OK, nil
	}
	s.claim(target, "")
	if verb != "on" {
		if err := m.PowerOff(); err != nil {
			return "", err
		}
	}
	if verb == "on" || verb == "reboot" && !b.KeepOff {
		if err := m.PowerOn(ctx); err != nil {
			return "", err
		}
	}
	return OK, nil
}

func (s *Switch) claim(target, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claimed[target] = state
}

func (s *Switch) status(target string, m Machine) string {
	s.mu.Lock()
	claimed := s.claimed[target]
	s.mu.Unlock()
	switch {
	case claimed != "":
		return claimed
	case m.Powered():
		return On
	}
	return Off
}
