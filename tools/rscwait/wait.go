// Package rscwait waits for a cluster to settle, and restarts resources.
package rscwait

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/upgrade"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/crmclient"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// Waiter waits for a cluster.
type Waiter struct {
	Env  *cli.Env
	Conn *cibclient.Conn
	Out  *output.Out
	// Timeout is when to give up.
	Timeout time.Duration
}

// DefaultTimeout is how long a cluster may take to settle when nobody says otherwise.
const DefaultTimeout = time.Hour

// interval is how often the cluster is looked at.
const interval = 500 * time.Millisecond

// Settle waits until the cluster has nothing to do.
func (w *Waiter) Settle(ctx context.Context) error {
	deadline := time.Now().Add(w.Timeout)
	for {
		pending, err := w.pending(ctx)
		if err != nil {
			return err
		}
		idle, err := w.idle(ctx)
		if err != nil || len(pending) == 0 && idle {
			return err
		}
		if time.Now().After(deadline) {
			w.report(pending)
			return program.Faultf(api.CodeTimeout, "")
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// pause waits a moment.
func pause(ctx context.Context) error {
	select {
	case <-time.After(interval):
		return nil
	case <-ctx.Done():
		return program.Exit(api.CodeError)
	}
}

// report lists what the cluster still has to do.
func (w *Waiter) report(pending []*action.Action) {
	text := "Pending actions:"
	for _, a := range pending {
		text += fmt.Sprintf("\n\tAction %d: %s", a.ID, a.Key())
		if a.Node != nil {
			text += "\ton " + a.Node.Name
		}
	}
	w.Out.Info("%s", text)
}

// pending is what the scheduler would have done now.
func (w *Waiter) pending(ctx context.Context) ([]*action.Action, error) {
	r, err := w.plan(ctx)
	if err != nil {
		return nil, err
	}
	var pending []*action.Action
	for _, a := range r.Transition.Steps {
		if a.Is(action.Runnable) && !a.Is(action.Optional) && !a.Is(action.Pseudo) && a.Task != "notify" {
			pending = append(pending, a)
		}
	}
	return pending, nil
}

// plan runs the scheduler on the CIB as it is.
func (w *Waiter) plan(ctx context.Context) (*sched.Result, error) {
	doc, err := w.read(ctx)
	if err != nil {
		return nil, err
	}
	return sched.Schedule(sched.Input{Doc: doc, Now: time.Now().Unix(), Zone: time.Local}, sched.Options{}), nil
}

func (w *Waiter) read(ctx context.Context) (*cibxml.Element, error) {
	doc, err := w.Conn.Query(ctx, "")
	if err == nil {
		doc, err = upgrade.ToCurrent(doc)
	}
	if err != nil {
		return nil, program.Faultf(cibclient.ExitCode(err), "Could not obtain the current CIB: %v", err)
	}
	return doc, nil
}

// idle reports whether the DC has carried out its last plan. A file has no DC.
func (w *Waiter) idle(ctx context.Context) (bool, error) {
	if !w.Conn.Live() {
		return true, nil
	}
	crm := crmclient.New(w.Env)
	defer crm.Close()
	s, err := crm.Status(ctx, "")
	if err == nil && s.DC != "" && s.DC != s.Node {
		s, err = crm.Status(ctx, s.DC)
	}
	if err != nil {
		return false, nil // the DC is changing
	}
	return s.DC != "" && s.State == "S_IDLE" && s.Pending == 0, nil
}
