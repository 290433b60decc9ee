package lrm

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Digest is the MD5 of a parameters element, as in op-digest: the attributes are sorted by name and written
// in Pacemaker's escaping, with a leading blank and a trailing newline. MD5 is what recorded history holds.
func Digest(params map[string]string) string {
	e := cibxml.New("parameters")
	names := make([]string, 0, len(params))
	for n := range params {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		e.Attrs = append(e.Attrs, cibxml.Attr{Name: n, Value: params[n]})
	}
	sum := md5.Sum([]byte(" " + e.Format(cibxml.Style{Pacemaker: true}) + "\n"))
	return hex.EncodeToString(sum[:])
}

// neverDigested are parameters of an action that say nothing about the resource.
var neverDigested = []string{"id", "crm_feature_set", "op-digest", "on_node", "on_node_uuid", "pcmk_external_ip"}

// DigestParams selects what enters op-digest of an operation: not the CRM_meta_* parameters, except the
// timeout of a recurring one.
func DigestParams(params map[string]string, intervalMs int64) map[string]string {
	out := make(map[string]string, len(params))
	for n, v := range params {
		if slices.Contains(neverDigested, n) || strings.HasPrefix(n, "CRM_meta_") && (n != "CRM_meta_timeout" || intervalMs == 0) {
			continue
		}
		out[n] = v
	}
	return out
}
