package cib

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"pgregory.net/rapid"
)

const small = `<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="5" num_updates="3" admin_epoch="1">
  <configuration>
    <crm_config><cluster_property_set id="opts"><nvpair id="o1" name="x" value="5"/></cluster_property_set></crm_config>
    <nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>
    <resources>
      <primitive id="a" class="ocf" provider="pacemaker" type="Dummy"/>
      <group id="g"><primitive id="b" class="ocf" provider="pacemaker" type="Dummy"/></group>
    </resources>
    <constraints/>
  </configuration>
  <status/>
</cib>`

func TestApply_CountsAndStampsByWhatChanged(t *testing.T) {
	cases := []struct {
		name    string
		cmd     Command
		version string
		stamped bool
	}{
		{"configuration", Command{Op: OpModify, Section: "nodes", Input: cibxml.New("node", "id", "1", "uname", "x")}, "1.6.0", true},
		{"nothing", Command{Op: OpModify, Section: "nodes", Input: cibxml.New("node", "id", "1", "uname", "n1")}, "1.5.3", false},
		{"status", Command{Op: OpModify, Section: "status", AllowCreate: true, Input: cibxml.New("node_state", "id", "1")}, "1.5.4", false},
		{"attribute of cib", Command{Op: OpModify, Input: cibxml.New("cib", "have-quorum", "1")}, "1.5.4", false},
		{"bump", Command{Op: OpBump}, "1.6.4", false},
		{"epoch of its own", Command{Op: OpModify, Input: cibxml.New("cib", "epoch", "9")}, "1.9.4", false},
		{"admin_epoch", Command{Op: OpModify, Input: cibxml.New("cib", "admin_epoch", "admin_epoch++")}, "2.5.4", false},
		{"erase", Command{Op: OpErase}, "2.6.0", true},
		{"section that was absent", Command{Op: OpModify, Section: "tags", AllowCreate: true, Input: cibxml.New("tag", "id", "t").
			Append(cibxml.New("obj_ref", "id", "a"))}, "1.6.0", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.cmd.Now, c.cmd.UTCOffset, c.cmd.Client, c.cmd.User, c.cmd.Origin = 1795292162, 3600, "cibadmin", "root", "n1"
			r, err := Apply(parsed(t, small), c.cmd)
			if err != nil {
				t.Fatal(err)
			}
			if got := VersionOf(r.Doc).String(); got != c.version {
				t.Errorf("version %s, want %s", got, c.version)
			}
			if stamped := r.Doc.Get("cib-last-written") == "Sat Nov 21 21:16:02 2026" && r.Doc.Get("update-client") == "cibadmin" &&
				r.Doc.Get("update-user") == "root" && r.Doc.Get("update-origin") == "n1"; stamped != c.stamped || r.Configuration != c.stamped {
				t.Errorf("got %s", r.Doc.WithChildren(nil))
			}
		})
	}
}

func TestApply_RefusesAndSaysWhy(t *testing.T) {
	cases := []struct {
		name string
		cmd  Command
		code int
		want string
	}{
		{"no such section", Command{Op: OpQuery, Section: "alerts"}, CodeNoObject, "No such device or address: there is no section alerts"},
		{"no match", Command{Op: OpQuery, XPath: "//x"}, CodeNoObject, "No such device or address: nothing matches the XPath //x"},
		{"nothing to modify", Command{Op: OpModify, Input: cibxml.New("node", "id", "9")}, CodeNoObject,
			`No such device or address: there is no <node id="9"> to modify`},
		{"there already", Command{Op: OpCreate, Section: "nodes", Input: cibxml.New("node", "id", "1")}, CodeExists,
			`File exists: <node id="1"> is there already`},
		{"older", Command{Op: OpReplace, Input: cibxml.New("cib", "admin_epoch", "1", "epoch", "4", "num_updates", "9")}, CodeOld,
			"Update was older than existing configuration: epoch of the replacement is 4, that of the CIB is 5"},
		{"back in time", Command{Op: OpModify, Input: cibxml.New("cib", "epoch", "4")}, CodeOld,
			"Update was older than existing configuration: epoch would go back from 5 to 4"},
		{"newer software", Command{Op: OpModify, Input: cibxml.New("cib", "crm_feature_set", "3.17.0")}, CodeProtocol,
			"Protocol not supported: the CIB needs feature set 3.17.0, this node has 3.16.1"},
		{"not valid", Command{Op: OpModify, Input: cibxml.New("node", "id", "1", "type", "toaster")}, CodeSchema,
			`Update does not conform to the configured schema: <node id="1">: attribute type is "toaster" (allowed: member, ping, remote)`},
		{"in the meantime", Command{Op: OpBump, Base: &Version{1, 4, 0}}, CodeOld,
			"Update was older than existing configuration: the configuration has changed from 1.4 to 1.5 in the meantime"},
		{"access", Command{Op: OpBump, Check: func(_, _ *cibxml.Element) error { return Denied("user bob may not do that") }}, CodeDenied,
			"Permission denied: user bob may not do that"},
		{"no input", Command{Op: OpModify}, CodeInvalid, "Invalid argument: modify needs XML to work with"},
		{"whole document", Command{Op: OpDelete, XPath: "/cib"}, CodeInvalid,
			"Invalid argument: the XPath /cib means the whole CIB, which cannot be deleted"},
		{"no operation", Command{Op: "frobnicate"}, CodeProtocol, `Protocol not supported: "frobnicate" is not an operation on the CIB`},
		{"no patch", Command{Op: OpPatch, Input: cibxml.New("foo")}, CodeInvalid,
			`Invalid argument: <foo> of format "" is not a patch, which is a <diff> of format 2 or 1`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			doc := parsed(t, small)
			r, err := Apply(doc, c.cmd)
			var e *Error
			if !errors.As(err, &e) || e.Code != c.code || e.Error() != c.want {
				t.Errorf("got %v", err)
			}
			if r.Doc != doc {
				t.Error("the document is another one")
			}
		})
	}
}

func TestApply_CreateThatFailsTellsWhat(t *testing.T) {
	_, err := Apply(parsed(t, small), Command{Op: OpCreate, Section: "nodes", Input: cibxml.New("node", "id", "1", "uname", "x")})
	want := `<failed><failed_update id="1" object_type="node" operation="cib_create" reason="File exists"><node id="1" uname="x"/></failed_update></failed>`
	var e *Error
	if !errors.As(err, &e) || e.Failed.Compact() != want {
		t.Errorf("got %v", err)
	}
}

func TestApply_QueryAnswersPaths(t *testing.T) {
	r, err := Apply(parsed(t, small), Command{Op: OpQuery, XPath: "//primitive", PathsOnly: true})
	want := `<xpath-query><xpath-query-path id="/cib/configuration/resources/primitive[@id='a']"/>` +
		`<xpath-query-path id="/cib/configuration/resources/group[@id='g']/primitive[@id='b']"/></xpath-query>`
	if err != nil || r.Output.Compact() != want {
		t.Errorf("got %s (%v)", r.Output.Compact(), err)
	}
}

func TestApply_UpgradeRaisesAdminEpoch(t *testing.T) {
	old := WithAttrs(parsed(t, small), "validate-with", "pacemaker-3.0")
	up := func(doc *cibxml.Element) (*cibxml.Element, error) {
		return WithAttrs(doc, "validate-with", "pacemaker-3.9"), nil
	}
	r, err := Apply(old, Command{Op: OpUpgrade, Upgrade: up})
	if err != nil || VersionOf(r.Doc).String() != "2.1.2" || r.Note != "" {
		t.Errorf("got %v, note %q (%v)", VersionOf(r.Doc), r.Note, err)
	}
	r, err = Apply(r.Doc, Command{Op: OpUpgrade, Upgrade: up})
	if err != nil || VersionOf(r.Doc).String() != "2.1.2" || !strings.HasPrefix(r.Note, "Upgrade unnecessary") {
		t.Errorf("got %v, note %q (%v)", VersionOf(r.Doc), r.Note, err)
	}
}

func TestApply_ChangesNothingInPlaceAndSharesTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := settled(documents().Draw(t, "doc"))
		before := doc.Clone()
		cmd, _ := commands(t)
		input := cmd.Input.Clone()
		r, err := Apply(doc, cmd)
		if !doc.Equal(before) {
			t.Fatalf("the document was changed by %+v", cmd)
		}
		if cmd.Input != nil && !cmd.Input.Equal(input) {
			t.Fatalf("the input was changed by %+v", cmd)
		}
		if err != nil {
			return
		}
		for _, section := range []string{"nodes", "resources", "constraints", "status"} {
			a, b := Section(doc, section), Section(r.Doc, section)
			if a != b && same(a, b) && cmd.Op != OpReplace && cmd.Op != OpErase {
				t.Fatalf("section %s was copied by %+v", section, cmd)
			}
		}
	})
}

func FuzzApply(f *testing.F) {
	f.Add("modify", "resources", "", `<primitive id="a" type="x"/>`, true)
	f.Add("patch", "", "", `<diff format="2"><change operation="move" path="/cib/status" position="0"/></diff>`, false)
	f.Add("patch", "", "", `<diff><diff-removed><cib epoch="5"/></diff-removed><diff-added><cib><x __crm_diff_marker__="added:top"/></cib></diff-added></diff>`, false)
	f.Add("delete", "", "//primitive", ``, true)
	doc, err := cibxml.Parse(small)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, op, section, path, input string, flag bool) {
		in, err := cibxml.Parse(input)
		if err != nil {
			in = nil
		}
		r, err := Apply(doc, Command{Op: Op(op), Section: section, XPath: path, Input: in, AllowCreate: flag, All: flag, Mixed: flag})
		if err == nil && Diff(doc, r.Doc, DiffOptions{}) != nil && VersionOf(r.Doc).Compare(VersionOf(doc)) == 0 {
			t.Errorf("changed without a new version: %s", r.Doc)
		}
	})
}

func BenchmarkApply(b *testing.B) {
	out, err := exec.Command("../../shared/peers/scheduler/bigcib", "1000", "8").Output()
	if err != nil {
		b.Skip("../shared is not here")
	}
	doc := parsed(b, string(out))
	some := doc.Child("configuration").Child("resources")
	target := some.Children[len(some.Children)/2]
	modify := Command{Op: OpModify, Section: "resources", Now: 1, Client: "c", User: "u", Origin: "n",
		Input: cibxml.New(target.Name, "id", target.ID(), "description", "x")}
	changed, err := Apply(doc, modify)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d bytes", len(out))
	b.Run("modify", func(b *testing.B) {
		for b.Loop() {
			if _, err := Apply(doc, modify); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("diff", func(b *testing.B) {
		for b.Loop() {
			if Diff(doc, changed.Doc, DiffOptions{}) == nil {
				b.Fatal("no difference")
			}
		}
	})
	patch := Diff(doc, changed.Doc, DiffOptions{}).XML()
	b.Run("patch", func(b *testing.B) {
		for b.Loop() {
			if _, err := ApplyPatch(doc, patch, true); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("digest", func(b *testing.B) {
		for b.Loop() {
			VersionedDigest(doc)
		}
	})
	b.Run("xpath", func(b *testing.B) {
		q := Command{Op: OpQuery, XPath: "//primitive[@id='" + target.ID() + "']"}
		for b.Loop() {
			_, _ = Apply(doc, q)
		}
	})
}
