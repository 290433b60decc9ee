package manual_test

import (
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/hcs"
	"github.com/holdfast-ha/holdfast/hcs/manual"
	"github.com/holdfast-ha/holdfast/hcs/session"
)

var update = flag.Bool("update", false, "rewrite conf/man")

const dir = "../../conf/man"

func pages() map[string]string {
	s := &session.Session{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }, Now: time.Now}
	return manual.Pages(hcs.Root(s))
}

// The pages that are shipped are those of the commands as they are.
func TestPages_AreUpToDate(t *testing.T) {
	made := pages()
	if *update {
		for name, text := range made {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := made[f.Name()]; !ok {
			t.Errorf("%s is the page of nothing", f.Name())
		}
	}
	for name, text := range made {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(raw) != text {
			t.Errorf("%s is out of date (%v): go test ./hcs/manual -update", name, err)
		}
	}
}

func TestPages_AreCorrectRoff(t *testing.T) {
	man, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed")
	}
	for name, text := range pages() {
		cmd := exec.Command(man, "-man", "-ww", "-z", "-Tutf8")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
