package hcs

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/dsnet/compress/bzip2"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// tellIncidents answers as crmd does about what happened.
func (f *fake) tellIncidents(mux *http.ServeMux) {
	find := func(id string) (api.Incident, error) {
		for _, in := range f.incidents {
			if strings.Contains(in.ID, id) {
				return in, nil
			}
		}
		return api.Incident{}, ipc.Errorf(api.CodeNoSuchObject, "there is no incident %q here; hcs incidents lists them", id)
	}
	f.handle(mux, "GET "+api.PathIncidents, func(r *http.Request) (any, error) {
		q := r.URL.Query()
		out := []api.Incident{}
		for _, in := range f.incidents {
			if s := q.Get("subject"); s != "" && in.Subject != s && in.Node != s && !slices.Contains(in.Resources, s) || q.Get("open") != "" && in.Ended != 0 || q.Get("kind") != "" && q.Get("kind") != in.Kind {
				continue
			}
			in.Evidence, in.Decision, in.Actions, in.Advice, in.Cause.Because = nil, nil, nil, nil, nil
			out = append(out, in)
		}
		return out, nil
	})
	f.handle(mux, "GET "+api.PathSupervise, func(r *http.Request) (any, error) { return []api.Supervision{}, nil })
	f.handle(mux, "GET "+api.PathIncident, func(r *http.Request) (any, error) { return find(r.URL.Query().Get("id")) })
	f.handle(mux, "GET "+api.PathPlanInput, func(r *http.Request) (any, error) {
		in, err := find(r.URL.Query().Get("id"))
		if err != nil {
			return nil, err
		}
		var packed bytes.Buffer
		w, err := bzip2.NewWriter(&packed, nil)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(`<cib><nvpair id="a" name="password" value="geheim"/><nvpair id="b" name="ip" value="10.0.0.1"/></cib>`)); err != nil {
			return nil, err
		}
		err = w.Close()
		return api.PlanInput{Name: in.ID + ".3.bz2", Data: packed.Bytes()}, err
	})
}
