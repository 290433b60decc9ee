package stonith

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/tools/fencetext"
)

func (c *call) listRegistered(ctx context.Context) int { return c.listDevices(ctx, "") }
func (c *call) listCapable(ctx context.Context) int    { return c.listDevices(ctx, c.subject) }

// listDevices lists the devices of this node, with a target those that can fence it.
func (c *call) listDevices(ctx context.Context, target string) int {
	path := api.PathFenceDevices
	if target != "" {
		path += "?" + url.Values{"target": {target}, "timeout": {strconv.Itoa(c.timeout * 1000)}}.Encode()
	}
	var devices []api.FenceDeviceStatus
	if err := c.fenced.Call(ctx, http.MethodGet, path, nil, &devices); err != nil {
		return c.unreachable(err)
	}
	var ids []string
	for _, d := range devices {
		if target == "" || d.CanFence {
			ids = append(ids, d.ID)
		}
	}
	c.listNames("Registered fence devices", ids)
	return api.CodeOK
}

func (c *call) listNames(title string, names []string) {
	var items []item
	for _, n := range names {
		items = append(items, item{n, withText(cibxml.New("item", "name", "device"), n), "device"})
	}
	c.list(title, "fence device", "fence devices", items)
}

// listTargets asks the device itself what it can fence.
func (c *call) listTargets(ctx context.Context) int {
	r, code := c.check(ctx, "list")
	switch {
	case code != api.CodeOK:
		return code
	case lrm.Status(r.Status) == lrm.NoFenceDevice:
		return c.fail(api.CodeNoSuchObject, "Couldn't list targets: No such device")
	case !r.Proven():
		return c.fail(api.CodeError, "Couldn't list targets: %s", r.Reason)
	}
	var items []item
	for _, name := range strings.FieldsFunc(r.Output, func(r rune) bool { return strings.ContainsRune(" ,;\r\n\t", r) }) {
		if !slices.Contains([]string{"on", "off", "N/A"}, name) {
			items = append(items, item{name, withText(cibxml.New("item"), name), ""})
		}
	}
	c.list("Fence targets", "fence target", "fence targets", items)
	return api.CodeOK
}

// query tests a device.
func (c *call) query(ctx context.Context) int {
	r, code := c.check(ctx, "monitor")
	switch {
	case code != api.CodeOK:
		return code
	case lrm.Status(r.Status) == lrm.NoFenceDevice:
		return api.CodeNoSuchObject
	case lrm.Status(r.Status) == lrm.Timeout:
		return c.fail(api.CodeTimeout, "%s: %s: %s", c.env.Name, c.subject, r.Reason)
	case !r.Proven():
		return c.fail(api.CodeError, "%s: %s: %s", c.env.Name, c.subject, r.Reason)
	}
	return api.CodeOK
}

// check has fenced run an action of the subject that fences nobody.
func (c *call) check(ctx context.Context, action string) (r api.FenceResult, code int) {
	in := api.FenceCheck{Device: c.subject, Action: action, Timeout: int64(c.timeout) * 1000}
	if err := c.fenced.Call(ctx, http.MethodPost, api.PathFenceTest, in, &r); err != nil {
		return r, c.unreachable(err)
	}
	return r, api.CodeOK
}

// events reads the history of a node, "" or * of all, newest first.
func (c *call) events(ctx context.Context, node string) ([]api.FenceEvent, int) {
	if node == "*" {
		node = ""
	}
	var events []api.FenceEvent
	if err := c.fenced.Call(ctx, http.MethodGet, api.PathFenceHistory+"?target="+url.QueryEscape(node), nil, &events); err != nil {
		return nil, c.unreachable(err)
	}
	return events, api.CodeOK
}

// history shows the last success, or with --verbose everything.
func (c *call) history(ctx context.Context) int {
	if c.cleanup {
		if c.format == "text" {
			fmt.Fprintf(c.out, "cleaning up fencing-history for node %s\n", c.subject)
		}
		target := strings.TrimPrefix(c.subject, "*")
		return c.send(ctx, http.MethodDelete, api.PathFenceHistory+"?target="+url.QueryEscape(target), nil)
	}
	events, code := c.events(ctx, c.subject)
	if code != api.CodeOK {
		return code
	}
	last := slices.IndexFunc(events, func(e api.FenceEvent) bool { return e.State == api.FenceDone })
	var items []item
	switch {
	case c.quiet:
		if last >= 0 && c.format == "text" {
			fmt.Fprintln(c.out, events[last].Result.Done/1000)
		}
	case c.verbose:
		for i := range events {
			items = append(items, eventItem(&events[i], true, fencetext.Later(&events[i], events)))
		}
	case last >= 0:
		items = append(items, eventItem(&events[last], false, ""))
	}
	c.list("Fencing history", "event", "events", items)
	return api.CodeOK
}

func eventItem(e *api.FenceEvent, full bool, later string) item {
	class := "failed-stonith-event"
	switch {
	case e.Pending():
		class = "pending-stonith-event"
	case e.State == api.FenceDone:
		class = "successful-stonith-event"
	}
	return item{fencetext.Detail(e, full, later), fencetext.XML(e), class}
}

// last says when a node was fenced.
func (c *call) last(ctx context.Context) int {
	node := c.subject
	if c.nodeID {
		node = c.nameOf(ctx, node)
	}
	events, code := c.events(ctx, node)
	if code != api.CodeOK {
		return code
	}
	for i := range events {
		if e := &events[i]; e.State == api.FenceDone && e.Action != "on" {
			c.text(cibxml.New("last-fenced", "target", c.subject, "when", fencetext.Time(e.Result.Done)),
				"Node %s last fenced at: %s", c.subject, time.UnixMilli(e.Result.Done).Local().Format(time.ANSIC))
			return api.CodeOK
		}
	}
	c.text(nil, "Node %s has never been fenced", c.subject)
	if c.format == "xml" {
		return api.CodeIO // as Pacemaker has it: there is no element for never
	}
	return api.CodeOK
}

// nameOf is the name of the node with an id; an id that nobody has names nobody.
func (c *call) nameOf(ctx context.Context, id string) string {
	corosync := c.env.Daemon("corosyncd")
	defer corosync.Close()
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	var s api.CorosyncStatus
	if err := corosync.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &s); err == nil {
		for _, n := range s.View.Nodes {
			if n.ID.String() == id {
				return n.Name
			}
		}
	}
	return "\x00" + id
}
