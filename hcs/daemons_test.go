package hcs

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/fenced/budget"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// crmd answers as a node's crmd does.
func (f *fake) crmd() *http.ServeMux {
	mux := http.NewServeMux()
	f.handle(mux, "POST "+api.PathCIB, f.cib)
	f.handle(mux, "GET "+api.PathCRMStatus, func(r *http.Request) (any, error) {
		st := f.crm
		st.CIBVersion = cib.VersionOf(f.doc).String()
		if f.busy > 0 {
			f.busy--
			st.State, st.Pending, st.Transition = "S_TRANSITION_ENGINE", 2, 17
		}
		return st, nil
	})
	f.handle(mux, "GET "+api.PathNotes, func(r *http.Request) (any, error) {
		subject := r.URL.Query().Get("subject")
		return slices.DeleteFunc(slices.Clone(f.notes), func(n api.Note) bool { return subject != "" && n.Subject != subject }), nil
	})
	f.handle(mux, "GET "+api.PathTimeline, func(r *http.Request) (any, error) {
		since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
		return slices.DeleteFunc(slices.Clone(f.timeline), func(e api.TimelineEvent) bool { return e.At < since }), nil
	})
	f.tellIncidents(mux)
	f.handle(mux, "GET "+api.PathThrottle, func(*http.Request) (any, error) { return f.throttle, nil })
	f.handle(mux, "GET "+api.PathAlarms, func(*http.Request) (any, error) { return f.alarms, nil })
	f.handle(mux, "POST "+api.PathCleanup, noted[api.CleanupRequest](f, func(api.CleanupRequest) any { return api.CleanupReply{Cleaned: f.cleaned} }))
	f.handle(mux, "POST "+api.PathAttrs, noted[api.AttrUpdate](f, nil))
	f.handle(mux, "POST "+api.PathShutdown, noted[api.ShutdownRequest](f, nil))
	f.handle(mux, "DELETE "+api.PathRemove, func(r *http.Request) (any, error) { f.call(r, nil); return nil, nil })
	f.handle(mux, "GET "+api.PathFile, func(*http.Request) (any, error) { return f.file, nil })
	f.handle(mux, "PUT "+api.PathFile, func(r *http.Request) (any, error) {
		var in api.ClusterFile
		if err := ipc.Read(r, &in); err != nil {
			return nil, err
		}
		if _, err := clusterfile.Parse("cluster.toml", []byte(in.Text)); err != nil {
			return nil, ipc.Errorf(api.CodeConfig, "%v", err)
		}
		if in.Base != f.file.Version {
			return nil, ipc.Errorf(api.CodeOld, "the cluster file has changed meanwhile")
		}
		f.file = api.ClusterFile{Version: f.file.Version + 1, Text: in.Text}
		f.call(r, f.file.Version)
		return f.file, nil
	})
	f.handle(mux, "GET "+api.PathTokens, func(*http.Request) (any, error) { return f.tokens, nil })
	f.handle(mux, "POST "+api.PathTokens, noted[api.TokenRequest](f, func(api.TokenRequest) any {
		return api.Token{ID: "q5w2ka", Secret: "abcdefghijklmnopqrstuvwxyz", CAHash: "sha256:c0ffee"}
	}))
	f.handle(mux, "DELETE "+api.PathTokens, func(r *http.Request) (any, error) { f.call(r, nil); return nil, nil })
	return mux
}

// noted handles a request of which only a note is taken, and answers with what reply says.
func noted[T any](f *fake, reply func(T) any) func(r *http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		var in T
		if err := ipc.Read(r, &in); err != nil {
			return nil, err
		}
		f.call(r, in)
		if reply == nil {
			return nil, nil
		}
		return reply(in), nil
	}
}

// corosyncd answers as a node's corosyncd does.
func (f *fake) corosyncd() *http.ServeMux {
	mux := http.NewServeMux()
	f.handle(mux, "POST "+api.PathKey, func(r *http.Request) (any, error) {
		var in api.KeyChange
		if err := ipc.Read(r, &in); err != nil {
			return nil, err
		}
		switch {
		case in.Key != "" && !in.Force: // this key comes with a node that is down
			return nil, ipc.Errorf(api.CodeUnsafe, "n3 would keep the old key and be shut out")
		case in.Force:
			return api.KeyStatus{Key: "1a2b3c4d", Absent: []string{"n3"}}, nil
		}
		return api.KeyStatus{Key: "1a2b3c4d"}, nil
	})
	f.handle(mux, "GET "+api.PathCorosyncStatus, func(*http.Request) (any, error) { return f.corosync, nil })
	f.handle(mux, "GET "+api.PathLinks, func(*http.Request) (any, error) { return f.links, nil })
	f.handle(mux, "POST "+api.PathVotes, noted[api.VotesChange](f, nil))
	f.handle(mux, "PUT "+api.PathCmap, noted[api.CmapEntry](f, nil))
	f.handle(mux, "GET "+api.PathQdevice, func(*http.Request) (any, error) {
		if f.qdevice == nil {
			return nil, ipc.Errorf(api.CodeNoSuchObject, "there is no quorum device")
		}
		return f.qdevice, nil
	})
	f.handle(mux, "PUT "+api.PathQdeviceCredentials, func(r *http.Request) (any, error) { f.call(r, nil); return nil, nil })
	return mux
}

// fenced answers as a node's fenced does.
func (f *fake) fenced() *http.ServeMux {
	mux := http.NewServeMux()
	f.handle(mux, "GET "+api.PathFenceDevices, func(*http.Request) (any, error) { return append([]api.FenceDeviceStatus{}, f.devices...), nil })
	f.handle(mux, "GET "+api.PathFenceHealth, func(*http.Request) (any, error) { return f.health, nil })
	f.handle(mux, "GET "+api.PathFenceBudget, func(*http.Request) (any, error) { return f.budget, nil })
	f.handle(mux, "POST "+api.PathFenceBudget, func(r *http.Request) (any, error) {
		var in api.FenceConfig
		err := ipc.Read(r, &in)
		return budget.Report(budget.Cluster{Token: time.Second}.Add(in)), err
	})
	f.handle(mux, "GET "+api.PathFenceHistory, func(r *http.Request) (any, error) {
		target := r.URL.Query().Get("target")
		return slices.DeleteFunc(append([]api.FenceEvent{}, f.history...), func(e api.FenceEvent) bool { return target != "" && e.Target != target }), nil
	})
	f.handle(mux, "DELETE "+api.PathFenceHistory, func(r *http.Request) (any, error) { f.call(r, nil); return nil, nil })
	f.handle(mux, "POST "+api.PathFence, noted[api.FenceRequest](f, func(in api.FenceRequest) any {
		res := f.result
		res.Action = in.Action
		return res
	}))
	f.handle(mux, "POST "+api.PathFenceConfirm, noted[api.FenceConfirm](f, nil))
	f.handle(mux, "POST "+api.PathFenceTest, noted[api.FenceCheck](f, func(api.FenceCheck) any { return f.result }))
	return mux
}
