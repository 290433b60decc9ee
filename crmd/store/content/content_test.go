package content

import (
	"errors"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// bump is a patch function for tests: the patch is the new value of num_updates.
func bump(doc *cibxml.Element, patch string) (*cibxml.Element, error) {
	if patch == "bad" {
		return nil, errors.New("does not fit")
	}
	return doc.WithAttr("num_updates", patch), nil
}

func doc(numUpdates string) *cibxml.Element {
	return cibxml.New("cib", "admin_epoch", "0", "epoch", "1", "num_updates", numUpdates)
}

func full() *Content {
	return &Content{
		Index: 7, Doc: doc("3"), File: File{Version: 2, Text: "[cluster]\n"}, Epoch: 4,
		Tokens: []Token{{ID: "a", Expires: 10}, {ID: "c", Hash: [32]byte{1}, Expires: 20}},
	}
}

func TestApply_ChangesWhatItNamesAndNothingElse(t *testing.T) {
	with := func(edit func(*Content)) *Content {
		c := full()
		edit(c)
		return c
	}
	for _, tc := range []struct {
		name   string
		change Change
		want   *Content // nil: as it was
		err    error    // errors.Is
		text   string   // in the error
	}{
		{name: "patch", change: Patch{"0.1.3", "0.1.4", "4"}, want: with(func(c *Content) { c.Doc = doc("4") })},
		{name: "patch of another version", change: Patch{"0.1.2", "0.1.3", "3"}, err: ErrStale, text: "current is 0.1.3"},
		{name: "patch that does not fit", change: Patch{"0.1.3", "0.1.4", "bad"}, text: "does not fit"},
		{name: "patch with another result", change: Patch{"0.1.3", "0.1.4", "9"}, text: "the result has version 0.1.9"},
		{name: "replace", change: Replace{Doc: doc("0")}, want: with(func(c *Content) { c.Doc = doc("0") })},
		{name: "replace of a version", change: Replace{"0.1.3", doc("0")}, want: with(func(c *Content) { c.Doc = doc("0") })},
		{name: "replace of another version", change: Replace{"0.1.2", doc("0")}, err: ErrStale},
		{name: "first document twice", change: Replace{NoDocument, doc("0")}, err: ErrStale},
		{name: "replace by something else", change: Replace{Doc: cibxml.New("status")}, text: "not a <cib>"},
		{name: "file", change: SetFile{File{3, "new"}}, want: with(func(c *Content) { c.File = File{3, "new"} })},
		{name: "file of an old version", change: SetFile{File{2, "new"}}, err: ErrStale, text: "current is 2"},
		{name: "token", change: AddToken{Token: Token{ID: "b", Expires: 30}, Now: 5},
			want: with(func(c *Content) { c.Tokens = []Token{c.Tokens[0], {ID: "b", Expires: 30}, c.Tokens[1]} })},
		{name: "token drops expired ones", change: AddToken{Token: Token{ID: "b", Expires: 30}, Now: 10},
			want: with(func(c *Content) { c.Tokens = []Token{{ID: "b", Expires: 30}, c.Tokens[1]} })},
		{name: "token without id", change: AddToken{}, text: "no id"},
		{name: "token used", change: RemoveToken{"a"}, want: with(func(c *Content) { c.Tokens = c.Tokens[1:] })},
		{name: "token used twice", change: RemoveToken{"b"}, err: ErrNoToken},
		{name: "epoch", change: SetEpoch{5}, want: with(func(c *Content) { c.Epoch = 5 })},
		{name: "epoch never falls", change: SetEpoch{3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := full()
			got, err := before.Apply(8, tc.change, bump)
			want := tc.want
			if want == nil {
				want = full()
			}
			if got.Index != 8 || !got.Equal(want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if !before.Equal(full()) {
				t.Errorf("the content before was changed: %+v", before)
			}
			if fails := tc.err != nil || tc.text != ""; fails != (err != nil) ||
				tc.err != nil && !errors.Is(err, tc.err) || err != nil && !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestApply_FirstDocumentIntoNothing(t *testing.T) {
	c, err := new(Content).Apply(1, Replace{NoDocument, doc("0")}, bump)
	if err != nil || Version(c.Doc) != "0.1.0" {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := new(Content).Apply(1, Patch{"", "0.0.1", "1"}, bump); !errors.Is(err, ErrStale) {
		t.Errorf("a patch of nothing: %v", err)
	}
}

func parse(t *testing.T, text string) *cibxml.Element {
	t.Helper()
	e, err := cibxml.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Whatever document follows, NewPatch gives a change that leads to it on every node.
func TestNewPatch_LeadsToTheNewDocument(t *testing.T) {
	const old = `<cib admin_epoch="0" epoch="1" num_updates="2"><configuration><resources><primitive id="a" type="x"/><primitive id="b"/></resources></configuration></cib>`
	for _, c := range []struct {
		name, to string
		patch    bool
	}{
		{"attribute", strings.Replace(strings.Replace(old, `epoch="1"`, `epoch="2"`, 1), `type="x"`, `type="y"`, 1), true},
		{"order", strings.Replace(strings.Replace(old, `epoch="1"`, `epoch="2"`, 1), `<primitive id="a" type="x"/><primitive id="b"/>`, `<primitive id="b"/><primitive id="a" type="x"/>`, 1), true},
		{"element", strings.Replace(strings.Replace(old, `epoch="1"`, `epoch="2"`, 1), `<primitive id="b"/>`, `<group id="g"><primitive id="b"/></group>`, 1), true},
		{"only the version", strings.Replace(old, `num_updates="2"`, `num_updates="3"`, 1), true},
		{"the version falls", strings.Replace(old, `epoch="1"`, `epoch="0"`, 1), false},
		{"nothing", old, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, want := &Content{Doc: parse(t, old)}, parse(t, c.to)
			change, err := Decode(Encode(NewPatch(before.Doc, want)))
			if err != nil {
				t.Fatal(err)
			}
			if _, patch := change.(Patch); patch != c.patch {
				t.Errorf("the change is a %T", change)
			}
			after, err := before.Apply(1, change, ApplyPatch)
			if err != nil || !after.Doc.Equal(want) {
				t.Errorf("%v, got\n%s", err, after.Doc)
			}
		})
	}
	if first := NewPatch(nil, doc("0")); first.(Replace).Base != NoDocument {
		t.Errorf("the first document is written by %+v", first)
	}
}
