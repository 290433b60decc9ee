package cib

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"pgregory.net/rapid"
)

func TestApplyPatch_LeadsFromOldToNew(t *testing.T) {
	for _, twins := range []bool{false, true} {
		rapid.Check(t, func(t *rapid.T) {
			old := trees(twins).Draw(t, "old")
			new := trees(twins).Draw(t, "new")
			if rapid.Bool().Draw(t, "related") {
				new = variation(t, old)
			}
			if twins { // nothing can tell how character data of the root changes
				for _, e := range []*cibxml.Element{old, new} {
					e.Children = []*cibxml.Element{cibxml.New("x").Append(e.Children...)}
				}
			}
			before := old.Clone()
			options := DiffOptions{AttributeOrder: rapid.Bool().Draw(t, "order"), NoVersions: true, Digest: true}
			patch := Diff(old, new, options)
			if patch == nil {
				if options.AttributeOrder && !old.Equal(new) || !same(old, new) {
					t.Fatalf("no patch from\n%sto\n%s", old, new)
				}
				return
			}
			text := patch.XML().String()
			diff, err := cibxml.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ApplyPatch(old, diff, false)
			if !options.AttributeOrder { // then the digest, which depends on it, may differ
				diff.Unset("digest")
				got, err = ApplyPatch(old, diff, false)
			}
			if err != nil {
				t.Fatalf("%v\nfrom\n%sto\n%s%s", err, old, new, text)
			}
			if !same(got, new) {
				t.Fatalf("got\n%sinstead of\n%sfrom\n%s%s", got, new, old, text)
			}
			if !old.Equal(before) {
				t.Fatal("the old document was changed")
			}
		})
	}
}

// leads tells whether a patch makes new out of old. Those of crm_diff do not always where comments move.
func leads(t *rapid.T, old, new *cibxml.Element, patch string) bool {
	diff, err := cibxml.Parse(patch)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ApplyPatch(old, diff, false)
	return err == nil && same(got, new)
}

// The real crm_diff finds the same changes, wherever every element has an identity of its own.
func TestDiff_WritesWhatCrmDiffWrites(t *testing.T) {
	tool, err := exec.LookPath("crm_diff")
	if err != nil {
		t.Skip("crm_diff is not installed")
	}
	dir := t.TempDir()
	oldFile, newFile := filepath.Join(dir, "old.xml"), filepath.Join(dir, "new.xml")
	rapid.Check(t, func(t *rapid.T) {
		old := trees(false).Draw(t, "old")
		new := variation(t, old)
		for f, e := range map[string]*cibxml.Element{oldFile: old, newFile: new} {
			if err := os.WriteFile(f, []byte(e.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, cib := range []bool{false, true} {
			args := []string{"-o", oldFile, "-n", newFile}
			if cib {
				args = append(args, "-c")
			}
			theirs, _ := exec.Command(tool, args...).Output()
			ours := ""
			if p := Diff(old, new, DiffOptions{AttributeOrder: !cib, Digest: cib}); p != nil {
				ours = p.XML().Format(cibxml.Style{Indent: true, Pacemaker: true})
			}
			if ours != string(theirs) && leads(t, old, new, string(theirs)) {
				t.Fatalf("%v\nold\n%s\nnew\n%s\nours\n%s\ntheirs\n%s", args, old, new, ours, theirs)
			}
		}
	})
}

// unordered is a tree with the children of every element sorted: format 1 says nothing about order.
func unordered(e *cibxml.Element) *cibxml.Element {
	c := *e
	c.Children = nil
	for _, k := range e.Children {
		c.Children = append(c.Children, unordered(k))
	}
	slices.SortFunc(c.Children, func(a, b *cibxml.Element) int { return strings.Compare(a.Compact(), b.Compact()) })
	return &c
}

// Patches of format 1, which crm_diff still writes for documents without a feature set, are understood.
func TestApplyPatch_ReadsFormat1(t *testing.T) {
	tool, err := exec.LookPath("crm_diff")
	if err != nil {
		t.Skip("crm_diff is not installed")
	}
	dir := t.TempDir()
	oldFile, newFile := filepath.Join(dir, "old.xml"), filepath.Join(dir, "new.xml")
	rapid.Check(t, func(t *rapid.T) {
		old := withoutComments(trees(false).Draw(t, "old").WithoutAttr("crm_feature_set"))
		new := withoutComments(variation(t, old))
		for f, e := range map[string]*cibxml.Element{oldFile: old, newFile: new} {
			if err := os.WriteFile(f, []byte(e.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		patch, _ := exec.Command(tool, "-o", oldFile, "-n", newFile).Output()
		if len(patch) == 0 {
			return
		}
		diff := parsedOr(t, string(patch)).WithoutAttr("digest")
		if diff.Get("format") != "1" {
			t.Fatalf("not a patch of format 1:\n%s", patch)
		}
		got, err := ApplyPatch(old, diff, false)
		if err != nil || !same(unordered(got), unordered(new)) {
			t.Fatalf("%v\nold\n%s\nnew\n%s\npatch\n%s\ngot\n%s", err, old, new, patch, got)
		}
	})
}

func withoutComments(e *cibxml.Element) *cibxml.Element {
	c := *e
	c.Children = nil
	for k := range e.Tags() {
		c.Children = append(c.Children, withoutComments(k))
	}
	return &c
}

func TestApplyPatch_ChecksVersionsAndDigests(t *testing.T) {
	doc := parsed(t, small)
	remove := `<change operation="delete" path="/cib/configuration/nodes/node[@id='1']"/>`
	versions := func(from, to string) string {
		return `<version><source admin_epoch="1" epoch="` + from + `" num_updates="3"/><target admin_epoch="1" epoch="` + to + `" num_updates="0"/></version>`
	}
	cases := []struct{ name, patch, want string }{
		{"from here", `<diff format="2">` + versions("5", "6") + remove + `</diff>`, ""},
		{"from nowhere in particular", `<diff format="2">` + remove + `</diff>`, ""},
		{"from later", `<diff format="2">` + versions("6", "7") + `</diff>`,
			"Application of update diff failed, requesting full refresh: the CIB is at 1.5.3, the patch begins at 1.6.3"},
		{"from before", `<diff format="2">` + versions("4", "5") + `</diff>`,
			"Update was older than existing configuration: the CIB is at 1.5.3, the patch begins at 1.4.3"},
		{"to nowhere", `<diff format="2">` + versions("5", "5") + `</diff>`,
			"Update was older than existing configuration: the patch leads from 1.5.3 to 1.5.0, which is not newer"},
		{"another digest", `<diff format="2" digest="0">` + remove + `</diff>`,
			"Application of update diff failed: the result does not have the digest that the patch asks for"},
		{"what is not there", `<diff format="2"><change operation="move" path="/cib/x" position="1"/></diff>`,
			"Application of update diff failed: there is no /cib/x to move"},
		{"no change", `<diff format="2"><change operation="paint" path="/cib"/></diff>`,
			`Application of update diff failed: "paint" is not a change (delete, modify, create or move)`},
		{"format 1", `<diff><diff-removed epoch="5" num_updates="3" admin_epoch="1"><cib epoch="5" num_updates="3" admin_epoch="1"><configuration><nodes>` +
			`<node id="1" __crm_diff_marker__="removed:top"/></nodes></configuration></cib></diff-removed><diff-added><cib epoch="6" num_updates="0" ` +
			`admin_epoch="1"/></diff-added></diff>`, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ApplyPatch(doc, parsed(t, c.patch), true)
			if err != nil || c.want != "" {
				if err == nil || err.Error() != c.want {
					t.Errorf("got %v", err)
				}
			} else if nodes := Section(got, "nodes"); len(nodes.Children) != 1 || nodes.Children[0].ID() != "2" {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestApplyPatch_IdsMayContainAnything(t *testing.T) {
	doc := cibxml.New("cib").Append(cibxml.New("a", "id", "x'] /y"), cibxml.New("a", "id", "/"))
	changed := cibxml.New("cib").Append(cibxml.New("a", "id", "x'] /y", "p", "1"))
	got, err := ApplyPatch(doc, Diff(doc, changed, DiffOptions{NoVersions: true}).XML(), false)
	if err != nil || !same(got, changed) {
		t.Errorf("got %s (%v)", got, err)
	}
}
