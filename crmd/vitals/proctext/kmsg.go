package proctext

import (
	"regexp"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
)

// maxKernelText bounds the text of an event.
const maxKernelText = 240

// pattern recognises one kind of message. The wordings are those of kernels from 3.10 on.
type pattern struct {
	kind string
	// hint is a word that every match contains, so that the expression runs seldom.
	hint    string
	match   *regexp.Regexp
	subject int // the group that names the subject
}

var patterns = []pattern{
	{api.KernelCgroupOOM, "oom_memcg=", regexp.MustCompile(`^oom-kill:constraint=CONSTRAINT_MEMCG.*oom_memcg=([^,]*),`), 1},
	{api.KernelCgroupOOM, "limit of", regexp.MustCompile(`^Task in \S+ killed as a result of limit of (\S+)`), 1},
	{api.KernelCgroupOOM, "out of memory", regexp.MustCompile(`^Memory cgroup out of memory: Kill(?:ed)? process (\d+ \([^)]*\))`), 1},
	{api.KernelOOM, "Out of memory", regexp.MustCompile(`^Out of memory: Kill(?:ed)? process (\d+ \([^)]*\))`), 1},
	{api.KernelHungTask, "blocked for more", regexp.MustCompile(`INFO: task (\S+) blocked for more than \d+ seconds`), 1},
	{api.KernelSoftLockup, "soft lockup", regexp.MustCompile(`BUG: soft lockup - (CPU#\d+) stuck`), 1},
	{api.KernelReadOnly, "emounting", regexp.MustCompile(`\(([^)]+)\): [Rr]emounting filesystem read-only`), 1},
	{api.KernelReadOnly, "shut down", regexp.MustCompile(`XFS \(([^)]+)\): .*(?:has been shut down|[Ss]hutting down filesystem)`), 1},
	{api.KernelIOError, "I/O error", regexp.MustCompile(`I/O error(?:,| on) dev(?:ice)? (\w[\w-]*)`), 1},
	{api.KernelIOError, "EXT4-fs error", regexp.MustCompile(`EXT4-fs error \(device ([^)]+)\)`), 1},
	{api.KernelIOError, "metadata I/O error", regexp.MustCompile(`XFS \(([^)]+)\): metadata I/O error`), 1},
	{api.KernelLinkDown, "ink", regexp.MustCompile(`(?:^|\s)(\S+?):? (?:NIC )?[Ll]ink (?:is )?[Dd]own`), 1},
	{api.KernelLinkDown, "definitely down", regexp.MustCompile(`link status definitely down for interface (\S+?),?(?:\s|$)`), 1},
}

// Kmsg reads one record of /dev/kmsg: "priority,sequence,microseconds since boot,flags;text". ok is false for
// what is not damage. bootMs is the Unix time of the boot.
func Kmsg(record string, bootMs int64) (api.KernelEvent, bool) {
	head, text, ok := strings.Cut(record, ";")
	if !ok {
		return api.KernelEvent{}, false
	}
	text, _, _ = strings.Cut(text, "\n") // continuation lines are a dictionary
	for _, p := range patterns {
		if !strings.Contains(text, p.hint) {
			continue
		}
		m := p.match.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		var micros int64
		if f := strings.Split(head, ","); len(f) > 2 {
			micros = number([]byte(f[2]))
		}
		return api.KernelEvent{At: bootMs + micros/1000, Kind: p.kind, Subject: m[p.subject], Text: text[:min(len(text), maxKernelText)]}, true
	}
	return api.KernelEvent{}, false
}

// Within tells whether a cgroup is, or is below, another one.
func Within(path, above string) bool {
	return above == "/" || path == above || strings.HasPrefix(path, above+"/")
}
