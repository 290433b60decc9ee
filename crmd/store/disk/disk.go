// Package disk keeps a raft node's log, terms and snapshots in a directory that survives crashes and full
// disks.
package disk

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	bbolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/internal/logx"
)

// Names in the directory. Everything of one life of the log is in state, which appears and disappears by a
// rename: there is never a part of it.
const (
	lockName      = "lock"
	stateName     = "state"
	newName       = "state.new"
	discardedName = "state.discarded"
	probeName     = "probe.*"

	logName     = "log.db"
	termsName   = "terms"
	appliedName = "applied"
)

// keepSnapshots is how many snapshots stay: the newest and one to fall back to.
const keepSnapshots = 2

// Config says where the directory is and whose it is.
type Config struct {
	Dir     string
	Cluster string // identity of the cluster; a directory of another one is refused
	Node    string
	Log     *slog.Logger
	// OpenLog replaces the log file, in tests; nil is a bolt file.
	OpenLog func(path string) (LogFile, error)
}

// LogFile is the file behind a Log.
type LogFile interface {
	raft.LogStore
	Close() error
}

// Disk is an open raft directory. Log, Terms, Snapshots and Applied change with Reopen and Discard.
type Disk struct {
	cfg       Config
	lock      *os.File
	Health    *Health
	Log       *Log
	Terms     *Terms
	Snapshots *Snapshots
	Applied   *Mark
}

// Open opens the directory and makes it when it is not there. The caller must Close it. onHealth is called,
// from any goroutine, when writing begins to fail or works again; it must not block.
func Open(cfg Config, onHealth func()) (*Disk, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("raft directory: %w", err)
	}
	d := &Disk{cfg: cfg, Health: newHealth(onHealth)}
	if err := d.takeLock(); err != nil {
		return nil, err
	}
	if err := d.openState(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// takeLock keeps a second daemon out.
func (d *Disk) takeLock() error {
	path := filepath.Join(d.cfg.Dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("raft directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return fmt.Errorf("raft directory %s is in use by another crmd (lock %s: %w)", d.cfg.Dir, path, err)
	}
	d.lock = f
	return nil
}

func (d *Disk) path(name ...string) string {
	return filepath.Join(append([]string{d.cfg.Dir, stateName}, name...)...)
}

// openState opens what is there, or makes an empty state.
func (d *Disk) openState() error {
	probes, _ := filepath.Glob(filepath.Join(d.cfg.Dir, probeName)) // the pattern is well-formed
	for _, leftover := range append(probes, filepath.Join(d.cfg.Dir, newName), filepath.Join(d.cfg.Dir, discardedName)) {
		if err := os.RemoveAll(leftover); err != nil {
			return fmt.Errorf("raft directory: remove what an interrupted start left: %w", err)
		}
	}
	if _, err := os.Stat(d.path()); errors.Is(err, os.ErrNotExist) {
		if err := d.create(); err != nil {
			return fmt.Errorf("make the raft directory %s: %w", d.path(), err)
		}
	} else if err != nil {
		return fmt.Errorf("raft directory: %w", err)
	}
	if err := d.checkIdentity(); err != nil {
		return err
	}
	if err := d.openFiles(); err != nil {
		return d.damaged(err)
	}
	if err := d.check(); err != nil {
		return d.damaged(err)
	}
	return nil
}

// damaged adds what to do.
func (d *Disk) damaged(err error) error {
	if isNoSpace(err) {
		return fmt.Errorf("raft directory %s: %w", d.path(), err)
	}
	return fmt.Errorf("raft directory %s cannot be used: %w. If other nodes of the cluster are well: stop crmd here, "+
		"move %s away and start crmd again; it fetches the configuration from them", d.path(), err, d.path())
}

// create makes an empty state under another name and renames it.
func (d *Disk) create() error {
	dir := filepath.Join(d.cfg.Dir, newName)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := createTerms(filepath.Join(dir, termsName)); err != nil {
		return err
	}
	if err := createMark(filepath.Join(dir, appliedName)); err != nil {
		return err
	}
	f, err := d.openLog(filepath.Join(dir, logName))
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := d.writeIdentity(filepath.Join(dir, identityName)); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := os.Rename(dir, d.path()); err != nil {
		return err
	}
	return syncDir(d.cfg.Dir)
}

func (d *Disk) openLog(path string) (LogFile, error) {
	if d.cfg.OpenLog != nil {
		return d.cfg.OpenLog(path)
	}
	return raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: &bbolt.Options{
		Timeout: time.Second, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
	}})
}

func (d *Disk) openFiles() error {
	file, err := d.openLog(d.path(logName))
	if err != nil {
		return fmt.Errorf("%s: %w", logName, err)
	}
	d.Log = &Log{file: file, health: d.Health}
	if d.Terms, err = openTerms(d.path(termsName), d.Health); err != nil {
		return fmt.Errorf("%s: %w", termsName, err)
	}
	if d.Applied, err = openMark(d.path(appliedName)); err != nil {
		return fmt.Errorf("%s: %w", appliedName, err)
	}
	if d.Snapshots, err = openSnapshots(d.path(), keepSnapshots, logx.HC(d.cfg.Log)); err != nil {
		return fmt.Errorf("snapshots: %w", err)
	}
	return nil
}

// check finds what would make raft panic later: a log that does not continue the newest snapshot.
func (d *Disk) check() error {
	first, err := d.Log.FirstIndex()
	if err != nil {
		return err
	}
	last, err := d.Log.LastIndex()
	if err != nil {
		return err
	}
	snapshot, err := d.snapshotIndex()
	if err != nil {
		return err
	}
	if last > snapshot && first > snapshot+1 {
		return fmt.Errorf("the log begins with entry %d, but the newest readable snapshot ends with %d", first, snapshot)
	}
	var entry raft.Log
	for i := max(first, snapshot+1); last > 0 && i <= last; i++ {
		if err := d.Log.GetLog(i, &entry); err != nil {
			return fmt.Errorf("log entry %d: %w", i, err)
		}
	}
	return nil
}

// snapshotIndex is the last entry in the newest readable snapshot, 0 without one.
func (d *Disk) snapshotIndex() (uint64, error) {
	meta, r, err := d.Snapshots.Newest()
	if err != nil || meta == nil {
		return 0, err
	}
	return meta.Index, r.Close()
}

// Fresh tells that there is neither a log nor a snapshot nor a vote: this node knows no configuration, and
// nobody relies on what it knew. A term alone is what an interrupted bootstrap leaves; it is forgotten.
func (d *Disk) Fresh() (bool, error) {
	last, err := d.Log.LastIndex()
	if err != nil || last > 0 {
		return false, err
	}
	list, err := d.Snapshots.List()
	if err != nil || len(list) > 0 || d.Terms.voted() {
		return false, err
	}
	return true, d.Terms.reset()
}

// Reopen closes the files and opens them again, reading from disk what really is there. Raft must be stopped.
func (d *Disk) Reopen() error {
	if err := d.closeFiles(); err != nil {
		d.cfg.Log.Warn("closing the raft directory", "err", err)
	}
	return d.openState()
}

// Discard throws the state away and starts an empty one. Raft must be stopped. A crash leaves the old or the
// new state.
func (d *Disk) Discard() error {
	if err := d.closeFiles(); err != nil {
		d.cfg.Log.Warn("closing the raft directory", "err", err)
	}
	if err := os.Rename(d.path(), filepath.Join(d.cfg.Dir, discardedName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("discard the raft log: %w", err)
	}
	if err := syncDir(d.cfg.Dir); err != nil {
		return fmt.Errorf("discard the raft log: %w", err)
	}
	return d.openState()
}

// probeSize is what Probe writes, more than any usual batch of log entries.
const probeSize = 256 << 10

// Probe reports whether the directory can be written, by doing it.
func (d *Disk) Probe() error {
	f, err := os.CreateTemp(d.cfg.Dir, probeName)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(make([]byte, probeSize)); err != nil {
		return err
	}
	return f.Sync()
}

// Close closes the files and lets another daemon in.
func (d *Disk) Close() error {
	err := d.closeFiles()
	return errors.Join(err, d.lock.Close())
}

func (d *Disk) closeFiles() error {
	var errs []error
	if d.Log != nil {
		errs = append(errs, d.Log.file.Close())
		d.Log = nil
	}
	if d.Terms != nil {
		errs = append(errs, d.Terms.Close())
		d.Terms = nil
	}
	if d.Applied != nil {
		errs = append(errs, d.Applied.file.Close())
		d.Applied = nil
	}
	return errors.Join(errs...)
}

func isNoSpace(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
