// Package attrs keeps the transient node attributes: values that every node holds in memory, that are
// replicated by broadcast with a version each, and that one writer puts into the CIB's status after a while
// (dampening).
package attrs

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Version orders the values of one attribute on one node. It is a Lamport clock: a value that was set with
// knowledge of another has a larger Counter; of two concurrent ones the larger writer wins everywhere.
type Version struct {
	Counter uint64 `json:"counter"`
	Writer  string `json:"writer"` // node that set the value
}

// Newer reports whether v replaces o.
func (v Version) Newer(o Version) bool {
	return cmp.Or(cmp.Compare(v.Counter, o.Counter), strings.Compare(v.Writer, o.Writer)) > 0
}

// Entry is a value as it travels between nodes. Deleted values travel too, so that they win over older ones.
type Entry struct {
	Name    string  `json:"name"`
	Node    string  `json:"node"`
	Value   string  `json:"value,omitempty"`
	Deleted bool    `json:"deleted,omitempty"`
	Version Version `json:"version"`
	// Set, Dampen (ms) and Private belong to the attribute and are the same on all nodes.
	Set     string `json:"set,omitempty"`
	Dampen  int64  `json:"dampen,omitempty"`
	Private bool   `json:"private,omitempty"`
}

// Output is what the owner of the machine has to do.
type Output interface{ output() }

// Broadcast sends entries to every other member.
type Broadcast struct{ Entries []Entry }

// Write puts values into the CIB's status. Only the writer gets it.
type Write struct{ Values []Entry }

func (Broadcast) output() {}
func (Write) output()     {}

// maxAttributes bounds the memory that a client in a loop can take. Pacemaker has no limit; a cluster of 32
// nodes and 10,000 resources uses far fewer names.
const maxAttributes = 200000

type attribute struct {
	set     string
	dampen  time.Duration
	private bool
	values  map[string]*Entry // by node
	dirty   bool              // the CIB does not hold the values yet
	due     time.Time         // when they are to be written
}

// Attrs is the machine. One goroutine owns it.
type Attrs struct {
	local   string
	counter uint64
	count   int
	byName  map[string]*attribute
	writer  bool
}

// New makes the machine of a node.
func New(local string) *Attrs { return &Attrs{local: local, byName: make(map[string]*attribute)} }

// Update applies a client's request and returns what has to be told to whom.
func (a *Attrs) Update(now time.Time, u api.AttrUpdate, members []string) ([]Output, error) {
	names := []string{u.Name}
	if u.Pattern != "" {
		re, err := regexp.CompilePOSIX(u.Pattern)
		if err != nil {
			return nil, fmt.Errorf("attribute pattern %q: %w", u.Pattern, err)
		}
		names = slices.DeleteFunc(a.names(), func(n string) bool { return !re.MatchString(n) })
	} else if u.Name == "" && u.Op != "refresh" {
		return nil, fmt.Errorf("attribute update without a name")
	}
	nodes := []string{cmp.Or(u.Node, a.local)}
	if u.Node == AllNodes {
		nodes = members
	}
	var changed []Entry
	for _, name := range names {
		e, err := a.update(now, name, nodes, u)
		if err != nil {
			return nil, err
		}
		changed = append(changed, e...)
	}
	var out []Output
	if len(changed) > 0 {
		out = append(out, Broadcast{changed})
	}
	if u.Op == "refresh" {
		a.writeAll(now)
	}
	return append(out, a.Wake(now)...), nil
}

// AllNodes as the node of an update means every known node.
const AllNodes = "*"

func (a *Attrs) update(now time.Time, name string, nodes []string, u api.AttrUpdate) ([]Entry, error) {
	at := a.byName[name]
	switch u.Op {
	case "refresh":
		return nil, nil
	case "update-delay":
		if at == nil {
			return nil, fmt.Errorf("attribute %s does not exist: its delay cannot be changed", name)
		}
	case "delete":
		if at == nil {
			return nil, nil
		}
	case "update", "update-both":
		if at == nil {
			if a.count >= maxAttributes {
				return nil, fmt.Errorf("attribute %s: there are already %d values, more are not kept", name, a.count)
			}
			at = &attribute{set: u.Set, private: u.Private, dampen: time.Duration(max(0, u.Dampen)) * time.Millisecond,
				values: make(map[string]*Entry)}
			a.byName[name] = at
		}
	default:
		return nil, fmt.Errorf("attribute %s: unknown operation %q", name, u.Op)
	}
	if (u.Op == "update-both" || u.Op == "update-delay") && u.Dampen >= 0 {
		at.dampen = time.Duration(u.Dampen) * time.Millisecond
		at.due = now
	}
	var changed []Entry
	for _, node := range nodes {
		if e := a.change(now, at, name, node, u); e != nil {
			changed = append(changed, *e)
		}
	}
	return changed, nil
}

// change sets one value and returns the entry to broadcast, nil when nothing changed.
func (a *Attrs) change(now time.Time, at *attribute, name, node string, u api.AttrUpdate) *Entry {
	old := at.values[node]
	value, deleted := u.Value, u.Op == "delete"
	switch {
	case u.Op == "update-delay":
		if old == nil {
			return nil
		}
		value, deleted = old.Value, old.Deleted
	case deleted:
		if old == nil || old.Deleted {
			return nil
		}
		value = ""
	default:
		value = expand(value, old)
		// Values that differ only in case are equal, as in Pacemaker.
		if old != nil && !old.Deleted && strings.EqualFold(old.Value, value) && u.Op == "update" {
			return nil
		}
	}
	a.counter++
	e := Entry{Name: name, Node: node, Value: value, Deleted: deleted, Version: Version{a.counter, a.local},
		Set: at.set, Dampen: at.dampen.Milliseconds(), Private: at.private}
	a.store(now, at, e)
	return &e
}

// infinity caps what increments make.
const infinity = 1000000

// expand resolves "value++" and "value+=N" against the old value, which counts 0 when it is not a number.
func expand(value string, old *Entry) string {
	step, ok := 1, value == "value++"
	if s, cut := strings.CutPrefix(value, "value+="); cut {
		step, ok = score(s), true
	}
	if !ok {
		return value
	}
	n := 0
	if old != nil && !old.Deleted {
		n = score(old.Value)
	}
	n = min(n+step, infinity)
	if n == infinity {
		return "INFINITY"
	}
	return strconv.Itoa(n)
}

func score(s string) int {
	switch strings.TrimPrefix(s, "+") {
	case "INFINITY":
		return infinity
	case "-INFINITY":
		return -infinity
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return max(-infinity, min(infinity, n))
}

func (a *Attrs) store(now time.Time, at *attribute, e Entry) {
	if at.values[e.Node] == nil {
		a.count++
	}
	at.values[e.Node] = &e
	a.touch(now, at)
}

// touch restarts the dampening of a changed attribute.
func (a *Attrs) touch(now time.Time, at *attribute) {
	if at.private {
		return
	}
	at.dirty = true
	at.due = now.Add(at.dampen)
}

// Merge takes entries of another node: a broadcast, or all that it has when it joins.
func (a *Attrs) Merge(now time.Time, entries []Entry) []Output {
	for _, e := range entries {
		a.counter = max(a.counter, e.Version.Counter)
		at := a.byName[e.Name]
		if at == nil {
			if a.count >= maxAttributes {
				continue
			}
			at = &attribute{set: e.Set, private: e.Private, values: make(map[string]*Entry)}
			a.byName[e.Name] = at
		}
		at.dampen = time.Duration(e.Dampen) * time.Millisecond
		old := at.values[e.Node]
		if old != nil && !e.Version.Newer(old.Version) {
			continue
		}
		same := old != nil && old.Value == e.Value && old.Deleted == e.Deleted
		due, dirty := at.due, at.dirty
		a.store(now, at, e)
		if same {
			at.due, at.dirty = due, dirty
		}
	}
	return a.Wake(now)
}

// Forget drops a node's values, because it left or was lost: transient means until then.
func (a *Attrs) Forget(node string) {
	for name, at := range a.byName {
		if at.values[node] != nil {
			delete(at.values, node)
			a.count--
		}
		if len(at.values) == 0 {
			delete(a.byName, name)
		}
	}
}

// SetWriter makes this node the one that writes to the CIB, or not. A new writer writes everything.
func (a *Attrs) SetWriter(now time.Time, writer bool) []Output {
	if writer && !a.writer {
		a.writeAll(now)
	}
	a.writer = writer
	return a.Wake(now)
}

func (a *Attrs) writeAll(now time.Time) {
	for _, at := range a.byName {
		if !at.private {
			at.dirty, at.due = true, now
		}
	}
}

// Wake writes what is due.
func (a *Attrs) Wake(now time.Time) []Output {
	if !a.writer {
		return nil
	}
	var values []Entry
	for _, name := range a.names() {
		at := a.byName[name]
		if !at.dirty || now.Before(at.due) {
			continue
		}
		at.dirty = false
		for _, node := range at.nodes() {
			values = append(values, *at.values[node])
		}
	}
	if values == nil {
		return nil
	}
	return []Output{Write{values}}
}

// Deadline is when Wake has something to write, zero for never.
func (a *Attrs) Deadline() time.Time {
	var next time.Time
	if !a.writer {
		return next
	}
	for _, at := range a.byName {
		if at.dirty && (next.IsZero() || at.due.Before(next)) {
			next = at.due
		}
	}
	return next
}

// Get is the value of an attribute on a node.
func (a *Attrs) Get(name, node string) (string, bool) {
	if at := a.byName[name]; at != nil {
		if e := at.values[node]; e != nil && !e.Deleted {
			return e.Value, true
		}
	}
	return "", false
}

// Query lists values. An empty name or node matches all. known tells whether the attribute exists at all: one
// whose values were all deleted does.
func (a *Attrs) Query(name, node string) (values []api.AttrValue, known bool) {
	for _, n := range a.names() {
		if name != "" && n != name {
			continue
		}
		at := a.byName[n]
		for _, host := range at.nodes() {
			known = true
			if e := at.values[host]; !e.Deleted && (node == "" || node == host) {
				values = append(values, api.AttrValue{Name: n, Node: host, Value: e.Value, Private: at.private})
			}
		}
	}
	return values, known
}

// All are the entries that a joining node needs, deletions included.
func (a *Attrs) All() []Entry {
	var out []Entry
	for _, n := range a.names() {
		for _, host := range a.byName[n].nodes() {
			out = append(out, *a.byName[n].values[host])
		}
	}
	return out
}

func (a *Attrs) names() []string {
	out := make([]string, 0, len(a.byName))
	for n := range a.byName {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func (at *attribute) nodes() []string {
	out := make([]string, 0, len(at.values))
	for n := range at.values {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
