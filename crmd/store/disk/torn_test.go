package disk

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/hashicorp/raft"
)

// sector is what a disk writes as a whole.
const sector = 512

// metaPages are the two pages at the beginning of a bolt file that say which pages count.
const metaPages = 2 * 4096

// A power cut in the middle of writing an entry leaves any part of the sectors of that write: first the data,
// then, after a flush, the page that makes it valid. The log has the entry or not, and all before it.
func TestLog_TornWriteLeavesAPrefix(t *testing.T) {
	cfg := config(t.TempDir())
	d := open(t, cfg)
	for i := uint64(1); i <= 40; i++ {
		store(t, d, []*raft.Log{{Index: i, Term: 1, Data: make([]byte, 300*i)}})
	}
	before, err := os.ReadFile(d.path(logName))
	if err != nil {
		t.Fatal(err)
	}
	store(t, d, []*raft.Log{{Index: 41, Term: 1, Data: make([]byte, 9000)}, {Index: 42, Term: 1}})
	after, err := os.ReadFile(d.path(logName))
	if err != nil {
		t.Fatal(err)
	}
	closed(t, d)
	before = append(before, make([]byte, len(after)-len(before))...)
	changed := 0
	for range 60 {
		image := append([]byte(nil), before...)
		flushed := rand.IntN(2) == 0 // the data is complete, the meta page may be written
		for at := 0; at < len(after); at += sector {
			meta := at < metaPages
			if meta && flushed && rand.IntN(2) == 0 || !meta && (flushed || rand.IntN(2) == 0) {
				changed += copy(image[at:at+sector], after[at:at+sector])
			}
		}
		if err := os.WriteFile(d.cfg.Dir+"/state/"+logName, image, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Open(cfg, func() {})
		if err != nil {
			t.Fatalf("flushed %t: %v", flushed, err)
		}
		last, err := d.Log.LastIndex() // Open has read every entry
		if err != nil || last != 40 && (last != 42 || !flushed) {
			t.Errorf("flushed %t: last entry %d, %v", flushed, last, err)
		}
		closed(t, d)
	}
	if changed == 0 {
		t.Error("nothing was torn")
	}
}
