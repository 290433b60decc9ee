package ocf

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Call is one call of an agent.
type Call struct {
	Action   string
	Instance string // OCF_RESOURCE_INSTANCE
	// Probe: a monitor that is to find out whether the resource runs, on a node where it may not be set up.
	Probe bool
	// Level is OCF_CHECK_LEVEL: how deep a monitor looks.
	Level int

	agent        *Agent
	env          func(string) (string, bool)
	stderr       io.Writer
	reasonPrefix string
}

func newCall(a *Agent, action string, p Process) *Call {
	c := &Call{Action: action, agent: a, env: p.Env, stderr: p.Stderr, reasonPrefix: "ocf-exit-reason:"}
	if v, ok := p.Env("OCF_EXIT_REASON_PREFIX"); ok {
		c.reasonPrefix = v
	}
	if c.Instance, _ = p.Env("OCF_RESOURCE_INSTANCE"); c.Instance == "" {
		c.Instance = "default"
	}
	interval, _ := c.meta("interval")
	c.Probe = (action == "monitor" || action == "status") && (interval == "" || interval == "0")
	if v, ok := p.Env("OCF_CHECK_LEVEL"); ok {
		c.Level, _ = strconv.Atoi(v)
	}
	return c
}

func (c *Call) meta(name string) (string, bool) { return c.env("OCF_RESKEY_CRM_meta_" + name) }

// Logf writes a line for the log. The cluster keeps what agents write to stderr.
func (c *Call) Logf(format string, args ...any) {
	fmt.Fprintf(c.stderr, "%s(%s): %s\n", c.agent.Name, c.Instance, fmt.Sprintf(format, args...))
}

// Timeout is how long the cluster lets this call take; 20 s if it does not say.
func (c *Call) Timeout() time.Duration {
	if v, ok := c.meta("timeout"); ok {
		if ms, err := strconv.ParseInt(v, 10, 64); err == nil && ms > 0 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 20 * time.Second
}

// StateFile is a path for the agent's notes on this resource, on a file system that a boot clears.
func (c *Call) StateFile(suffix string) string {
	dir, _ := c.env("HA_RSCTMP")
	if dir == "" {
		dir = "/run/resource-agents"
	}
	return filepath.Join(dir, c.agent.Name+"-"+strings.ReplaceAll(c.Instance, "/", "_")+suffix)
}

// param finds the declaration; asking for a parameter that is not declared is a bug of the agent.
func (c *Call) param(name string) *Param {
	for i := range c.agent.Params {
		if c.agent.Params[i].Name == name {
			return &c.agent.Params[i]
		}
	}
	panic("agent " + c.agent.Name + " does not declare the parameter " + name)
}

// Text is a parameter's value, or its default when it is not set or empty.
func (c *Call) Text(name string) string {
	p := c.param(name)
	if v, ok := c.env("OCF_RESKEY_" + name); ok && v != "" {
		return v
	}
	return p.Default
}

// Bool is a Boolean's value.
func (c *Call) Bool(name string) bool {
	b, _ := parseBool(c.Text(name))
	return b
}

// Int is an Integer's value.
func (c *Call) Int(name string) int {
	n, _ := strconv.Atoi(c.Text(name))
	return n
}

// Duration is a Duration's value.
func (c *Call) Duration(name string) time.Duration {
	d, _ := parseDuration(c.Text(name))
	return d
}

// check looks at every parameter and reports all that is wrong.
func (c *Call) check() error {
	var wrong []string
	for i := range c.agent.Params {
		p := &c.agent.Params[i]
		v := c.Text(p.Name)
		if v == "" {
			if p.Required {
				wrong = append(wrong, "the parameter "+p.Name+" is not set")
			}
			continue
		}
		if err := p.check(v); err != nil {
			wrong = append(wrong, fmt.Sprintf("the parameter %s is %q: %v", p.Name, v, err))
		}
	}
	if len(wrong) > 0 {
		return Errorf(ErrConfigured, "%s", strings.Join(wrong, "; "))
	}
	return nil
}

func (p *Param) check(v string) error {
	switch p.Type {
	case Boolean:
		if _, err := parseBool(v); err != nil {
			return err
		}
	case Integer:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < p.Min {
			return fmt.Errorf("a number of at least %d is needed", p.Min)
		}
	case Duration:
		if _, err := parseDuration(v); err != nil {
			return err
		}
	case Select:
		for _, x := range p.Values {
			if x == v {
				return nil
			}
		}
		return fmt.Errorf("one of %s is needed", strings.Join(p.Values, ", "))
	}
	if p.Check != nil {
		return p.Check(v)
	}
	return nil
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "1", "true", "yes", "y", "on":
		return true, nil
	case "0", "false", "no", "n", "off":
		return false, nil
	}
	return false, fmt.Errorf("yes or no is needed")
}

// parseDuration reads times as the cluster's configuration has them: 20, 20s, 500ms, 2min, 1h. A number
// alone is seconds.
func parseDuration(s string) (time.Duration, error) {
	number := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > 1e9 {
		return 0, fmt.Errorf("a time such as 10s or 500ms is needed")
	}
	units := map[string]time.Duration{"": time.Second, "s": time.Second, "sec": time.Second, "ms": time.Millisecond,
		"msec": time.Millisecond, "m": time.Minute, "min": time.Minute, "h": time.Hour, "hr": time.Hour}
	unit, ok := units[s[len(number):]]
	if !ok {
		return 0, fmt.Errorf("the unit of a time is ms, s, min or h")
	}
	return time.Duration(n) * unit, nil
}
