package mon

import (
	"bytes"
	"context"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
)

// settle is how long changes are gathered before the cluster is shown again.
const settle = 500 * time.Millisecond

// clearScreen moves a terminal's cursor home and erases everything.
const clearScreen = "\x1b[H\x1b[2J"

// watcher shows the cluster again and again.
type watcher struct {
	*monitor
	env    *cli.Env
	conn   *cibclient.Conn
	format output.Format
	file   string // "" is standard output
	// doc is the CIB that was shown last, for what happened since.
	doc *cibxml.Element
	// fenced are the fencing events that the agent has been told of.
	fenced map[string]bool
}

// watch shows the cluster until ctx ends: when it changes, and every interval.
func (w *watcher) watch(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.follow(ctx, changed)
	}()
	defer func() {
		stop()
		<-ended
	}()
	for {
		if err := w.refresh(ctx); err != nil {
			return err
		}
		timer := time.NewTimer(w.interval)
		select {
		case <-changed:
			timer.Reset(min(settle, w.interval))
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil // a signal ends it
		}
		select { // what changed meanwhile is shown now
		case <-changed:
		default:
		}
	}
}

// follow announces changes of the CIB, and connects again when crmd was away.
func (w *watcher) follow(ctx context.Context, changed chan<- struct{}) {
	client := w.env.Daemon("crmd")
	defer client.Close()
	for ctx.Err() == nil {
		_ = ipc.Watch(ctx, client, api.PathCIBWatch, func(api.CIBEvent) error {
			select {
			case changed <- struct{}{}:
			default:
			}
			return nil
		}) // that crmd does not answer shows when the cluster is shown
		select {
		case <-time.After(w.interval):
		case <-ctx.Done():
		}
	}
}

// refresh shows the cluster once, and tells the external agent what happened.
func (w *watcher) refresh(ctx context.Context) error {
	var text bytes.Buffer
	out := output.New(w.format, &text, &text)
	out.Lines.Plain = false
	doc, err := w.conn.Query(ctx, "")
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		out.Lines.Text("Not connected to the cluster (%v), trying again every %v", err, w.interval)
		return w.put(text.Bytes())
	}
	if w.doc != nil && w.agent != "" {
		w.notify(ctx, w.doc, doc)
	}
	w.doc = doc
	r := w.observe(ctx, w.env, w.conn, out, doc)
	if w.agent != "" && w.watching {
		w.notifyFencing(ctx, r)
	}
	if w.format == output.HTML {
		w.pageHead(out)
	}
	r.write()
	if w.format == output.HTML {
		w.pageFoot(out)
	}
	out.End(0)
	return w.put(text.Bytes())
}

// put replaces what is shown.
func (w *watcher) put(text []byte) error {
	if w.file != "" {
		return atomicfile.Write(w.file, text, 0o644)
	}
	if terminal(w.env.Stdout) {
		text = append([]byte(clearScreen), text...)
	} else {
		text = append(text, '\n')
	}
	_, err := w.env.Stdout.Write(text)
	return err
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
