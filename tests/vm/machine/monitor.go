package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// commandLimit bounds qemu's answer to a command.
const commandLimit = time.Minute

// monitor is a session of qemu's management protocol. It is used by one goroutine at a time.
type monitor struct {
	conn    net.Conn
	replies chan message
	reading sync.WaitGroup

	mu  sync.Mutex
	why string // the reason of the shutdown, once qemu has told it
}

// message is what qemu says.
type message struct {
	Event  string          `json:"event"`
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Desc string `json:"desc"`
	} `json:"error"`
	Data struct {
		Reason string `json:"reason"`
	} `json:"data"`
}

func newMonitor(conn net.Conn) (*monitor, error) {
	m := &monitor{conn: conn, replies: make(chan message, 1)}
	m.reading.Go(m.read)
	if err := m.execute("qmp_capabilities", nil); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// read takes what qemu says until it ends.
func (m *monitor) read() {
	defer close(m.replies)
	for in := json.NewDecoder(m.conn); ; {
		var said message
		if in.Decode(&said) != nil {
			return
		}
		switch {
		case said.Event == "SHUTDOWN":
			m.mu.Lock()
			m.why = said.Data.Reason
			m.mu.Unlock()
		case said.Return != nil || said.Error != nil:
			m.replies <- said
		}
	}
}

func (m *monitor) execute(command string, arguments any) error {
	words := map[string]any{"execute": command}
	if arguments != nil {
		words["arguments"] = arguments
	}
	if err := json.NewEncoder(m.conn).Encode(words); err != nil {
		return fmt.Errorf("qemu command %s: %w", command, err)
	}
	select {
	case r, ok := <-m.replies:
		if !ok {
			return fmt.Errorf("qemu command %s: %w", command, errors.New("qemu has ended"))
		}
		if r.Error != nil {
			return fmt.Errorf("qemu command %s: %s", command, r.Error.Desc)
		}
		return nil
	case <-time.After(commandLimit):
		m.conn.Close() // a late answer must not be taken for another command's
		return fmt.Errorf("qemu command %s: no answer within %v", command, commandLimit)
	}
}

// reason is why qemu ended. It is called after that.
func (m *monitor) reason() string {
	m.reading.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.why
}

func (m *monitor) close() {
	m.conn.Close()
	m.reading.Wait()
}
