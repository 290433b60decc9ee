package sketch

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// states are what node_state says of a node in a state. An empty value leaves the attribute out.
var states = map[string]map[string]string{
	"online":  {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"},
	"offline": {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"},
	// lost nodes were members and are gone without a word
	"lost": {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "member"},
	// joining nodes are members of the cluster, but their controller is not yet
	"joining": {"in_ccm": "true", "crmd": "offline", "join": "down", "expected": "member"},
	"pending": {"in_ccm": "true", "crmd": "online", "join": "down", "expected": "member"},
	// remote nodes have no state of their own but what their connection records
	"remote": {"remote_node": "true", "in_ccm": "true"},
	// unseen nodes have no state at all
	"unseen": nil,
}

// nodes makes the section of nodes and their states.
func (s *sketch) nodes() (*cibxml.Element, error) {
	nodes := cibxml.New("nodes")
	s.states = map[string]*cibxml.Element{}
	for line := range strings.Lines(s.sections["nodes"]) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		name, id := words[0], strconv.Itoa(len(s.order)+1)
		state := "online"
		rest := words[1:]
		if len(rest) > 0 && !strings.Contains(rest[0], "=") {
			state, rest = rest[0], rest[1:]
		}
		known, ok := states[state]
		if !ok {
			return nil, fmt.Errorf("section nodes: %s: there is no state %q", name, state)
		}
		if state == "remote" {
			id = name
		}
		node := cibxml.New("node", "id", id, "uname", name)
		if state == "remote" {
			node.Set("type", "remote")
		}
		node.Append(pairs("instance_attributes", name+"-attributes", rest, "")...)
		node.Append(pairs("utilization", name+"-capacity", rest, "+")...)
		nodes.Append(node)
		s.order = append(s.order, name)
		if known == nil {
			continue
		}
		e := cibxml.New("node_state", "id", id, "uname", name)
		for _, k := range slices.Sorted(maps.Keys(known)) {
			e.Set(k, known[k])
		}
		s.states[name] = e
	}
	return nodes, nil
}

// pairs makes a block of the words NAME=VALUE that begin with a prefix, none when there are no such words.
func pairs(tag, id string, words []string, prefix string) []*cibxml.Element {
	block := cibxml.New(tag, "id", id)
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		name, has := strings.CutPrefix(name, prefix)
		if !has || prefix == "" && strings.HasPrefix(name, "+") {
			continue
		}
		block.Append(cibxml.New("nvpair", "id", id+"-"+identifier(name), "name", name, "value", value))
	}
	if len(block.Children) == 0 {
		return nil
	}
	return []*cibxml.Element{block}
}

// identifier makes an XML id of any name.
func identifier(name string) string {
	return strings.Map(func(c rune) rune {
		if c == '#' || c == ':' || c == ' ' {
			return '.'
		}
		return c
	}, name)
}
