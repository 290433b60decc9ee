// Package simulate is crm_simulate: what would the cluster do, and what would become of it.
package simulate

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/compile"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// Exit statuses.
const (
	exitError   = 1
	exitNoInput = 66
	exitIO      = 74
	exitConfig  = 78
	exitNoSuch  = 105
)

// session is one run of the command.
type session struct {
	settings
	env  *cli.Env
	out  reporter
	fake *fake
	now  int64
	// ids draws actions with their numbers.
	ids, quiet bool
}

// Run runs crm_simulate and returns its exit status.
func Run(ctx context.Context, env *cli.Env) int {
	s := &session{env: env, settings: settings{file: "-"}}
	p := &program.Program{
		Summary: "What the cluster would do, and what would become of it",
		Groups:  s.groups(),
		Notes:   notes,
		Formats: []output.Format{output.XML},
		Prepare: func(out *output.Out) { out.Lines.Plain = out.Lines.Plain && (s.scores || s.use) },

		UnknownFormat: exitNoSuch,
	}
	return p.Main(ctx, env, func(ctx context.Context, out *output.Out, _ []string) error {
		s.ids, s.quiet = out.Verbose > 0, out.Quiet && !out.IsXML()
		if out.IsXML() {
			s.out = &document{out: out}
		} else {
			s.out = &text{out: out.Lines, to: out}
		}
		if s.profile != "" {
			return s.profiling(ctx)
		}
		return s.simulation(ctx)
	})
}

// clock works out what the scheduler takes for the present, and says so if that is not the present.
func (s *session) clock(doc *cibxml.Element) int64 {
	present := time.Now().Unix()
	if s.date != "" {
		s.out.info("Setting effective cluster time: %s", s.date)
		if t, ok := isotime.Parse(s.date, isotime.FromUnix(present, time.Local)); ok {
			return t.Unix()
		}
		return present
	}
	if t := scalar.IntOr(doc.Get("execution-date"), 0); t != 0 {
		s.out.info("Using the original execution date of: %s", time.Unix(t, 0).UTC().Format("2006-01-02 15:04:05Z"))
		return t
	}
	return present
}

// parse reads a cluster and shows what there is to remark about it. What a simulation has made of a CIB does not
// count as sanitized.
func (s *session) parse(doc *cibxml.Element, sanitized bool) (*model.Model, sched.Input) {
	in := sched.Input{Doc: doc, Now: s.clock(doc), Zone: time.Local, Sanitized: sanitized}
	m := sched.Parse(in)
	for _, remark := range sched.Remarks(m, in) {
		s.out.info("%s", remark.Text)
	}
	return m, in
}

// simulation does what was asked for, step by step.
func (s *session) simulation(ctx context.Context) error {
	doc, err := s.load(ctx)
	if err != nil {
		return err
	}
	if err := s.checkOutput(); err != nil {
		return err
	}
	s.now = time.Now().Unix()
	m, in := s.parse(doc, true)
	s.out.status(statusReport{m: m, pending: true, attrs: s.attrs, counts: s.counts})
	s.fake = newFake(doc)
	s.fake.configure = len(s.up) > 0
	if s.any() {
		s.out.beginModifications()
		for _, e := range s.apply(s.fake, s.out, m, s.now) {
			s.out.fail(e)
		}
		s.out.endModifications()
		m, in = s.parse(s.fake.doc.Clone(), true)
	}
	if s.saveInput != "" {
		if err := save(s.saveInput, m.Doc); err != nil {
			return program.Faultf(exitNoSuch, "%v", err)
		}
	}
	if s.run {
		if err := s.schedule(m, in); err != nil {
			return err
		}
	}
	return s.saveResult()
}

// schedule plans, shows the plan and simulates it if that is wanted.
func (s *session) schedule(m *model.Model, in sched.Input) error {
	if s.scores || s.use {
		s.out.beginScores(s.scores, s.use)
	}
	r := sched.Plan(m, in, sched.Options{Scores: s.scores, Utilization: s.use})
	if s.scores || s.use {
		s.out.scores(r.Log.Shown)
		s.out.endScores()
	}
	if err := s.saveGraph(r); err != nil {
		return program.Faultf(exitIO, "could not save the transition: %v", err)
	}
	if err := s.saveDot(r.Transition); err != nil {
		return program.Faultf(exitIO, "could not save the drawing: %v", err)
	}
	s.out.summary(r.Transition.NodeChanges(), r.Transition.Changes())
	if !s.simulate {
		return nil
	}
	x := &executor{fake: s.fake, out: s.out, m: m, now: s.now, fails: s.opFails}
	s.out.beginTransition()
	complete := x.run(r.Transition.Graph(0))
	s.out.endTransition()
	for _, e := range x.errs {
		s.out.fail(e)
	}
	if !complete {
		s.out.fail("Transition failed: terminated")
		s.out.fail("An invalid transition was produced")
	}
	if !s.quiet {
		after, _ := s.parse(s.fake.doc.Clone(), false)
		s.out.status(statusReport{m: after, revised: true, attrs: s.attrs, counts: s.counts})
	}
	if !complete {
		if err := s.saveResult(); err != nil {
			s.out.fail(err.Error())
		}
		return program.Exit(exitError)
	}
	return nil
}

func (s *session) saveGraph(r *sched.Result) error {
	if s.graphFile == "" {
		return nil
	}
	return writeFile(s.graphFile, func(w io.Writer) error { return r.Transition.WriteXML(w, 0) })
}

func (s *session) saveDot(t *compile.Transition) error {
	if s.dotFile == "" {
		return nil
	}
	return writeFile(s.dotFile, func(w io.Writer) error {
		return t.WriteDot(w, compile.DotOptions{All: s.all, IDs: s.ids})
	})
}

// checkOutput finds out early whether the result can be saved.
func (s *session) checkOutput() error {
	if s.saveOutput == "" {
		return nil
	}
	f, err := os.OpenFile(s.saveOutput, os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return program.Faultf(exitNoSuch, "Could not create '%s': %s", s.saveOutput, reason(err))
	}
	return nil
}

// reason is what the operating system says, as C programs say it.
func reason(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		text := pe.Err.Error()
		return strings.ToUpper(text[:1]) + text[1:]
	}
	return err.Error()
}

// saveResult saves the CIB after everything that was done to it.
func (s *session) saveResult() error {
	files := []string{s.saveOutput}
	if s.inPlace && s.file != "-" {
		files = append(files, s.file)
	}
	for _, file := range files {
		if file == "" {
			continue
		}
		if err := save(file, s.fake.doc); err != nil {
			return program.Faultf(exitIO, "%v", err)
		}
	}
	return nil
}
