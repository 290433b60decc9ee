package rollout

import (
	"github.com/holdfast-ha/holdfast/clusterfile/outline"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/show"
)

// marks and tones of changes.
var (
	marks = map[outline.Op]string{outline.Added: "+", outline.Removed: "-", outline.Changed: "~"}
	tones = map[outline.Op]render.Tone{outline.Added: render.Good, outline.Removed: render.Bad, outline.Changed: render.Attention}
)

// Changes writes differences of configurations.
func Changes(s *session.Session, list []outline.Change) {
	paint := render.NewPainter(s)
	for _, c := range list {
		s.Say("%s", paint.Paint(tones[c.Op], marks[c.Op]+" "+c.Name()))
		for _, x := range c.Settings {
			if c.Op != outline.Removed {
				setting(s, paint, c.Op, x)
			}
		}
	}
}

func setting(s *session.Session, paint render.Painter, op outline.Op, x outline.SettingChange) {
	switch {
	case op == outline.Added:
		s.Say("    %s = %s", x.Key, x.New)
	case x.Old == "":
		s.Say("    %s %s = %s", paint.Paint(render.Good, "+"), x.Key, x.New)
	case x.New == "":
		s.Say("    %s %s (was %s)", paint.Paint(render.Bad, "-"), x.Key, x.Old)
	default:
		s.Say("    %s %s: %s → %s", paint.Paint(render.Attention, "~"), x.Key, x.Old, x.New)
	}
}

// print writes a plan.
func (p *Plan) print(s *session.Session) {
	paint := render.NewPainter(s)
	title := func(text string) { s.Say("%s", paint.Paint(render.Strong, text)) }
	for _, a := range p.Advice {
		s.Say("%s %s", paint.Paint(render.Attention, "!"), a)
	}
	if len(p.Advice) > 0 {
		s.Say("")
	}
	if p.Empty() {
		s.Say("The cluster is as the file says.")
		p.printKept(s)
		return
	}
	if len(p.File) > 0 {
		title("Cluster file")
		for _, x := range p.File {
			setting(s, paint, outline.Changed, x)
		}
		s.Say("")
	}
	if len(p.Changes) > 0 {
		title("Configuration")
		Changes(s, p.Changes)
		s.Say("")
		title("What the cluster would do")
		p.printEffects(s, paint)
	}
	p.printKept(s)
}

func (p *Plan) printKept(s *session.Session) {
	for i, k := range p.Kept {
		if i == 0 {
			s.Say("\nStays although the file does not say it:")
		}
		s.Say("  %s", k)
	}
}

// effectTones are the tones of what interrupts and what begins.
var effectTones = map[string]render.Tone{"Stop": render.Bad, "Fence": render.Bad, "Recover": render.Attention, "Restart": render.Attention,
	"Move": render.Attention, "Migrate": render.Attention, "Demote": render.Attention, "Start": render.Good, "Promote": render.Good}

func (p *Plan) printEffects(s *session.Session, paint render.Painter) {
	if !p.Foreseen {
		s.Say("  It cannot be foreseen.")
		return
	}
	if len(p.Effects) == 0 {
		s.Say("  Nothing: no resource is touched.")
	}
	for _, e := range p.Effects {
		tone := effectTones[e.Verb]
		if e.Blocked {
			tone = render.Bad
		}
		s.Say("  %s", paint.Paint(tone, show.Effect(e)))
	}
}
