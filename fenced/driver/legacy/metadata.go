package legacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
)

// cache is what is known of agents, as long as their programs do not change. It has its copy on disk.
type cache struct {
	mu     sync.Mutex
	path   string
	log    *slog.Logger
	agents map[string]entry
}

type entry struct {
	Path     string              `json:"path"`
	Size     int64               `json:"size"`
	Modified int64               `json:"modified"` // Unix ns
	Can      device.Capabilities `json:"can"`
}

func (c *cache) load(path string, log *slog.Logger) {
	c.path, c.log, c.agents = path, log, map[string]entry{}
	if path == "" {
		return
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err == nil {
		err = json.Unmarshal(raw, &c.agents)
	}
	if err != nil {
		c.agents = map[string]entry{}
		log.Warn("agents are asked again, because what was known of them cannot be read", "err", err)
	}
}

func (c *cache) get(agent string, now entry) *device.Capabilities {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.agents[agent]
	if can := e.Can; ok && e.Path == now.Path && e.Size == now.Size && e.Modified == now.Modified {
		return &can
	}
	return nil
}

// put remembers an agent. A disk that does not take it costs a question after the next start, no more.
func (c *cache) put(agent string, e entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.agents[agent] = e
	if c.path == "" {
		return
	}
	raw, err := json.Marshal(c.agents)
	if err == nil {
		err = atomicfile.Write(c.path, raw, 0o600)
	}
	if err != nil {
		c.log.Warn("what is known of fence agents is not kept", "err", err)
	}
}

// Learn reads an agent's metadata, unless it is known.
func (d *Driver) Learn(ctx context.Context, agent string) (*device.Capabilities, error) {
	path, info, err := d.find(agent)
	if err != nil {
		return nil, err
	}
	e := entry{Path: path, Size: info.Size(), Modified: info.ModTime().UnixNano()}
	if can := d.known.get(agent, e); can != nil {
		return can, nil
	}
	// The protocol is stdin; agents that predate it know the option.
	can, err := d.ask(ctx, path, nil)
	if err != nil && ctx.Err() == nil {
		if again, err2 := d.ask(ctx, path, []string{"-o", "metadata"}); err2 == nil {
			can, err = again, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", agent, err)
	}
	e.Can = *can
	d.known.put(agent, e)
	return can, nil
}

func (d *Driver) ask(ctx context.Context, path string, args []string) (*device.Capabilities, error) {
	c := ocfexec.Command{Path: path, Args: args, Env: environment(os.Environ()), Timeout: device.LearnTimeout, Grace: grace,
		EndGroup: true, Limit: outputLimit, Label: path + " metadata"}
	if args == nil {
		c.Stdin = "action=metadata\n"
	}
	x, err := d.runner.Exec(ctx, c)
	switch {
	case err != nil:
		return nil, err
	case x.TimedOut:
		return nil, fmt.Errorf("no answer within %v", device.LearnTimeout)
	case x.Signal != 0:
		return nil, fmt.Errorf("the agent was interrupted by %s signal", signalName(x.Signal.String()))
	case x.Code != 0 && len(x.Stdout) == 0:
		return nil, fmt.Errorf("the agent exited with status %d: %s", x.Code, complaint(string(x.Stderr)))
	case x.Truncated:
		return nil, fmt.Errorf("longer than %d bytes", outputLimit)
	}
	return parse(string(x.Stdout))
}

// parse reads metadata: which actions, which parameters, and what its "on" is for.
func parse(text string) (*device.Capabilities, error) {
	// Some agents greet before the document.
	if i := strings.IndexByte(text, '<'); i > 0 {
		text = text[i:]
	}
	doc, err := cibxml.Parse(text)
	if err != nil {
		return nil, err
	}
	can := &device.Capabilities{}
	port, plug := false, false
	for p := range doc.Child("parameters").Tags("parameter") {
		switch p.Get("name") {
		case "port":
			port = true
		case "plug":
			plug = true
		case "nodeid":
			can.NodeID = true
		}
	}
	if port {
		can.Port = "port"
	} else if plug {
		can.Port = "plug"
	}
	for a := range doc.Child("actions").Tags("action") {
		name := a.Get("name")
		can.Actions = append(can.Actions, name)
		if name == device.On {
			can.OnTarget = yes(a.Get("on_target"))
			can.Automatic = yes(a.Get("automatic")) || yes(a.Get("required"))
		}
	}
	if len(can.Actions) == 0 {
		return nil, errors.New("it names no action")
	}
	return can, nil
}

func yes(s string) bool { return s == "1" || s == "true" }
