package cib

import (
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/schema"
)

// Apply performs a command. The document is not changed; the result's is a new one, or the same when the
// command had no effect. Errors are of type *Error. The semantics are those of Pacemaker 2.1.5, except that
//   - every change counts (there many that create or replace an element raise only num_updates or nothing, for
//     example "modify --allow-create" that appends, and are lost at a restart),
//   - create adds the input as it is (there comments become elements that the schema refuses, and a second
//     element without id is merged into the first of its name, whatever its id-ref),
//   - create with an XPath appends to the first match (there it appends to the document and fails),
//   - a delete with an XPath that makes no sense is refused (there it succeeds, having deleted nothing),
//   - changes that leave the content the same are none, whatever was done to arrive at it.
func Apply(doc *cibxml.Element, cmd Command) (Result, error) {
	if cmd.Op == OpQuery {
		out, err := query(doc, cmd)
		return Result{Doc: doc, Output: out}, err
	}
	if cmd.Base != nil && !VersionOf(doc).SameConfiguration(*cmd.Base) {
		return Result{Doc: doc}, refuse(CodeOld, "the configuration has changed from %d.%d to %d.%d in the meantime",
			cmd.Base.AdminEpoch, cmd.Base.Epoch, VersionOf(doc).AdminEpoch, VersionOf(doc).Epoch)
	}
	changed, note, err := perform(doc, cmd)
	if err != nil {
		return Result{Doc: doc}, err
	}
	if cmd.Check != nil {
		if err := cmd.Check(doc, changed); err != nil {
			return Result{Doc: doc}, err
		}
	}
	r := Result{Doc: doc, Note: note}
	if same(doc, changed) {
		return r, nil
	}
	if err := acceptable(doc, changed); err != nil {
		return r, err
	}
	configuration := !same(doc.Child("configuration"), changed.Child("configuration"))
	status := !same(doc.Child("status"), changed.Child("status"))
	changed = count(changed, configuration)
	if configuration && cmd.Now != 0 {
		changed = stamp(changed, cmd)
	}
	if problems := schema.Check(doc, changed); len(problems) > 0 {
		e := refuse(CodeSchema, "")
		for _, p := range problems {
			e.Detail = append(e.Detail, p.String())
		}
		e.Refused = changed
		return r, e
	}
	r.Doc, r.Configuration, r.Status = changed, configuration, status
	return r, nil
}

// perform makes the document that the command asks for, without counters and checks.
func perform(doc *cibxml.Element, cmd Command) (changed *cibxml.Element, note string, err error) {
	input := cmd.Input
	if input != nil {
		input = withoutText(input)
	}
	if input != nil && cmd.Section != "" && input.Name == "cib" && cmd.Op != OpPatch {
		input = Section(input, cmd.Section)
	}
	d := newDraft(doc)
	switch cmd.Op {
	case OpErase:
		return erased(doc), "", nil
	case OpBump:
		return bumped(doc), "", nil
	case OpUpgrade:
		return upgraded(doc, cmd)
	case OpPatch:
		if input == nil {
			return nil, "", refuse(CodeInvalid, "there is no patch to apply")
		}
		changed, err := ApplyPatch(doc, input, true)
		return changed, "", err
	case OpCreate, OpModify, OpReplace, OpDelete:
	default:
		return nil, "", refuse(CodeProtocol, "%q is not an operation on the CIB", string(cmd.Op))
	}
	if cmd.XPath == "" && input == nil {
		return nil, "", refuse(CodeInvalid, "%s needs XML to work with", cmd.Op)
	}
	switch {
	case cmd.XPath != "":
		err = d.byXPath(cmd, input)
	case cmd.Op == OpCreate:
		err = d.create(cmd, input)
	case cmd.Op == OpModify:
		err = d.modify(cmd, input)
	case cmd.Op == OpReplace:
		err = d.replace(cmd, input)
	default:
		d.delete(cmd, input)
	}
	return d.root, "", err
}

// acceptable refuses documents that this software cannot understand or that go back in time.
func acceptable(old, new *cibxml.Element) error {
	if set := new.Get("crm_feature_set"); newerFeatures(set) {
		return refuse(CodeProtocol, "the CIB needs feature set %s, this node has %s", set, FeatureSet)
	}
	for _, f := range versionFields[:2] {
		o, n := versionField(old, f), versionField(new, f)
		if n < o {
			return refuse(CodeOld, "%s would go back from %d to %d", f, o, max(n, 0))
		}
		if n > o {
			break
		}
	}
	return nil
}

// bumped raises epoch.
func bumped(doc *cibxml.Element) *cibxml.Element {
	return WithAttrs(doc, "epoch", strconv.Itoa(max(versionField(doc, "epoch"), 0)+1))
}

// count raises the counters for one change.
func count(doc *cibxml.Element, configuration bool) *cibxml.Element {
	if configuration {
		return WithAttrs(bumped(doc), "num_updates", "0")
	}
	return WithAttrs(doc, "num_updates", strconv.Itoa(max(versionField(doc, "num_updates"), 0)+1))
}

// stamp records who changed the configuration and when. Schemas before 1.2 do not know update-*.
func stamp(doc *cibxml.Element, cmd Command) *cibxml.Element {
	at := time.Unix(cmd.Now, 0).In(time.FixedZone("", cmd.UTCOffset))
	doc = WithAttrs(doc, "cib-last-written", at.Format(time.ANSIC))
	if !schema.AtLeast(doc.Get("validate-with"), "pacemaker-1.2") {
		return doc
	}
	for _, a := range [][2]string{{"update-origin", cmd.Origin}, {"update-client", cmd.Client}, {"update-user", cmd.User}} {
		if a[1] == "" {
			doc = doc.WithoutAttr(a[0])
		} else {
			doc = WithAttrs(doc, a[0], a[1])
		}
	}
	return doc
}

// erased is an empty CIB that keeps the attributes of the old one, with admin_epoch raised.
func erased(doc *cibxml.Element) *cibxml.Element {
	e := WithVersion(Empty(""), Version{})
	for _, a := range doc.Attrs {
		e.Set(a.Name, a.Value)
	}
	e.Set("admin_epoch", strconv.Itoa(max(versionField(e, "admin_epoch"), 0)+1))
	return e
}

// upgraded moves the document to the newest schema.
func upgraded(doc *cibxml.Element, cmd Command) (*cibxml.Element, string, error) {
	const latest = "Upgrade unnecessary: Schema is already the latest available"
	if doc.Get("validate-with") == schema.Newest {
		return doc, latest, nil
	}
	if cmd.Upgrade == nil {
		return nil, "", refuse(CodeInvalid, "upgrading from %s is not possible here", doc.Get("validate-with"))
	}
	changed, err := cmd.Upgrade(doc)
	if err != nil {
		return nil, "", &Error{Code: CodeSchema, Msg: "Schema transformation failed", Detail: []string{err.Error()}}
	}
	if changed.Get("validate-with") == doc.Get("validate-with") {
		return doc, latest, nil
	}
	changed = WithAttrs(changed, "admin_epoch", strconv.Itoa(max(versionField(doc, "admin_epoch"), 0)+1),
		"epoch", "1", "num_updates", "1")
	return changed, "", nil
}

// same reports whether two trees have the same content. The order of attributes does not matter.
func same(a, b *cibxml.Element) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Kind != b.Kind || a.Name != b.Name || a.Text != b.Text || len(a.Children) != len(b.Children) ||
		!sameAttrs(a.Attrs, b.Attrs) {
		return false
	}
	for i := range a.Children {
		if !same(a.Children[i], b.Children[i]) {
			return false
		}
	}
	return true
}

func sameAttrs(a, b []cibxml.Attr) bool {
	if slices.Equal(a, b) {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}
