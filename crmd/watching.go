package crmd

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/detect"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// alarms are every node's, as this one knows them.
func (c clientCalls) alarms(*http.Request) (any, error) {
	return api.AlarmStatus{Node: c.node, Nodes: c.observer.Nodes()}, nil
}

// vitalsSpan is how many seconds of vitals are given unless the request says otherwise, vitalsTimeout how long
// another node may take to give its own.
const (
	vitalsSpan    = 60
	vitalsTimeout = time.Second
)

// vitals are a node's samples, of another one with the digests that this node holds.
func (c clientCalls) vitals(r *http.Request) (any, error) {
	seconds := vitalsSpan
	if s := r.URL.Query().Get("since"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return nil, ipc.Errorf(api.CodeUsage, "since is %q, must be a number of seconds", s)
		}
		seconds = n
	}
	node := r.URL.Query().Get("node")
	if node == "" || node == c.node {
		host := c.observer.Host()
		out := api.VitalsReport{Node: c.node, Host: &host}
		for _, v := range c.observer.Samples(time.Now().Add(-time.Duration(seconds) * time.Second).UnixMilli()) {
			out.Samples = append(out.Samples, *v)
		}
		return out, nil
	}
	if c.file.Load().Node(node) == nil {
		return nil, ipc.Errorf(api.CodeNoSuchObject, "there is no node %s", node)
	}
	out, err := c.vitalsOf(r.Context(), node, seconds)
	if err != nil {
		out = api.VitalsReport{Node: node, Silent: err.Error()}
	}
	out.Digests = c.observer.Digests(node, seconds) // those of its last life as well
	return out, nil
}

func (d *Daemon) vitalsOf(ctx context.Context, node string, seconds int) (out api.VitalsReport, err error) {
	ctx, cancel := context.WithTimeout(ctx, vitalsTimeout)
	defer cancel()
	path := fmt.Sprintf("%s%s?since=%d", pathClient, api.PathVitals, seconds)
	err = d.peers.Client(node).Call(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

// detectors are all detectors with this node's settings.
func (c clientCalls) detectors(*http.Request) (any, error) {
	cfg := c.file.Load().watch.Detect
	var out []api.DetectorStatus
	for _, r := range detect.Rules() {
		set, ok := cfg[r.Name]
		if !ok {
			set, _ = detect.Default(r.Name)
		}
		s := api.DetectorStatus{Name: r.Name, Title: r.Title, Doc: r.Doc, Enabled: set.Enabled, Raise: set.Raise.Milliseconds(),
			Clear: set.Clear.Milliseconds(), Thresholds: set.Limits, Advice: r.Advice}
		if a := set.Action; !a.None() {
			if a.Attribute != "" {
				s.Action = a.Attribute + "=" + a.Value
			}
			if a.Hook != "" {
				s.Action += " " + a.Hook
			}
			s.Action += " from " + a.From
		}
		out = append(out, s)
	}
	return out, nil
}

// throttle is what limits each node and why; the DC knows the limits, each node its own inputs.
func (c clientCalls) throttle(r *http.Request) (any, error) {
	var out api.ThrottleStatus
	return c.atDC(r, nil, &out, func(ctx context.Context) (any, error) {
		t, err := query(c.Daemon, func() api.ThrottleStatus { return c.machine.Throttle(time.Now()) })
		if err != nil {
			return nil, err
		}
		var all sync.WaitGroup
		for i := range t.Nodes {
			n := &t.Nodes[i]
			if n.Node == c.node {
				n.Inputs = c.observer.Throttle().Inputs
				continue
			}
			all.Go(func() {
				// A node that does not answer is shown without its inputs.
				if v, err := c.vitalsOf(ctx, n.Node, 2); err == nil && len(v.Samples) > 0 {
					n.Inputs = v.Samples[len(v.Samples)-1].Throttle.Inputs
				}
			})
		}
		all.Wait()
		return t, nil
	})
}
