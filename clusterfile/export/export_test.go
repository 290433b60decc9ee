package export

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/clusterfile/merge"
	"github.com/holdfast-ha/holdfast/clusterfile/outline"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const head = `[cluster]
name = "shop"

# the three of them
[[node]]
name = "n1"
id = 1
links = ["10.0.0.1"]

[[node]]
name = "n2"
id = 2
links = ["10.0.0.2"]

[totem]
token = 2000 # slow network

[[node]]
name = "n3"
id = 3
links = ["10.0.0.3"]
`

// roundTrip exports a configuration, reads the file back and applies it: nothing may change.
func roundTrip(t *testing.T, conf *cibxml.Element) string {
	t.Helper()
	f, _, err := crm.Load("head", []byte(head), crm.Source{})
	if err != nil {
		t.Fatal(err)
	}
	text := File(head, f, Input{Configuration: conf})
	_, again, err := crm.Load("exported", []byte(text), crm.Source{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	merged := merge.Merge(merge.Inputs{Live: conf, File: again.Configuration})
	if d := outline.Diff(conf, merged.Configuration); len(d) > 0 {
		t.Errorf("applying the export changes %+v\n%s", d, text)
	}
	if d := cmp.Diff(strings.Split(conf.String(), "\n"), strings.Split(merged.Configuration.String(), "\n")); d != "" {
		t.Errorf("applying the export writes another document:\n%s", d)
	}
	return text
}

func parse(t *testing.T, path string) *cibxml.Element {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := cibxml.Parse(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Child("configuration")
}

func TestFile_ApplyingAnExportChangesNothing(t *testing.T) {
	text := roundTrip(t, parse(t, "../crm/testdata/everything.xml"))
	const golden = "testdata/everything.toml"
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); d != "" {
		t.Error(d)
	}
}

// What other tools wrote must survive: nothing is lost, at worst it becomes [[xml]].
func TestFile_KeepsWhatHasNoNotation(t *testing.T) {
	text := roundTrip(t, parse(t, "testdata/odd.xml"))
	for _, want := range []string{"[[xml]]", "<bundle", "<template", `value-source="param"`, "custom-meta", "id-ref"} {
		if !strings.Contains(text, want) {
			t.Errorf("the export does not contain %s:\n%s", want, text)
		}
	}
	if !strings.Contains(text, `id = "plain"`) {
		t.Errorf("what has a notation became XML:\n%s", text)
	}
}

func TestFile_KeepsTheMembershipsSectionsAsTheyAreWritten(t *testing.T) {
	f, _, err := crm.Load("head", []byte(head), crm.Source{})
	if err != nil {
		t.Fatal(err)
	}
	conf := cibxml.New("configuration").Append(cibxml.New("nodes").Append(cibxml.New("node", "id", "2", "uname", "n2").Append(
		cibxml.New("instance_attributes", "id", "nodes-2").Append(
			cibxml.New("nvpair", "id", "a", "name", "standby", "value", "on"), cibxml.New("nvpair", "id", "b", "name", "rack", "value", "x y")))))
	got := File(head, f, Input{Configuration: conf})
	want := `[cluster]
name = "shop"

[[node]]
name = "n1"
id = 1
links = ["10.0.0.1"]

[[node]]
name = "n2"
id = 2
links = ["10.0.0.2"]
standby = true
attributes = { rack = "x y" }

[[node]]
name = "n3"
id = 3
links = ["10.0.0.3"]

[totem]
token = 2000 # slow network
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// What the CIB does not have would be lost with the file.
func TestFile_KeepsEverySectionThatTheCIBDoesNotHave(t *testing.T) {
	for _, name := range clusterfile.Own {
		text := head + "\n[" + name + ".x]\n# kept\n"
		if got := File(text, &clusterfile.File{}, Input{Configuration: cibxml.New("configuration")}); !strings.Contains(got, "["+name+".x]\n# kept") {
			t.Errorf("%s is lost:\n%s", name, got)
		}
	}
}

func TestSections_NamesTheFilesOfSecrets(t *testing.T) {
	conf := parse(t, "../crm/testdata/everything.xml")
	text := Sections(Input{Configuration: conf, Secret: func(rsc, param, v string) string {
		if rsc == "power-n1" && param == "password" && v == "hunter2" {
			return "/secrets/power-n1"
		}
		return ""
	}})
	if strings.Contains(text, "hunter2") || !strings.Contains(text, `password = { file = "/secrets/power-n1" }`) {
		t.Error(text)
	}
}

// What pcs itself writes must survive too.
func TestFile_OfWhatPcsMade(t *testing.T) {
	pcs, err := exec.LookPath("pcs")
	if err != nil {
		t.Skip("pcs is not installed")
	}
	path := filepath.Join(t.TempDir(), "cib.xml")
	raw, err := os.ReadFile("testdata/empty.xml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"resource create d1 ocf:pacemaker:Dummy op monitor interval=10s OCF_CHECK_LEVEL=10 meta resource-stickiness=5 --group g",
		"resource create d2 ocf:pacemaker:Stateful promotable promoted-max=1",
		"constraint location g rule score=500 pingd gt 1 and date gt 2026-01-01",
		"constraint order set g d2-clone sequential=false setoptions kind=Optional",
		"constraint colocation add g with Promoted d2-clone 50",
		"property set no-quorum-policy=freeze",
	} {
		if out, err := exec.Command(pcs, append([]string{"-f", path}, strings.Fields(args)...)...).CombinedOutput(); err != nil {
			t.Fatalf("pcs %s: %v\n%s", args, err, out)
		}
	}
	if text := roundTrip(t, parse(t, path)); strings.Contains(text, "[[xml]]") {
		t.Error(text)
	}
}
