package script

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/internal/proc"
	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// state is what the agent remembers between its calls.
type state struct {
	Boot  string `json:"boot"`
	PID   int    `json:"pid,omitempty"`   // of the program; it leads a session
	Start uint64 `json:"start,omitempty"` // clock ticks after boot
	// Mark is in the environment of the program and what it starts.
	Mark   string `json:"mark,omitempty"`
	Cgroup string `json:"cgroup,omitempty"` // directory, "" without
	// Stuck and Silent count the monitors in a row that found the process stuck or the probe failing.
	Stuck  int `json:"stuck,omitempty"`
	Silent int `json:"silent,omitempty"`
}

// markVariable carries state.Mark.
const markVariable = "HOLDFAST_SCRIPT"

// newState is that of a program about to be started.
func newState() *state { return &state{Boot: proc.BootID(), Mark: rand.Text()} }

func statePath(c *ocf.Call) string { return c.StateFile(".json") }

// loadState reads what is remembered; nil if there is nothing, or nothing of this boot.
func loadState(c *ocf.Call) (*state, error) {
	raw, err := os.ReadFile(statePath(c))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state of the resource: %w", err)
	}
	s := &state{}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w); stop the program by hand and remove the file", statePath(c), err)
	}
	if s.Boot != proc.BootID() {
		return nil, nil
	}
	return s, nil
}

func (s *state) save(c *ocf.Call) error {
	path := statePath(c)
	raw, err := json.Marshal(s)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = atomicfile.Write(path, raw, 0o600)
	}
	if err != nil {
		return fmt.Errorf("note the state of the resource: %w", err)
	}
	return nil
}

func forgetState(c *ocf.Call) error {
	if err := os.Remove(statePath(c)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget the state of the resource: %w", err)
	}
	return nil
}
