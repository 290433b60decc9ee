package place

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// moveLimit is how long a move may take unless --wait says otherwise.
const moveLimit = 5 * time.Minute

// Move is "resource move".
func Move(s *session.Session) *cobra.Command {
	var promoted, keep bool
	return verb.New(verb.Verb{
		Use: "move ID [NODE]", Short: "Move a resource to another node", Min: 1, Max: 2, Complete: complete.Each(complete.Resources(s), complete.Nodes(s)),
		Long: `A constraint makes the resource move. When the move is done the constraint is removed again, so that nothing is left that somebody
stumbles over later; it stays when the resource would go back at once without it, and with --keep. Without NODE the resource goes to
the best other node.`,
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&promoted, "promoted", false, "move the promoted instance")
			f.BoolVar(&keep, "keep", false, "leave the constraint in place; hcs resource clear removes it")
			verb.Wait(s, f)
		},
		Run: func(ctx context.Context, args []string) error {
			w := wish{resource: args[0], promoted: promoted}
			if len(args) == 2 {
				w.node = args[1]
			}
			return move(ctx, s, w, keep)
		},
	})
}

// Moved is what move prints with --json.
type Moved struct {
	Resource string   `json:"resource"`
	From     []string `json:"from"`
	To       []string `json:"to"`
	// Constraint is what was left in place, "" when nothing was.
	Constraint string `json:"constraint,omitempty"`
}

func move(ctx context.Context, s *session.Session, w wish, keep bool) error {
	conf, st, err := read(ctx, s)
	if err != nil {
		return err
	}
	if err := checked(conf, st, &w); err != nil {
		return err
	}
	from := []string{}
	if r := st.Find(w.resource); r != nil {
		from = append(from, where(r, w.promoted)...)
	}
	if w.node != "" && slices.Equal(from, []string{w.node}) {
		return session.Fail(api.CodeExists, "%s runs on %s already", w.resource, w.node)
	}
	if w.node == "" {
		w.ban = true
		if w.node, err = current(st, w); err != nil {
			return err
		}
	}
	e := w.constraint(s.Now())
	if s.Wait == 0 {
		s.Wait = moveLimit
	}
	edited, err := s.Edit(ctx, func(conf *cibxml.Element) (*cibxml.Element, error) { return w.add(conf, s.Now()), nil })
	if err != nil {
		return err
	}
	if s.CIBFile != "" || keep {
		return told(s, Moved{w.resource, from, []string{}, e.ID()}, edited)
	}
	if err := s.WaitIdle(ctx, edited.Version); err != nil {
		return session.Fail(session.Code(err), "%v\nThe constraint %s is still in place; remove it with: hcs resource clear %s", err, e.ID(), w.resource)
	}
	return settle(ctx, s, w, from, e.ID())
}

// settle looks where the resource went and takes the constraint back.
func settle(ctx context.Context, s *session.Session, w wish, from []string, id string) error {
	to, err := location(ctx, s, w)
	if err != nil {
		return err
	}
	arrived := len(to) > 0 && (w.ban && !slices.Contains(to, w.node) || !w.ban && slices.Contains(to, w.node))
	if !arrived {
		return session.Fail(api.CodeError, "%s has not moved: it runs on %s. Why: hcs explain %s\nThe constraint %s is still in place; remove it with: hcs resource clear %s",
			w.resource, listOr(to, "no node"), w.resource, id, w.resource)
	}
	stay, err := wouldStay(ctx, s, w, id, to)
	if err != nil {
		return err
	}
	moved := Moved{w.resource, from, to, ""}
	if !stay {
		moved.Constraint = id
		return told(s, moved, nil)
	}
	e, err := s.Edit(ctx, func(conf *cibxml.Element) (*cibxml.Element, error) { return edit.RemoveByID(conf, "constraints", id) })
	if err != nil {
		return err
	}
	if err := s.WaitIdle(ctx, e.Version); err != nil {
		return err
	}
	if after, err := location(ctx, s, w); err == nil && !slices.Equal(after, to) {
		moved.To = after
		s.Warn("%s went on to %s when the constraint was gone; to keep it where you want it, use --keep or raise its resource-stickiness", w.resource, listOr(after, "no node"))
	}
	return told(s, moved, e)
}

func location(ctx context.Context, s *session.Session, w wish) ([]string, error) {
	_, st, err := read(ctx, s)
	if err != nil {
		return nil, err
	}
	if r := st.Find(w.resource); r != nil {
		return where(r, w.promoted), nil
	}
	return nil, nil
}

// wouldStay asks the scheduler whether the resource stays where it is without the constraint. Where nothing can
// be foreseen it counts as staying.
func wouldStay(ctx context.Context, s *session.Session, w wish, id string, at []string) (bool, error) {
	doc, err := s.Document(ctx)
	if err != nil {
		return false, err
	}
	conf, err := edit.RemoveByID(doc.Child("configuration"), "constraints", id)
	if err != nil {
		return true, nil // somebody removed it meanwhile
	}
	f := s.Foresee(doc.WithChild(doc.Child("configuration"), conf))
	return f == nil || !slices.ContainsFunc(f.Effects, func(e session.Effect) bool {
		return e.From != "" && slices.Contains(at, e.From) && e.From != e.To && touches(doc, w.resource, e.Resource)
	}), nil
}

// touches reports whether what happens to rsc happens to the resource id: it is the one, or inside of it.
func touches(doc *cibxml.Element, id, rsc string) bool {
	if id == rsc {
		return true
	}
	found := false
	edit.Find(doc.Child("configuration"), id).Walk(func(e *cibxml.Element) bool {
		found = found || e.ID() == rsc
		return !found
	})
	return found
}

func told(s *session.Session, m Moved, e *session.Edited) error {
	if s.JSON {
		return s.PrintJSON(m)
	}
	switch {
	case e != nil && len(m.To) == 0:
		s.Say("Asked for %s to move. The constraint %s stays until: hcs resource clear %s", m.Resource, m.Constraint, m.Resource)
	case m.Constraint != "":
		s.Say("Moved %s from %s to %s. It would go back at once without the constraint %s, which therefore stays until: hcs resource clear %s",
			m.Resource, listOr(m.From, "nowhere"), listOr(m.To, "nowhere"), m.Constraint, m.Resource)
	default:
		s.Say("Moved %s from %s to %s.", m.Resource, listOr(m.From, "nowhere"), listOr(m.To, "nowhere"))
	}
	return nil
}

func listOr(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, ", ")
}
