package clusterfile

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// WithoutNode removes the section of a node from the text of a cluster file and leaves everything else as it is
// written. found is false when there is no such node.
func WithoutNode(text, name string) (rest string, found bool) {
	var b strings.Builder
	drop := false
	for _, block := range Blocks(text) {
		if block.Key == "node" && begins(block.Text) {
			drop = nodeName(block.Text) == name
		} else if block.Key != "node" { // [node.attributes] goes with the [[node]] above it
			drop = false
		}
		if drop {
			found = true
			continue
		}
		b.WriteString(block.Text)
	}
	return b.String(), found
}

// begins reports whether a block is a [[node]] and not a part of one, such as [node.attributes].
func begins(block string) bool {
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			return strings.HasPrefix(line, "[[")
		}
	}
	return false
}

func nodeName(block string) string {
	var tree struct {
		Node []struct {
			Name string `toml:"name"`
		} `toml:"node"`
	}
	if _, err := toml.Decode(block, &tree); err != nil || len(tree.Node) == 0 {
		return ""
	}
	return tree.Node[0].Name
}
