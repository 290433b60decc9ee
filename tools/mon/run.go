package mon

import (
	"context"
	"net/http"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

func (m *monitor) run(ctx context.Context, env *cli.Env, out *output.Out) error {
	if err := m.apply(m.choices); err != nil {
		return err
	}
	conn, err := cibclient.Open(env)
	if err != nil {
		return m.disconnected(out, cibclient.ExitCode(err), err.Error())
	}
	defer conn.Close()
	background := env.Getenv(backgroundVariable) != ""
	if m.daemonize && !background {
		return m.detach(env, out)
	}
	w := &watcher{monitor: m, env: env, conn: conn, format: out.Format, file: out.File}
	if background {
		return w.inBackground(ctx)
	}
	if m.once || m.simple || m.legacyXML || m.cgi || !conn.Live() || out.Format == output.XML || out.Format == output.None {
		return m.look(ctx, env, conn, out)
	}
	return w.watch(ctx)
}

// look shows the cluster once.
func (m *monitor) look(ctx context.Context, env *cli.Env, conn *cibclient.Conn, out *output.Out) error {
	doc, err := conn.Query(ctx, "")
	if err != nil {
		if cibclient.ExitCode(err) == api.CodeNotConnected {
			out.Errorf("error: Could not connect to launcher: Connection refused")
			return m.disconnected(out, api.CodeNotConnected, "Connection refused")
		}
		return m.disconnected(out, cibclient.ExitCode(err), err.Error())
	}
	r := m.observe(ctx, env, conn, out, doc)
	if m.simple {
		return r.simpleStatus()
	}
	if out.Format == output.HTML {
		m.pageHead(out)
		defer m.pageFoot(out)
	}
	r.write()
	return nil
}

// observe makes a report of a CIB and of what fenced knows.
func (m *monitor) observe(ctx context.Context, env *cli.Env, conn *cibclient.Conn, out *output.Out, doc *cibxml.Element) *report {
	r := m.newReport(out, sched.Input{Doc: doc, Now: time.Now().Unix(), Zone: time.Local})
	r.live = conn.Live()
	if r.live && m.show&fencing != 0 {
		r.fenceEvents, r.fenceProblem = fenceHistory(ctx, env)
	}
	return r
}

// fencePatience is how long fenced may take to tell its history.
const fencePatience = 5 * time.Second

// fenceHistory is the history of fencing, newest first.
func fenceHistory(ctx context.Context, env *cli.Env) ([]api.FenceEvent, error) {
	client := env.Daemon("fenced")
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, fencePatience)
	defer cancel()
	var events []api.FenceEvent
	if err := client.Call(ctx, http.MethodGet, api.PathFenceHistory, nil, &events); err != nil {
		return nil, err
	}
	sortEvents(events)
	return events, nil
}

// disconnected says that there is no cluster to show.
func (m *monitor) disconnected(out *output.Out, code int, why string) error {
	if m.simple {
		return program.Faultf(nagiosCritical, "CLUSTER CRIT: Connection to cluster failed: %s", why)
	}
	return program.Faultf(code, "Connection to cluster failed: %s", why)
}
