package constraint

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/rule"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Constraint is a constraint as JSON.
type Constraint struct {
	ID   string `json:"id"`
	Kind string `json:"kind"` // location, order, colocation, ticket
	// Text is the constraint as a sentence.
	Text      string   `json:"text"`
	Resources []string `json:"resources"`
}

func list(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "list [RESOURCE]", Short: "List constraints", Min: 0, Max: 1, Complete: complete.First(complete.Resources(s)),
		Long: "With RESOURCE only those that name it.",
		Run: func(ctx context.Context, args []string) error {
			doc, err := s.Document(ctx)
			if err != nil {
				return err
			}
			conf := doc.Child("configuration")
			if len(args) == 1 {
				if _, err := edit.Resource(conf, args[0]); err != nil {
					return err
				}
			}
			found := []Constraint{}
			for e := range conf.Child("constraints").Tags() {
				if c := describe(e); len(args) == 0 || contains(c.Resources, args[0]) {
					found = append(found, c)
				}
			}
			if s.JSON {
				return s.PrintJSON(found)
			}
			if len(found) == 0 {
				s.Say("There are no constraints.")
				return nil
			}
			t := render.NewTable(s, "kind", "constraint", "id")
			for _, c := range found {
				t.Row(render.C(c.Kind), render.C(c.Text), render.T(render.Quiet, c.ID))
			}
			t.Write(s.Out)
			return nil
		},
	})
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// describe writes a constraint as a sentence.
func describe(e *cibxml.Element) Constraint {
	c := Constraint{ID: e.ID(), Kind: strings.TrimPrefix(e.Name, "rsc_"), Resources: []string{}}
	for _, a := range []string{"rsc", "with-rsc", "first", "then"} {
		if v := e.Get(a); v != "" {
			c.Resources = append(c.Resources, v)
		}
	}
	for set := range e.Tags("resource_set") {
		for r := range set.Tags("resource_ref") {
			c.Resources = append(c.Resources, r.ID())
		}
	}
	switch c.Kind {
	case "location":
		c.Text = locationText(e)
	case "order":
		c.Text = orderText(e)
	case "colocation":
		c.Text = colocationText(e)
	default:
		c.Text = ticketText(e)
	}
	return c
}

func locationText(e *cibxml.Element) string {
	who := word(e.Get("role"), "Started") + e.Get("rsc")
	if p := e.Get("rsc-pattern"); p != "" {
		who = "resources like " + p
	}
	who += setsText(e)
	text := who
	if n := e.Get("node"); n != "" {
		text += leaning(e.Get("score"), n)
	}
	for r := range e.Tags("rule") {
		expr, _ := rule.Format(r)
		score := r.Get("score")
		if a := r.Get("score-attribute"); a != "" {
			score = "by attribute " + a
		}
		text += leaning(score, "nodes where "+expr)
	}
	if d := e.Get("resource-discovery"); d != "" && d != "always" {
		text += ", discovery " + d
	}
	return text
}

// leaning says what a score of a location does.
func leaning(score, where string) string {
	switch {
	case score == "INFINITY" || score == "+INFINITY":
		return " must run on " + where
	case score == "-INFINITY":
		return " must not run on " + where
	case strings.HasPrefix(score, "-"):
		return " avoids " + where + " (" + score + ")"
	}
	return " prefers " + where + " (" + score + ")"
}

func word(text, usual string) string {
	if text == "" || text == usual {
		return ""
	}
	return strings.ToLower(text) + " "
}

func orderText(e *cibxml.Element) string {
	text := "sets" + setsText(e)
	if f := e.Get("first"); f != "" {
		text = verbOf(e.Get("first-action")) + f + " then " + verbOf(e.Get("then-action")) + e.Get("then")
	}
	switch e.Get("kind") {
	case "Optional":
		text += ", if both are to happen"
	case "Serialize":
		text += ", one at a time"
	}
	if e.Get("symmetrical") == "false" {
		text += ", not reversed when stopping"
	}
	return text
}

func verbOf(action string) string {
	if action == "" {
		action = "start"
	}
	return action + " "
}

func colocationText(e *cibxml.Element) string {
	score := e.Get("score")
	how, weight := "runs with", ""
	switch {
	case score == "-INFINITY":
		how = "never runs with"
	case strings.HasPrefix(score, "-"):
		how, weight = "prefers not to run with", " ("+score+")"
	case score != "" && !strings.HasSuffix(score, "INFINITY"):
		how, weight = "prefers to run with", " ("+score+")"
	}
	if e.Get("rsc") == "" {
		return "sets" + setsText(e) + " run together" + weight
	}
	text := word(e.Get("rsc-role"), "Started") + e.Get("rsc") + " " + how + " " + word(e.Get("with-rsc-role"), "Started") + e.Get("with-rsc")
	if a := e.Get("node-attribute"); a != "" && a != "#uname" {
		text += " on nodes with the same " + a
	}
	return text + weight
}

func ticketText(e *cibxml.Element) string {
	text := word(e.Get("rsc-role"), "Started") + e.Get("rsc") + setsText(e) + " needs ticket " + e.Get("ticket")
	if p := e.Get("loss-policy"); p != "" {
		text += ", without it: " + p
	}
	return strings.TrimSpace(text)
}

// setsText lists resource sets: (a b) (c d, promote).
func setsText(e *cibxml.Element) string {
	var b strings.Builder
	for set := range e.Tags("resource_set") {
		var ids, more []string
		for r := range set.Tags("resource_ref") {
			ids = append(ids, r.ID())
		}
		for _, a := range []string{"action", "role"} {
			if v := set.Get(a); v != "" {
				more = append(more, strings.ToLower(v))
			}
		}
		if set.Get("sequential") == "false" {
			more = append(more, "in any order")
		}
		b.WriteString(" (" + strings.Join(ids, " "))
		if len(more) > 0 {
			b.WriteString(", " + strings.Join(more, ", "))
		}
		b.WriteString(")")
	}
	return b.String()
}
