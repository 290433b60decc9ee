// Package keyring keeps the cluster keys of a node: the one that seals, and those that can still be opened while
// keys are changed.
package keyring

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// Ring is a list of keys: the first seals, all open. It is never empty and never changed; operations return
// another one.
type Ring []Entry

// Entry is a key, and how the file has it.
type Entry struct {
	frame.Key
	text string
}

// maxKeys bounds a ring: two while keys are changed, and one more of a change that broke off.
const maxKeys = 4

// Parse reads a key file: one key of 64 hexadecimal digits on each line, the sealing one first.
func Parse(text string) (Ring, error) {
	var r Ring
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		k, err := frame.ParseKey(line)
		if err != nil {
			return nil, err
		}
		if r.index(k.ID) >= 0 {
			continue
		}
		if r = append(r, Entry{k, line}); len(r) > maxKeys {
			return nil, fmt.Errorf("cluster key: the file has more than %d keys", maxKeys)
		}
	}
	if len(r) == 0 {
		return nil, errors.New("cluster key: the file is empty")
	}
	return r, nil
}

// Load reads the key file and warns of one that others can read.
func Load(path string, log *slog.Logger) (Ring, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cluster key: %w; it is made by `hcs cluster init` and handed out by `hcs cluster join`", err)
	}
	if err != nil {
		return nil, fmt.Errorf("cluster key: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("the cluster key can be read by others than root; set its mode to 0600", "file", path, "mode", info.Mode().Perm())
	}
	r, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Save writes the key file.
func (r Ring) Save(path string) error {
	var b strings.Builder
	for _, e := range r {
		b.WriteString(e.text + "\n")
	}
	if err := atomicfile.Write(path, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("cluster key: %w", err)
	}
	return nil
}

// Keys are the keys as package frame wants them.
func (r Ring) Keys() []frame.Key {
	keys := make([]frame.Key, len(r))
	for i, e := range r {
		keys[i] = e.Key
	}
	return keys
}

// Digest tells rings apart, the order included. It says nothing about the keys.
func (r Ring) Digest() uint32 {
	h := crc32.NewIEEE()
	for _, e := range r {
		fmt.Fprint(h, e.ID)
	}
	return h.Sum32()
}

func (r Ring) index(id frame.KeyID) int {
	for i := range r {
		if r[i].ID == id {
			return i
		}
	}
	return -1
}

// Has reports whether the key can be opened.
func (r Ring) Has(id frame.KeyID) bool { return r.index(id) >= 0 }

// Sealing is the key that seals.
func (r Ring) Sealing() frame.KeyID { return r[0].ID }

// With is the ring with one more key to open, behind the others.
func (r Ring) With(e Entry) Ring {
	if r.Has(e.ID) {
		return r
	}
	return append(r[:len(r):len(r)], e)
}

// Sealed is the ring with that key as the sealing one, in front of the others; r when it has no such key.
func (r Ring) Sealed(id frame.KeyID) Ring {
	i := r.index(id)
	if i <= 0 {
		return r
	}
	next := append(Ring{r[i]}, r[:i]...)
	return append(next, r[i+1:]...)
}

// Only is the ring with that key alone; r when it has no such key.
func (r Ring) Only(id frame.KeyID) Ring {
	if i := r.index(id); i >= 0 {
		return Ring{r[i]}
	}
	return r
}

// Without is the ring without that key. The sealing key stays.
func (r Ring) Without(id frame.KeyID) Ring {
	i := r.index(id)
	if i <= 0 {
		return r
	}
	return append(r[:i:i], r[i+1:]...)
}
