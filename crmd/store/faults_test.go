package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/crmd/store/content"
	"github.com/holdfast-ha/holdfast/crmd/store/disk"
)

// smallDisk runs the test in a mount namespace of its own with a file system of a few MiB, in a process that
// takes both with it when it ends. It returns "" in the first process.
func smallDisk(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("STORE_TEST_SMALL_DISK"); dir != "" {
		if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small file system")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v=true")
	cmd.Env = append(os.Environ(), "STORE_TEST_SMALL_DISK="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if out, err := cmd.CombinedOutput(); errors.Is(err, syscall.EPERM) {
		t.Skip("needs the right to make a mount namespace")
	} else if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return ""
}

// fillDisk leaves no free block.
func fillDisk(t *testing.T, dir string) (ballast string) {
	t.Helper()
	ballast = filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 512))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	return ballast
}

// addUntilItFails adds elements until the disk is really full for the log, which had room in its file. It
// returns what was acknowledged.
func addUntilItFails(t *testing.T, n *node) (acked []string, err error) {
	t.Helper()
	for i := range 500 {
		id := strings.Repeat("x", 2000) + strconv.Itoa(i)
		if err = n.Propose(t.Context(), add(n.Document(), id)); err != nil {
			return acked, err
		}
		acked = append(acked, id)
	}
	t.Fatal("the disk does not get full")
	return nil, nil
}

// The leader's disk gets full: the proposer is told, another node takes over at once, and the node catches up
// when there is space again.
func TestDiskFull_AnotherNodeLeads(t *testing.T) {
	small := smallDisk(t)
	if small == "" {
		return
	}
	inBubble(t, func(t *testing.T, c *cluster) {
		c.cfg = func(cfg *Config) {
			if cfg.Node == "n1" {
				cfg.Dir = filepath.Join(small, "raft")
			}
		}
		c.form(3)
		n1 := c.nodes["n1"]
		c.add(n1, "a")
		c.same()
		ballast := fillDisk(t, small)
		acked, err := addUntilItFails(t, n1)
		if !errors.Is(err, ErrDisk) || !strings.Contains(err.Error(), "no space left on device") {
			t.Errorf("the proposer got %v", err)
		}
		start := time.Now()
		l := c.leader("n2", "n3")
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s leads after %s", l.name, took)
		}
		big := strings.Repeat("b", 100<<10) // for a small entry a full disk may have room
		c.add(l, big)
		c.eventually("n1 says what is wrong", func() bool { return strings.Contains(n1.Status().Disk, "no space left") })
		if len(n1.Document().Children) < 1+len(acked) {
			t.Errorf("n1 serves %d elements, %d were acknowledged", len(n1.Document().Children), 1+len(acked))
		}
		time.Sleep(10 * time.Second)
		if again := c.leader(); again != l {
			t.Errorf("the lead moved on to %s", again.name)
		}
		c.must(os.Remove(ballast))
		want(t, c.same(), append(append([]string{"a"}, acked...), big))
		c.eventually("n1 is well", func() bool { return n1.Status().Disk == "" })
		c.must(l.Transfer(t.Context(), "n1"))
		c.add(c.leader(), "c")
	})
}

// A single node with a full disk says so, serves what it has, also after a restart, and recovers.
func TestDiskFull_SingleNodeServesAndRecovers(t *testing.T) {
	small := smallDisk(t)
	if small == "" {
		return
	}
	inBubble(t, func(t *testing.T, c *cluster) {
		c.cfg = func(cfg *Config) { cfg.Dir = filepath.Join(small, "raft") }
		c.form(1)
		n1 := c.nodes["n1"]
		ballast := fillDisk(t, small)
		acked, err := addUntilItFails(t, n1)
		if !errors.Is(err, ErrDisk) {
			t.Errorf("the proposer got %v", err)
		}
		want(t, ids(n1.Document()), acked)
		for range 2 {
			time.Sleep(10 * time.Second)
			err := n1.Propose(t.Context(), add(n1.Document(), "x"))
			if err == nil || !strings.Contains(err.Error(), "no space left on device") {
				t.Errorf("the disk is full, a proposer got %v", err)
			}
			want(t, ids(n1.Document()), acked)
			c.stop("n1")
			n1 = c.start("n1")
			want(t, ids(n1.Document()), acked)
		}
		c.must(os.Remove(ballast))
		c.leader()
		c.add(n1, "b")
		want(t, ids(n1.Document()), append(acked, "b"))
	})
}

// faultyLog is a log file whose writes fail or hang on demand.
type faultyLog struct {
	disk.LogFile
	fault func() error
}

func (f faultyLog) StoreLogs(logs []*raft.Log) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.LogFile.StoreLogs(logs)
}

// withFault makes the log of n1 call fault before each write.
func (c *cluster) withFault(fault func() error) {
	c.cfg = func(cfg *Config) {
		if cfg.Node == "n1" {
			cfg.openLog = func(path string) (disk.LogFile, error) {
				f, err := raftboltdb.NewBoltStore(path)
				return faultyLog{f, fault}, err
			}
		}
	}
}

// After an I/O error nobody knows what is on disk: the directory is opened again before it is used.
func TestDiskError_ReopensTheLog(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		failing := make(chan bool, 1)
		failing <- false
		set := func(on bool) { <-failing; failing <- on }
		c.withFault(func() error {
			on := <-failing
			failing <- on
			if on {
				return unix.EIO
			}
			return nil
		})
		c.form(3)
		n1 := c.nodes["n1"]
		c.add(n1, "a")
		set(true)
		if err := n1.Propose(t.Context(), add(n1.Document(), "x")); !errors.Is(err, ErrDisk) || !errors.Is(err, unix.EIO) {
			t.Errorf("the proposer got %v", err)
		}
		l := c.leader("n2", "n3")
		c.add(l, "b")
		set(false)
		want(t, c.same(), []string{"a", "b"})
		c.eventually("n1 is well", func() bool { return n1.Status().Disk == "" && n1.Status().Role == Follower })
		c.must(l.Transfer(t.Context(), "n1"))
		c.add(c.leader(), "c")
		want(t, c.same(), []string{"a", "b", "c"})
	})
}

// A write that hangs blocks raft's own loop, and with it the leader's stepping down; heartbeats cease and
// another node leads.
func TestDiskHangs_AnotherNodeLeads(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		hang := make(chan chan struct{}, 1)
		c.withFault(func() error {
			select {
			case until := <-hang:
				<-until
			default:
			}
			return nil
		})
		c.form(3)
		n1 := c.nodes["n1"]
		c.add(n1, "a")
		c.same()
		until := make(chan struct{})
		hang <- until
		start := time.Now()
		stuck := n1.Submit(add(n1.Document(), "stuck"))
		l := c.leader("n2", "n3")
		if took := time.Since(start); took > stuckLimit+2*time.Second {
			t.Errorf("%s leads after %s", l.name, took)
		}
		c.add(l, "b")
		if st := n1.Status(); st.Role == Leader || st.Ready || !strings.Contains(st.Disk, "hang") {
			t.Errorf("status of n1: %+v", st)
		}
		if err := n1.Propose(t.Context(), add(n1.Document(), "x")); err == nil {
			t.Error("a node whose disk hangs takes changes")
		}
		close(until)
		if err := stuck.Wait(t.Context()); err == nil {
			t.Error("the change that hung was acknowledged")
		}
		want(t, c.same(), []string{"a", "b"})
		c.leader()
		c.must(l.Propose(t.Context(), content.SetFile{File: content.File{Version: 1}}))
	})
}

// A follower that cannot write for a while refuses entries; nothing waits for it, and it catches up.
func TestDiskFull_OfAFollowerStopsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		var full bool
		gate := make(chan bool, 1)
		gate <- full
		c.withFault(func() error {
			on := <-gate
			gate <- on
			if on {
				return unix.ENOSPC
			}
			return nil
		})
		c.form(3)
		c.must(c.nodes["n1"].Transfer(t.Context(), "n2"))
		n2 := c.leader()
		<-gate
		gate <- true
		fill(t, n2, 300)
		<-gate
		gate <- false
		c.add(n2, "z")
		c.same()
		if l := c.leader(); l != n2 {
			t.Errorf("%s leads", l.name)
		}
	})
}
