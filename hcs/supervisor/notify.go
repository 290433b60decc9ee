package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/hcs/supervisor/policy"
)

// notifySocket is where one daemon reports as it would to systemd: READY=1, WATCHDOG=1, STOPPING=1. Only the
// process that is the daemon now is believed.
type notifySocket struct {
	path string
	conn *net.UnixConn
	pid  atomic.Int64
}

// maxNotify bounds one message.
const maxNotify = 4096

func listenNotify(path string) (*notifySocket, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("start the node: %w", err)
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("start the node: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		var serr error
		err = raw.Control(func(fd uintptr) { serr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
		err = errors.Join(err, serr)
	}
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("start the node: %s: %w", path, err)
	}
	return &notifySocket{path: path, conn: conn}, nil
}

// follow names the process that is the daemon.
func (n *notifySocket) follow(pid int) { n.pid.Store(int64(pid)) }

// run reads messages until ctx ends.
func (n *notifySocket) run(ctx context.Context, name string, post func(policy.Input)) {
	stop := context.AfterFunc(ctx, func() { n.conn.Close() })
	defer stop()
	defer os.Remove(n.path)
	buf, oob := make([]byte, maxNotify), make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	for {
		size, oobSize, _, _, err := n.conn.ReadMsgUnix(buf, oob)
		if err != nil {
			return
		}
		if int64(sender(oob[:oobSize])) != n.pid.Load() {
			continue
		}
		for line := range strings.Lines(string(buf[:size])) {
			switch strings.TrimSpace(line) {
			case "READY=1":
				post(policy.Ready{Name: name})
			case "WATCHDOG=1":
				post(policy.Alive{Name: name})
			}
		}
	}
}

// sender is the process that sent a message, as the kernel says; 0 when it does not.
func sender(oob []byte) int32 {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for i := range messages {
		if cred, err := unix.ParseUnixCredentials(&messages[i]); err == nil {
			return cred.Pid
		}
	}
	return 0
}
