package crmd

import (
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strconv"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/archive"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// incidents lists what this node has; every node has all.
func (c clientCalls) incidents(r *http.Request) (any, error) {
	q := r.URL.Query()
	since, _ := strconv.ParseInt(q.Get("since"), 10, 64)
	subject, kind, open := q.Get("subject"), q.Get("kind"), q.Get("open") != ""
	out := slices.DeleteFunc(c.records.archive.List(), func(in api.Incident) bool {
		return in.Started < since && in.Ended < since && in.Ended != 0 || kind != "" && in.Kind != kind || open && in.Ended != 0 ||
			subject != "" && in.Subject != subject && in.Node != subject && !slices.Contains(in.Resources, subject)
	})
	return out, nil
}

func (c clientCalls) incident(r *http.Request) (any, error) {
	in, err := c.records.archive.Get(r.URL.Query().Get("id"))
	if errors.Is(err, fs.ErrNotExist) {
		err = ipc.Errorf(api.CodeNoSuchObject, "there is no incident %q here; hcs incidents lists them", r.URL.Query().Get("id"))
	}
	return in, err
}

// planInput is what the scheduler was given for a transition of an incident, its last one when none is named.
func (c clientCalls) planInput(r *http.Request) (any, error) {
	in, err := c.records.archive.Get(r.URL.Query().Get("id"))
	if err != nil || len(in.Decision) == 0 {
		return nil, ipc.Errorf(api.CodeNoSuchObject, "there is no incident %q here for which a plan was made", r.URL.Query().Get("id"))
	}
	transition := in.Decision[len(in.Decision)-1].Transition
	if t := r.URL.Query().Get("transition"); t != "" {
		if transition, err = strconv.Atoi(t); err != nil {
			return nil, ipc.Errorf(api.CodeUsage, "transition %q is not a number", t)
		}
	}
	name := archive.InputName(in.ID, transition)
	data, err := c.records.archive.Input(name)
	if err != nil {
		return nil, ipc.Errorf(api.CodeNoSuchObject, "the scheduler's input of incident %s, transition %d, is not kept here", in.ID, transition)
	}
	return api.PlanInput{Name: name, Data: data}, nil
}

// handleRecords lets the other crmds give and fetch incidents.
func (d *Daemon) handleRecords(mux *http.ServeMux) {
	mux.HandleFunc("POST "+pathRecords, func(w http.ResponseWriter, r *http.Request) {
		var p recordParcel
		if err := ipc.Read(r, &p); err != nil {
			ipc.Fail(w, err)
			return
		}
		finish(w, nil, d.records.receive(p))
	})
	mux.HandleFunc("POST "+pathMissing, func(w http.ResponseWriter, r *http.Request) {
		var index map[string]int
		if err := ipc.Read(r, &index); err != nil {
			ipc.Fail(w, err)
			return
		}
		ipc.Reply(w, d.records.missing(index))
	})
}
