package show

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/checkup"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/state"
)

// Nodes writes a table of nodes. links may be empty.
func Nodes(s *session.Session, st *state.Cluster, links []api.LinkStatus) {
	t := render.NewTable(s, "node", "id", "state", "remarks", "links", "resources")
	for i := range st.Nodes {
		n := &st.Nodes[i]
		word, tone := NodeWord(n)
		t.Row(render.T(render.Strong, n.Name), render.C(nodeID(n)), render.T(tone, word), render.C(strings.Join(nodeRemarks(st, n), ", ")),
			render.C(linkCount(n, links)), render.C(runs(n)))
	}
	t.Write(s.Out)
}

func nodeID(n *state.Node) string {
	if n.Kind != "member" {
		return ""
	}
	return n.ID
}

// NodeWord is the state of a node.
func NodeWord(n *state.Node) (string, render.Tone) {
	switch n.State {
	case "online":
		return n.State, render.Good
	case "unclean":
		return "UNCLEAN", render.Bad
	case "offline":
		return n.State, render.Bad
	}
	return n.State, render.Attention
}

func nodeRemarks(st *state.Cluster, n *state.Node) []string {
	var list []string
	if n.Name == st.DC {
		list = append(list, "DC")
	}
	if n.Kind != "member" {
		list = append(list, n.Kind)
	}
	if n.State != "standby" && n.Standby {
		list = append(list, "standby")
	}
	if n.State != "maintenance" && n.Maintenance {
		list = append(list, "maintenance")
	}
	if n.Health != "" {
		list = append(list, "health "+n.Health)
	}
	return list
}

// linkCount is how many links to a node are up, of how many.
func linkCount(n *state.Node, links []api.LinkStatus) string {
	up, all := 0, 0
	for _, l := range links {
		if l.Node.String() == n.ID && l.Local != l.Remote {
			all++
			if l.Connected {
				up++
			}
		}
	}
	if all == 0 {
		return ""
	}
	return strconv.Itoa(up) + "/" + strconv.Itoa(all)
}

// maxRuns bounds how many resources are named for a node.
const maxRuns = 6

func runs(n *state.Node) string {
	if len(n.Runs) > maxRuns {
		return strings.Join(n.Runs[:maxRuns], ", ") + " and " + strconv.Itoa(len(n.Runs)-maxRuns) + " more"
	}
	return strings.Join(n.Runs, ", ")
}

// tones and marks of problems.
var (
	tones = map[checkup.Severity]render.Tone{checkup.Bad: render.Bad, checkup.Attention: render.Attention, checkup.Note: render.Plain}
	marks = map[checkup.Severity]string{checkup.Bad: "✗", checkup.Attention: "!", checkup.Note: "·"}
)

// Problems writes what needs attention, each with what to do.
func Problems(s *session.Session, list []checkup.Problem) {
	paint := render.NewPainter(s)
	for _, p := range list {
		s.Say("%s %s", paint.Paint(tones[p.Severity], marks[p.Severity]), paint.Paint(tones[p.Severity], p.Text))
		if p.Advice != "" {
			s.Say("    %s", paint.Paint(render.Quiet, p.Advice))
		}
	}
}
