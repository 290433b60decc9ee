package crmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
)

// enlist asks a node to take orders. Only the loop calls it.
func (d *Daemon) enlist(now time.Time, o controller.Enlist) {
	e := api.Enlist{DC: d.node, Generation: o.Generation}
	if o.Node == d.node {
		answer, err := d.worker.Enlist(e)
		// As a task, because the machine is in the middle of a step.
		d.spawn(func(context.Context) { _ = d.input(controller.EnlistResult{Node: d.node, Answer: answer, Err: err}) })
		return
	}
	d.spawn(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		var answer api.Enlisted
		err := d.peers.Client(o.Node).Call(ctx, http.MethodPost, pathEnlist, e, &answer)
		_ = d.input(controller.EnlistResult{Node: o.Node, Answer: answer, Err: err})
	})
}

// enlisted is the node's side: it obeys the new DC, unless its own log is of an older life of the cluster.
func (d *Daemon) enlisted(w http.ResponseWriter, r *http.Request) {
	var e api.Enlist
	if err := ipc.Read(r, &e); err != nil {
		ipc.Fail(w, err)
		return
	}
	v := d.view.Load()
	switch peer := mesh.Peer(r.Context()); {
	case peer != e.DC:
		ipc.Fail(w, ipc.Errorf(api.CodePermission, "%s cannot enlist nodes for %s", peer, e.DC))
		return
	case v == nil || !hasMember(v, e.DC):
		ipc.Fail(w, ipc.Errorf(api.CodeError, "%s does not see %s as a member yet", d.node, e.DC))
		return
	}
	if err := d.catchUp(e.Generation.Epoch); err != nil {
		ipc.Fail(w, err)
		return
	}
	type result struct {
		a   api.Enlisted
		err error
	}
	res, err := query(d, func() result { a, err := d.worker.Enlist(e); return result{a, err} })
	if err = errors.Join(err, res.err); err != nil {
		ipc.Fail(w, err)
		return
	}
	d.somethingToReport()
	res.a.Fresh = d.store.Status().Fresh
	ipc.Reply(w, res.a)
}

// catchUp discards this node's configuration log when the cluster has begun a new one without this node: its
// own is a branch that nobody follows.
func (d *Daemon) catchUp(epoch uint64) error {
	have := d.store.Epoch()
	if have >= epoch || d.store.Status().Fresh {
		return nil
	}
	ctx, cancel := context.WithTimeout(d.ctx, recoverTimeout)
	defer cancel()
	d.log.Warn("the cluster went on without this node: its copy of the configuration is fetched anew", "epoch", have, "cluster", epoch)
	if err := d.store.Reset(ctx); err != nil {
		return err
	}
	return nil
}

// askProgress asks a member how much of the log it has.
func (d *Daemon) askProgress(ctx context.Context, node string) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var p controller.Progress
	if err := d.peers.Client(node).Call(ctx, http.MethodGet, pathProgress, nil, &p); err != nil {
		d.log.Debug("progress of a member", "node", node, "err", err)
		return
	}
	_ = d.input(controller.PeerProgress{Node: node, Progress: p})
}

func (d *Daemon) progress() controller.Progress {
	last := d.store.Last()
	return controller.Progress{Epoch: last.Epoch, Term: last.Term, Index: last.Index}
}

// followDC mirrors the status section of the DC, whichever it is, until ctx ends.
func (d *Daemon) followDC(ctx context.Context) {
	for ctx.Err() == nil {
		s := d.snap.Load()
		if s.obeys == "" || s.obeys == d.node {
			select {
			case <-s.next:
			case <-ctx.Done():
			}
			continue
		}
		if err := d.mirror(ctx, s.obeys); err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) {
			d.log.Debug("mirror of the DC's status", "dc", s.obeys, "err", err)
		}
		select {
		case <-time.After(reportRetry):
		case <-ctx.Done():
		}
	}
}

// errOtherDC ends a mirror because this node takes orders from somebody else now.
var errOtherDC = errors.New("another node is the DC")

func (d *Daemon) mirror(ctx context.Context, dc string) error {
	path := fmt.Sprintf("%s?node=%s&session=%s", pathMirror, url.QueryEscape(d.node), url.QueryEscape(d.session))
	var doc *cibxml.Element
	return ipc.Watch(ctx, d.peers.Client(dc), path, func(m api.Mirror) error {
		next, err := mirrored(doc, m)
		if err != nil {
			return err
		}
		doc = next
		if d.snap.Load().obeys != dc {
			return errOtherDC
		}
		return d.input(controller.Mirrored{DC: dc, Status: doc.Child("status"), NumUpdates: m.NumUpdates, Acting: m.Acting})
	})
}

// mirrored applies a step of the mirror to a document that holds nothing but the status section.
func mirrored(doc *cibxml.Element, m api.Mirror) (*cibxml.Element, error) {
	text := m.Full
	if text == "" {
		text = m.Patch
	}
	if text == "" {
		return doc, nil // only the counters changed
	}
	e, err := cibxml.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("mirror of the DC's status: %w", err)
	}
	if m.Full != "" {
		return cibxml.New("cib").Append(e), nil
	}
	if doc == nil {
		return nil, errors.New("mirror of the DC's status: it begins with a difference")
	}
	return cib.ApplyPatch(doc, e, false)
}

// serveMirror is the DC's side. Its end tells that the node's crmd is gone.
func (d *Daemon) serveMirror(w http.ResponseWriter, r *http.Request) {
	node, session := mesh.Peer(r.Context()), r.URL.Query().Get("session")
	stream := ipc.NewStream(w)
	var sent *cibxml.Element
	num := -1
	defer d.mirrors.forget(node)
	for {
		s := d.snap.Load()
		if !s.leads {
			return
		}
		if status := s.doc.Child("status"); status != nil {
			n := cib.VersionOf(s.doc).NumUpdates
			m := api.Mirror{NumUpdates: n, Acting: s.acting}
			switch {
			case sent == nil:
				m.Full = status.Compact()
			case sent != status:
				if p := cib.Diff(cibxml.New("cib").Append(sent), cibxml.New("cib").Append(status), cib.DiffOptions{AttributeOrder: true, NoVersions: true}); p != nil {
					m.Patch = p.XML().Compact()
				}
			}
			if sent != status || n != num {
				if err := stream.Send(m); err != nil {
					_ = d.input(controller.CRMGone{Node: node, Session: session, Reason: err.Error()})
					return
				}
			}
			sent, num = status, n
			d.mirrors.note(node, status)
		}
		select {
		case <-s.next:
		case <-r.Context().Done():
			_ = d.input(controller.CRMGone{Node: node, Session: session, Reason: "its connection ended"})
			return
		}
	}
}

// mirrors remembers which status section each follower has been sent.
type mirrors struct {
	mu   sync.Mutex
	sent map[string]*cibxml.Element
}

func (m *mirrors) note(node string, status *cibxml.Element) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sent == nil {
		m.sent = make(map[string]*cibxml.Element)
	}
	m.sent[node] = status
}

func (m *mirrors) forget(node string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sent, node)
}

// all reports whether every follower has that section.
func (m *mirrors) all(status *cibxml.Element) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sent {
		if s != status {
			return false
		}
	}
	return true
}
