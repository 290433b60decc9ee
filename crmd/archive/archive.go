// Package archive keeps a node's copy of the incidents on disk, bounded by number and age.
package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// Config says where incidents are kept, and how many.
type Config struct {
	Dir string
	// Count and Age bound what is kept; what is open is kept in any case. 0 are 500 incidents and 90 days.
	Count int
	Age   time.Duration
	Log   *slog.Logger
}

// Archive holds the heads of all incidents in memory, and the rest of them on disk. Its methods are safe for
// concurrent use.
type Archive struct {
	cfg  Config
	wake chan struct{} // capacity 1: there is something to write

	mu    sync.Mutex
	heads map[string]api.Incident
	// unwritten are whole incidents that are not on disk yet, or again; inputs are files that go with them.
	unwritten map[string]api.Incident
	inputs    map[string][]byte
	order     []string // of what is unwritten
	broken    bool     // the last write failed, which was logged
}

// maxUnwritten bounds what waits for a disk that does not answer; the oldest is dropped then, and remains with
// the other nodes.
const maxUnwritten = 256

// Open reads what is there. Files that cannot be read are set aside.
func Open(cfg Config) (*Archive, error) {
	if cfg.Count <= 0 {
		cfg.Count = 500
	}
	if cfg.Age <= 0 {
		cfg.Age = 90 * 24 * time.Hour
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &Archive{cfg: cfg, wake: make(chan struct{}, 1), heads: make(map[string]api.Incident), unwritten: make(map[string]api.Incident), inputs: make(map[string][]byte)}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("keep incidents: %w", err)
	}
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("read the incidents: %w", err)
	}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		in, err := a.read(id)
		if err != nil {
			cfg.Log.Warn("an incident cannot be read and is set aside", "file", a.path(id), "err", err)
			_ = os.Rename(a.path(id), a.path(id)+".bad") // it is read again next time otherwise
			continue
		}
		a.heads[id] = head(in)
	}
	return a, nil
}

func (a *Archive) path(id string) string { return filepath.Join(a.cfg.Dir, id+".json") }

func (a *Archive) read(id string) (in api.Incident, err error) {
	raw, err := os.ReadFile(a.path(id))
	if err != nil {
		return in, err
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return in, err
	}
	if in.ID != id {
		return in, fmt.Errorf("it says that it is %q", in.ID)
	}
	return in, nil
}

// head is an incident without its bulk.
func head(in api.Incident) api.Incident {
	in.Evidence, in.Decision, in.Actions, in.Advice = nil, nil, nil, nil
	in.Cause.Because = nil
	return in
}

// valid reports whether a name can be that of a file here: ids come from other nodes.
func valid(id string) bool {
	return id != "" && len(id) < 200 && !strings.HasPrefix(id, ".") && !strings.ContainsAny(id, "/\\\x00")
}

// Put takes an incident and reports whether it is news: unknown, or newer than what is known.
func (a *Archive) Put(in api.Incident) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, known := a.heads[in.ID]
	if !valid(in.ID) || known && !newer(in, old) {
		return false
	}
	a.heads[in.ID] = head(in)
	a.unwritten[in.ID] = in
	a.later(in.ID)
	return true
}

// newer: two writers of one incident are a DC and its successor; the one that ended it knows more.
func newer(in, old api.Incident) bool {
	return cmp.Or(cmp.Compare(in.Seq, old.Seq), cmp.Compare(in.Ended, old.Ended)) > 0
}

// later has something written soon.
func (a *Archive) later(name string) {
	if !slices.Contains(a.order, name) {
		a.order = append(a.order, name)
	}
	if over := len(a.order) - maxUnwritten; over > 0 {
		for _, n := range a.order[:over] {
			delete(a.unwritten, n)
			delete(a.inputs, n)
		}
		a.order = slices.Clone(a.order[over:])
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// InputName is the file name of what the scheduler was given for a transition of an incident.
func InputName(id string, transition int) string { return fmt.Sprintf("%s.%d.bz2", id, transition) }

// maxInput bounds a scheduler input that is kept.
const maxInput = 4 << 20

// PutInput keeps what the scheduler was given. It goes when its incident goes.
func (a *Archive) PutInput(name string, data []byte) {
	if !valid(name) || !strings.HasSuffix(name, ".bz2") || len(data) > maxInput {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inputs[name] = data
	a.later(name)
}

// Input is what PutInput kept.
func (a *Archive) Input(name string) ([]byte, error) {
	if !valid(name) {
		return nil, fs.ErrNotExist
	}
	a.mu.Lock()
	data, ok := a.inputs[name]
	a.mu.Unlock()
	if ok {
		return data, nil
	}
	return os.ReadFile(filepath.Join(a.cfg.Dir, name))
}

// Get finds an incident by its id, or by a part of it that only one has.
func (a *Archive) Get(id string) (api.Incident, error) {
	a.mu.Lock()
	if _, ok := a.heads[id]; !ok && id != "" {
		var found []string
		for x := range a.heads {
			if strings.Contains(x, id) {
				found = append(found, x)
			}
		}
		if len(found) > 1 {
			a.mu.Unlock()
			slices.Sort(found)
			return api.Incident{}, fmt.Errorf("%d incidents have %q in their id: %s", len(found), id, strings.Join(found[:min(5, len(found))], ", "))
		}
		if len(found) == 1 {
			id = found[0]
		}
	}
	_, known := a.heads[id]
	in, ok := a.unwritten[id]
	a.mu.Unlock()
	switch {
	case ok:
		return in, nil
	case !known:
		return in, fmt.Errorf("incident %q: %w", id, fs.ErrNotExist)
	}
	return a.read(id)
}

// Head is an incident without its bulk, by its whole id.
func (a *Archive) Head(id string) (in api.Incident, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	in, known = a.heads[id]
	return in, known
}

// List are the heads of all incidents, newest first.
func (a *Archive) List() []api.Incident {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]api.Incident, 0, len(a.heads))
	for _, in := range a.heads {
		out = append(out, in)
	}
	slices.SortFunc(out, func(x, y api.Incident) int { return cmp.Or(cmp.Compare(y.Started, x.Started), cmp.Compare(y.ID, x.ID)) })
	return out
}

// Index is the number of each incident's last change, for the comparison with another node.
func (a *Archive) Index() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make(map[string]int, len(a.heads))
	for id, in := range a.heads {
		out[id] = in.Seq
	}
	return out
}

// retry is the pause after a write that failed.
const retry = 5 * time.Second

// Run writes what is new until ctx ends, and then what is left.
func (a *Archive) Run(ctx context.Context) error {
	for {
		err := a.flush()
		var again <-chan time.Time
		if err != nil {
			again = time.After(retry)
		}
		a.prune(time.Now())
		select {
		case <-a.wake:
		case <-again:
		case <-ctx.Done():
			return a.flush()
		}
	}
}

// flush writes everything that is unwritten. The first error ends it; what is left stays for later.
func (a *Archive) flush() error {
	for {
		a.mu.Lock()
		if len(a.order) == 0 {
			a.mu.Unlock()
			return nil
		}
		name := a.order[0]
		in, whole := a.unwritten[name]
		data := a.inputs[name]
		a.mu.Unlock()
		err := a.write(name, in, whole, data)
		a.mu.Lock()
		if err == nil {
			a.written(name, in.Seq, whole)
		}
		told := a.broken
		a.broken = err != nil
		a.mu.Unlock()
		if err != nil {
			if !told {
				a.cfg.Log.Warn("an incident is not kept on this disk, it is tried again", "incident", name, "err", err)
			}
			return err
		}
	}
}

// written forgets what is on disk now, unless it has changed meanwhile.
func (a *Archive) written(name string, seq int, whole bool) {
	if now, ok := a.unwritten[name]; whole && ok && now.Seq != seq {
		return
	}
	delete(a.unwritten, name)
	delete(a.inputs, name)
	a.order = slices.DeleteFunc(a.order, func(n string) bool { return n == name })
}

func (a *Archive) write(name string, in api.Incident, whole bool, data []byte) error {
	if !whole {
		if data == nil {
			return nil
		}
		return atomicfile.Write(filepath.Join(a.cfg.Dir, name), data, 0o640)
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return atomicfile.Write(a.path(in.ID), raw, 0o640)
}

// prune removes what is too old or too much.
func (a *Archive) prune(now time.Time) {
	for i, in := range a.List() {
		if in.Ended == 0 || i < a.cfg.Count && now.UnixMilli()-in.Started < a.cfg.Age.Milliseconds() {
			continue
		}
		a.mu.Lock()
		delete(a.heads, in.ID)
		delete(a.unwritten, in.ID)
		a.order = slices.DeleteFunc(a.order, func(n string) bool { return n == in.ID })
		a.mu.Unlock()
		files, _ := filepath.Glob(filepath.Join(a.cfg.Dir, in.ID+".*")) // an id has no wildcards: it is made of names and digits
		for _, f := range files {
			if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
				a.cfg.Log.Warn("an old incident stays on disk", "file", f, "err", err)
			}
		}
	}
}
