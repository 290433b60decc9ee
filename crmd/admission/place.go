package admission

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
)

// fileName is the cluster file's name in problems that it reports.
const fileName = "cluster.toml"

// Place adds a node to the text of a cluster file, behind the other nodes and without touching anything else,
// and gives it an id. A node that is in the file with the same addresses already keeps its place and id; the
// text is then returned as it is.
func Place(text, node string, links []string) (placed string, id api.NodeID, err error) {
	f, err := clusterfile.Parse(fileName, []byte(text))
	if err != nil {
		return "", 0, fmt.Errorf("the cluster file has problems, which come first:\n%w", err)
	}
	if old := f.Node(node); old != nil {
		if !sameLinks(old.Links, links) {
			return "", 0, fmt.Errorf("node %s is in the cluster file with other addresses (%v, here %v); remove it first (hcs node remove %s), or join with its addresses",
				node, old.Links, links, node)
		}
		return text, old.ID, nil
	}
	id = freeID(f.Nodes)
	for _, placed := range []string{behindNodes(text, block(node, id, links)), atEnd(text, block(node, id, links))} {
		var now *clusterfile.File
		if now, err = clusterfile.Parse(fileName, []byte(placed)); err == nil && len(now.Nodes) == len(f.Nodes)+1 {
			return placed, id, nil
		}
	}
	return "", 0, fmt.Errorf("node %s cannot join:\n%w", node, err)
}

func sameLinks(have []netip.Addr, links []string) bool {
	return slices.EqualFunc(have, links, func(a netip.Addr, text string) bool {
		b, err := netip.ParseAddr(text)
		return err == nil && a == b.Unmap()
	})
}

// maxID is the largest node id.
const maxID = 65535

// freeID is one above the highest id: what peers still remember of a removed node is then not taken for the
// new one.
func freeID(nodes []clusterfile.Node) api.NodeID {
	highest := slices.MaxFunc(nodes, func(a, b clusterfile.Node) int { return cmp.Compare(a.ID, b.ID) }).ID
	if highest < maxID {
		return highest + 1
	}
	free := api.NodeID(1)
	for slices.ContainsFunc(nodes, func(n clusterfile.Node) bool { return n.ID == free }) {
		free++
	}
	return free
}

func block(node string, id api.NodeID, links []string) string {
	quoted := make([]string, len(links))
	for i, l := range links {
		quoted[i] = fmt.Sprintf("%q", l)
	}
	return fmt.Sprintf("[[node]]\nname = %q\nid = %d\nlinks = [%s]\n", node, id, strings.Join(quoted, ", "))
}

// behindNodes puts a block behind the last [[node]] with its subtables. It looks only at the beginnings of
// lines, so its result has to be checked.
func behindNodes(text, block string) string {
	lines := strings.SplitAfter(text, "\n")
	end, inNode := 0, false
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "[") {
			header := strings.TrimLeft(trimmed, "[ \t")
			inNode = strings.HasPrefix(header, "node]") || strings.HasPrefix(header, "node.")
		}
		if inNode && trimmed != "" && !strings.HasPrefix(trimmed, "#") {
			end = i + 1
		}
	}
	return withNewline(strings.Join(lines[:end], "")) + "\n" + block + strings.Join(lines[end:], "")
}

// atEnd puts a block at the end of the file, where TOML allows it too.
func atEnd(text, block string) string { return withNewline(text) + "\n" + block }

func withNewline(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}
