package session

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/outline"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// Document reads the whole CIB.
func (s *Session) Document(ctx context.Context) (*cibxml.Element, error) {
	if s.CIBFile != "" {
		raw, err := os.ReadFile(s.CIBFile)
		if err != nil {
			return nil, Fail(api.CodeNoInput, "%v", err)
		}
		doc, err := cibxml.Parse(string(raw))
		if err != nil {
			return nil, Fail(api.CodeBadData, "%s: %v", s.CIBFile, err)
		}
		if !doc.IsTag("cib") {
			return nil, Fail(api.CodeBadData, "%s: the document is <%s>, not <cib>", s.CIBFile, doc.Name)
		}
		return doc, nil
	}
	reply, err := s.cib(ctx, api.CIBRequest{Op: string(cib.OpQuery), Local: true})
	if err != nil {
		return nil, err
	}
	doc, err := cibxml.Parse(reply.XML)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return doc, nil
}

// CIB performs one operation on the cluster's CIB or on the file.
func (s *Session) CIB(ctx context.Context, req api.CIBRequest) (api.CIBReply, error) {
	if s.CIBFile == "" {
		return s.cib(ctx, req)
	}
	doc, err := s.Document(ctx)
	if err != nil {
		return api.CIBReply{}, err
	}
	cmd := cib.Command{Op: cib.Op(req.Op), Section: req.Section, XPath: req.XPath, AllowCreate: req.AllowCreate, All: req.All,
		NoChildren: req.NoChildren, PathsOnly: req.PathsOnly}
	if req.Input != "" {
		if cmd.Input, err = cibxml.Parse(req.Input); err != nil {
			return api.CIBReply{}, Fail(api.CodeBadData, "%v", err)
		}
	}
	res, err := cib.Apply(doc, cmd)
	if err != nil {
		return api.CIBReply{}, refused(err)
	}
	reply := api.CIBReply{Version: cib.VersionOf(res.Doc).String(), Note: res.Note}
	if res.Output != nil {
		reply.XML = res.Output.String()
	}
	if res.Doc != doc {
		err = atomicfile.Write(s.CIBFile, []byte(res.Doc.String()), 0o640)
	}
	return reply, err
}

func (s *Session) cib(ctx context.Context, req api.CIBRequest) (api.CIBReply, error) {
	crm := s.CRM()
	defer crm.Close()
	req.Client = Client
	var reply api.CIBReply
	err := crm.Call(ctx, http.MethodPost, api.PathCIB, req, &reply)
	return reply, err
}

// refused gives an error of package cib its exit code.
func refused(err error) error {
	if e, ok := err.(*cib.Error); ok {
		return &ipc.Error{Code: e.Code, Message: e.Error()}
	}
	return err
}

// Edited is what a change of the configuration did.
type Edited struct {
	Before, After *cibxml.Element // the whole documents
	// Version is the CIB's version after the change.
	Version string
	Changes []outline.Change
}

// maxAttempts bounds how often an edit is tried again because somebody else changed the configuration meanwhile;
// retryPause grows with each attempt. This node's copy may be behind the DC's for a moment.
const (
	maxAttempts = 12
	retryPause  = 20 * time.Millisecond
)

// Edit changes the configuration: change gets the element <configuration> and returns another one. When somebody
// else changes the configuration at the same time it is called again with the new one, so nobody's change is
// lost. A change that changes nothing is not written.
func (s *Session) Edit(ctx context.Context, change func(conf *cibxml.Element) (*cibxml.Element, error)) (*Edited, error) {
	for attempt := 1; ; attempt++ {
		doc, err := s.Document(ctx)
		if err != nil {
			return nil, err
		}
		e, err := s.editOnce(ctx, doc, change)
		if Code(err) != api.CodeOld || attempt == maxAttempts {
			return e, err
		}
		select {
		case <-time.After(time.Duration(attempt) * retryPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *Session) editOnce(ctx context.Context, doc *cibxml.Element, change func(*cibxml.Element) (*cibxml.Element, error)) (*Edited, error) {
	conf := doc.Child("configuration")
	changed, err := change(conf)
	if err != nil {
		return nil, err
	}
	e := &Edited{Before: doc, After: doc.WithChild(conf, changed), Version: cib.VersionOf(doc).String(), Changes: outline.Diff(conf, changed)}
	if conf.Equal(changed) {
		return e, nil
	}
	req := api.CIBRequest{Op: string(cib.OpReplace), Section: "configuration", Input: changed.Compact()}
	if s.CIBFile == "" {
		req.Base = e.Version
	}
	reply, err := s.CIB(ctx, req)
	if err != nil {
		return nil, err
	}
	e.Version = reply.Version
	return e, nil
}
