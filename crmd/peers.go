package crmd

import (
	"net/http"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/attrs"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
)

// peerHandler answers the other crmds.
func (d *Daemon) peerHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathEnlist, d.enlisted)
	mux.HandleFunc("GET "+pathMirror, d.serveMirror)
	mux.HandleFunc("GET "+pathVitals, d.serveVitals)
	mux.HandleFunc("GET "+pathHere, func(w http.ResponseWriter, r *http.Request) {
		ipc.Reply(w, presence{time.Since(d.began).Milliseconds()})
	})
	mux.HandleFunc("POST "+pathPropose, d.takeProposal)
	mux.HandleFunc("GET "+pathProgress, func(w http.ResponseWriter, r *http.Request) { ipc.Reply(w, d.progress()) })
	mux.HandleFunc("POST "+pathOrders, func(w http.ResponseWriter, r *http.Request) {
		var in api.Orders
		if err := ipc.Read(r, &in); err != nil {
			ipc.Fail(w, err)
			return
		}
		if peer := mesh.Peer(r.Context()); peer != in.DC {
			ipc.Fail(w, ipc.Errorf(api.CodePermission, "%s cannot give orders for %s", peer, in.DC))
			return
		}
		err, stop := query(d, func() error { return d.obey(in) })
		finish(w, nil, firstError(stop, err))
	})
	mux.HandleFunc("POST "+pathUpdates, func(w http.ResponseWriter, r *http.Request) {
		var in api.Updates
		if err := ipc.Read(r, &in); err != nil {
			ipc.Fail(w, err)
			return
		}
		if peer := mesh.Peer(r.Context()); peer != in.Node {
			ipc.Fail(w, ipc.Errorf(api.CodePermission, "%s cannot report for %s", peer, in.Node))
			return
		}
		finish(w, nil, d.takeUpdates(in))
	})
	mux.HandleFunc("POST "+pathShare, func(w http.ResponseWriter, r *http.Request) {
		var in []attrs.Entry
		if err := ipc.Read(r, &in); err != nil {
			ipc.Fail(w, err)
			return
		}
		finish(w, nil, d.input(controller.AttrReceived{Entries: in}))
	})
	d.handleRecords(mux)
	mux.Handle(pathClient+"/", http.StripPrefix(pathClient, d.clientHandler(true)))
	return mux
}

// takeUpdates gives a node's report to the machine; the node may forget it when this returns nil. While the node
// is being enlisted (again) it has to keep what it reports.
func (d *Daemon) takeUpdates(in api.Updates) error {
	ok, err := query(d, func() bool {
		if !d.machine.Takes(in.Node, in.Session) {
			return false
		}
		d.step(time.Now(), controller.NodeReported{Updates: in})
		return true
	})
	if err == nil && !ok {
		err = ipc.Errorf(api.CodeError, "%s is not the DC, or has not enlisted %s", d.node, in.Node)
	}
	return err
}

// finish answers a request with a value or an error.
func finish(w http.ResponseWriter, v any, err error) {
	if err != nil {
		ipc.Fail(w, err)
		return
	}
	ipc.Reply(w, v)
}

func firstError(errs ...error) error {
	for _, e := range errs {
		if e != nil {
			return e
		}
	}
	return nil
}

// resolve finds the addresses of a node's crmd: from the view, where a member's are up to date, else from the
// cluster file.
func (d *Daemon) resolve(node string) []string {
	var hosts []string
	file := d.file.Load()
	if v := d.view.Load(); v != nil {
		for _, m := range v.Members {
			if m.Name == node {
				hosts = m.Addrs
			}
		}
		if hosts == nil {
			for _, n := range v.Nodes {
				if n.Name == node {
					hosts = n.Addrs
				}
			}
		}
	}
	if hosts == nil {
		if n := file.Node(node); n != nil {
			for _, a := range n.Links {
				hosts = append(hosts, a.String())
			}
		}
	}
	out := make([]string, 0, len(hosts))
	for _, h := range hosts {
		out = append(out, mesh.HostPort(h, file.Cluster.CRMPort))
	}
	return slices.Clip(out)
}
