package cib

import (
	"os"
	"os/exec"
	"path/filepath"
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
