package hcs

import "sync"

// clusters are the fake clusters of the scripts that run.
var clusters registry

type registry struct {
	mu   sync.Mutex
	list map[string]*fake
}

func (r *registry) get(run string) *fake {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.list[run]
}

func (r *registry) set(run string, f *fake) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.list == nil {
		r.list = map[string]*fake{}
	}
	r.list[run] = f
}
