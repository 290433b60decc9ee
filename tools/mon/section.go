package mon

import (
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// section is a set of parts of what crm_mon shows.
type section uint32

const (
	stack section = 1 << iota
	dc
	times
	counts
	options
	maintenance
	nodes
	resources
	attributes
	failcounts
	operations
	failures
	fencingFailed
	fencingPending
	fencingSucceeded
	tickets
	bans

	summary = stack | dc | times | counts | options | maintenance
	fencing = fencingFailed | fencingPending | fencingSucceeded
	all     = summary | nodes | resources | attributes | failcounts | operations | failures | fencing | tickets | bans
	// people see this; programs all.
	usual = summary&^options | nodes | resources | failures | fencingFailed
)

// sectionNames are the words of --include and --exclude.
var sectionNames = []struct {
	name string
	is   section
}{
	{"attributes", attributes}, {"bans", bans}, {"counts", counts}, {"dc", dc}, {"failcounts", failcounts},
	{"failures", failures}, {"fencing", fencing}, {"fencing-failed", fencingFailed}, {"fencing-pending", fencingPending},
	{"fencing-succeeded", fencingSucceeded}, {"maint-mode", maintenance}, {"nodes", nodes}, {"operations", operations},
	{"options", options}, {"resources", resources}, {"stack", stack}, {"summary", summary}, {"tickets", tickets}, {"times", times},
}

// choice is one --include or --exclude.
type choice struct {
	exclude bool
	list    string
}

// apply applies the choices in their order to what is shown. usual is what "default" means.
func (m *monitor) apply(choices []choice) error {
	for _, c := range choices {
		for _, word := range strings.Split(c.list, ",") {
			if err := m.applyWord(c.exclude, word); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *monitor) applyWord(exclude bool, word string) error {
	switch {
	case word == "all" && !exclude, word == "none" && exclude:
		m.show = all
	case word == "none", word == "all":
		m.show = 0
	case word == "default" && !exclude:
		m.show |= m.usual
	case word == "":
	case strings.HasPrefix(word, "bans") && !exclude:
		_, m.banPrefix, _ = strings.Cut(word, ":")
		m.show |= bans
	default:
		is, ok := sectionNamed(word)
		if !ok {
			return unknownSection(exclude)
		}
		if exclude {
			m.show &^= is
		} else {
			m.show |= is
		}
	}
	return nil
}

func sectionNamed(word string) (section, bool) {
	for _, s := range sectionNames {
		if s.name == word {
			return s.is, true
		}
	}
	return 0, false
}

func unknownSection(exclude bool) error {
	name := "include"
	words := []string{"all", "attributes", "bans[:PREFIX]", "counts", "dc", "default"}
	if exclude {
		name = "exclude"
		words = []string{"all", "attributes", "bans", "counts", "dc"}
	}
	for _, s := range sectionNames[4:] {
		words = append(words, s.name)
		if s.name == "nodes" {
			words = append(words, "none")
		}
	}
	return program.Faultf(api.CodeUsage, "--%s options: %s", name, strings.Join(words, ", "))
}
