package crmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/user"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/acl"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/upgrade"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/scrape"
)

// socketHandler answers the commands of this node.
func (d *Daemon) socketHandler() http.Handler { return d.clientHandler(false) }

// clientHandler answers commands: those of this node, and (forwarded) those that another node passes on
// because this one is the DC. A forwarded request is never passed on again.
func (d *Daemon) clientHandler(forwarded bool) http.Handler {
	mux := http.NewServeMux()
	c := clientCalls{d, forwarded}
	for pattern, h := range map[string]func(*http.Request) (any, error){
		"POST " + api.PathCIB:      c.cib,
		"GET " + api.PathCRMStatus: c.status,
		"POST " + api.PathAttrs:    c.setAttr,
		"GET " + api.PathAttrs:     c.getAttr,
		"POST " + api.PathCleanup:  c.cleanup,
		"POST " + api.PathFail:     c.fail,
		"DELETE " + api.PathRemove: c.removeNode,
		"POST " + api.PathShutdown: c.shutdown,
		"GET " + api.PathThrottle:  c.throttle,
		"GET " + api.PathAlarms:    c.alarms,
		"GET " + api.PathVitals:    c.vitals,
		"GET " + api.PathDetectors: c.detectors,
		"GET " + api.PathNotes:     c.notes,
		"GET " + api.PathTimeline:  c.timeline,
		"GET " + api.PathIncidents: c.incidents,
		"GET " + api.PathIncident:  c.incident,
		"GET " + api.PathSupervise: c.supervised,
		"GET " + api.PathPlanInput: c.planInput,
		"POST " + api.PathTransfer: c.transfer,
		"GET " + api.PathFile:      c.getFile,
		"PUT " + api.PathFile:      c.putFile,
		"POST " + api.PathTokens:   c.newToken,
		"GET " + api.PathTokens:    c.tokens,
		"DELETE " + api.PathTokens: c.deleteToken,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := h(r)
			finish(w, v, clientError(err))
		})
	}
	mux.HandleFunc("GET "+api.PathCIBWatch, d.watchCIB)
	mux.Handle("GET "+scrape.Path, scrape.Handler(d.collect))
	return mux
}

// clientError gives every error the exit code that a command ends with.
func clientError(err error) error {
	var ce *cib.Error
	switch {
	case errors.As(err, &ce):
		msg := ce.Error()
		return &ipc.Error{Code: ce.Code, Message: msg}
	case errors.Is(err, context.DeadlineExceeded):
		return ipc.Errorf(api.CodeTimeout, "%v", err)
	default:
		return err
	}
}

// clientCalls are the commands' calls.
type clientCalls struct {
	*Daemon
	forwarded bool
}

// dcWait is how long a command waits for a DC while one is being elected.
const dcWait = 10 * time.Second

// atDC does something on the DC: here when this node is it, else by passing the request on.
func (c clientCalls) atDC(r *http.Request, body, out any, here func(ctx context.Context) (any, error)) (any, error) {
	give := time.Now().Add(dcWait)
	for {
		s, err := c.await(r.Context(), time.Until(give), func(s *snapshot) bool { return s.dc != "" })
		if err != nil {
			return nil, ipc.Errorf(api.CodeNotConnected, "this cluster has no DC at the moment (%v)", err)
		}
		if s.leads {
			return here(r.Context())
		}
		if c.forwarded {
			return nil, ipc.Errorf(api.CodeNotConnected, "%s is not the DC any more", c.node)
		}
		err = c.peers.Client(s.dc).Call(r.Context(), r.Method, pathClient+r.URL.RequestURI(), body, out)
		refused := (*ipc.Error)(nil)
		if err == nil || errors.As(err, &refused) && refused.Code != api.CodeNotConnected {
			return out, err
		}
		if time.Now().After(give) || r.Context().Err() != nil {
			return nil, err
		}
		select { // the DC is changing
		case <-time.After(reportRetry):
		case <-r.Context().Done():
		}
	}
}

// cib is an operation on the CIB: reads are answered from this node's copy, writes go to the DC.
func (c clientCalls) cib(r *http.Request) (any, error) {
	var req api.CIBRequest
	if err := ipc.Read(r, &req); err != nil {
		return nil, err
	}
	c.identify(r, &req)
	cmd, err := command(req)
	if err != nil {
		return nil, err
	}
	if !cmd.Op.Writes() {
		return c.readCIB(cmd, req)
	}
	if err := c.mayWrite(&cmd, req); err != nil {
		return nil, err
	}
	cmd.Origin, cmd.Now = c.node, time.Now().Unix()
	_, cmd.UTCOffset = time.Now().Zone()
	var out api.CIBReply
	v, err := c.atDC(r, req, &out, func(ctx context.Context) (any, error) { return c.writeCIB(ctx, cmd) })
	if err != nil {
		return nil, err
	}
	c.awaitVersion(r.Context(), v.(*api.CIBReply).Version)
	return v, nil
}

func (c clientCalls) readCIB(cmd cib.Command, req api.CIBRequest) (any, error) {
	doc := c.doc()
	if doc == nil {
		return nil, errNoConfiguration
	}
	view, _, err := acl.Guard(doc, req.User, req.Groups)
	if err != nil {
		return nil, err
	}
	res, err := cib.Apply(view, cmd)
	if err != nil {
		return nil, err
	}
	reply := api.CIBReply{Version: cib.VersionOf(doc).String(), Note: res.Note}
	if res.Output != nil {
		reply.XML = res.Output.String()
	}
	return reply, nil
}

var errNoConfiguration = ipc.Errorf(api.CodeNotConnected, "this node has no configuration yet: it is joining the cluster")

// mayWrite has a restricted user's change checked where it is made, against the document of that moment.
func (c clientCalls) mayWrite(cmd *cib.Command, req api.CIBRequest) error {
	doc := c.doc()
	if doc == nil {
		return errNoConfiguration
	}
	_, check, err := acl.Guard(doc, req.User, req.Groups)
	cmd.Check = check
	return err
}

func (c clientCalls) writeCIB(ctx context.Context, cmd cib.Command) (any, error) {
	v, err := c.ask(ctx, func(ticket int) controller.Input { return controller.CIBCommand{Ticket: ticket, Command: cmd} })
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case cib.Result: // of a write that did not change the configuration
		return &api.CIBReply{Note: v.Note, Version: cib.VersionOf(v.Doc).String()}, nil
	case string:
		return &api.CIBReply{Version: v}, nil
	}
	return nil, fmt.Errorf("write to the CIB: the controller answered %v", v)
}

// visible is how long a command waits for its change to reach this node's copy, so that what it reads next
// contains it. A node that is cut off gives up after that.
const visible = 2 * time.Second

func (c clientCalls) awaitVersion(ctx context.Context, version string) {
	want, err := cib.ParseVersion(version)
	if err != nil {
		return
	}
	_, _ = c.await(ctx, visible, func(s *snapshot) bool { return s.doc != nil && cib.VersionOf(s.doc).Compare(want) >= 0 })
}

// identify sets who makes the request, as the kernel says. root and hacluster, as whom pcsd works, may speak for
// others.
func (c clientCalls) identify(r *http.Request, req *api.CIBRequest) {
	cred, local := ipc.Peer(r.Context())
	if !local {
		return // another node has done it
	}
	id := strconv.FormatUint(uint64(cred.UID), 10)
	u, err := user.LookupId(id)
	if err != nil {
		u = &user.User{Username: id}
	}
	if acl.Exempt(u.Username) && req.User != "" {
		return
	}
	req.User, req.Groups = u.Username, nil
	ids, _ := u.GroupIds() // without them the groups' permissions do not apply
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			req.Groups = append(req.Groups, g.Name)
		}
	}
}

// command turns a request into a command.
func command(req api.CIBRequest) (cib.Command, error) {
	cmd := cib.Command{Op: cib.Op(req.Op), Section: req.Section, XPath: req.XPath, AllowCreate: req.AllowCreate, All: req.All,
		NoChildren: req.NoChildren, PathsOnly: req.PathsOnly, Client: req.Client, User: req.User, Upgrade: upgrade.ToNewest}
	if req.Input != "" {
		e, err := cibxml.Parse(req.Input)
		if err != nil {
			return cmd, ipc.Errorf(api.CodeConfig, "the XML of the request cannot be read: %v", err)
		}
		cmd.Input = e
	}
	if req.Base != "" {
		v, err := cib.ParseVersion(req.Base)
		if err != nil {
			return cmd, ipc.Errorf(api.CodeUsage, "base version: %v", err)
		}
		cmd.Base = &v
	}
	return cmd, nil
}

// watchCIB streams new versions.
func (d *Daemon) watchCIB(w http.ResponseWriter, r *http.Request) {
	stream := ipc.NewStream(w)
	var last *cibxml.Element
	for {
		s := d.snap.Load()
		if s.doc != nil && s.doc != last {
			ev := api.CIBEvent{Version: cib.VersionOf(s.doc).String()}
			if last != nil {
				if p := cib.Diff(last, s.doc, cib.DiffOptions{}); p != nil {
					ev.Patch = p.XML().Compact()
				}
			}
			if err := stream.Send(ev); err != nil {
				return
			}
			last = s.doc
		}
		select {
		case <-s.next:
		case <-r.Context().Done():
			return
		}
	}
}

// status is this node's state, or another's.
func (c clientCalls) status(r *http.Request) (any, error) {
	node := r.URL.Query().Get("node")
	if node == "" || node == c.node {
		return c.snap.Load().status, nil
	}
	var out api.CRMStatus
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	if err := c.peers.Client(node).Call(ctx, http.MethodGet, pathClient+api.PathCRMStatus, nil, &out); err != nil {
		return nil, fmt.Errorf("status of %s: %w", node, err)
	}
	return out, nil
}
