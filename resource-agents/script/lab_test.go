package script

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/internal/proc"
	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// lab calls the agent with its files in a temporary directory.
type lab struct {
	t      *testing.T
	dir    string
	params map[string]string
}

// newLab makes a lab with parameters NAME=VALUE. What the test leaves running is killed at its end.
func newLab(t *testing.T, params ...string) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), params: map[string]string{}}
	l.set(append([]string{"log=" + l.dir + "/log", "settle=50ms"}, params...)...)
	t.Cleanup(func() {
		if s := l.state(); s != nil {
			for _, p := range s.family() {
				signal(p, syscall.SIGKILL)
			}
		}
	})
	return l
}

func (l *lab) set(params ...string) {
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		l.params[name] = strings.ReplaceAll(value, "DIR", l.dir)
	}
}

// want runs an action and compares its exit code and a part of its reason.
func (l *lab) want(code int, reason, action string, extra ...string) {
	l.t.Helper()
	env := map[string]string{"HA_RSCTMP": l.dir, "OCF_RESOURCE_INSTANCE": "app", "OCF_RESKEY_CRM_meta_timeout": "10000",
		"OCF_RESKEY_CRM_meta_interval": "10000"}
	for name, value := range l.params {
		env["OCF_RESKEY_"+name] = value
	}
	for _, p := range extra {
		name, value, _ := strings.Cut(p, "=")
		switch name {
		case "interval", "timeout":
			env["OCF_RESKEY_CRM_meta_"+name] = value
		default:
			env["OCF_RESKEY_"+name] = value
		}
	}
	var stderr bytes.Buffer
	got := ocf.Main(l.t.Context(), Agent(), ocf.Process{Args: []string{action}, Stdout: &bytes.Buffer{}, Stderr: &stderr,
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	_, why, _ := strings.Cut(stderr.String(), "ocf-exit-reason:")
	if got != code || !strings.Contains(why, reason) || reason == "" && why != "" {
		l.t.Errorf("%s: exit code %d, want %d with %q; %s", action, got, code, reason, stderr.String())
	}
}

// state is what the agent remembers; nil if nothing.
func (l *lab) state() *state {
	l.t.Helper()
	raw, err := os.ReadFile(filepath.Join(l.dir, "script-app.json"))
	if err != nil {
		return nil
	}
	s := &state{}
	if err := json.Unmarshal(raw, s); err != nil {
		l.t.Fatal(err)
	}
	return s
}

// pid reads a process id that a program wrote.
func (l *lab) pid(name string) int {
	l.t.Helper()
	var pid int
	l.eventually(name+" is written", func() bool {
		raw, err := os.ReadFile(filepath.Join(l.dir, name))
		if err != nil || !bytes.HasSuffix(raw, []byte("\n")) {
			return false
		}
		_, err = fmt.Sscan(string(raw), &pid)
		return err == nil
	})
	return pid
}

func (l *lab) eventually(what string, ok func() bool) {
	l.t.Helper()
	for limit := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			l.t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func alive(pid int) bool {
	p, err := proc.Read(pid)
	return err == nil && !p.Gone()
}
