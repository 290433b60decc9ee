package script

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/internal/proc"
)

// maxFamily bounds how many processes of a program are looked at.
const maxFamily = 10000

// leader is the program's own process; ok is false when it has ended.
func (s *state) leader() (p proc.Process, ok bool) {
	if s.PID == 0 {
		return p, false
	}
	p, err := proc.Read(s.PID)
	if err != nil || p.Start != s.Start {
		return p, false
	}
	return p, !p.Gone() || threads(s.PID) > 1
}

// threads counts the threads of a process. A process whose first thread has ended looks like a zombie
// although the others go on.
func threads(pid int) int {
	entries, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return 0
	}
	return len(entries)
}

// family lists the program's process and what it has started, as far as that still runs.
func (s *state) family() []proc.Process {
	list, ok := s.inCgroup()
	if !ok {
		list = s.inSession()
	}
	if lead, ok := s.leader(); ok && !slices.ContainsFunc(list, func(p proc.Process) bool { return p.PID == lead.PID }) {
		list = append(list, lead)
	}
	slices.SortFunc(list, func(a, b proc.Process) int { return a.PID - b.PID })
	return list
}

// inCgroup lists what is in the program's cgroup, which is the program's whatever else it did; ok is false
// without a cgroup.
func (s *state) inCgroup() (list []proc.Process, ok bool) {
	if s.Cgroup == "" {
		return nil, false
	}
	if _, err := os.Stat(s.Cgroup); err != nil {
		return nil, false
	}
	for _, pid := range cgroupProcesses(s.Cgroup) {
		if p, err := proc.Read(pid); err == nil && (!p.Gone() || threads(pid) > 1) {
			list = append(list, p)
		}
	}
	return list, true
}

// inSession lists the program's session. While its leader is there the number is the program's; afterwards
// it may be another session's, and only what carries the mark counts. A program whose number is not known,
// because the agent was killed while it started it, is found by the mark alone.
func (s *state) inSession() []proc.Process {
	if lead, err := proc.Read(s.PID); err == nil && lead.Start == s.Start && s.PID != 0 {
		return proc.Find(maxFamily, func(p proc.Process) bool { return p.Session == s.PID && !p.Gone() })
	}
	return proc.Find(maxFamily, func(p proc.Process) bool {
		if s.PID != 0 && p.Session != s.PID || p.Gone() {
			return false
		}
		mark, has := proc.Environ(p.PID, markVariable)
		return has && mark == s.Mark && s.Mark != ""
	})
}

// signal sends a signal to exactly the process that was looked at, even if its pid is another's by now.
func signal(p proc.Process, sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ENOSYS) { // before Linux 5.3
		if now, err := proc.Read(p.PID); err != nil || now.Start != p.Start {
			return nil
		}
		return ignoreGone(syscall.Kill(p.PID, sig))
	}
	if err != nil {
		return ignoreGone(err)
	}
	defer unix.Close(fd)
	// The descriptor names one process for good; the start time tells whether it is the right one.
	if now, err := proc.Read(p.PID); err != nil || now.Start != p.Start {
		return nil
	}
	return ignoreGone(unix.PidfdSendSignal(fd, sig, nil, 0))
}

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// cgroupRoot finds where cgroup v2 is mounted; "" if nowhere.
func cgroupRoot() string {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		head, tail, ok := strings.Cut(line, " - ")
		if f := strings.Fields(head); ok && len(f) > 4 && strings.HasPrefix(tail, "cgroup2 ") {
			return strings.ReplaceAll(f[4], `\040`, " ")
		}
	}
	return ""
}

// makeCgroup makes a cgroup for the program beside systemd's own ones; "" where that is not possible.
func makeCgroup(name string) string {
	root := cgroupRoot()
	if root == "" {
		return ""
	}
	dir := filepath.Join(root, "holdfast", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return ""
	}
	return dir
}

// cgroupProcesses lists the processes in a cgroup and those below it.
func cgroupProcesses(dir string) []int {
	var pids []int
	// What cannot be read has been removed meanwhile, and with it the processes.
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() != "cgroup.procs" {
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		for _, f := range strings.Fields(string(raw)) {
			if pid, err := strconv.Atoi(f); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids
}

// killCgroup kills everything in a cgroup at once, without a race against forks; false where the kernel
// cannot (before 5.14).
func killCgroup(dir string) bool {
	return dir != "" && os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0) == nil
}

// removeCgroup removes the cgroup and those that the program made below it, if they are empty.
func removeCgroup(dir string) {
	if dir == "" {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			removeCgroup(filepath.Join(dir, e.Name()))
		}
	}
	_ = os.Remove(dir)
}
