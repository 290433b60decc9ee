package legacy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

const plain = `<?xml version="1.0" ?><resource-agent name="fence_t"><parameters><parameter name="plug"/></parameters>
<actions><action name="on" automatic="0"/><action name="off"/><action name="status"/></actions></resource-agent>`

func TestLearn_ReadsWhatAnAgentCanDo(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"plug", "cat <<X\n" + plain + "\nX", "{[on off status] plug false false false 0}"},
		{"port and node id", `echo '<resource-agent><parameters><parameter name="plug"/><parameter name="port"/><parameter name="nodeid"/></parameters><actions><action name="off"/></actions></resource-agent>'`,
			"{[off] port true false false 0}"},
		{"unfencing", `echo '<resource-agent><actions><action name="on" on_target="1" required="1"/><action name="off"/></actions></resource-agent>'`,
			"{[on off]  false true true 0}"},
		{"greeting and exit code", "echo hello; cat <<X\n" + plain + "\nX\necho bye >&2; exit 1", "{[on off status] plug false false false 0}"},
		{"only by option", "[ \"$1 $2\" = '-o metadata' ] || exit 1; cat <<X\n" + plain + "\nX", "{[on off status] plug false false false 0}"},
		{"nothing", "exit 0", "error: metadata of fence_t: "},
		{"no XML", "echo usage: fence_t", "error: metadata of fence_t: "},
		{"half a document", `echo '<resource-agent><actions><action name="on"/>'`, "error: metadata of fence_t: "},
		{"no actions", `echo '<resource-agent><parameters/></resource-agent>'`, "error: metadata of fence_t: it names no action"},
		{"failure", "echo python is broken >&2; exit 3", "error: metadata of fence_t: the agent exited with status 3: python is broken"},
		{"signal", "kill -TERM $$", "error: metadata of fence_t: the agent was interrupted by Terminated signal"},
		{"flood", "yes '<a>' | head -c 3000000", "error: metadata of fence_t: longer than 1048576 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := start(t)
			write(t, d, "fence_t", c.script)
			can, err := d.Learn(t.Context(), "fence_t")
			got := ""
			if err != nil {
				got = "error: " + err.Error()
			} else {
				got = fmt.Sprint(*can)
			}
			if got != c.want && !(strings.HasSuffix(c.want, ": ") && strings.HasPrefix(got, c.want)) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// What is known is kept on disk until the program changes.
func TestLearn_AsksOnceForEachProgram(t *testing.T) {
	d := start(t)
	count := filepath.Join(t.TempDir(), "count")
	script := "echo x >> " + count + "; cat <<X\n" + plain + "\nX"
	write(t, d, "fence_t", script)
	asked := func(d *Driver) int {
		t.Helper()
		if _, err := d.Learn(t.Context(), "fence_t"); err != nil {
			t.Fatal(err)
		}
		raw, _ := os.ReadFile(count)
		return len(raw) / 2
	}
	if n := asked(d) + asked(d); n != 2 {
		t.Errorf("a known agent was asked again: %d", n)
	}
	if n := asked(startIn(t, d.cfg)); n != 1 {
		t.Errorf("after a restart the agent was asked again: %d", n)
	}
	write(t, d, "fence_t", script+"\n# newer")
	if n := asked(d); n != 2 {
		t.Errorf("the changed agent was asked %d times", n)
	}
	if err := os.WriteFile(d.cfg.Cache, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := asked(startIn(t, d.cfg)); n != 3 {
		t.Errorf("with a broken cache the agent was asked %d times", n)
	}
}

// Every agent that the distribution has installed is understood, all but the one that has no metadata.
func TestLearn_UnderstandsInstalledAgents(t *testing.T) {
	agents, _ := filepath.Glob("/usr/sbin/fence_*")
	if len(agents) == 0 || testing.Short() {
		t.Skip("no fence agents in /usr/sbin, or -short")
	}
	d := startIn(t, Config{Dirs: []string{"/usr/sbin"}})
	var mu sync.Mutex
	var wg sync.WaitGroup
	known := map[string]*device.Capabilities{}
	slots := make(chan struct{}, 4)
	for _, path := range agents {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			begin := time.Now()
			name := filepath.Base(path)
			can, err := d.Learn(t.Context(), name)
			if err != nil {
				can, err = d.Learn(t.Context(), name) // a big Python program on a busy machine; its modules are cached now
			}
			if took := time.Since(begin); took > 4*device.LearnTimeout+10*time.Second {
				t.Errorf("%s took %v", name, took)
			}
			mu.Lock()
			defer mu.Unlock()
			if known[name] = can; err != nil && name != "fence_ack_manual" {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	wg.Wait()
	t.Logf("%d agents", len(known))
	if can := known["fence_scsi"]; can != nil && (!can.OnTarget || !can.Automatic || can.Port != "port") {
		t.Errorf("fence_scsi: %+v", can)
	}
	if can := known["fence_ipmilan"]; can != nil && (can.OnTarget || can.Automatic || !slices.Contains(can.Actions, "reboot")) {
		t.Errorf("fence_ipmilan: %+v", can)
	}
}

// Whatever an agent prints, it is understood or refused.
func FuzzParse(f *testing.F) {
	f.Add(plain)
	f.Add("hello\n<resource-agent><actions><action name='on' automatic='1'/></actions></resource-agent>")
	f.Add("<a><b></a>")
	f.Fuzz(func(t *testing.T, text string) {
		can, err := parse(text)
		if err == nil && len(can.Actions) == 0 {
			t.Error("an agent without actions was taken")
		}
	})
}
