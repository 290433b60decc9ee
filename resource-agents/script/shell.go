package script

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// logPath is where output goes.
func logPath(c *ocf.Call) string {
	if path := c.Text("log"); path != "" {
		return path
	}
	return "/var/log/holdfast/" + strings.ReplaceAll(c.Instance, "/", "_") + ".log"
}

// openLog opens the log for appending and tells how long it is.
func openLog(c *ocf.Call) (*os.File, int64, error) {
	path := logPath(c)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, 0, fmt.Errorf("log file: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, 0, fmt.Errorf("log file: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("log file: %w", err)
	}
	return f, info.Size(), nil
}

// lastLine is the last line that was appended to the log after a position, for the reason of a failure.
func lastLine(path string, from int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const tail = 1024
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || end <= from {
		return ""
	}
	buf := make([]byte, min(tail, end-from))
	if _, err := f.ReadAt(buf, end-int64(len(buf))); err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	buf = bytes.TrimSpace(buf)
	line := buf[bytes.LastIndexByte(buf, '\n')+1:]
	if len(line) > 200 {
		line = line[len(line)-200:]
	}
	return ": " + strings.ToValidUTF8(string(line), "?")
}

// shell prepares a shell command as the configured user. Its output goes to the log.
func shell(c *ocf.Call, line string, log *os.File, extraEnv ...string) (*exec.Cmd, error) {
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Dir = c.Text("directory")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), extraEnv...)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if name := c.Text("user"); name != "" && name != "root" {
		cred, home, err := lookup(name)
		if err != nil {
			return nil, err
		}
		cmd.SysProcAttr.Credential = cred
		cmd.Env = append(cmd.Env, "HOME="+home, "USER="+name, "LOGNAME="+name)
	}
	if _, err := os.Stat(cmd.Dir); err != nil {
		return nil, ocf.Errorf(ocf.ErrInstalled, "the working directory %s: %v", cmd.Dir, err)
	}
	return cmd, nil
}

// lookup finds a user with the system's own commands, which know directories beyond /etc/passwd.
func lookup(name string) (*syscall.Credential, string, error) {
	entry, err := exec.Command("getent", "passwd", "--", name).Output()
	f := strings.Split(strings.TrimSpace(string(entry)), ":")
	if err != nil || len(f) < 6 {
		return nil, "", ocf.Errorf(ocf.ErrInstalled, "this node has no user %s", name)
	}
	groups, err := exec.Command("id", "-G", "--", name).Output()
	if err != nil {
		return nil, "", fmt.Errorf("groups of the user %s: %w", name, err)
	}
	number := func(s string) uint32 {
		n, e := strconv.ParseUint(s, 10, 32)
		err = errors.Join(err, e)
		return uint32(n)
	}
	cred := &syscall.Credential{Uid: number(f[2]), Gid: number(f[3])}
	for _, g := range strings.Fields(string(groups)) {
		cred.Groups = append(cred.Groups, number(g))
	}
	if err != nil {
		return nil, "", fmt.Errorf("user %s: %w", name, err)
	}
	return cred, f[5], nil
}

// answer is how a command ended.
type answer struct {
	code   int
	silent bool   // it did not end in time and was killed
	said   string // ": " and its last line of output
}

func (a answer) ok() bool { return !a.silent && a.code == 0 }

func (a answer) String() string {
	if a.silent {
		return "did not answer in time" + a.said
	}
	return fmt.Sprintf("ended with exit code %d%s", a.code, a.said)
}

// runShell runs a command to its end or for as long as it may take, then kills its process group.
func runShell(ctx context.Context, c *ocf.Call, line string, within time.Duration) (answer, error) {
	log, size, err := openLog(c)
	if err != nil {
		return answer{}, err
	}
	defer log.Close()
	cmd, err := shell(c, line, log)
	if err != nil {
		return answer{}, err
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return answer{}, fmt.Errorf("run %q: %w", line, err)
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	pid, a := cmd.Process.Pid, answer{}
	zombie := make(chan struct{})
	go func() {
		defer close(zombie)
		awaitZombie(pid)
	}()
	select {
	case <-zombie:
	case <-ctx.Done():
		a.silent = true
		_ = syscall.Kill(-pid, syscall.SIGKILL) // the group's leader is not reaped, so the number is its own
		<-zombie
	}
	_ = cmd.Wait() // what it says is in ProcessState
	a.code, a.said = cmd.ProcessState.ExitCode(), lastLine(logPath(c), size)
	return a, nil
}

// awaitZombie waits for a child to end and leaves it unreaped.
func awaitZombie(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}
