package upgrade

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/schema"
)

func load(t *testing.T, file string) *cibxml.Element {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := cibxml.Parse(string(raw))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return doc
}

func old(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.old.xml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	return files
}

func TestToNewest_Golden(t *testing.T) {
	for _, file := range old(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".old.xml")
		t.Run(name, func(t *testing.T) {
			before := load(t, file)
			text := before.String()
			got, err := ToNewest(before)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.TrimSuffix(file, ".old.xml") + ".new.xml"
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(want, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(load(t, want).String(), got.String()); d != "" {
				t.Error(d)
			}
			if problems := schema.Check(nil, got); len(problems) > 0 {
				t.Errorf("the result is not valid: %v", problems)
			}
			if before.String() != text {
				t.Error("the document that was given has changed")
			}
			if again, err := ToNewest(got); err != nil || again != got {
				t.Errorf("a second upgrade does something: %v", err)
			}
		})
	}
}

// What people have is what Pacemaker's own upgrade makes of their configuration.
func TestToNewest_AsPacemaker(t *testing.T) {
	cibadmin, err := exec.LookPath("cibadmin")
	if err != nil {
		t.Skip("cibadmin is not installed")
	}
	for _, file := range old(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			work := filepath.Join(t.TempDir(), "cib.xml")
			doc := load(t, file)
			if err := os.WriteFile(work, []byte(doc.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(cibadmin, "--upgrade", "--force")
			cmd.Env = append(os.Environ(), "CIB_file="+work)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			got, err := ToNewest(doc)
			if err != nil {
				t.Fatal(err)
			}
			want := load(t, work)
			if d := cmp.Diff(want.Child("configuration").String(), got.Child("configuration").String()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestToCurrent_Refusals(t *testing.T) {
	cases := map[string]struct{ doc, want string }{
		"unknown": {`<cib validate-with="transitional-0.6"><configuration/></cib>`,
			"Cannot upgrade configuration (claiming schema transitional-0.6) to at least pacemaker-3.0 because it does not validate with any schema from unknown to pacemaker-3.9"},
	}
	for name, c := range cases {
		doc, err := cibxml.Parse(c.doc)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = ToCurrent(doc); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestToCurrent_LeavesAlone(t *testing.T) {
	for _, text := range []string{`<cib validate-with="pacemaker-3.0"/>`, `<cib validate-with="none"/>`, `<cib/>`} {
		doc, err := cibxml.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ToCurrent(doc); err != nil || got != doc {
			t.Errorf("%s becomes %v, %v", text, got, err)
		}
	}
}
