package operate

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/state"
)

func sortedNames(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// operationName writes monitor_10000 as "monitor every 10s".
func operationName(key string) string {
	name, ms, ok := strings.Cut(key, "_")
	if i := strings.LastIndexByte(key, '_'); i >= 0 {
		name, ms = key[:i], key[i+1:]
	}
	n, err := strconv.Atoi(ms)
	if !ok || err != nil || n == 0 {
		return name
	}
	return name + " every " + render.Span(time.Duration(n)*time.Millisecond)
}

// exist wants a resource, which may be one that is only in the history, and a node; "" is not looked at.
func exist(_ *session.Session, conf *cibxml.Element, st *state.Cluster, rsc, node string) error {
	if rsc != "" && st.Find(rsc) == nil {
		if _, err := edit.Resource(conf, rsc); err != nil {
			return err
		}
	}
	if node != "" && st.Node(node) == nil {
		_, err := edit.Node(conf, node)
		if err == nil {
			err = session.Fail(api.CodeNoSuchObject, "nothing is known of node %s yet", node)
		}
		return err
	}
	return nil
}
