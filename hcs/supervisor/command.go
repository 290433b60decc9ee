package supervisor

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
	"github.com/holdfast-ha/holdfast/internal/sdnotify"
)

// drainLimit is how long this node's resources may take to stop: shutdown-escalation's default.
const drainLimit = 20 * time.Minute

// Command is "node run".
func Command(s *session.Session) *cobra.Command {
	drain := drainLimit
	var bin, logFile string
	return verb.New(verb.Verb{
		Use: "run", Short: "Run this node's daemons and keep them running, where systemd does not", Min: 0, Max: 0,
		Long: `Starts corosyncd, fenced and crmd, restarts one that ends or hangs (the first time at once, so that a corosyncd is back before anybody misses it),
and passes their output on. On SIGTERM or SIGINT the node leaves in order: its resources stop or move first. A second signal does not
wait for them. Fit to be process 1 of a container: it collects what others leave behind.`,
		Flags: func(f *pflag.FlagSet) {
			f.StringVar(&bin, "bin-dir", "", "the `directory` of the daemons; beside hcs, else in PATH, unless given")
			f.DurationVar(&drain, "drain-limit", drainLimit, "how long the resources may take to stop")
			f.StringVar(&logFile, "log-file", "", "write the log to this `file`, which is kept below 32 MiB, instead of standard error")
		},
		Run: func(ctx context.Context, _ []string) error {
			if _, err := os.Stat(s.Dirs.ClusterFile()); err != nil {
				return session.Fail(api.CodeConfig, "this machine belongs to no cluster: %v. Make one with hcs cluster init, or join one with hcs cluster join.", err)
			}
			out := s.Err
			if logFile != "" {
				f, err := newRotating(logFile, maxLogFile)
				if err != nil {
					return err
				}
				defer f.Close()
				out = f
			}
			return New(Config{Dirs: s.Dirs, BinDir: binDir(s, bin), Drain: drain, Out: out, Hurry: s.Hurry, Notify: sdnotify.Notify}).Run(ctx)
		},
	})
}

// binDir finds the daemons beside hcs; "" leaves it to PATH.
func binDir(s *session.Session, given string) string {
	if given != "" || s.Program == "" {
		return given
	}
	dir := filepath.Dir(s.Program)
	if _, err := os.Stat(filepath.Join(dir, "corosyncd")); err == nil {
		return dir
	}
	return ""
}

// maxLogFile is the size at which a log file is put aside, in bytes. One old file is kept.
const maxLogFile = 16 << 20

// rotating is a log file that puts itself aside as FILE.1 when it is full.
type rotating struct {
	path string
	max  int64
	f    *os.File
	size int64
}

func newRotating(path string, max int64) (io.WriteCloser, error) {
	r := &rotating{path: path, max: max}
	return r, r.open()
}

func (r *rotating) open() error {
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return fmt.Errorf("open the log: %w", err)
	}
	r.f, r.size = f, info.Size()
	return nil
}

func (r *rotating) Write(p []byte) (int, error) {
	if r.size+int64(len(p)) > r.max && r.size > 0 {
		r.f.Close()
		if err := os.Rename(r.path, r.path+".1"); err != nil {
			return 0, err
		}
		if err := r.open(); err != nil {
			return 0, err
		}
	}
	n, err := r.f.Write(p)
	r.size += int64(n)
	return n, err
}

func (r *rotating) Close() error { return r.f.Close() }
