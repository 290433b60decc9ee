package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

func open(t *testing.T, cfg Config) *Archive {
	t.Helper()
	a, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// write has everything written, as Run does at its end.
func write(t *testing.T, a *Archive) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func one(id string, seq int) api.Incident {
	return api.Incident{ID: id, Seq: seq, Started: time.Now().UnixMilli(), Ended: time.Now().UnixMilli(), Advice: []string{"rest"}}
}

func TestPut_OnlyNewerVersionsCount(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Config{Dir: dir})
	for _, c := range []struct {
		seq  int
		want bool
	}{{2, true}, {1, false}, {2, false}, {3, true}} {
		if got := a.Put(one("20241017-103838-n1-1", c.seq)); got != c.want {
			t.Errorf("number %d: news %v", c.seq, got)
		}
	}
	a.PutInput(InputName("20241017-103838-n1-1", 7), []byte("BZh9"))
	write(t, a)
	a = open(t, Config{Dir: dir})
	in, err := a.Get("103838")
	if err != nil || in.Seq != 3 || len(in.Advice) != 1 {
		t.Errorf("after a restart: %+v, %v", in, err)
	}
	if data, err := a.Input(InputName(in.ID, 7)); err != nil || string(data) != "BZh9" {
		t.Errorf("input %q, %v", data, err)
	}
}

func TestGet_UnknownAndAmbiguousIds(t *testing.T) {
	a := open(t, Config{Dir: t.TempDir()})
	a.Put(one("20241017-103838-n1-1", 1))
	a.Put(one("20241017-103838-n1-2", 1))
	if _, err := a.Get("2030"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := a.Get("103838"); err == nil || !strings.Contains(err.Error(), "2 incidents") {
		t.Errorf("%v", err)
	}
}

func TestPut_NamesOfOtherNodesStayInTheDirectory(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Config{Dir: filepath.Join(dir, "x")})
	a.PutInput("../evil.bz2", []byte("x"))
	if a.Put(one("../evil", 1)) {
		t.Error("taken")
	}
	write(t, a)
	if got, _ := filepath.Glob(dir + "/evil*"); got != nil {
		t.Errorf("%q", got)
	}
}

func TestPrune_KeepsTheNewestAndWhatIsOpen(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Config{Dir: dir, Count: 3, Age: time.Hour})
	for i := range 6 {
		in := one(fmt.Sprint("i", i), 1)
		in.Started += int64(i)
		if i == 0 {
			in.Ended = 0
		}
		a.Put(in)
		a.PutInput(InputName(in.ID, 1), []byte("x"))
	}
	old := one("old", 1)
	old.Started -= 2 * time.Hour.Milliseconds()
	a.Put(old)
	write(t, a)
	a.prune(time.Now())
	var left []string
	for _, in := range open(t, Config{Dir: dir}).List() {
		left = append(left, in.ID)
	}
	if got := strings.Join(left, " "); got != "i5 i4 i3 i0" {
		t.Errorf("left: %s", got)
	}
	if files, _ := filepath.Glob(dir + "/*"); len(files) != 8 {
		t.Errorf("files: %q", files)
	}
}

func TestOpen_ABrokenFileIsSetAside(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/a.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := open(t, Config{Dir: dir}).List(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if _, err := os.Stat(dir + "/a.json.bad"); err != nil {
		t.Error(err)
	}
}

func TestPut_ADiskThatFailsCostsNothingButTheCopy(t *testing.T) {
	dir := t.TempDir() + "/x"
	a := open(t, Config{Dir: dir})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxUnwritten {
		a.Put(one(fmt.Sprint("i", i), 1))
	}
	if err := a.flush(); err == nil {
		t.Error("no error")
	}
	if n := len(a.order); n > maxUnwritten {
		t.Errorf("%d wait", n)
	}
	if in, err := a.Get(fmt.Sprint("i", 2*maxUnwritten-1)); err != nil || in.Seq != 1 {
		t.Errorf("%v", err)
	}
}
