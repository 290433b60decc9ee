// Package content is the replicated state machine of crmd's store as a function: the configuration and the
// changes that make the next one.
package content

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Content is what every node of the cluster agrees on. It is immutable: Apply makes a new one, so that
// readers need no lock. The zero value is a node that has not heard of the cluster's configuration yet.
type Content struct {
	// Index is the position in the log of the last entry that is contained.
	Index uint64
	// Doc is the <cib> without status; nil before the first one was written.
	Doc  *cibxml.Element
	File File
	// Epoch counts the lives of the cluster's log: it rises when survivors go on without a majority. A node
	// with a lower epoch has to discard its log. 0 is a log that was never used.
	Epoch uint64
	// Tokens are the join tokens that are valid, by id.
	Tokens []Token
}

// File is the cluster file. Version rises by one with each change; 0 is none.
type File struct {
	Version uint64
	Text    string
}

// Token lets a machine join. The secret itself is not stored.
type Token struct {
	ID      string
	Hash    [32]byte // of the secret, see crmd/admission
	Expires int64    // Unix ms
}

// Token returns the token with that id.
func (c *Content) Token(id string) (Token, bool) {
	i, found := c.findToken(id)
	if !found {
		return Token{}, false
	}
	return c.Tokens[i], true
}

func (c *Content) findToken(id string) (int, bool) {
	return slices.BinarySearchFunc(c.Tokens, id, func(t Token, id string) int { return cmp.Compare(t.ID, id) })
}

// Version is the version admin_epoch.epoch.num_updates of a <cib>; "" for nil.
func Version(doc *cibxml.Element) string {
	if doc == nil {
		return ""
	}
	return cib.VersionOf(doc).String()
}

// PatchFunc applies a patch to a document. It must depend on nothing else, because every node applies each
// patch by itself.
type PatchFunc func(doc *cibxml.Element, patch string) (*cibxml.Element, error)

// ApplyPatch is the PatchFunc for what NewPatch makes.
func ApplyPatch(doc *cibxml.Element, patch string) (*cibxml.Element, error) {
	diff, err := cibxml.Parse(patch)
	if err != nil {
		return nil, err
	}
	return cib.ApplyPatch(doc, diff, true)
}

// NewPatch is the change from one document to another whose version is higher. The documents may share
// subtrees, which makes it cheap. When the change cannot be said as a patch it is a Replace.
func NewPatch(from, to *cibxml.Element) Change {
	replace := Replace{Base: cmp.Or(Version(from), NoDocument), Doc: to}
	if from == nil {
		return replace
	}
	diff := cib.Diff(from, to, cib.DiffOptions{AttributeOrder: true})
	if diff == nil {
		return replace
	}
	p := Patch{Base: Version(from), Version: Version(to), Diff: diff.XML().Compact()}
	if made, err := ApplyPatch(from, p.Diff); err != nil || !made.Equal(to) {
		return replace
	}
	return p
}

// ErrStale is a change that was made against something that is not current any more. It changed nothing; read
// again and repeat.
var ErrStale = errors.New("the configuration has changed in the meantime")

// ErrNoToken is the removal of a token that is not there, for example because another machine used it.
var ErrNoToken = errors.New("no such join token")

func stale(what, base, have string) error {
	return fmt.Errorf("%s was made for version %s, current is %s: %w", what, orNone(base), orNone(have), ErrStale)
}

func orNone(version string) string { return cmp.Or(version, "none") }

// Apply makes the content after the change at log position index. An error is the change's result: it is the
// same on every node, and the content keeps everything but its index.
func (c *Content) Apply(index uint64, change Change, patch PatchFunc) (*Content, error) {
	next := *c
	next.Index = index
	err := change.apply(&next, patch)
	if err != nil {
		next = *c
		next.Index = index
	}
	return &next, err
}

// Equal reports whether two contents are the same, their index apart.
func (c *Content) Equal(o *Content) bool {
	return c.File == o.File && c.Epoch == o.Epoch && c.Doc.Equal(o.Doc) &&
		slices.EqualFunc(c.Tokens, o.Tokens, func(a, b Token) bool {
			return a.ID == b.ID && a.Expires == b.Expires && bytes.Equal(a.Hash[:], b.Hash[:])
		})
}
