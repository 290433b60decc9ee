package simfuzz

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

var update = flag.Bool("update", false, "write what the installed crm_simulate answers into the cases")

// recorded is a difference that there was once, with what Pacemaker answers.
type recorded struct {
	archive *txtar.Archive
	in      Input
}

func readCase(t *testing.T, file string) *recorded {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &recorded{archive: archive, in: Input{Name: filepath.Base(file)}}
	for _, f := range archive.Files {
		switch f.Name {
		case "cib.xml":
			if c.in.Doc, err = cibxml.Parse(string(f.Data)); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		case "args":
			c.in.Args = strings.FieldsFunc(string(f.Data), func(r rune) bool { return r == '\n' })
		}
	}
	if c.in.Doc == nil || len(archive.Comment) == 0 {
		t.Fatalf("%s: there is no cib.xml, or nothing that says what it shows", file)
	}
	return c
}

func (c *recorded) check(t *testing.T, who string, a Answer) {
	t.Helper()
	have := map[string]string{}
	for _, p := range a.Parts() {
		have[p.Name] = p.Text
	}
	checked := 0
	for _, f := range c.archive.Files {
		got, ok := have[f.Name]
		if !ok {
			continue
		}
		checked++
		if d := cmp.Diff(lines(string(f.Data)), lines(got)); d != "" {
			t.Errorf("%s%s: %s (-want +got)\n%s", c.archive.Comment, who, f.Name, d)
		}
	}
	if checked == 0 {
		t.Error("the case expects nothing")
	}
}

// expect replaces what is expected.
func (c *recorded) expect(t *testing.T, file string, a Answer) {
	t.Helper()
	kept := c.archive.Files[:0]
	for _, f := range c.archive.Files {
		if f.Name == "cib.xml" || f.Name == "args" {
			kept = append(kept, f)
		}
	}
	c.archive.Files = kept
	for _, p := range a.Parts() {
		if p.Name != "cib" {
			c.archive.Files = append(c.archive.Files, txtar.File{Name: p.Name, Data: []byte(p.Text)})
		}
	}
	if err := os.WriteFile(file, txtar.Format(c.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Each case is a difference that was found and repaired, reduced to what shows it. Where crm_simulate is
// installed it confirms them.
func TestRecordedDifferences_StayRepaired(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases in testdata", err)
	}
	path, missing := find()
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			c := readCase(t, file)
			if missing == nil {
				peer, err := Ask(t.Context(), Installed{Path: path}, c.in, t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				if *update {
					c.expect(t, file, peer)
				}
				c.check(t, "crm_simulate", peer)
			}
			ours, err := Ask(t.Context(), Ours{}, c.in, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			c.check(t, "Holdfast", ours)
		})
	}
}
