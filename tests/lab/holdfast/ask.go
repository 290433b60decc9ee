package holdfast

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
)

// Bounds of waiting. What they wait for takes a second or two.
const (
	formTimeout = 60 * time.Second
	askTimeout  = 10 * time.Second
	pollEvery   = 5 * time.Millisecond
)

// Poll waits until holds is true. The error says what did not come about, and why if holds knew.
func Poll(ctx context.Context, what string, limit time.Duration, holds func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		ok, err := holds(ctx)
		if ok {
			return nil
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("not within %v: %s", limit, what), err)
		}
	}
}

// call asks a daemon of a node.
func call[T any](ctx context.Context, n *lab.Node, daemon, method, path string, in any) (T, error) {
	var out T
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	client := n.Client(daemon)
	defer client.Close()
	err := client.Call(ctx, method, path, in, &out)
	if err != nil {
		err = fmt.Errorf("%s on %s: %w", daemon, n.Name, err)
	}
	return out, err
}

// View is the node's membership view.
func View(ctx context.Context, n *lab.Node) (api.View, error) {
	s, err := call[api.CorosyncStatus](ctx, n, "corosyncd", "GET", api.PathCorosyncStatus, nil)
	return s.View, err
}

// Status is the state of the node's crmd.
func Status(ctx context.Context, n *lab.Node) (api.CRMStatus, error) {
	return call[api.CRMStatus](ctx, n, "crmd", "GET", api.PathCRMStatus, nil)
}

// CIB does one operation on the CIB through a node.
func CIB(ctx context.Context, n *lab.Node, req api.CIBRequest) (api.CIBReply, error) {
	req.Client = "lab"
	return call[api.CIBReply](ctx, n, "crmd", "POST", api.PathCIB, req)
}

// Timeline is what a node's crmd has seen since a time.
func Timeline(ctx context.Context, n *lab.Node, since time.Time) ([]api.TimelineEvent, error) {
	return call[[]api.TimelineEvent](ctx, n, "crmd", "GET", fmt.Sprintf("%s?since=%d", api.PathTimeline, since.UnixMilli()), nil)
}

// WaitMembers waits until each of the nodes sees exactly the members and is quorate.
func (c *Cluster) WaitMembers(ctx context.Context, nodes, members []*lab.Node) error {
	var want []string
	for _, m := range members {
		want = append(want, m.Name)
	}
	for _, n := range nodes {
		err := Poll(ctx, n.Name+" sees "+strings.Join(want, " "), formTimeout, func(ctx context.Context) (bool, error) {
			v, err := View(ctx, n)
			if err != nil {
				return false, err
			}
			var got []string
			for _, m := range v.Members {
				got = append(got, m.Name)
			}
			return slices.Equal(got, want) && v.Quorum.Quorate, fmt.Errorf("it sees %v, %s", got, v.Quorum.Reason)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// WaitIdle waits until all nodes that are on agree on a DC, which is idle and writes, and returns it.
func (c *Cluster) WaitIdle(ctx context.Context) (*lab.Node, error) {
	var dc string
	err := Poll(ctx, "the cluster is idle", formTimeout, func(ctx context.Context) (bool, error) {
		dc = ""
		var idle bool
		for _, n := range c.Nodes() {
			if !n.Powered() {
				continue
			}
			s, err := Status(ctx, n)
			if err != nil {
				return false, err
			}
			if s.DC == "" || dc != "" && s.DC != dc || s.ReadOnly != "" || len(s.Unreachable) > 0 {
				return false, fmt.Errorf("%s: state %s, DC %q, read-only %q, unreachable %v", n.Name, s.State, s.DC, s.ReadOnly, s.Unreachable)
			}
			dc = s.DC
			idle = idle || s.State == "S_IDLE"
		}
		return idle, errors.New("the DC is not idle")
	})
	if err != nil {
		return nil, err
	}
	return c.Node(dc), nil
}
