package acl

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"pgregory.net/rapid"
)

// guarded is a CIB with these permissions for the user bob, written KIND WHAT, and others through the group ops.
func guarded(t testing.TB, permissions ...string) *cibxml.Element {
	t.Helper()
	doc, err := cibxml.Parse(`<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="5" num_updates="3" admin_epoch="1">
	<configuration>
	 <crm_config><cluster_property_set id="opts"><nvpair id="o1" name="enable-acl" value="true"/><nvpair id="o2" name="x" value="5"/></cluster_property_set></crm_config>
	 <nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>
	 <resources>
	  <primitive id="a" class="ocf" provider="pacemaker" type="Dummy"/>
	  <group id="g"><primitive id="b" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="b-meta">
	   <nvpair id="b-tr" name="target-role" value="Stopped"/></meta_attributes></primitive>
	   <primitive id="c" class="ocf" provider="pacemaker" type="Dummy"/></group>
	 </resources>
	 <constraints/>
	 <acls><acl_role id="role"/><acl_target id="bob"><role id="role"/></acl_target><acl_group id="ops"><role id="role"/></acl_group></acls>
	</configuration><status><node_state id="1" uname="n1"/></status></cib>`)
	if err != nil {
		t.Fatal(err)
	}
	role := cib.Section(doc, "acls").Child("acl_role")
	for i, p := range permissions {
		kind, what, _ := strings.Cut(p, " ")
		e := cibxml.New("acl_permission", "id", "p"+string(rune('a'+i)), "kind", kind)
		if ref, ok := strings.CutPrefix(what, "#"); ok {
			e.Set("reference", ref)
		} else if tag, attr, ok := strings.Cut(what, "@"); ok && !strings.Contains(tag, "/") {
			e.Set("object-type", tag)
			if attr != "" {
				e.Set("attribute", attr)
			}
		} else {
			e.Set("xpath", what)
		}
		role.Append(e)
	}
	return doc
}

func TestFilter_LeavesWhatMayBeRead(t *testing.T) {
	cases := []struct {
		name        string
		permissions []string
		want        string
	}{
		{"nothing granted", nil, ""},
		{"a section", []string{"read //nodes"},
			`<cib><configuration><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes></configuration></cib>`},
		{"a section without one element", []string{"read //nodes", "deny //node[@id='2']"},
			`<cib><configuration><nodes><node id="1" uname="n1"/></nodes></configuration></cib>`},
		{"below what is denied", []string{"deny #g", "read #b-tr"},
			`<cib><configuration><resources><group id="g"><primitive id="b"><meta_attributes id="b-meta">` +
				`<nvpair id="b-tr" name="target-role" value="Stopped"/></meta_attributes></primitive></group></resources></configuration></cib>`},
		{"deny wins", []string{"write #1", "deny #1"}, ""},
		{"write includes read", []string{"write node@uname"},
			`<cib><configuration><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes></configuration></cib>`},
		{"a deny that nobody understands", []string{"read /cib", "deny //["}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			doc := guarded(t, c.permissions...)
			before := doc.Clone()
			got := ""
			if view := For(doc, "bob", nil).Filter(doc); view != nil {
				got = view.Compact()
			}
			if got != c.want || !doc.Equal(before) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestCheck_RefusesWhatMayNotBeWritten(t *testing.T) {
	rename := cib.Command{Op: cib.OpModify, Section: "resources", Input: cibxml.New("nvpair", "id", "b-tr", "name", "is-managed")}
	start := cib.Command{Op: cib.OpModify, Section: "resources", Input: cibxml.New("nvpair", "id", "b-tr", "value", "Started")}
	add := cib.Command{Op: cib.OpCreate, Section: "nodes", Input: cibxml.New("node", "id", "3", "uname", "n3")}
	remove := cib.Command{Op: cib.OpDelete, XPath: "//node[@id='1']"}
	last := cib.Command{Op: cib.OpReplace, XPath: "//node[@id='1']", Input: cibxml.New("node", "id", "1", "uname", "n1")}
	grant := cib.Command{Op: cib.OpCreate, Section: "acls", Input: cibxml.New("acl_target", "id", "eve")}
	deep := cib.Command{Op: cib.OpModify, Section: "resources", Input: cibxml.New("primitive", "id", "a").Append(
		cibxml.New("meta_attributes", "id", "a-meta").Append(cibxml.New("nvpair", "id", "a-tr", "name", "target-role", "value", "Started")))}
	cases := []struct {
		name        string
		permissions []string
		cmd         cib.Command
		want        string
	}{
		{"only read", []string{"read /cib"}, start, "Permission denied: user bob may not change " +
			"/cib/configuration/resources/group[@id='g']/primitive[@id='b']/meta_attributes[@id='b-meta']/nvpair[@id='b-tr']"},
		{"write above read", []string{"write #g", "read #b-tr"}, start, ""},
		{"deny below write", []string{"write //resources", "deny #b"}, start, "Permission denied: user bob may not change " +
			"/cib/configuration/resources/group[@id='g']/primitive[@id='b']/meta_attributes[@id='b-meta']/nvpair[@id='b-tr']"},
		{"the option it was given for", []string{"write //nvpair[@name='target-role']"}, start, ""},
		{"another option made of it", []string{"write //nvpair[@name='target-role']"}, rename, "Permission denied: user bob may not change " +
			"/cib/configuration/resources/group[@id='g']/primitive[@id='b']/meta_attributes[@id='b-meta']/nvpair[@id='b-tr']"},
		{"create in a section", []string{"write //nodes"}, add, ""},
		{"create elsewhere", []string{"write //resources"}, add, "Permission denied: user bob may not create /cib/configuration/nodes/node[@id='3']"},
		{"a set around what may be made", []string{"write //nvpair[@name='target-role']"}, deep, ""},
		{"delete", []string{"write #2"}, remove, "Permission denied: user bob may not delete /cib/configuration/nodes/node[@id='1']"},
		{"move", []string{"write #2"}, last, "Permission denied: user bob may not change the order in /cib/configuration/nodes"},
		{"move one's own", []string{"write node@"}, last, ""},
		{"rights for himself", []string{"write //resources"}, grant, "Permission denied: user bob may not create /cib/configuration/acls/acl_target[@id='eve']"},
		{"nothing", nil, start, "Permission denied: user bob may see nothing of the CIB"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			doc := guarded(t, c.permissions...)
			_, check, err := Guard(doc, "bob", nil)
			if err == nil {
				c.cmd.Check = check
				_, err = cib.Apply(cib.WithAttrs(doc, "validate-with", "none"), c.cmd)
			}
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestGuard_LeavesOthersAlone(t *testing.T) {
	doc := guarded(t, "read //nodes")
	for _, user := range []string{"", "root", "hacluster"} {
		if view, check, err := Guard(doc, user, nil); view != doc || check != nil || err != nil {
			t.Errorf("user %q is restricted", user)
		}
	}
	off := cib.Section(doc, "crm_config").Child("cluster_property_set").Child("nvpair")
	off.Set("value", "false")
	if view, check, err := Guard(doc, "bob", nil); view != doc || check != nil || err != nil {
		t.Error("access control is off, but bob is restricted")
	}
	off.Set("value", "yes")
	if view, _, err := Guard(doc, "eve", []string{"users", "ops"}); err != nil || view == doc || cib.Section(view, "nodes") == nil {
		t.Errorf("a member of the group sees %v (%v)", view, err)
	}
}

func TestModes_NearestPermissionDecides(t *testing.T) {
	doc := guarded(t, "read /cib", "write //group", "deny #c")
	modes := For(doc, "bob", nil).Modes(doc)
	for id, want := range map[string]Mode{"a": Readable, "g": Writable, "b-tr": Writable, "c": Denied} {
		doc.Walk(func(e *cibxml.Element) bool {
			if e.ID() == id && modes[e] != want {
				t.Errorf("%s: got %d, want %d", id, modes[e], want)
			}
			return true
		})
	}
}

// The real cibadmin shows the same to a user, and permits nothing that we refuse but what Check's comments say.
func TestFilter_ShowsWhatCibadminShows(t *testing.T) {
	tool, err := exec.LookPath("cibadmin")
	if err != nil {
		t.Skip("cibadmin is not installed")
	}
	file := filepath.Join(t.TempDir(), "cib.xml")
	run := func(args ...string) (string, int) {
		cmd := exec.Command(tool, args...)
		cmd.Env = append(os.Environ(), "CIB_file="+file, "CIB_user=bob")
		out, _ := cmd.Output()
		return string(out), cmd.ProcessState.ExitCode()
	}
	rapid.Check(t, func(t *rapid.T) {
		var permissions []string
		for range rapid.IntRange(0, 4).Draw(t, "permissions") {
			permissions = append(permissions, rapid.SampledFrom([]string{"read", "write", "deny"}).Draw(t, "kind")+" "+
				rapid.SampledFrom([]string{"/cib", "//resources", "//primitive", "#g", "#b", "#b-tr", "nvpair@value", "//nodes", "//node[@id='2']",
					"//nvpair/@name", "//configuration", "group@"}).Draw(t, "what"))
		}
		doc := guarded(&testing.T{}, permissions...)
		if err := os.WriteFile(file, []byte(doc.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		theirs, code := run("-Q")
		ours := ""
		view, check, err := Guard(doc, "bob", nil)
		if err == nil {
			ours = view.Format(cibxml.Style{Indent: true, Entities: true})
		}
		if ours != theirs || (code == 4) != (err != nil) {
			t.Fatalf("%v: exit %d\nours\n%s\ntheirs\n%s", permissions, code, ours, theirs)
		}
		change := rapid.SampledFrom([]cib.Command{
			{Op: cib.OpModify, Section: "resources", Input: cibxml.New("nvpair", "id", "b-tr", "value", "Started")},
			{Op: cib.OpCreate, Section: "nodes", Input: cibxml.New("node", "id", "3", "uname", "n3")},
			{Op: cib.OpDelete, Section: "resources", Input: cibxml.New("primitive", "id", "b")},
			{Op: cib.OpModify, Section: "nodes", Input: cibxml.New("node", "id", "2", "type", "member")},
		}).Draw(t, "change")
		_, code = run("--"+string(change.Op), "-o", change.Section, "--xml-text", change.Input.Compact())
		change.Check = check
		if err == nil {
			_, err = cib.Apply(doc, change)
		}
		var refused *cib.Error
		if errors.As(err, &refused); (refused == nil) != (code == 0) || refused != nil && refused.Code != code {
			t.Fatalf("%v: %s %s: exit %d, ours %v", permissions, change.Op, change.Input.Compact(), code, err)
		}
	})
}
