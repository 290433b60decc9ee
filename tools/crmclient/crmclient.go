// Package crmclient asks the crmd of this node for what is not in the CIB: its state, node attributes as they
// are at the moment, and things to be done to the cluster.
package crmclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// Client is a connection to this node's crmd.
type Client struct{ ipc *ipc.Client }

// New makes a client. It connects when it is used.
func New(env *cli.Env) *Client { return &Client{env.Daemon("crmd")} }

// Close drops the connection.
func (c *Client) Close() { c.ipc.Close() }

// Status is the state of a node's crmd; "" is this node.
func (c *Client) Status(ctx context.Context, node string) (api.CRMStatus, error) {
	path := api.PathCRMStatus
	if node != "" {
		path += "?" + url.Values{"node": {node}}.Encode()
	}
	var s api.CRMStatus
	return s, c.ipc.Call(ctx, http.MethodGet, path, nil, &s)
}

// SetAttr changes a transient node attribute.
func (c *Client) SetAttr(ctx context.Context, u api.AttrUpdate) error {
	return c.ipc.Call(ctx, http.MethodPost, api.PathAttrs, u, nil)
}

// Attrs are the values of an attribute ("" is all) on a node ("" is all).
func (c *Client) Attrs(ctx context.Context, name, node string) ([]api.AttrValue, error) {
	q := url.Values{}
	if name != "" {
		q.Set("name", name)
	}
	if node != "" {
		q.Set("node", node)
	}
	var values []api.AttrValue
	return values, c.ipc.Call(ctx, http.MethodGet, api.PathAttrs+"?"+q.Encode(), nil, &values)
}

// Cleanup deletes operation history, so that resources are probed again.
func (c *Client) Cleanup(ctx context.Context, r api.CleanupRequest) (api.CleanupReply, error) {
	var reply api.CleanupReply
	return reply, c.ipc.Call(ctx, http.MethodPost, api.PathCleanup, r, &reply)
}

// Fail records a failure that did not happen.
func (c *Client) Fail(ctx context.Context, r api.FailRequest) error {
	return c.ipc.Call(ctx, http.MethodPost, api.PathFail, r, nil)
}

// Forget removes a node from the cluster's memory and from the CIB.
func (c *Client) Forget(ctx context.Context, node string) error {
	return c.ipc.Call(ctx, http.MethodDelete, api.PathRemove+"?"+url.Values{"name": {node}}.Encode(), nil, nil)
}

// Shutdown makes this node leave the cluster in order.
func (c *Client) Shutdown(ctx context.Context) error {
	return c.ipc.Call(ctx, http.MethodPost, api.PathShutdown, api.ShutdownRequest{}, nil)
}

// Refused reports whether err says that crmd does not run or cannot be reached.
func Refused(err error) bool { return code(err) == api.CodeNotConnected }

// Missing reports whether err says that there is no such thing.
func Missing(err error) bool { return code(err) == api.CodeNoSuchObject }

func code(err error) int {
	var e *ipc.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}
