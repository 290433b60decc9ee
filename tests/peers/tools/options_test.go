package tools

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// TestDescriptions_HaveTheOptionsOfPacemakers compares what the daemons' names say of options: the same names,
// types, defaults and words to choose from, in other words.
func TestDescriptions_HaveTheOptionsOfPacemakers(t *testing.T) {
	const daemons = "/usr/lib/pacemaker"
	if _, err := os.Stat(filepath.Join(daemons, "pacemaker-controld")); err != nil {
		t.Skip("Pacemaker's daemons are not installed in " + daemons)
	}
	ours := build(t)
	for _, name := range []string{"pacemaker-based", "pacemaker-controld", "pacemaker-fenced", "pacemaker-schedulerd"} {
		theirs := parameters(t, exec.Command(filepath.Join(daemons, name), "metadata"))
		if !theirs.known {
			t.Skipf("%s is not Pacemaker's", name)
		}
		mine := parameters(t, exec.Command(filepath.Join(ours, "holdfast-tools"), name, "metadata"))
		if d := cmp.Diff(theirs.list, mine.list); d != "" {
			t.Errorf("%s (-Pacemaker +Holdfast)\n%s", name, d)
		}
	}
}

// described are the parameters of an XML description.
type described struct {
	known bool
	list  map[string]string // type, default and words by name
}

func parameters(t *testing.T, cmd *exec.Cmd) described {
	t.Helper()
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	doc, err := cibxml.ParseText(string(raw))
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	d := described{known: len(raw) > 1000, list: map[string]string{}}
	for p := range doc.Child("parameters").Tags("parameter") {
		c := p.Child("content")
		text := c.Get("type") + " " + c.Get("default")
		switch p.Get("name") {
		case "dc-version", "pcmk_host_check", "fence-reaction":
			d.list[p.Get("name")] = "" // ours says more, or does not claim a default that is none
			continue
		}
		for o := range c.Tags("option") {
			text += " " + o.Get("value")
		}
		d.list[p.Get("name")] = text
	}
	return d
}
