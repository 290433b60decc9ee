package content

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Change is one entry of the log.
type Change interface {
	// apply edits next, which nobody else sees yet.
	apply(next *Content, patch PatchFunc) error
	encode(w *writer)
	kind() kind
}

// Patch changes the document by a format 2 diff. It takes effect only on the version it was made for, which
// also makes repeating it harmless.
type Patch struct {
	Base    string // version of the document that the diff was made for
	Version string // version of the document that it makes
	Diff    string // XML
}

func (p Patch) apply(next *Content, patch PatchFunc) error {
	if have := Version(next.Doc); have != p.Base || next.Doc == nil {
		return stale("the patch to "+p.Version, p.Base, have)
	}
	doc, err := patch(next.Doc, p.Diff)
	if err != nil {
		return fmt.Errorf("apply patch %s to %s: %w", p.Base, p.Version, err)
	}
	if made := Version(doc); made != p.Version {
		return fmt.Errorf("apply patch %s to %s: the result has version %s", p.Base, p.Version, made)
	}
	next.Doc = doc
	return nil
}

// Replace sets the whole document.
type Replace struct {
	// Base is the version that is to be replaced: "" replaces any, NoDocument none.
	Base string
	Doc  *cibxml.Element
}

// NoDocument as Replace.Base is the state before the first document, so that two nodes cannot both write it.
const NoDocument = "none"

func (r Replace) apply(next *Content, _ PatchFunc) error {
	have := cmp.Or(Version(next.Doc), NoDocument)
	if r.Base != "" && r.Base != have {
		return stale("the new document", r.Base, have)
	}
	if r.Doc == nil || !r.Doc.IsTag("cib") {
		return errors.New("replace the document: it is not a <cib>")
	}
	next.Doc = r.Doc
	return nil
}

// SetFile replaces the cluster file. Version must be the current version plus one.
type SetFile struct{ File }

func (f SetFile) apply(next *Content, _ PatchFunc) error {
	if f.Version != next.File.Version+1 {
		return stale(fmt.Sprintf("version %d of the cluster file", f.Version),
			strconv.FormatUint(f.Version-1, 10), strconv.FormatUint(next.File.Version, 10))
	}
	next.File = f.File
	return nil
}

// AddToken adds a join token or replaces the one with its id. Tokens that had expired when it was made are
// dropped, so that forgotten ones do not pile up.
type AddToken struct {
	Token
	Now int64 // Unix ms, on the clock of the node that makes the change
}

func (a AddToken) apply(next *Content, _ PatchFunc) error {
	if a.ID == "" {
		return errors.New("add a join token: it has no id")
	}
	tokens := slices.DeleteFunc(slices.Clone(next.Tokens), func(t Token) bool {
		return t.ID == a.ID || t.Expires <= a.Now
	})
	at, _ := (&Content{Tokens: tokens}).findToken(a.ID)
	next.Tokens = slices.Insert(tokens, at, a.Token)
	return nil
}

// RemoveToken takes a token away. Only one of several removals of the same token succeeds, so that a token
// can be used once.
type RemoveToken struct{ ID string }

func (r RemoveToken) apply(next *Content, _ PatchFunc) error {
	at, found := next.findToken(r.ID)
	if !found {
		return fmt.Errorf("remove join token %s: %w", r.ID, ErrNoToken)
	}
	next.Tokens = slices.Delete(slices.Clone(next.Tokens), at, at+1)
	return nil
}

// SetEpoch raises the cluster epoch. A lower or equal one changes nothing.
type SetEpoch struct{ Epoch uint64 }

func (s SetEpoch) apply(next *Content, _ PatchFunc) error {
	next.Epoch = max(next.Epoch, s.Epoch)
	return nil
}
