package verb

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/hcs/session"
)

// Pairs reads words NAME=VALUE. An empty value is allowed: it removes a setting where there is one to remove.
func Pairs(words []string) ([]build.Pair, error) {
	var list []build.Pair
	for _, w := range words {
		name, value, ok := strings.Cut(w, "=")
		if !ok || name == "" {
			return nil, session.Fail(api.CodeUsage, "%q is not NAME=VALUE", w)
		}
		if slices.ContainsFunc(list, func(p build.Pair) bool { return p.Name == name }) {
			return nil, session.Fail(api.CodeUsage, "%s is given twice", name)
		}
		list = append(list, build.Pair{Name: name, Value: value})
	}
	return list, nil
}

// Check checks pairs against a table of options. Empty values are not looked at.
func Check(what string, table option.Table, list []build.Pair) error {
	for _, p := range list {
		o := table.Find(p.Name)
		if o == nil {
			msg := "there is no " + what + " " + p.Name
			if near := table.Suggest(p.Name); near != "" {
				msg += "; did you mean " + near + "?"
			}
			return session.Fail(api.CodeUsage, "%s", msg)
		}
		if p.Value == "" {
			continue
		}
		if err := o.Check(p.Value); err != nil {
			return session.Fail(api.CodeUsage, "%s %s: %v", what, p.Name, err)
		}
	}
	return nil
}

// Names are the option names of a table with "=", for completion.
func Names(table option.Table) []string {
	names := make([]string, len(table))
	for i, n := range table.Names() {
		names[i] = n + "="
	}
	return names
}

// Section is a keyword with the words behind it; that of the words before the first keyword is "".
type Section struct {
	Keyword string
	Words   []string
}

// Cut cuts words at keywords, as in: ip=10.0.0.1 op monitor interval=10s meta priority=5. A keyword that comes
// twice makes two sections.
func Cut(words []string, keywords ...string) []Section {
	list := []Section{{}}
	for _, w := range words {
		if slices.Contains(keywords, w) {
			list = append(list, Section{Keyword: w})
			continue
		}
		last := &list[len(list)-1]
		last.Words = append(last.Words, w)
	}
	return list
}
