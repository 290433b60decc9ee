package content

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// The encoding is deterministic and never self-describing: a format byte, a kind byte, then the fields in
// order, numbers as uvarints and texts with their length before them. A new field is a new format or kind;
// old nodes then refuse the entry (ErrNewer) instead of reading a part of it.
const (
	entryFormat   = 1
	contentFormat = 1
)

// contentMagic starts every encoded Content.
const contentMagic = "holdfast store "

// kind numbers the changes in the log. Numbers are never reused.
type kind byte

const (
	kindPatch kind = 1 + iota
	kindReplace
	kindFile
	kindAddToken
	kindRemoveToken
	kindEpoch
)

// ErrNewer is data that a newer version of Holdfast wrote. The node must stop: guessing would make its
// configuration differ from the others'.
var ErrNewer = errors.New("written by a newer version of Holdfast; upgrade this node")

// errShort is encoded data that ends too early or has wrong lengths.
var errShort = errors.New("damaged: it ends in the middle of a field")

func (Patch) kind() kind       { return kindPatch }
func (Replace) kind() kind     { return kindReplace }
func (SetFile) kind() kind     { return kindFile }
func (AddToken) kind() kind    { return kindAddToken }
func (RemoveToken) kind() kind { return kindRemoveToken }
func (SetEpoch) kind() kind    { return kindEpoch }

// Encode writes a change as a log entry.
func Encode(c Change) []byte {
	w := &writer{buf: []byte{entryFormat, byte(c.kind())}}
	c.encode(w)
	return w.buf
}

// Decode reads a log entry.
func Decode(raw []byte) (Change, error) {
	if len(raw) < 2 {
		return nil, fmt.Errorf("log entry of %d bytes: %w", len(raw), errShort)
	}
	if raw[0] != entryFormat {
		return nil, fmt.Errorf("log entry in format %d: %w", raw[0], ErrNewer)
	}
	k, r := kind(raw[1]), &reader{buf: raw[2:]}
	change, err := decodeKind(k, r)
	if err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("log entry of kind %d: %w", k, err)
	}
	return change, nil
}

func decodeKind(k kind, r *reader) (Change, error) {
	switch k {
	case kindPatch:
		return Patch{Base: r.text(), Version: r.text(), Diff: r.text()}, nil
	case kindReplace:
		base := r.text()
		doc, err := r.document()
		if err != nil {
			return nil, fmt.Errorf("log entry of kind %d: %w", k, err)
		}
		return Replace{Base: base, Doc: doc}, nil
	case kindFile:
		return SetFile{File{Version: r.number(), Text: r.text()}}, nil
	case kindAddToken:
		return AddToken{Token: r.token(), Now: int64(r.number())}, nil
	case kindRemoveToken:
		return RemoveToken{ID: r.text()}, nil
	case kindEpoch:
		return SetEpoch{Epoch: r.number()}, nil
	default:
		return nil, fmt.Errorf("log entry of unknown kind %d: %w", k, ErrNewer)
	}
}

func (p Patch) encode(w *writer) {
	w.text(p.Base)
	w.text(p.Version)
	w.text(p.Diff)
}

func (r Replace) encode(w *writer) {
	w.text(r.Base)
	w.document(r.Doc)
}

func (f SetFile) encode(w *writer) {
	w.number(f.Version)
	w.text(f.Text)
}

func (a AddToken) encode(w *writer) {
	w.token(a.Token)
	w.number(uint64(a.Now))
}

func (r RemoveToken) encode(w *writer) { w.text(r.ID) }

func (s SetEpoch) encode(w *writer) { w.number(s.Epoch) }

// Encode writes the whole content, for a snapshot.
func (c *Content) Encode() []byte {
	w := &writer{buf: append([]byte(contentMagic), contentFormat)}
	w.number(c.Index)
	w.number(c.Epoch)
	w.number(c.File.Version)
	w.text(c.File.Text)
	w.document(c.Doc)
	w.number(uint64(len(c.Tokens)))
	for _, t := range c.Tokens {
		w.token(t)
	}
	return w.buf
}

// DecodeContent reads what Encode wrote.
func DecodeContent(raw []byte) (*Content, error) {
	if len(raw) <= len(contentMagic) || string(raw[:len(contentMagic)]) != contentMagic {
		return nil, errors.New("snapshot: not one of Holdfast's store")
	}
	if format := raw[len(contentMagic)]; format != contentFormat {
		return nil, fmt.Errorf("snapshot in format %d: %w", format, ErrNewer)
	}
	r := &reader{buf: raw[len(contentMagic)+1:]}
	c := &Content{Index: r.number(), Epoch: r.number(), File: File{Version: r.number(), Text: r.text()}}
	var err error
	if c.Doc, err = r.document(); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	for n := r.number(); n > 0 && !r.short; n-- {
		c.Tokens = append(c.Tokens, r.token())
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return c, nil
}

type writer struct{ buf []byte }

func (w *writer) number(n uint64) { w.buf = binary.AppendUvarint(w.buf, n) }

func (w *writer) text(s string) {
	w.number(uint64(len(s)))
	w.buf = append(w.buf, s...)
}

// document writes a tree; nil is an empty text.
func (w *writer) document(e *cibxml.Element) {
	if e == nil {
		w.text("")
		return
	}
	w.text(e.Compact())
}

func (w *writer) token(t Token) {
	w.text(t.ID)
	w.text(string(t.Hash[:]))
	w.number(uint64(t.Expires))
}

// reader reads fields; after the first one that is not there all are zero and short is set.
type reader struct {
	buf   []byte
	short bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.buf)
	if size <= 0 {
		r.buf, r.short = nil, true
		return 0
	}
	r.buf = r.buf[size:]
	return n
}

func (r *reader) text() string {
	n := r.number()
	if n > uint64(len(r.buf)) {
		r.buf, r.short = nil, true
		return ""
	}
	s := string(r.buf[:n])
	r.buf = r.buf[n:]
	return s
}

func (r *reader) document() (*cibxml.Element, error) {
	text := r.text()
	if r.short {
		return nil, errShort
	}
	if text == "" {
		return nil, nil
	}
	return cibxml.Parse(text)
}

func (r *reader) token() (t Token) {
	t.ID = r.text()
	if hash := r.text(); len(hash) == len(t.Hash) {
		copy(t.Hash[:], hash)
	} else {
		r.short = true
	}
	t.Expires = int64(r.number())
	return t
}

func (r *reader) end() error {
	if r.short || len(r.buf) > 0 {
		return errShort
	}
	return nil
}
