package stonith

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// unreachable is an error from fenced in the words that scripts know, with its exit code.
func (c *call) unreachable(err error) int {
	var e *ipc.Error
	switch {
	case errors.As(err, &e) && e.Code == api.CodeNotConnected:
		return c.fail(e.Code, "Could not connect to fencer: %s", e.Message)
	case errors.As(err, &e):
		return c.fail(e.Code, "%s: %s", c.env.Name, e.Message)
	default:
		return c.fail(api.CodeError, "%s: %v", c.env.Name, err)
	}
}

// fence has the subject fenced and waits for the outcome.
func (c *call) fence(ctx context.Context) int {
	req := api.FenceRequest{
		Target: c.subject, Action: c.action, Timeout: int64(c.timeout) * 1000, Tolerance: c.tolerance, Client: c.client(),
		AllowSelf: true, Reason: "asked for by " + c.client(), Delay: -1,
	}
	if c.delay >= 0 {
		req.Delay = int64(c.delay) * 1000
	}
	var r api.FenceResult
	err := c.fenced.Call(ctx, http.MethodPost, api.PathFence, req, &r)
	if e := (*ipc.Error)(nil); errors.As(err, &e) {
		return c.unreachable(err)
	}
	if err != nil {
		return c.fail(api.CodeError, "%s: Couldn't fence %s: fenced went away before the outcome was known, so %s counts as alive: %v",
			c.env.Name, c.subject, c.subject, err)
	}
	if r.Proven() {
		return api.CodeOK
	}
	code, what := failure(r)
	if r.Reason != "" {
		what += " (" + r.Reason + ")"
	}
	un := ""
	if c.action == "on" {
		un = "un"
	}
	return c.fail(code, "%s: Couldn't %sfence %s: %s", c.env.Name, un, c.subject, what)
}

// failure is the exit code of a failed fence, and the C library's text for its kind.
func failure(r api.FenceResult) (int, string) {
	switch lrm.Status(r.Status) {
	case lrm.NoFenceDevice:
		return api.CodeNoSuchObject, "No such device"
	case lrm.Timeout:
		return api.CodeTimeout, "Timer expired"
	default:
		return api.CodeError, "No data available"
	}
}

// confirm vouches for the subject being down.
func (c *call) confirm(ctx context.Context) int {
	in := api.FenceConfirm{Target: c.subject, Client: c.client()}
	if err := c.fenced.Call(ctx, http.MethodPost, api.PathFenceConfirm, in, nil); err != nil {
		return c.unreachable(err)
	}
	return api.CodeOK
}

func (c *call) register(ctx context.Context) int {
	if c.agent == "" {
		return c.needsAgent()
	}
	in := api.FenceDevice{ID: c.subject, Agent: c.agent, Params: c.params}
	return c.send(ctx, http.MethodPost, api.PathFenceDevices, in)
}

func (c *call) needsAgent() int {
	return c.fail(api.CodeUsage, "Please specify an agent to query using -a,--agent [value]")
}

func (c *call) deregister(ctx context.Context) int {
	return c.send(ctx, http.MethodDelete, api.PathFenceDevices+"?id="+url.QueryEscape(c.subject), nil)
}

func (c *call) registerLevel(ctx context.Context) int {
	if c.index < 1 || c.index > 9 {
		return c.fail(api.CodeSoftware, "Can't register topology level %d for %s: Invalid argument", c.index, c.subject)
	}
	return c.send(ctx, http.MethodPost, api.PathFenceLevels, c.level())
}

func (c *call) deregisterLevel(ctx context.Context) int {
	return c.send(ctx, http.MethodDelete, api.PathFenceLevels, c.level())
}

// level is the topology level that the options describe.
func (c *call) level() api.FenceLevel {
	l := api.FenceLevel{Index: c.index, Devices: c.devices}
	name, val, attr := strings.Cut(c.subject, "=")
	pattern, isPattern := strings.CutPrefix(c.subject, "@")
	switch {
	case isPattern:
		l.Pattern = pattern
	case attr:
		l.Attribute, l.Value = name, val
	default:
		l.Target = c.subject
	}
	return l
}

// sendTimeout bounds a request that fenced answers at once.
const sendTimeout = 10 * time.Second

func (c *call) send(ctx context.Context, method, path string, in any) int {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := c.fenced.Call(ctx, method, path, in, nil); err != nil {
		return c.unreachable(err)
	}
	return api.CodeOK
}
