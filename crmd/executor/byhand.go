package executor

import (
	"context"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// Attempt is what an agent did when somebody ran it by hand.
type Attempt struct {
	Outcome
	// Stdout and Stderr are the ends of what it wrote.
	Stdout, Stderr string
}

// ByHand runs one operation of an OCF agent at once, past the queue, as the cluster would run it. It is for
// people who want to see what an agent says; the cluster does not hear of it. Run must run.
func (e *Executor) ByHand(ctx context.Context, op Op) Attempt {
	if op.TimeoutMs <= 0 {
		op.TimeoutMs = defaultTimeout.Milliseconds()
	}
	if op.Class != "ocf" {
		out, _ := e.perform(ctx, op)
		return Attempt{Outcome: out, Stderr: out.Output}
	}
	path, err := e.agentPath(op.Provider, op.Type)
	if err != nil {
		return Attempt{Outcome: notStarted(op.Type, err)}
	}
	if op.Params, err = e.secrets(op); err != nil {
		return Attempt{Outcome: withoutSecrets}
	}
	x, err := e.exec(ctx, op, path, op.Task, e.ocfEnvironment(op))
	if err != nil {
		return Attempt{Outcome: notStarted(path, err)}
	}
	out, _ := ended(op, x)
	if out.Status == lrm.Done {
		out.RC = ocfCode(x.Code)
	}
	if out.ExitReason == "" {
		out.ExitReason = exitReason(string(x.Stderr))
	}
	return Attempt{Outcome: out, Stdout: strings.ToValidUTF8(string(x.Stdout), "?"), Stderr: strings.ToValidUTF8(string(x.Stderr), "?")}
}
