package logx

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

func TestJournal_LinesCarryPriorityAndNoTime(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(newJournal(&out, slog.LevelDebug)).With("node", "n1")
	log.Error("disk full", "err", "no space")
	log.WithGroup("raft").Info("leader", "term", 3)
	log.Debug("detail")
	want := "<3>msg=\"disk full\" node=n1 err=\"no space\"\n<6>msg=leader node=n1 raft.term=3\n<7>msg=detail node=n1\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestNew_LevelComesFromArgumentThenEnvironment(t *testing.T) {
	for _, c := range []struct{ name, env, level, want string }{
		{"default is info", "", "", "info"},
		{"environment", "warn", "", "warn"},
		{"argument wins", "warn", "debug", "debug"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(LevelVariable, c.env)
			t.Setenv("JOURNAL_STREAM", "1:1")
			f, err := os.Create(filepath.Join(t.TempDir(), "log"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			log, err := New(f, c.level)
			if err != nil {
				t.Fatal(err)
			}
			lowest := ""
			for _, l := range []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug} {
				if log.Enabled(t.Context(), l) {
					lowest = strings.ToLower(l.String())
				}
			}
			if lowest != c.want {
				t.Errorf("lowest level is %s, want %s", lowest, c.want)
			}
		})
	}
	if _, err := New(os.Stderr, "loud"); err == nil || !strings.Contains(err.Error(), "loud") {
		t.Errorf("got %v", err)
	}
}

func TestLibraries_AreOneLevelQuieterAndDoNotRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(newJournal(&out, slog.LevelInfo))
		raft := HC(log).With("peer", "n2")
		for range 100 {
			raft.Error("failed to heartbeat", "servers", hclog.Fmt("%d of %d", 1, 2))
		}
		raft.Info("entering follower state")
		Std(log).Print("[WARN] memberlist: refuting a suspect message")
		time.Sleep(quiet)
		raft.Error("failed to heartbeat")
		want := "<4>msg=\"failed to heartbeat\" peer=n2 servers=\"1 of 2\"\n" +
			"<6>msg=\"memberlist: refuting a suspect message\"\n" +
			"<4>msg=\"failed to heartbeat\" peer=n2\n"
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out.String(), want)
		}
	})
}
