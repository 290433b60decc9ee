package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/clusterfile/merge"
	"github.com/holdfast-ha/holdfast/clusterfile/outline"
	"github.com/holdfast-ha/holdfast/hcs/agents"
	"github.com/holdfast-ha/holdfast/hcs/session"
)

// Plan is what applying a file would do; plan and apply print it with --json.
type Plan struct {
	// Changes of the configuration, File of the cluster file's other sections.
	Changes []outline.Change        `json:"changes"`
	File    []outline.SettingChange `json:"file"`
	// Kept is what the file does not say and that stays all the same.
	Kept []string `json:"kept"`
	// Advice are remarks on the file.
	Advice []string `json:"advice"`
	// Effects are what the cluster would do, as its scheduler foresees; Foreseen is false when it could not be asked.
	Effects  []session.Effect `json:"effects"`
	Foreseen bool             `json:"foreseen"`
	// Applied tells that it has been done.
	Applied bool `json:"applied,omitempty"`

	doc     *cibxml.Element // the CIB that the plan was made for
	conf    *cibxml.Element // its configuration afterwards
	version string
	agreed  api.ClusterFile
	want    *wanted
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 && len(p.File) == 0 }

// makePlan compares a file with what is in effect.
func makePlan(ctx context.Context, s *session.Session, want *wanted) (*Plan, error) {
	doc, err := s.Document(ctx)
	if err != nil {
		return nil, err
	}
	file, err := agreed(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := missingNodes(doc, want); err != nil {
		return nil, err
	}
	in := merge.Inputs{Live: doc.Child("configuration"), File: want.config.Configuration}
	if old := before(file.Text); old != nil {
		in.Base = old.Configuration
	}
	merged := merge.Merge(in)
	p := &Plan{Changes: []outline.Change{}, File: []outline.SettingChange{}, Kept: append([]string{}, merged.Kept...), Advice: []string{},
		Effects: []session.Effect{}, doc: doc, conf: merged.Configuration, version: cib.VersionOf(doc).String(), agreed: file, want: want}
	p.Changes = append(p.Changes, hidden(ctx, s, merged.Configuration, want.config, outline.Diff(in.Live, merged.Configuration))...)
	if s.CIBFile == "" {
		p.File = append(p.File, fileChanges(file.Text, want.text)...)
	}
	for _, a := range want.config.Advice {
		p.Advice = append(p.Advice, fmt.Sprintf("%s:%d: %s: %s", want.path, a.Line, a.Key, a.Message))
	}
	for _, i := range want.file.Ignored {
		p.Advice = append(p.Advice, fmt.Sprintf("%s:%d: %s has no effect: %s", want.path, i.Line, i.Key, i.Why))
	}
	p.foresee(s)
	return p, nil
}

// missingNodes refuses a file that has lost a node: taking one out needs more than a file.
func missingNodes(doc *cibxml.Element, want *wanted) error {
	var lost []string
	for n := range doc.Child("configuration").Child("nodes").Tags("node") {
		name := n.Get("uname")
		if n.Get("type") != "remote" && want.file.Node(name) == nil && !slices.Contains(crm.RemoteNodes(want.config.Configuration), name) {
			lost = append(lost, name)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return session.Fail(api.CodeConfig, "%s has no [[node]] for %s. A node is taken out of the cluster with: hcs node remove %s\nNothing was changed.",
		want.path, strings.Join(lost, ", "), lost[0])
}

// foresee asks the scheduler what follows from the plan. What it would do without the plan is left out.
func (p *Plan) foresee(s *session.Session) {
	if len(p.Changes) == 0 {
		return
	}
	after := s.Foresee(p.doc.WithChild(p.doc.Child("configuration"), p.conf))
	if after == nil {
		return
	}
	p.Foreseen = true
	var already []session.Effect
	if now := s.Foresee(p.doc); now != nil {
		already = now.Effects
	}
	for _, e := range after.Effects {
		if !slices.Contains(already, e) {
			p.Effects = append(p.Effects, e)
		}
	}
}

// secretText stands for a value that is not shown.
const secretText = "(secret)"

// hidden replaces the values of secret parameters.
func hidden(ctx context.Context, s *session.Session, conf *cibxml.Element, c *crm.Config, changes []outline.Change) []outline.Change {
	catalogue := agents.New(ctx, s.Getenv)
	for i := range changes {
		ch := &changes[i]
		if ch.Kind != "resource" && ch.Kind != outline.FenceDevice {
			continue
		}
		secret := secretNames(catalogue, conf, ch.ID)
		for _, x := range c.Secrets {
			if x.Resource == ch.ID {
				secret[x.Param] = true
			}
		}
		for j := range ch.Settings {
			name, isParam := strings.CutPrefix(ch.Settings[j].Key, "params.")
			if !isParam || !secret[name] && !agent.LooksSecret(name) {
				continue
			}
			for _, v := range []*string{&ch.Settings[j].Old, &ch.Settings[j].New} {
				if *v != "" {
					*v = secretText
				}
			}
		}
	}
	return changes
}

func secretNames(c agent.Catalogue, conf *cibxml.Element, id string) map[string]bool {
	names := map[string]bool{}
	conf.Child("resources").Walk(func(e *cibxml.Element) bool {
		if e.IsTag("primitive") && e.ID() == id {
			a, _ := c.Describe(agent.Ref{Class: e.Get("class"), Provider: e.Get("provider"), Type: e.Get("type")})
			for _, n := range agent.Secret(a) {
				names[n] = n != "user"
			}
		}
		return true
	})
	return names
}
