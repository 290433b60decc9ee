package lrm

import (
	"fmt"
	"strconv"
	"strings"
)

// Key ties a result to the action of the transition that asked for it.
type Key struct {
	Action     int // action number, or the call id for results that no transition asked for
	Transition int // -1 for results that no transition asked for
	TargetRC   RC
	UUID       string // identifies the DC that made the transition
}

// NoUUID stands in keys of results that no transition asked for.
const NoUUID = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

// String is the attribute transition-key: ACTION:TRANSITION:TARGETRC:UUID.
func (k Key) String() string {
	return fmt.Sprintf("%d:%d:%d:%s", k.Action, k.Transition, k.TargetRC, k.UUID)
}

// ParseKey reads a transition-key.
func ParseKey(s string) (Key, error) {
	parts := strings.SplitN(s, ":", 4)
	if len(parts) != 4 {
		return Key{}, fmt.Errorf("transition key %q does not have four parts", s)
	}
	var n [3]int
	for i := range n {
		v, err := strconv.Atoi(parts[i])
		if err != nil {
			return Key{}, fmt.Errorf("transition key %q: part %d is not a number", s, i+1)
		}
		n[i] = v
	}
	return Key{Action: n[0], Transition: n[1], TargetRC: RC(n[2]), UUID: parts[3]}, nil
}

// Magic is the attribute transition-magic: STATUS:RC;KEY.
func Magic(s Status, rc RC, k Key) string { return fmt.Sprintf("%d:%d;%s", s, rc, k) }

// ParseMagic reads a transition-magic.
func ParseMagic(s string) (Status, RC, Key, error) {
	head, key, ok := strings.Cut(s, ";")
	st, rc, ok2 := strings.Cut(head, ":")
	status, err1 := strconv.Atoi(st)
	code, err2 := strconv.Atoi(rc)
	if !ok || !ok2 || err1 != nil || err2 != nil {
		return Unknown, RCUnknown, Key{}, fmt.Errorf("transition magic %q is not STATUS:RC;KEY", s)
	}
	k, err := ParseKey(key)
	return Status(status), RC(code), k, err
}

// OpKey names an operation of a resource: RSC_TASK_INTERVALMS.
func OpKey(rsc, task string, intervalMs int64) string {
	return rsc + "_" + task + "_" + strconv.FormatInt(intervalMs, 10)
}

// ParseOpKey splits an operation key. Resource names may contain underscores, and so do the tasks
// migrate_to, migrate_from and those of notifications (RSC_pre_notify_start_0).
func ParseOpKey(key string) (rsc, task string, intervalMs int64, err error) {
	at := strings.LastIndexByte(key, '_')
	if at > 0 {
		intervalMs, err = strconv.ParseInt(key[at+1:], 10, 64)
	}
	if at <= 0 || err != nil || intervalMs < 0 {
		return "", "", 0, fmt.Errorf("operation key %q does not end in _INTERVAL", key)
	}
	rest := key[:at]
	for _, long := range []string{"_migrate_to", "_migrate_from"} {
		if r, ok := strings.CutSuffix(rest, long); ok && r != "" {
			return r, long[1:], intervalMs, nil
		}
	}
	for _, notify := range []string{"_pre_notify_", "_post_notify_", "_confirmed-pre_notify_", "_confirmed-post_notify_"} {
		if i := strings.LastIndex(rest, notify); i > 0 {
			return rest[:i], "notify", intervalMs, nil
		}
	}
	at = strings.LastIndexByte(rest, '_')
	if at <= 0 || at == len(rest)-1 {
		return "", "", 0, fmt.Errorf("operation key %q does not contain RESOURCE_TASK", key)
	}
	return rest[:at], rest[at+1:], intervalMs, nil
}
