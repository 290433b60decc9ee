package show

import (
	"strings"

	"github.com/holdfast-ha/holdfast/hcs/session"
)

// Effect is something that the cluster would do, as a phrase.
func Effect(e session.Effect) string {
	text := e.Verb + " " + e.Resource
	switch {
	case e.Resource == "":
		text = e.Verb + " node " + e.From
	case e.From != "" && e.To != "" && e.From != e.To:
		text += " from " + e.From + " to " + e.To
	case e.To != "":
		text += " on " + e.To
	case e.From != "":
		text += " on " + e.From
	}
	if e.Role != "" && e.Verb != "Promote" {
		text += " as " + strings.ToLower(e.Role)
	}
	switch {
	case e.Blocked && e.Reason != "":
		return text + " (cannot be done now: " + e.Reason + ")"
	case e.Blocked:
		return text + " (cannot be done now)"
	case e.Reason != "":
		return text + ", because of: " + e.Reason
	}
	return text
}
