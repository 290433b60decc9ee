package look

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/checkup"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/forecast"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/show"
	"github.com/holdfast-ha/holdfast/hcs/state"
	"github.com/holdfast-ha/holdfast/hcs/story"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// defaultSince is how far back explain looks.
const defaultSince = time.Hour

// Explain is "explain".
func Explain(s *session.Session) *cobra.Command {
	since := defaultSince
	return verb.New(verb.Verb{
		Use: "explain [last|RESOURCE|NODE|INCIDENT]", Short: "Say why the cluster did what it did", Min: 0, Max: 1,
		Complete: complete.First(func(ctx context.Context, args []string) []string {
			return append(complete.Resources(s)(ctx, args), complete.Nodes(s)(ctx, args)...)
		}),
		Long: `For a resource: where it is, the reasons of the scheduler for that, its last incident, and what happened to it. For a node: how it
is, its last incident, and what happened to it. For an incident, or "last": why it happened, how that is known, what was decided and done.
Without an operand the last incident, and everything that happened, as this node saw it, with the time between the steps.`,
		Examples: `  hcs explain vip
  hcs explain last
  hcs explain n3 --since 10m`,
		Flags: func(f *pflag.FlagSet) { f.DurationVar(&since, "since", defaultSince, "how far back to look") },
		Run: func(ctx context.Context, args []string) error {
			subject := ""
			if len(args) == 1 {
				subject = args[0]
			}
			if in, err := asIncident(ctx, s, subject); in != nil || err != nil {
				return tell(s, in, err)
			}
			e, err := explain(ctx, s, subject, s.Now().Add(-since))
			if err != nil {
				return err
			}
			if s.JSON {
				return s.PrintJSON(e)
			}
			e.write(s, since)
			return nil
		},
	})
}

// Explanation is what explain prints with --json.
type Explanation struct {
	Subject  string            `json:"subject,omitempty"`
	Resource *state.Resource   `json:"resource,omitempty"`
	Node     *state.Node       `json:"node,omitempty"`
	Problems []checkup.Problem `json:"problems"`
	// Scores are the resource's preferences for nodes, as the scheduler adds them up now.
	Scores []forecast.NodeScore `json:"scores"`
	// Decisions are what the scheduler thinks of the resource now.
	Decisions []api.Note `json:"decisions"`
	// Pending is what the scheduler would do now.
	Pending  []session.Effect    `json:"pending"`
	Notes    []api.Note          `json:"notes"`
	Timeline []api.TimelineEvent `json:"timeline"`
	// Supervision is how its processes are watched, on each node where it is active.
	Supervision []api.Supervision `json:"supervision,omitempty"`
	// Incident is the last one that the subject was part of.
	Incident *api.Incident `json:"incident,omitempty"`
}

// incidentID is how ids look: time, node and number. A part of one that begins with the day will do.
var incidentID = regexp.MustCompile(`^[0-9]{8}-[0-9]+`)

// asIncident finds the incident that is asked for by its id or as the last one; nil when something else is.
func asIncident(ctx context.Context, s *session.Session, subject string) (*api.Incident, error) {
	switch {
	case subject == "last":
		in, err := story.Last(ctx, s, story.Query{})
		if in == nil && err == nil {
			err = session.Fail(api.CodeNoSuchObject, "nothing has happened yet")
		}
		return in, err
	case incidentID.MatchString(subject):
		return story.Get(ctx, s, subject)
	}
	return nil, nil
}

func tell(s *session.Session, in *api.Incident, err error) error {
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(in)
	}
	story.Tell(s, in)
	return nil
}

func explain(ctx context.Context, s *session.Session, subject string, since time.Time) (*Explanation, error) {
	doc, err := s.Document(ctx)
	if err != nil {
		return nil, err
	}
	st := state.Read(doc, s.Now())
	e := &Explanation{Subject: subject, Problems: []checkup.Problem{}, Scores: []forecast.NodeScore{}, Decisions: []api.Note{}, Pending: []session.Effect{}, Notes: []api.Note{}, Timeline: []api.TimelineEvent{}}
	if subject != "" {
		e.Resource, e.Node = st.Find(subject), st.Node(subject)
		if e.Resource == nil && e.Node == nil {
			_, err := edit.Resource(doc.Child("configuration"), subject)
			return nil, session.Fail(api.CodeNoSuchObject, "%v, and no node of that name", err)
		}
	}
	for _, p := range checkup.Find(checkup.Facts{Cluster: st}) {
		if subject == "" || mentions(p.Text, subject) {
			e.Problems = append(e.Problems, p)
		}
	}
	if e.Resource != nil {
		e.Scores = append(e.Scores, forecast.Scores(doc, s.Now(), subject)...)
		e.Decisions = append(e.Decisions, forecast.Decisions(doc, s.Now(), subject)...)
	}
	if f := s.Foresee(doc); f != nil {
		for _, x := range f.Effects {
			if subject == "" || x.From == subject || x.To == subject || mentions(x.Resource, subject) || inside(e.Resource, x.Resource) {
				e.Pending = append(e.Pending, x)
			}
		}
	}
	if s.CIBFile != "" {
		return e, nil
	}
	crm := s.CRM()
	defer crm.Close()
	if err := crm.Call(ctx, http.MethodGet, api.PathNotes+"?subject="+url.QueryEscape(subject), nil, &e.Notes); err != nil {
		return nil, err
	}
	var all []api.TimelineEvent
	if err := crm.Call(ctx, http.MethodGet, api.PathTimeline+"?since="+strconv.FormatInt(since.UnixMilli(), 10), nil, &all); err != nil {
		return nil, err
	}
	for _, ev := range all {
		if subject == "" || concerns(ev, subject) {
			e.Timeline = append(e.Timeline, ev)
		}
	}
	slices.SortStableFunc(e.Timeline, func(a, b api.TimelineEvent) int { return int(a.At - b.At) })
	e.Supervision = supervised(ctx, crm, e.Resource)
	e.Incident, err = story.Last(ctx, s, story.Query{Subject: subject, Since: since})
	return e, err
}

// inside reports whether a resource contains another.
func inside(r *state.Resource, id string) bool {
	return r != nil && (&state.Cluster{Resources: r.Members}).Find(id) != nil
}

// mentions reports whether a text contains a name as a word of its own.
func mentions(text, name string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" ,:;()'\"@", c) }),
		func(w string) bool { return w == name })
}

func concerns(ev api.TimelineEvent, name string) bool {
	base, _, _ := strings.Cut(ev.Subject, ":")
	return ev.Subject == name || base == name || mentions(ev.Subject, name) || mentions(ev.Text, name)
}

func (e *Explanation) write(s *session.Session, since time.Duration) {
	paint := render.NewPainter(s)
	title := func(text string) { s.Say("\n%s", paint.Paint(render.Strong, text)) }
	if e.Resource != nil {
		s.Say("%s %s", paint.Paint(render.Strong, e.Resource.ID), whereIs(e.Resource))
	}
	if e.Node != nil {
		s.Say("%s is %s. It runs: %s.", paint.Paint(render.Strong, e.Node.Name), e.Node.State, orNone(strings.Join(e.Node.Runs, ", ")))
	}
	if len(e.Problems) > 0 {
		title("What needs attention")
		show.Problems(s, e.Problems)
	}
	if len(e.Scores) > 0 {
		title("How much it likes each node")
		t := render.NewTable(s, "node", "score", "because of")
		for _, x := range e.Scores {
			t.Text(x.Node, x.Score, strings.Join(x.Reasons, "; "))
		}
		t.Write(s.Out)
	}
	if len(e.Decisions) > 0 {
		title("What the scheduler makes of it")
		for _, n := range e.Decisions {
			subject := n.Subject + " "
			if n.Stage == "order" {
				subject = n.Subject + ": "
			}
			s.Say("  %s%s", subject, n.Why)
		}
	}
	if len(e.Pending) > 0 {
		title("What the cluster is about to do")
		for _, x := range e.Pending {
			s.Say("  %s", show.Effect(x))
		}
	}
	if len(e.Notes) > 0 {
		title("Why the scheduler decided so")
		for _, n := range e.Notes {
			subject := ""
			if e.Subject == "" {
				subject = n.Subject + ": "
			}
			s.Say("  %s%s %s", subject, n.Why, paint.Paint(render.Quiet, "("+n.Stage+")"))
		}
	}
	for _, x := range e.Supervision {
		title("If its process hangs")
		supervision(s, x)
	}
	if e.Incident != nil {
		title("The last incident")
		story.Tell(s, e.Incident)
	}
	title(fmt.Sprintf("What happened in the last %s", render.Span(since)))
	switch {
	case len(e.Timeline) > 0:
	case e.Incident != nil:
		s.Say("  nothing that this node took part in; hcs explain on another node shows what that one saw")
	default:
		s.Say("  nothing")
	}
	Timeline(s, e.Timeline)
}

func whereIs(r *state.Resource) string {
	var parts []string
	var add func(r *state.Resource)
	add = func(r *state.Resource) {
		for _, p := range r.Active {
			word, _ := show.Word(p)
			if text := word + " on " + p.Node; !slices.Contains(parts, text) {
				parts = append(parts, text)
			}
		}
		for i := range r.Members {
			add(&r.Members[i])
		}
	}
	add(r)
	text := "does not run anywhere."
	if len(parts) > 0 {
		text = "is " + strings.Join(parts, ", ") + "."
	}
	if remarks := show.Remarks(r, nil); len(remarks) > 0 {
		text += " It is " + strings.Join(remarks, ", ") + "."
	}
	return text
}

// gap is a pause between events after which a new story begins.
const gap = 30 * time.Second

// Timeline writes events with their time, and how long after the beginning of the story they came.
func Timeline(s *session.Session, events []api.TimelineEvent) {
	t := render.NewTable(s, "time", "after", "node", "what", "")
	var start, last int64
	for _, e := range events {
		after := ""
		if last == 0 || e.At-last > gap.Milliseconds() {
			start = e.At
		} else {
			after = fmt.Sprintf("+%d ms", e.At-start)
		}
		last = e.At
		t.Row(render.C(render.Millis(e.At).In(s.Now().Location()).Format("15:04:05.000")), render.C(after), render.C(e.Node),
			render.T(eventTone(e.Kind), e.Kind), render.C(strings.TrimSpace(e.Subject+" "+e.Text)))
	}
	if !t.Empty() {
		t.Write(s.Out)
	}
}

func eventTone(kind string) render.Tone {
	switch kind {
	case "lost", "alarm":
		return render.Bad
	case "fence-asked", "quorum", "dc":
		return render.Attention
	case "fence-done", "op-done":
		return render.Good
	}
	return render.Plain
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
