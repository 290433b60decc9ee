package look

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/state"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// supervised asks the nodes where a resource is active how its processes are watched. A node that does not answer
// is left out.
func supervised(ctx context.Context, crm *ipc.Client, r *state.Resource) []api.Supervision {
	var out []api.Supervision
	if r == nil {
		return nil
	}
	for _, place := range r.Active {
		var list []api.Supervision
		if crm.Call(ctx, http.MethodGet, api.PathSupervise+"?node="+url.QueryEscape(place.Node), nil, &list) != nil {
			continue
		}
		for _, x := range list {
			if x.Resource == r.ID {
				out = append(out, x)
			}
		}
	}
	return out
}

// supervision writes the budget of a hang: from the moment at which a process stands still to the service elsewhere.
func supervision(s *session.Session, x api.Supervision) {
	switch {
	case len(x.Processes) == 0:
		s.Say("  no process of it is known; [supervise.%s] pidfile tells where one is named", x.Resource)
		return
	case !x.Monitored:
		s.Say("  it has no recurring monitor: a hang is an alarm only")
		return
	}
	for _, p := range x.Processes {
		main := ""
		if p.Main {
			main = ", the main one"
		}
		s.Say("  process %s[%d]%s, state %s for %s", p.Comm, p.PID, main, p.State, render.Span(time.Duration(p.For)*time.Millisecond))
	}
	sum := int64(0)
	for _, b := range x.Budget {
		s.Say("  at most %6s  %s", time.Duration(b.Max)*time.Millisecond, b.Name)
		sum += b.Max
	}
	word := map[string]string{"failover": "it runs elsewhere", "restart": "it runs again", "alarm": "an alarm tells"}[x.OnHang]
	s.Say("  %s", fmt.Sprintf("in all %s at most until %s (on_hang = %s)", time.Duration(sum)*time.Millisecond, word, x.OnHang))
	if x.Uninterruptible > 0 {
		s.Say("  a process that waits in the kernel without a break (state D) is noticed after %s; it cannot be killed, so a stop that fails has the node fenced",
			render.Span(time.Duration(x.Uninterruptible)*time.Millisecond))
	}
}
