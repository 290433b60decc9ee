package incidents

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// recording is a host as its kernel showed it, second by second. It is a txtar archive that we made ourselves. The
// files in it lie in the kernel's directories; its comment says how what changes changed:
//
//	start 2024-10-17T10:37:38Z      the time of second 0
//	0s set MemTotal 263882796       from then on (KiB, percent, a number: see write)
//	30s to 56s ramp MemAvailable 52000000 600000
//	34s rate allocstall 900         a counter that rises by so much per second
//	35s kmsg oom-kill:constraint=...
//	40s state 812 T                 of the process with that pid
type recording struct {
	start time.Time
	files []txtar.File
	steps []step
}

type step struct {
	from, to time.Duration
	verb     string
	name     string
	a, b     float64
	text     string
}

func load(t testing.TB, name string) *recording {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{files: a.Files}
	r.read(t, name, string(a.Comment))
	return r
}

func (r *recording) read(t testing.TB, name, comment string) {
	t.Helper()
	for i, line := range strings.Split(comment, "\n") {
		line, _, _ = strings.Cut(line, " # ")
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if err := r.parse(f); err != nil {
			t.Fatalf("%s:%d: %v", name, i+1, err)
		}
	}
}

func (r *recording) parse(f []string) (err error) {
	if f[0] == "start" {
		r.start, err = time.Parse(time.RFC3339, f[1])
		return err
	}
	s := step{}
	if s.from, err = time.ParseDuration(f[0]); err != nil {
		return err
	}
	s.to = s.from
	if f[1] == "to" {
		if s.to, err = time.ParseDuration(f[2]); err != nil {
			return err
		}
		f = f[2:]
	}
	s.verb, s.name, s.text = f[1], f[2], strings.Join(f[2:], " ")
	number := func(at int) float64 {
		if at >= len(f) {
			err = fmt.Errorf("%s: a number is missing", s.verb)
			return 0
		}
		n, bad := strconv.ParseFloat(f[at], 64)
		if bad != nil {
			err = bad
		}
		return n
	}
	switch s.verb {
	case "set", "rate":
		s.a = number(3)
	case "ramp":
		s.a, s.b = number(3), number(4)
	case "state":
		s.text = f[3]
	case "kmsg":
	default:
		return fmt.Errorf("unknown verb %s", s.verb)
	}
	r.steps = append(r.steps, s)
	return err
}

// host is the directory in which a recording is played.
type host struct {
	dir      string
	values   map[string]float64
	counters map[string]float64
	states   map[string]string
	written  map[string]string
	sequence int
	began    time.Duration
}

func (r *recording) open(t testing.TB) *host {
	t.Helper()
	h := &host{dir: t.TempDir(), values: make(map[string]float64), counters: make(map[string]float64), states: make(map[string]string), written: make(map[string]string)}
	for _, f := range r.files {
		h.write(t, f.Name, string(f.Data))
	}
	h.write(t, "kmsg", "")
	return h
}

func (h *host) write(t testing.TB, name, text string) {
	t.Helper()
	if h.written[name] == text && text != "" {
		return
	}
	path := filepath.Join(h.dir, name)
	if _, known := h.written[name]; !known {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h.written[name] = text
}

// play brings the host to a second of the recording; it is called with rising times.
func (r *recording) play(t testing.TB, h *host, at time.Duration) {
	t.Helper()
	rates := make(map[string]float64)
	for _, s := range r.steps {
		if s.from > at {
			continue
		}
		switch s.verb {
		case "set":
			h.values[s.name] = s.a
		case "ramp":
			share := 1.0
			if at < s.to {
				share = float64(at-s.from) / float64(s.to-s.from)
			}
			h.values[s.name] = s.a + share*(s.b-s.a)
		case "rate":
			rates[s.name] = s.a
		case "state":
			h.states[s.name] = s.text
		case "kmsg":
			if s.from > h.began || s.from == 0 && at == 0 {
				h.sequence++
				f, err := os.OpenFile(filepath.Join(h.dir, "kmsg"), os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(f, "4,%d,%d,-;%s\n", h.sequence, int64(uptime*1e6)+s.from.Microseconds(), s.text)
				f.Close()
			}
		}
	}
	passed := (at - h.began).Seconds()
	for name, rate := range rates {
		h.counters[name] += rate * passed
	}
	h.began = at
	h.show(t, at)
}

// uptime is for how long the host was up at the start, in seconds.
const uptime = 86400

// show writes the kernel's files.
func (h *host) show(t testing.TB, at time.Duration) {
	v := func(name string) int64 { return int64(h.values[name]) }
	var b strings.Builder
	for _, name := range []string{"MemTotal", "MemFree", "MemAvailable", "Cached", "SwapTotal", "SwapFree", "Dirty", "Writeback", "SReclaimable", "SUnreclaim"} {
		fmt.Fprintf(&b, "%-16s%8d kB\n", name+":", v(name))
	}
	h.write(t, "proc/meminfo", b.String())
	b.Reset()
	for _, name := range []string{"allocstall_normal", "pgmajfault", "compact_stall", "pswpin", "pswpout", "oom_kill"} {
		fmt.Fprintf(&b, "%s %d\n", name, int64(h.counters[name])+1)
	}
	h.write(t, "proc/vmstat", b.String())
	// The mean of a minute approaches what is asked for as the kernel's does.
	load := h.counters["load"]
	load += (h.values["load"] - load) * (1 - math.Exp(-1.0/60))
	if at == 0 || h.values["load_at_once"] > 0 {
		load = h.values["load"]
	}
	h.counters["load"] = load
	h.write(t, "proc/loadavg", fmt.Sprintf("%.2f %.2f %.2f %d/900 4711\n", load, load*0.8, load*0.6, v("running")))
	busy := h.values["busy"] / 100
	cores := h.values["cores"]
	h.counters["user"] += 100 * cores * busy
	h.counters["idle"] += 100 * cores * (1 - busy)
	b.Reset()
	fmt.Fprintf(&b, "cpu  %d 0 1000 %d 500 0 100 0 0 0\n", int64(h.counters["user"])+1000, int64(h.counters["idle"])+1000)
	for i := range int(cores) {
		fmt.Fprintf(&b, "cpu%d 0 0 0 0 0 0 0 0 0 0\n", i)
	}
	fmt.Fprintf(&b, "btime %d\nprocs_running %d\nprocs_blocked %d\n", v("btime"), v("running"), v("blocked"))
	h.write(t, "proc/stat", b.String())
	if h.values["psi"] > 0 {
		for _, kind := range []string{"cpu", "memory", "io"} {
			h.write(t, "proc/pressure/"+kind, fmt.Sprintf("some avg10=%.2f avg60=%.2f avg300=0.00 total=1\nfull avg10=%.2f avg60=%.2f avg300=0.00 total=1\n",
				h.values[kind+".some"], h.values[kind+".some"]/2, h.values[kind+".full"], h.values[kind+".full"]/2))
		}
	}
	if n := v("memory_cgroups"); n > 0 {
		h.write(t, "proc/cgroups", fmt.Sprintf("#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t60\t1\nmemory\t9\t%d\t1\n", n))
	}
	for pid, state := range h.states {
		h.write(t, "proc/"+pid+"/stat", fmt.Sprintf("%s (gaussdb) %s 1 %s %s 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 998877 1 2\n", pid, state, pid, pid))
		h.write(t, "proc/"+pid+"/wchan", map[string]string{"T": "do_signal_stop", "D": "wait_on_page_bit"}[state])
	}
}

// pids of the processes in the recording.
func (r *recording) pids() []string {
	var out []string
	for _, s := range r.steps {
		if s.verb == "state" && !slices.Contains(out, s.name) {
			out = append(out, s.name)
		}
	}
	return out
}
