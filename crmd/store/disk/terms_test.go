package disk

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func makeTerms(t *testing.T) (path string, terms *Terms) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "terms")
	if err := createTerms(path); err != nil {
		t.Fatal(err)
	}
	return path, reopenTerms(t, path)
}

func reopenTerms(t *testing.T, path string) *Terms {
	t.Helper()
	terms, err := openTerms(path, newHealth(func() {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terms.Close() })
	return terms
}

func TestTerms_SurviveReopening(t *testing.T) {
	path, terms := makeTerms(t)
	if _, err := terms.GetUint64(currentTerm); err == nil || err.Error() != "not found" {
		t.Errorf("an empty store answers %v, raft wants \"not found\"", err)
	}
	for term := uint64(1); term < 6; term++ {
		if err := terms.SetUint64(currentTerm, term); err != nil {
			t.Fatal(err)
		}
		if err := terms.Set([]byte("LastVoteCand"), []byte("n2")); err != nil {
			t.Fatal(err)
		}
		terms = reopenTerms(t, path)
		if got, err := terms.GetUint64(currentTerm); err != nil || got != term {
			t.Errorf("term is %d, %v, want %d", got, err, term)
		}
		if got, err := terms.Get([]byte("LastVoteCand")); err != nil || string(got) != "n2" {
			t.Errorf("vote is %q, %v", got, err)
		}
	}
}

// A write that a power cut tore in two leaves the values before it.
func TestTerms_TornWriteLeavesTheValuesBefore(t *testing.T) {
	path, terms := makeTerms(t)
	for _, term := range []uint64{1, 2} {
		if err := terms.SetUint64(currentTerm, term); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := terms.SetUint64(currentTerm, 3); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(after); n += 17 {
		torn := append(append([]byte(nil), after[:n]...), before[n:]...)
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		terms := reopenTerms(t, path)
		got, err := terms.GetUint64(currentTerm)
		if err != nil || got != 2 && got != 3 {
			t.Fatalf("torn at byte %d: term %d, %v", n, got, err)
		}
		terms.Close()
	}
}

func TestTerms_UnreadableFileIsAnError(t *testing.T) {
	path, terms := makeTerms(t)
	if err := terms.SetUint64(currentTerm, 7); err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{"short": make([]byte, 100), "garbage": []byte(string(make([]byte, 2*slotSize-1)) + "x")} {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := openTerms(path, newHealth(func() {})); err == nil {
			got.Close()
			t.Errorf("%s: opened with %v", name, got.values)
		}
	}
}

// Raft panics when it cannot write the term, so the write waits, and the goroutine dies with the store.
func TestTerms_TermThatCannotBeWrittenWaits(t *testing.T) {
	_, terms := makeTerms(t)
	good := terms.file
	defer good.Close()
	synctest.Test(t, func(t *testing.T) {
		terms.closed = make(chan struct{})
		bad, err := os.Open(os.DevNull) // read only
		if err != nil {
			t.Fatal(err)
		}
		defer bad.Close()
		terms.file = bad
		if err := terms.Set([]byte("LastVoteCand"), []byte("n2")); err == nil {
			t.Error("a vote that cannot be written was taken")
		}
		start := time.Now()
		go func() {
			time.Sleep(time.Minute)
			terms.mu.Lock()
			terms.file = good
			terms.mu.Unlock()
		}()
		if err := terms.SetUint64(currentTerm, 9); err != nil || time.Since(start) < time.Minute {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if terms.health.Err() != nil {
			t.Error("the store is not well again")
		}
		terms.mu.Lock()
		terms.file = bad
		terms.mu.Unlock()
		returned, ended := false, make(chan struct{})
		go func() {
			defer close(ended)
			_ = terms.SetUint64(currentTerm, 10)
			returned = true
		}()
		time.Sleep(time.Minute)
		terms.Stop()
		<-ended
		if returned {
			t.Error("raft went on with a term that is not on disk")
		}
	})
}

func TestMark_IsTheLastIndexOrZero(t *testing.T) {
	path := filepath.Join(t.TempDir(), "applied")
	if err := createMark(path); err != nil {
		t.Fatal(err)
	}
	m, err := openMark(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.file.Close()
	if m.Get() != 0 {
		t.Errorf("a new mark is %d", m.Get())
	}
	if err := m.Set(1 << 40); err != nil || m.Get() != 1<<40 {
		t.Errorf("%v, %d", err, m.Get())
	}
	if _, err := m.file.WriteAt([]byte{9}, 3); err != nil || m.Get() != 0 {
		t.Errorf("a damaged mark is %d", m.Get())
	}
}
