package disk

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	"golang.org/x/sys/unix"
)

func config(dir string) Config {
	return Config{Dir: dir, Cluster: "shop sha256:1", Node: "n1", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func open(t *testing.T, cfg Config) *Disk {
	t.Helper()
	d, err := Open(cfg, func() {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.lock != nil {
			d.Close()
		}
	})
	return d
}

// closed closes d and returns its directory.
func closed(t *testing.T, d *Disk) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d.lock = nil
}

func entries(first, last, term uint64) (logs []*raft.Log) {
	for i := first; i <= last; i++ {
		logs = append(logs, &raft.Log{Index: i, Term: term, Data: []byte("x")})
	}
	return logs
}

func store(t *testing.T, d *Disk, logs []*raft.Log) {
	t.Helper()
	if err := d.Log.StoreLogs(logs); err != nil {
		t.Fatal(err)
	}
}

func snapshot(t *testing.T, d *Disk, index uint64) string {
	t.Helper()
	sink, err := d.Snapshots.Create(1, index, 1, raft.Configuration{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Write([]byte("content")); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	return sink.ID()
}

func TestOpen_ErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, d *Disk) // d is open with entries 1 to 9 and is closed afterwards
		cfg   func(*Config)
		want  []string
	}{
		{name: "other cluster", cfg: func(c *Config) { c.Cluster = "bank sha256:2" },
			want: []string{"is of cluster shop sha256:1", "configured for bank sha256:2", "move", "state"}},
		{name: "other node", cfg: func(c *Config) { c.Node = "n2" }, want: []string{"is of node n1", "this is n2", "disk was copied"}},
		{name: "newer layout", want: []string{"layout 2", "upgrade"}, spoil: func(t *testing.T, d *Disk) {
			write(t, d.path(identityName), `{"layout":2,"cluster":"shop sha256:1","node":"n1"}`)
		}},
		{name: "no identity", want: []string{"no file identity", "fetches the configuration"}, spoil: func(t *testing.T, d *Disk) {
			os.Remove(d.path(identityName))
		}},
		{name: "log is garbage", want: []string{"log.db", "invalid database", "move"}, spoil: func(t *testing.T, d *Disk) {
			write(t, d.path(logName), strings.Repeat("garbage!", 4096))
		}},
		{name: "terms are gone", want: []string{"terms", "no such file"}, spoil: func(t *testing.T, d *Disk) {
			os.Remove(d.path(termsName))
		}},
		{name: "log does not continue the snapshot", want: []string{"begins with entry 5", "ends with 0"}, spoil: func(t *testing.T, d *Disk) {
			if err := d.Log.DeleteRange(1, 4); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "hole in the log", want: []string{"log entry 10"}, spoil: func(t *testing.T, d *Disk) {
			store(t, d, entries(11, 12, 1))
		}},
		{name: "only snapshot is damaged", want: []string{"CRC mismatch"}, spoil: func(t *testing.T, d *Disk) {
			write(t, d.path("snapshots", snapshot(t, d, 9), "state.bin"), "damaged")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(t.TempDir())
			d := open(t, cfg)
			store(t, d, entries(1, 9, 1))
			if c.spoil != nil {
				c.spoil(t, d)
			}
			closed(t, d)
			if c.cfg != nil {
				c.cfg(&cfg)
			}
			d, err := Open(cfg, func() {})
			if err == nil {
				d.Close()
				t.Fatal("opened")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_SecondDaemonIsRefused(t *testing.T) {
	cfg := config(t.TempDir())
	open(t, cfg)
	if d, err := Open(cfg, func() {}); err == nil || !strings.Contains(err.Error(), "in use by another crmd") {
		t.Errorf("got %v, %v", d, err)
	}
}

// Whatever an interrupted first start or an interrupted Discard leaves, the next start has all or nothing.
func TestOpen_AfterInterruptedStart(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string)
	}{
		{"empty new state", func(t *testing.T, dir string) { mkdir(t, filepath.Join(dir, newName)) }},
		{"half of a new state", func(t *testing.T, dir string) {
			mkdir(t, filepath.Join(dir, newName))
			write(t, filepath.Join(dir, newName, logName), "")
		}},
		{"discarded, nothing new yet", func(t *testing.T, dir string) {
			d := open(t, config(dir))
			store(t, d, entries(1, 3, 1))
			closed(t, d)
			if err := os.Rename(filepath.Join(dir, stateName), filepath.Join(dir, discardedName)); err != nil {
				t.Fatal(err)
			}
		}},
		{"discarded, half deleted", func(t *testing.T, dir string) {
			mkdir(t, filepath.Join(dir, discardedName))
			write(t, filepath.Join(dir, discardedName, logName), "x")
		}},
		{"bootstrap that wrote only the term", func(t *testing.T, dir string) {
			d := open(t, config(dir))
			if err := d.Terms.SetUint64(currentTerm, 1); err != nil {
				t.Fatal(err)
			}
			closed(t, d)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.make(t, dir)
			d := open(t, config(dir))
			if fresh, err := d.Fresh(); err != nil || !fresh {
				t.Errorf("fresh is %t, %v", fresh, err)
			}
			if has, err := raft.HasExistingState(d.Log, d.Terms, d.Snapshots); err != nil || has {
				t.Errorf("raft sees state: %t, %v", has, err)
			}
			for _, name := range []string{newName, discardedName} {
				if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is still there", name)
				}
			}
		})
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestFresh_NotAfterAVote(t *testing.T) {
	d := open(t, config(t.TempDir()))
	if err := d.Terms.SetUint64(lastVoteTerm, 1); err != nil {
		t.Fatal(err)
	}
	if fresh, err := d.Fresh(); err != nil || fresh {
		t.Errorf("fresh is %t, %v", fresh, err)
	}
}

func TestDiscard_StartsEmpty(t *testing.T) {
	cfg := config(t.TempDir())
	d := open(t, cfg)
	store(t, d, entries(1, 9, 1))
	snapshot(t, d, 9)
	if err := d.Applied.Set(9); err != nil {
		t.Fatal(err)
	}
	if err := d.Discard(); err != nil {
		t.Fatal(err)
	}
	if fresh, err := d.Fresh(); err != nil || !fresh || d.Applied.Get() != 0 {
		t.Errorf("fresh is %t, %v, applied %d", fresh, err, d.Applied.Get())
	}
}

func TestSnapshots_UnfinishedOnesAreRemoved(t *testing.T) {
	d := open(t, config(t.TempDir()))
	running, err := d.Snapshots.Create(1, 8, 1, raft.Configuration{}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	left := d.path("snapshots", "1-7-1234"+tmpSuffix)
	mkdir(t, left)
	snapshot(t, d, 9)
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Error("what a crash left is still there")
	}
	if err := running.Close(); err != nil {
		t.Errorf("the snapshot that was being written was removed: %v", err)
	}
}

// failingLog is a log file whose writes fail with err while it is set.
type failingLog struct {
	LogFile
	err *error
}

func (f failingLog) StoreLogs(logs []*raft.Log) error {
	if *f.err != nil {
		return *f.err
	}
	return f.LogFile.StoreLogs(logs)
}

func TestLog_KnowsWhenItMustBeOpenedAgain(t *testing.T) {
	for _, c := range []struct {
		name     string
		truncate bool
		err      error
		broken   bool
	}{
		{"disk full", false, unix.ENOSPC, false},
		{"disk full after a truncation", true, unix.ENOSPC, true},
		{"I/O error", false, unix.EIO, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, changes := config(t.TempDir()), 0
			var fail error
			cfg.OpenLog = func(path string) (LogFile, error) {
				f, err := (&Disk{}).openLog(path)
				return failingLog{f, &fail}, err
			}
			d, err := Open(cfg, func() { changes++ })
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			store(t, d, entries(1, 9, 1))
			if c.truncate {
				if err := d.Log.DeleteRange(8, 9); err != nil {
					t.Fatal(err)
				}
			}
			fail = c.err
			last, _ := d.Log.LastIndex()
			next := entries(last+1, last+1, 2)
			for range 2 {
				if err := d.Log.StoreLogs(next); !errors.Is(err, c.err) {
					t.Errorf("got %v", err)
				}
			}
			if d.Health.Broken() != c.broken || !errors.Is(d.Health.Err(), c.err) || changes != 1 {
				t.Errorf("broken %t, %v, %d changes", d.Health.Broken(), d.Health.Err(), changes)
			}
			fail = nil
			if err := d.Log.StoreLogs(next); (err != nil) != c.broken {
				t.Errorf("with space again: %v", err)
			}
			if c.broken {
				if err := d.Reopen(); err != nil {
					t.Fatal(err)
				}
				d.Health.Mended()
				store(t, d, next)
			}
			if d.Health.Err() != nil || d.Health.Broken() || changes != 2 {
				t.Errorf("not well: %v, %d changes", d.Health.Err(), changes)
			}
		})
	}
}
