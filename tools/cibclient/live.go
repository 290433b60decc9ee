package cibclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// live is the CIB of the running cluster, through this node's crmd.
type live struct {
	client *ipc.Client
	groups string // CIB_user_groups: what pcsd knows of a user that it runs a command for
}

func (l *live) close() { l.client.Close() }

func (l *live) do(ctx context.Context, cmd cib.Command) (Result, error) {
	req := api.CIBRequest{
		Op: string(cmd.Op), Section: cmd.Section, XPath: cmd.XPath, AllowCreate: cmd.AllowCreate, All: cmd.All,
		NoChildren: cmd.NoChildren, PathsOnly: cmd.PathsOnly, Client: cmd.Client, User: cmd.User,
		Groups: strings.Fields(l.groups),
	}
	if cmd.Input != nil {
		req.Input = cmd.Input.Compact()
	}
	if cmd.Base != nil {
		req.Base = cmd.Base.String()
	}
	var reply api.CIBReply
	if err := l.client.Call(ctx, http.MethodPost, api.PathCIB, req, &reply); err != nil {
		return Result{}, explain(cmd, err)
	}
	r := Result{Note: reply.Note}
	var err error
	if r.Version, err = cib.ParseVersion(reply.Version); err != nil {
		return Result{}, fmt.Errorf("answer of crmd to %s: %w", cmd.Op, err)
	}
	if reply.XML == "" {
		return r, nil
	}
	if r.Output, err = cibxml.Parse(reply.XML); err != nil {
		return Result{}, fmt.Errorf("answer of crmd to %s: %w", cmd.Op, err)
	}
	return r, nil
}

// explain makes a *cib.Error of what crmd refused.
func explain(cmd cib.Command, err error) error {
	var remote *ipc.Error
	if !errors.As(err, &remote) {
		return fmt.Errorf("%s the CIB: %w", cmd.Op, err)
	}
	if remote.Code == cib.CodeNotConnected {
		return &cib.Error{Code: remote.Code, Msg: "Transport endpoint is not connected", Detail: []string{remote.Message}}
	}
	return cib.Remote(cmd, remote.Code, remote.Message)
}
