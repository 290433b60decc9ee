package scheduler

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/upgrade"
)

// oldSchemas are claimed by the cases in turn: from the first one that Pacemaker 2.1 still knows to the last one
// before 3.0. What a case has does not fit all of them, and then both have to refuse.
var oldSchemas = []string{"pacemaker-1.0", "pacemaker-1.2", "pacemaker-1.3", "pacemaker-2.0", "pacemaker-2.5", "pacemaker-2.10"}

// sample is how many cases there are for each that is tried. HOLDFAST_PEERS=all tries all of them.
const sample = 160

func TestUpgrade_MakesOfOldConfigurationsWhatPacemakerMakes(t *testing.T) {
	needPacemaker(t)
	inputs, err := filepath.Glob(peers + "/xml/*.xml")
	if err != nil || len(inputs) == 0 {
		t.Skip("there are no cases in " + peers)
	}
	step := sample
	if os.Getenv("HOLDFAST_PEERS") == "all" {
		step = 1
	}
	for i := 0; i < len(inputs); i += step {
		t.Run(strings.TrimSuffix(filepath.Base(inputs[i]), ".xml"), func(t *testing.T) {
			t.Parallel()
			doc, err := cibxml.Parse(read(t, inputs[i]))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range oldSchemas {
				compareUpgrades(t, doc.WithAttr("validate-with", name))
			}
		})
	}
}

func compareUpgrades(t *testing.T, doc *cibxml.Element) {
	t.Helper()
	claims := doc.Get("validate-with")
	want, refused := theirUpgrade(t, doc)
	got, err := upgrade.ToCurrent(doc)
	switch {
	case (err != nil) != (refused != nil):
		t.Errorf("%s: Pacemaker says %v, we say %v", claims, refused, err)
	case err != nil:
	default:
		if d := cmp.Diff(lines(want), lines(got)); d != "" {
			t.Errorf("%s: (-Pacemaker +Holdfast)\n%s", claims, d)
		}
	}
}

// theirUpgrade is what Pacemaker's scheduler makes of a document before it looks at it.
func theirUpgrade(t *testing.T, doc *cibxml.Element) (*cibxml.Element, error) {
	t.Helper()
	dir := t.TempDir()
	before, saved := filepath.Join(dir, "before.xml"), filepath.Join(dir, "after.xml")
	if err := os.WriteFile(before, []byte(doc.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := installed(t.Context(), "-x", before, "-I", saved); err != nil {
		return nil, err
	}
	after, err := cibxml.Parse(read(t, saved))
	if err != nil {
		t.Fatal(err)
	}
	return after, nil
}

func lines(doc *cibxml.Element) []string {
	return strings.Split(doc.Get("validate-with")+"\n"+doc.Child("configuration").String(), "\n")
}
