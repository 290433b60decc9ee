package crmd

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/store/content"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// setAttr changes a transient attribute. Every node takes it: attributes need no DC.
func (c clientCalls) setAttr(r *http.Request) (any, error) {
	var u api.AttrUpdate
	if err := ipc.Read(r, &u); err != nil {
		return nil, err
	}
	return c.ask(r.Context(), func(ticket int) controller.Input { return controller.AttrRequest{Ticket: ticket, Update: u} })
}

func (c clientCalls) getAttr(r *http.Request) (any, error) {
	name, node := r.URL.Query().Get("name"), r.URL.Query().Get("node")
	type result struct {
		values []api.AttrValue
		known  bool
	}
	res, err := query(c.Daemon, func() result { v, k := c.machine.Attrs(name, node); return result{v, k} })
	if err != nil {
		return nil, err
	}
	if name != "" && !res.known {
		return nil, ipc.Errorf(api.CodeNoSuchObject, "attribute %s does not exist", name)
	}
	return append([]api.AttrValue{}, res.values...), nil
}

func (c clientCalls) cleanup(r *http.Request) (any, error) {
	var req api.CleanupRequest
	if err := ipc.Read(r, &req); err != nil {
		return nil, err
	}
	var out api.CleanupReply
	return c.atDC(r, req, &out, func(ctx context.Context) (any, error) {
		return c.ask(ctx, func(ticket int) controller.Input { return controller.Cleanup{Ticket: ticket, Request: req} })
	})
}

// fail records a failure on the node that it is said to have happened on.
func (c clientCalls) fail(r *http.Request) (any, error) {
	var req api.FailRequest
	if err := ipc.Read(r, &req); err != nil {
		return nil, err
	}
	if req.Node != "" && req.Node != c.node {
		if c.forwarded {
			return nil, ipc.Errorf(api.CodeError, "%s is not %s", c.node, req.Node)
		}
		return nil, c.peers.Client(req.Node).Call(r.Context(), http.MethodPost, pathClient+api.PathFail, req, nil)
	}
	res, err := query(c.Daemon, func() error {
		err := c.worker.Fail(req.Resource, time.Now().Unix())
		c.somethingToReport()
		c.reportToSelf(time.Now())
		return err
	})
	return nil, firstError(err, res)
}

// removeNode forgets a node: its entry, its status, its attributes.
func (c clientCalls) removeNode(r *http.Request) (any, error) {
	name := r.URL.Query().Get("name")
	if v := c.view.Load(); v != nil && hasMember(v, name) {
		return nil, ipc.Errorf(api.CodeUnsafe, "%s is a member of the cluster: stop it before it is removed", name)
	}
	return c.atDC(r, nil, nil, func(ctx context.Context) (any, error) {
		for _, el := range []*cibxml.Element{cibxml.New("node_state", "uname", name), cibxml.New("node", "uname", name)} {
			section := map[string]string{"node_state": "status", "node": "nodes"}[el.Name]
			cmd := cib.Command{Op: cib.OpDelete, Section: section, Input: el, Client: "crmd", User: "hacluster", Origin: c.node, Now: time.Now().Unix()}
			if _, err := c.writeCIB(ctx, cmd); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// shutdown asks for a node to leave in order: the attribute makes the DC stop its resources first.
func (c clientCalls) shutdown(r *http.Request) (any, error) {
	var req api.ShutdownRequest
	if err := ipc.Read(r, &req); err != nil {
		return nil, err
	}
	node := req.Node
	if node == "" {
		node = c.node
	}
	u := api.AttrUpdate{Op: "update", Name: "shutdown", Node: node, Value: strconv.FormatInt(time.Now().Unix(), 10), Dampen: -1}
	return c.ask(r.Context(), func(ticket int) controller.Input { return controller.AttrRequest{Ticket: ticket, Update: u} })
}

func (c clientCalls) notes(r *http.Request) (any, error) {
	subject := r.URL.Query().Get("subject")
	var out []api.Note
	return c.atDC(r, nil, &out, func(context.Context) (any, error) {
		notes := slices.Clone(c.planner.Notes())
		if subject != "" {
			notes = slices.DeleteFunc(notes, func(n api.Note) bool { return n.Subject != subject })
		}
		return append([]api.Note{}, notes...), nil
	})
}

func (c clientCalls) timeline(r *http.Request) (any, error) {
	since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	return c.Daemon.timeline.since(since), nil
}

// transfer hands the DC's role to another node.
func (c clientCalls) transfer(r *http.Request) (any, error) {
	node := r.URL.Query().Get("node")
	return c.atDC(r, nil, nil, func(ctx context.Context) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, recoverTimeout)
		defer cancel()
		return nil, c.store.Transfer(ctx, node)
	})
}

func (c clientCalls) getFile(*http.Request) (any, error) {
	f := c.store.File()
	return api.ClusterFile{Version: f.Version, Text: f.Text}, nil
}

// putFile replaces the cluster file on every node.
func (c clientCalls) putFile(r *http.Request) (any, error) {
	var in api.ClusterFile
	if err := ipc.Read(r, &in); err != nil {
		return nil, err
	}
	if _, err := clusterfile.Parse("cluster.toml", []byte(in.Text)); err != nil {
		return nil, ipc.Errorf(api.CodeConfig, "%v", err)
	}
	var out api.ClusterFile
	return c.atDC(r, in, &out, func(ctx context.Context) (any, error) {
		have := c.store.File().Version
		if in.Base != 0 && in.Base != have {
			return nil, ipc.Errorf(api.CodeOld, "the cluster file has changed meanwhile: it is version %d, not %d", have, in.Base)
		}
		next := content.File{Version: have + 1, Text: in.Text}
		if err := c.store.Propose(ctx, content.SetFile{File: next}); err != nil {
			return nil, err
		}
		return api.ClusterFile{Version: next.Version, Text: next.Text}, nil
	})
}
