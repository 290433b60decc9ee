package stonith

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// TestMain makes local time that of the recordings, before anybody reads the clock.
func TestMain(m *testing.M) {
	time.Local = time.UTC
	m.Run()
}

// fake is a fenced that answers from tables and writes down what it was asked.
type fake struct {
	asked   []string
	devices []api.FenceDeviceStatus
	history []api.FenceEvent
	result  api.FenceResult
	err     *ipc.Error
}

func (f *fake) handler() http.Handler {
	mux := http.NewServeMux()
	note := func(answer func(r *http.Request) any) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			f.asked = append(f.asked, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL, body)))
			if f.err != nil {
				ipc.Fail(w, f.err)
				return
			}
			ipc.Reply(w, answer(r))
		}
	}
	result := func(*http.Request) any { return f.result }
	nothing := func(*http.Request) any { return nil }
	mux.HandleFunc("POST "+api.PathFence, note(result))
	mux.HandleFunc("POST "+api.PathFenceTest, note(result))
	mux.HandleFunc("GET "+api.PathFenceDevices, note(func(*http.Request) any { return f.devices }))
	mux.HandleFunc("GET "+api.PathFenceHistory, note(func(*http.Request) any { return f.history }))
	for _, p := range []string{"POST " + api.PathFenceDevices, "DELETE " + api.PathFenceDevices, "POST " + api.PathFenceLevels,
		"DELETE " + api.PathFenceLevels, "DELETE " + api.PathFenceHistory, "POST " + api.PathFenceConfirm} {
		mux.HandleFunc(p, note(nothing))
	}
	return mux
}

// stonith runs the command against a fenced, nil for none.
func stonith(t *testing.T, f *fake, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	dir, err := os.MkdirTemp("", "st")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	env := &cli.Env{Name: "stonith_admin", Args: args, Stdin: strings.NewReader(""), Dirs: paths.Dirs{Run: dir}}
	env.Getenv = func(name string) string {
		return map[string]string{"OCF_RESKEY_ip": "10.0.0.1", "HOLDFAST_FENCE_AGENTS": "testdata"}[name]
	}
	var out, errs bytes.Buffer
	env.Stdout, env.Stderr = &out, &errs
	if f != nil {
		l, err := ipc.Listen(env.Dirs.Socket("fenced"), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- ipc.Serve(ctx, l, f.handler(), slog.New(slog.DiscardHandler)) }()
		defer func() { cancel(); <-done }()
	}
	code = Command.Run(t.Context(), env)
	return out.String(), errs.String(), code
}

var pid = regexp.MustCompile(`stonith_admin(\.\w+)?\.\d+`)

func TestCommand_AsksFenced(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-F n3", `POST /v1/fence {"id":"","target":"n3","action":"off","timeout":120000,"client":"stonith_admin.PID","origin":"","allow_self":true,"reason":"asked for by stonith_admin.PID"}`},
		{"--reboot n3 -t 5 --delay -1 --tolerance 5s", `POST /v1/fence {"id":"","target":"n3","action":"reboot","timeout":5000,"tolerance":5000,"delay":-1,"client":"stonith_admin.PID","origin":"","allow_self":true,"reason":"asked for by stonith_admin.PID"}`},
		{"-U n3 -y 3 -T drbd", `POST /v1/fence {"id":"","target":"n3","action":"on","timeout":120000,"delay":3000,"client":"stonith_admin.drbd.PID","origin":"","allow_self":true,"reason":"asked for by stonith_admin.drbd.PID"}`},
		{"-C n3", `POST /v1/confirm {"target":"n3","origin":"","client":"stonith_admin.PID"}`},
		{"-R d1 -a fence_x -o port=1 -e ip", `POST /v1/devices {"id":"d1","agent":"fence_x","params":{"ip":"10.0.0.1","port":"1"}}`},
		{"-D d1", `DELETE /v1/devices?id=d1`},
		{"-r n3 -i 1 -v d1 -v d2", `POST /v1/levels {"id":"","index":1,"devices":["d1","d2"],"target":"n3"}`},
		{"-r @n[0-9] -i 2 -v d1", `POST /v1/levels {"id":"","index":2,"devices":["d1"],"pattern":"n[0-9]"}`},
		{"-d rack=1 -i 2", `DELETE /v1/levels {"id":"","index":2,"devices":null,"attribute":"rack","value":"1"}`},
		{"-H n3 --cleanup", `DELETE /v1/history?target=n3`},
		{"-H * --cleanup", `DELETE /v1/history?target=`},
		{"-H n3 --broadcast", `GET /v1/history?target=n3`},
		{"-l n3", `GET /v1/devices?target=n3&timeout=120000`},
		{"-L", `GET /v1/devices`},
		{"-Q d1 -t 7", `POST /v1/devices/check {"device":"d1","action":"monitor","timeout":7000}`},
		{"-s d1", `POST /v1/devices/check {"device":"d1","action":"list","timeout":120000}`},
	} {
		f := &fake{}
		_, stderr, code := stonith(t, f, strings.Fields(c.args)...)
		got := pid.ReplaceAllString(strings.Join(f.asked, "\n"), "stonith_admin$1.PID")
		if got != c.want || code != 0 || stderr != "" {
			t.Errorf("%s: asked\n%s\nwant\n%s\ncode %d, %s", c.args, got, c.want, code, stderr)
		}
	}
}

func TestFence_FailuresHavePacemakersCodes(t *testing.T) {
	for _, c := range []struct {
		result api.FenceResult
		code   int
		want   string
	}{
		{api.FenceResult{Status: int(lrm.NoFenceDevice), RC: 1}, 105, "stonith_admin: Couldn't fence n3: No such device\n"},
		{api.FenceResult{Status: int(lrm.Timeout), RC: 1, Reason: "Fence agent did not complete within 5s"}, 124,
			"stonith_admin: Couldn't fence n3: Timer expired (Fence agent did not complete within 5s)\n"},
		{api.FenceResult{Status: int(lrm.Error), RC: 1}, 1, "stonith_admin: Couldn't fence n3: No data available\n"},
		{api.FenceResult{RC: 1, Reason: "x"}, 1, "stonith_admin: Couldn't fence n3: No data available (x)\n"},
	} {
		if _, stderr, code := stonith(t, &fake{result: c.result}, "-B", "n3"); code != c.code || stderr != c.want {
			t.Errorf("%+v: %d %s", c.result, code, stderr)
		}
	}
	if _, stderr, code := stonith(t, nil, "-L"); code != 102 || !strings.HasPrefix(stderr, "Could not connect to fencer") {
		t.Errorf("without fenced: %d %s", code, stderr)
	}
}

func TestUsage_MistakesEndWith64(t *testing.T) {
	for _, args := range []string{"", "--nope", "-R", "-R d1", "-M", "-K", "-B n3 -t abc", "-B n3 --delay x", "-B n3 --tolerance x",
		"-o a -L", "-o =b -L", "-o a= -L", "-e nosuch -L", "-x -H n3"} {
		f := &fake{}
		if _, stderr, code := stonith(t, f, strings.Fields(args)...); code != 64 || stderr == "" || len(f.asked) > 0 {
			t.Errorf("%q: %d %q %q", args, code, stderr, f.asked)
		}
	}
	if _, stderr, code := stonith(t, &fake{}, "-r", "n3", "-v", "d1"); code != 70 || stderr != "Can't register topology level 0 for n3: Invalid argument\n" {
		t.Errorf("level 0: %d %s", code, stderr)
	}
}

// pcs looks for these words.
func TestHelp_NamesOptions(t *testing.T) {
	out, _, code := stonith(t, nil, "--help-all")
	for _, word := range []string{"--history", "--broadcast", "--cleanup", "--validate", "--output-as"} {
		if !strings.Contains(out, word) || code != 0 {
			t.Errorf("%s is missing, code %d", word, code)
		}
	}
	if out, _, _ := stonith(t, nil, "--help-fence"); !strings.Contains(out, "--reboot") || strings.Contains(out, "--history") {
		t.Error(out)
	}
	if out, _, _ := stonith(t, nil, "--version"); !strings.HasPrefix(out, "Pacemaker 2.1.5\n") {
		t.Error(out)
	}
}

// at is a moment of the history, in the middle of a second.
func at(s int) int64 { return time.Date(2026, 11, 21, 21, 22, s, 5e8, time.UTC).UnixMilli() }

var past = []api.FenceEvent{
	{Target: "gh", Action: "reboot", Client: "stonith_admin.218", Origin: "n1", State: api.FenceExecuting},
	{Target: "n3", Action: "off", Client: "stonith_admin.237", Origin: "n1", State: api.FenceDone, Result: api.FenceResult{Delegate: "a human", Done: at(30)}},
	{Target: "n3", Action: "reboot", Client: "crmd.1", Origin: "n2", State: api.FenceDone, Result: api.FenceResult{Delegate: "n1", Done: at(20)}},
	{Target: "n3", Action: "reboot", Client: "crmd.1", Origin: "n1", State: api.FenceFailed, Result: api.FenceResult{Delegate: "n2", Reason: "<no> power", RC: 1, Done: at(10)}},
	{Target: "n4", Action: "on", Client: "crmd.1", Origin: "n1", State: api.FenceFailed, Result: api.FenceResult{RC: 1, Done: at(5)}},
}

// The expected output is Pacemaker 2.1.5's for such a history, with one difference: without --verbose it shows
// the oldest success, which is a mistake.
func TestHistory_LooksLikePacemakers(t *testing.T) {
	for _, c := range []struct{ args, file string }{
		{"-H *", "history.txt"},
		{"-H * -V", "history-all.txt"},
		{"-H * -V --output-as xml", "history-all.xml"},
		{"-H * -q", "history-quiet.txt"},
		{"-h n3", "last.txt"},
		{"-h n3 --output-as xml", "last.xml"},
		{"-H * -V --output-as html", "history-all.html"},
		{"-H * --text-fancy", "history-fancy.txt"},
		{"-L --output-as xml", "registered.xml"},
		{"-L", "registered.txt"},
		{"-s d1 --output-as xml", "targets.xml"},
		{"-M -a fence_t --output-as=xml", "metadata.xml"},
		{"-K -a fence_t -o x=1 --output-as=xml", "valid.xml"},
		{"-K -a fence_t -o bad=1", "invalid.txt"},
		{"-K -a fence_nosuch --output-as=xml", "notfound.xml"},
		{"-B n3 --output-as=xml", "error.xml"},
		{"-I", "installed.txt"},
	} {
		f := &fake{history: past, devices: []api.FenceDeviceStatus{{ID: "a&b"}, {ID: "sw"}}, result: api.FenceResult{Output: "n1,x\nn2\n"}}
		if strings.HasPrefix(c.args, "-B") {
			f.result = api.FenceResult{Status: int(lrm.NoFenceDevice), RC: 1, Reason: "a < b"}
		}
		out, stderr, code := stonith(t, f, strings.Fields(c.args)...)
		got := fmt.Sprintf("%s%s[rc %d]\n", out, stderr, code)
		path := filepath.Join("testdata", c.file)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s%v", c.args, got, want, err)
		}
	}
}
