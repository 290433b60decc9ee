package gossip

import (
	"bytes"
	"encoding/json"
	"log"
	"log/slog"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/memberlist"
)

// delegate is what memberlist calls back. Its methods may be called by several goroutines and do not block.
type delegate Gossip

// NodeMeta is this node's metadata.
func (d *delegate) NodeMeta(limit int) []byte {
	raw, err := json.Marshal(d.cfg.Meta)
	if err != nil || len(raw) > limit {
		return nil
	}
	return raw
}

// NotifyMsg takes a command. The bytes are memberlist's.
func (d *delegate) NotifyMsg(raw []byte) {
	var c Command
	if len(raw) > maxCommand || json.Unmarshal(raw, &c) != nil {
		return
	}
	select {
	case d.commands <- c:
	default:
		d.cfg.Log.Warn("dropped a command of another member: too many at once", "node", c.From, "do", c.Do)
	}
}

func (d *delegate) GetBroadcasts(int, int) [][]byte      { return nil }
func (d *delegate) LocalState(bool) []byte               { return nil }
func (d *delegate) MergeRemoteState(buf []byte, _ bool)  {}
func (d *delegate) NotifyConflict(_, _ *memberlist.Node) {}

// NotifyAlive lets in only configured nodes at their configured addresses.
func (d *delegate) NotifyAlive(n *memberlist.Node) error {
	addr, _ := netip.AddrFromSlice(n.Addr)
	_, ok := (*Gossip)(d).node(func(c *Node) bool { return c.Name == n.Name && slices.Contains(c.Addrs, addr.Unmap()) })
	if !ok {
		return errStranger
	}
	return nil
}

// memberlistLog turns memberlist's log lines into debug records: whatever it finds, the heartbeats know better.
func memberlistLog(l *slog.Logger) *log.Logger { return log.New(logWriter{l}, "", 0) }

type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(line []byte) (int, error) {
	text := string(bytes.TrimSpace(line))
	if _, rest, ok := strings.Cut(text, "] "); ok && strings.HasPrefix(text, "[") {
		text = rest
	}
	w.log.Debug(text)
	return len(line), nil
}
