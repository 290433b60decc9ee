package rollout

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/outline"
)

// nodeKeys are the keys of [[node]] that do not become part of the CIB.
var nodeKeys = []string{"id", "links", "votes", "throttle"}

// fileChanges compares the sections that are not the CIB's. Texts that cannot be read count as empty: whoever
// calls has checked the new one.
func fileChanges(old, new string) []outline.SettingChange {
	before, after := settings(old), settings(new)
	var list []outline.SettingChange
	keys := map[string]bool{}
	for k := range before {
		keys[k] = true
	}
	for k := range after {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if before[k] != after[k] {
			list = append(list, outline.SettingChange{Key: k, Old: before[k], New: after[k]})
		}
	}
	return list
}

// settings flattens the sections to paths and values.
func settings(text string) map[string]string {
	var tree map[string]any
	out := map[string]string{}
	if toml.Unmarshal([]byte(text), &tree) != nil {
		return out
	}
	for _, name := range clusterfile.Own {
		flatten(out, name, tree[name])
	}
	nodes, _ := tree["node"].([]map[string]any)
	for _, n := range nodes {
		for _, k := range nodeKeys {
			flatten(out, fmt.Sprintf("node %v.%s", n["name"], k), n[k])
		}
	}
	return out
}

func flatten(out map[string]string, path string, v any) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for k, x := range v {
			flatten(out, path+"."+k, x)
		}
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = fmt.Sprint(x)
		}
		out[path] = strings.Join(parts, ", ")
	default:
		out[path] = fmt.Sprint(v)
	}
}
