package crmd

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/archive"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// Paths between crmds for incidents.
const (
	pathRecords = "/peer/v1/incidents"         // POST recordParcel
	pathMissing = "/peer/v1/incidents/missing" // POST the numbers of what one has -> recordParcel with the rest
)

// recordParcel are incidents on their way to another node, with what the scheduler was given.
type recordParcel struct {
	Incidents []api.Incident    `json:"incidents"`
	Inputs    map[string][]byte `json:"inputs,omitempty"`
}

// records writes the incidents of this node, keeps everybody's, and gives them to the members.
type records struct {
	d       *Daemon
	machine *incident.Machine // only the loop touches it
	archive *archive.Archive
	kept    map[string]bool // inputs that were read; only the loop touches it

	mu        sync.Mutex
	followers map[string]*follower // the other members
	next      chan struct{}        // closed when a follower has got something
}

// follower is what a member has not got yet.
type follower struct {
	wake    chan struct{} // capacity 1
	stop    context.CancelFunc
	parcel  recordParcel
	pending map[string]api.Incident
	sending bool
}

// open makes the machine and reads what was kept before this crmd started.
func (r *records) open(d *Daemon) (err error) {
	r.d, r.machine, r.kept = d, incident.New(d.node), make(map[string]bool)
	r.followers, r.next = make(map[string]*follower), make(chan struct{})
	r.archive, err = archive.Open(archive.Config{Dir: d.cfg.Dirs.State("crmd") + "/incidents", Log: d.log})
	return err
}

// resume tells the machine of the incidents that were not over when crmd ended. Only the loop calls it.
func (r *records) resume(now time.Time) {
	for _, head := range r.archive.List() {
		if head.Ended != 0 && head.Kind != api.IncidentAlarm || now.UnixMilli()-head.Started > time.Hour.Milliseconds() {
			continue
		}
		if in, err := r.archive.Get(head.ID); err == nil {
			r.step(now, incident.Stored{Incident: in})
		}
	}
}

// happened completes an event with the vitals of the node, and records it. The reasons of a plan follow, because
// they take another run of the scheduler. Only the loop calls it.
func (d *Daemon) happened(now time.Time, ev incident.Event) {
	switch x := ev.(type) {
	case incident.Lost:
		x.Digests = d.observer.Digests(x.Node, lossDigests)
		ev = x
	case incident.Ended:
		if !x.OK {
			x.Digests = d.observer.Digests(x.Node, failureDigests)
			ev = x
		}
	case incident.Planned:
		if len(x.Changes) > 0 {
			d.spawn(func(context.Context) {
				notes := d.planner.reasons(x.Changes)
				_ = d.post(func(now time.Time) { d.happened(now, incident.Decided{Transition: x.Transition, Notes: notes}) })
			})
		}
	}
	d.records.step(now, ev)
}

// How many seconds of a node's vitals an incident keeps.
const (
	lossDigests    = 60
	failureDigests = 10
)

// step lets the machine write. Only the loop calls it.
func (r *records) step(now time.Time, ev incident.Event) {
	for _, o := range r.machine.Step(now, ev) {
		was, _ := r.archive.Head(o.Incident.ID)
		if !r.archive.Put(o.Incident) {
			continue
		}
		if o.Incident.Ended != 0 && was.Ended == 0 { // late news of what is over does not count again
			r.d.counts.incident(o.Incident)
		}
		r.share(recordParcel{Incidents: []api.Incident{o.Incident}})
		for _, dec := range o.Incident.Decision {
			r.keepInput(archive.InputName(o.Incident.ID, dec.Transition), dec.Input)
		}
	}
}

// keepInput has a copy of the scheduler's input lie with the incident, here and with the others.
func (r *records) keepInput(name, file string) {
	if file == "" || r.kept[name] {
		return
	}
	if len(r.kept) > 4096 {
		clear(r.kept)
	}
	r.kept[name] = true
	r.d.spawn(func(context.Context) {
		if _, err := r.archive.Input(name); err == nil {
			return
		}
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return // of another node, which has sent it
		}
		if err != nil {
			r.d.log.Warn("the scheduler's input is not kept with the incident", "file", file, "err", err)
			return
		}
		r.archive.PutInput(name, data)
		r.share(recordParcel{Inputs: map[string][]byte{name: data}})
	})
}

// maxPending bounds what waits for a member; a member that misses something fetches it when it joins again.
const maxPending = 256

// share gives something to every member, soon.
func (r *records) share(p recordParcel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.followers {
		f.add(p)
	}
}

func (f *follower) add(p recordParcel) {
	if len(f.pending)+len(f.parcel.Inputs) > maxPending {
		f.pending, f.parcel.Inputs = nil, nil
	}
	for _, in := range p.Incidents {
		if f.pending == nil {
			f.pending = make(map[string]api.Incident)
		}
		if old, ok := f.pending[in.ID]; !ok || old.Seq < in.Seq {
			f.pending[in.ID] = in
		}
	}
	for name, data := range p.Inputs {
		if f.parcel.Inputs == nil {
			f.parcel.Inputs = make(map[string][]byte)
		}
		f.parcel.Inputs[name] = data
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// members says who is to get the incidents.
func (r *records) members(v *api.View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, f := range r.followers {
		if !hasMember(v, name) {
			f.stop()
			delete(r.followers, name)
		}
	}
	close(r.next) // one that is gone is not waited for
	r.next = make(chan struct{})
	for _, x := range v.Members {
		if x.Name == r.d.node || r.followers[x.Name] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(r.d.ctx)
		f := &follower{wake: make(chan struct{}, 1), stop: cancel}
		r.followers[x.Name] = f
		r.d.spawn(func(context.Context) { r.follow(ctx, x.Name, f) })
	}
}

// follow serves one member until it leaves the view: first it is asked for what this node has not got.
func (r *records) follow(ctx context.Context, node string, f *follower) {
	client := r.d.peers.Client(node)
	asked := false
	for {
		var err error
		if !asked {
			if asked = r.fetch(ctx, client) == nil; asked {
				r.offer(f)
			}
		}
		if p, any := r.take(f); any {
			err = r.call(ctx, client, pathRecords, p, nil)
			r.sent(f, p, err)
		}
		var again <-chan time.Time
		if err != nil || !asked {
			again = time.After(attrRetry)
		}
		select {
		case <-f.wake:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

func (r *records) call(ctx context.Context, client *ipc.Client, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return client.Call(ctx, http.MethodPost, path, in, out)
}

// take is what the member has not got.
func (r *records) take(f *follower) (recordParcel, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := recordParcel{Inputs: f.parcel.Inputs}
	for _, in := range f.pending {
		p.Incidents = append(p.Incidents, in)
	}
	f.pending, f.parcel.Inputs = nil, nil
	f.sending = len(p.Incidents)+len(p.Inputs) > 0
	return p, f.sending
}

// sent notes the outcome; what did not arrive is sent again.
func (r *records) sent(f *follower, p recordParcel, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.sending = false
	if err != nil {
		f.add(p)
		<-f.wake // not before the pause
		return
	}
	close(r.next)
	r.next = make(chan struct{})
}

// fetch asks a member for the incidents that this node has not got, or only in an older version.
func (r *records) fetch(ctx context.Context, client *ipc.Client) error {
	var p recordParcel
	if err := r.call(ctx, client, pathMissing, r.archive.Index(), &p); err != nil {
		return err
	}
	return r.receive(p)
}

// recent is how long ago an incident of this node may have ended that a member has perhaps not heard of: what was
// written while this crmd had no view.
const recent = 10 * time.Minute

// offer gives a member the incidents of this node that are open or ended lately. What it has already it drops.
func (r *records) offer(f *follower) {
	var p recordParcel
	for _, head := range r.archive.List() {
		if head.Owner != r.d.node || head.Ended != 0 && time.Since(time.UnixMilli(head.Ended)) > recent || len(p.Incidents) >= maxPending/2 {
			continue
		}
		if in, err := r.archive.Get(head.ID); err == nil {
			p.Incidents = append(p.Incidents, in)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f.add(p)
}

// receive takes incidents of another node.
func (r *records) receive(p recordParcel) error {
	for _, in := range p.Incidents {
		if !r.archive.Put(in) {
			continue
		}
		if err := r.d.post(func(now time.Time) { r.step(now, incident.Stored{Incident: in}) }); err != nil {
			return err
		}
	}
	for name, data := range p.Inputs {
		r.archive.PutInput(name, data)
	}
	return nil
}

// maxMissing bounds an answer to fetch, in incidents and in bytes of inputs.
const (
	maxMissing      = 500
	maxMissingBytes = 16 << 20
)

// missing is what a node with this index has not got, newest first.
func (r *records) missing(index map[string]int) recordParcel {
	p := recordParcel{Inputs: make(map[string][]byte)}
	size := 0
	for _, head := range r.archive.List() {
		if seq, ok := index[head.ID]; ok && seq >= head.Seq || len(p.Incidents) >= maxMissing {
			continue
		}
		in, err := r.archive.Get(head.ID)
		if err != nil {
			continue // its file is gone; another member may have it
		}
		p.Incidents = append(p.Incidents, in)
		for _, dec := range in.Decision {
			name := archive.InputName(in.ID, dec.Transition)
			if data, err := r.archive.Input(name); err == nil && size+len(data) <= maxMissingBytes {
				p.Inputs[name], size = data, size+len(data)
			}
		}
	}
	return p
}

// copyWait bounds how long a shot waits until the other members have the incident that explains it. It is a
// small part of the time that a fence takes, and a member that hangs must not hold up the recovery.
const copyWait = 100 * time.Millisecond

// settle waits until every member has what was recorded so far, but not for long.
func (r *records) settle(ctx context.Context) {
	limit := time.NewTimer(copyWait)
	defer limit.Stop()
	for {
		r.mu.Lock()
		busy, next := false, r.next
		for _, f := range r.followers {
			busy = busy || f.sending || len(f.pending) > 0
		}
		r.mu.Unlock()
		if !busy {
			return
		}
		select {
		case <-next:
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
