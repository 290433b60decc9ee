package executor

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

func TestOCF_ExitCodesKeepTheirMeaning(t *testing.T) {
	l := newLab(t, nil)
	l.agent("Exit", `echo "ocf-exit-reason:first" >&2; echo "ocf-exit-reason:it broke" >&2; exit $OCF_RESKEY_code`)
	for code, want := range map[int]lrm.RC{0: 0, 1: 1, 5: 5, 7: 7, 8: 8, 9: 9, 10: 1, 42: 1, 190: 190, 191: 191, 255: 1} {
		op := ocfOp("Exit", "monitor")
		op.Params = map[string]string{"code": fmt.Sprint(code)}
		r := l.do(op)
		if r.Status != lrm.Done || r.RC != want || r.ExitReason != "it broke" || !strings.Contains(r.Output, "first") {
			t.Errorf("exit %d: %v rc %d, reason %q", code, r.Status, r.RC, r.ExitReason)
		}
	}
}

func TestOCF_WhatCannotBeRun(t *testing.T) {
	l := newLab(t, nil)
	if err := os.WriteFile(l.write("ocf/test/Plain", "#!/bin/sh\n"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(l.dir, "ocf/test/Plain"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.write("ocf/test/NoInterpreter", "#!/no/such/shell\n")
	l.write("ocf/test/NoHashBang", "exit 7\n")
	type want struct {
		status lrm.Status
		rc     lrm.RC
		reason string
	}
	for typ, w := range map[string]want{
		"NoSuchAgent":   {lrm.NotInstalled, 5, "NoSuchAgent: No such file or directory"},
		"../test/Plain": {lrm.NotInstalled, 5, "../test/Plain: No such file or directory"},
		"Plain":         {lrm.Error, 4, l.dir + "/ocf/test/Plain: Permission denied"},
		"NoInterpreter": {lrm.NotInstalled, 5, l.dir + "/ocf/test/NoInterpreter: No such file or directory"},
		"NoHashBang":    {lrm.Done, 7, ""},
		"":              {lrm.ErrorFatal, 1, "Required agent or action information missing"},
	} {
		r := l.do(ocfOp(typ, "start"))
		if got := (want{r.Status, r.RC, r.ExitReason}); got != w {
			t.Errorf("%q: %+v, want %+v", typ, got, w)
		}
	}
}

func TestOCF_Environment(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/x")
	t.Setenv("OCF_RESKEY_stale", "1")
	t.Setenv("PCMK_debug", "yes")
	l := newLab(t, func(c *Config) { c.SbinDir, c.Env = "/opt/sbin", map[string]string{"EXTRA": "e"} })
	l.agent("Env", `env -0 > `+l.dir+`/env; echo "$1 $#" > `+l.dir+`/args`)
	op := ocfOp("Env", "notify")
	op.Instance = "r1:0"
	op.Params = map[string]string{"ip": "10.0.0.1", "OCF_CHECK_LEVEL": "10", "multi": "a\nb", "with-dash": "d"}
	op.Meta = map[string]string{"clone-max": "2", "promoted_max": "1", "notify_slave_uname": " ", "on_node": "n1", "timeout": "junk"}
	l.do(op)
	raw, err := os.ReadFile(filepath.Join(l.dir, "env"))
	if err != nil {
		t.Fatal(err)
	}
	env := strings.Split(string(raw), "\x00")
	for _, want := range []string{
		"OCF_ROOT=/usr/lib/ocf", "OCF_RA_VERSION_MAJOR=1", "OCF_RA_VERSION_MINOR=1", "OCF_EXIT_REASON_PREFIX=ocf-exit-reason:",
		"OCF_RESOURCE_INSTANCE=r1:0", "OCF_RESOURCE_TYPE=Env", "OCF_RESOURCE_PROVIDER=test", "OCF_RESKEY_crm_feature_set=3.16.1",
		"OCF_RESKEY_ip=10.0.0.1", "OCF_CHECK_LEVEL=10", "OCF_RESKEY_multi=a\nb",
		"OCF_RESKEY_CRM_meta_name=notify", "OCF_RESKEY_CRM_meta_interval=0", "OCF_RESKEY_CRM_meta_timeout=20000",
		"OCF_RESKEY_CRM_meta_clone_max=2", "OCF_RESKEY_CRM_meta_promoted_max=1", "OCF_RESKEY_CRM_meta_master_max=1",
		"OCF_RESKEY_CRM_meta_notify_slave_uname= ", "OCF_RESKEY_CRM_meta_notify_unpromoted_uname= ", "OCF_RESKEY_CRM_meta_on_node=n1",
		"HA_SBIN_DIR=/opt/sbin", "HA_RSCTMP=" + l.dir + "/rsctmp", "LC_ALL=C", "EXTRA=e", "PCMK_debug=yes",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("missing %q", want)
		}
	}
	for _, v := range env {
		if strings.HasPrefix(v, "NOTIFY_SOCKET=") || strings.HasPrefix(v, "OCF_RESKEY_stale=") || strings.HasPrefix(v, "OCF_RESKEY_OCF_CHECK") {
			t.Errorf("agents get %s", v)
		}
		if strings.HasPrefix(v, "PATH=") && !strings.HasPrefix(v, "PATH=/opt/sbin:") {
			t.Errorf("%s", v)
		}
	}
	if args, _ := os.ReadFile(filepath.Join(l.dir, "args")); string(args) != "notify 1\n" {
		t.Errorf("arguments %q", args)
	}
	if info, err := os.Stat(filepath.Join(l.dir, "rsctmp")); err != nil || info.Mode().Perm() != 0o755 || info.Mode()&os.ModeSticky == 0 {
		t.Errorf("HA_RSCTMP: %v, %v", info.Mode(), err)
	}
}

// A dash in a name survives only where no shell stands between, as for agents in Python.
func TestOCF_EnvironmentKeepsOddNames(t *testing.T) {
	e := &Executor{}
	env := e.ocfEnvironment(Op{Rsc: "r", Params: map[string]string{"with-dash": "d"}})
	if !slices.Contains(env, "OCF_RESKEY_with-dash=d") {
		t.Errorf("%v", env)
	}
}

func TestOCF_Secrets(t *testing.T) {
	l := newLab(t, nil)
	l.agent("Secret", `echo "$1 $OCF_RESKEY_passwd" > `+l.dir+`/seen`)
	op := func(task string) Op {
		o := ocfOp("Secret", task)
		o.Params = map[string]string{"passwd": "lrm://"}
		return o
	}
	seen := func() string { raw, _ := os.ReadFile(filepath.Join(l.dir, "seen")); return string(raw) }
	r := l.do(op("start"))
	if r.Status != lrm.Done || r.RC != lrm.RCInvalidParam || r.ExitReason != "Unable to load CIB secrets" || seen() != "" {
		t.Errorf("without the file: %v rc %d %q, agent saw %q", r.Status, r.RC, r.ExitReason, seen())
	}
	if r := l.do(op("stop")); r.RC != lrm.RCOK || seen() != "stop lrm://\n" {
		t.Errorf("stop: rc %d, agent saw %q", r.RC, seen())
	}
	sum := md5.Sum([]byte("s3cret"))
	l.write("secrets/r1/passwd", "s3cret  \nmore\n")
	l.write("secrets/r1/passwd.sign", hex.EncodeToString(sum[:])+"\n")
	if r := l.do(op("start")); r.RC != lrm.RCOK || seen() != "start s3cret\n" {
		t.Errorf("start: rc %d, agent saw %q", r.RC, seen())
	}
	if op := op("start"); op.Params["passwd"] != "lrm://" {
		t.Error("the operation's own parameters were changed")
	}
	l.write("secrets/r1/passwd", "other\n")
	if r := l.do(op("start")); r.RC != lrm.RCInvalidParam {
		t.Errorf("wrong checksum: rc %d", r.RC)
	}
}

func TestOCF_TimeoutTellsNoAnswerFromBadAnswer(t *testing.T) {
	l := newLab(t, nil)
	l.agent("Hang", `case $1 in monitor) sleep 600;; esac`)
	op := ocfOp("Hang", "monitor")
	op.TimeoutMs = 1500
	begin := time.Now()
	r := l.do(op)
	if r.Status != lrm.Timeout || r.RC != lrm.RCError || r.ExitReason != "Resource agent did not complete within 1s500ms" {
		t.Errorf("%v rc %d %q", r.Status, r.RC, r.ExitReason)
	}
	if d := time.Since(begin); d < 1500*time.Millisecond || d > 6*time.Second {
		t.Errorf("after %v", d)
	}
	var comms []string
	for _, p := range r.Hang {
		comms = append(comms, p.Comm+" "+p.State)
	}
	slices.Sort(comms)
	if fmt.Sprint(comms) != "[Hang S sleep S]" {
		t.Errorf("hanging processes: %v", r.Hang)
	}
	if r := l.do(ocfOp("Hang", "stop")); r.Status != lrm.Done || r.RC != lrm.RCOK {
		t.Errorf("stop after it: %v rc %d", r.Status, r.RC)
	}
}

func TestOCF_OnFailBlockSparesTheChildren(t *testing.T) {
	l := newLab(t, nil)
	l.agent("Hang", `sleep 600 & echo $! > `+l.dir+`/pid; wait`)
	op := ocfOp("Hang", "stop")
	op.TimeoutMs, op.BlockOnFail = 300, true
	if r := l.do(op); r.Status != lrm.Timeout {
		t.Errorf("%v", r.Status)
	}
	raw, err := os.ReadFile(filepath.Join(l.dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid := strings.TrimSpace(string(raw))
	if out, err := exec.Command("kill", "-KILL", pid).CombinedOutput(); err != nil {
		t.Errorf("the child was killed with the agent: %s", out)
	}
}

func TestOCF_ForeignSignal(t *testing.T) {
	l := newLab(t, nil)
	l.agent("Suicide", `kill -TERM $$`)
	r := l.do(ocfOp("Suicide", "start"))
	if r.Status != lrm.Error || r.RC != lrm.RCError || r.ExitReason != "Resource agent interrupted by Terminated signal" {
		t.Errorf("%v rc %d %q", r.Status, r.RC, r.ExitReason)
	}
}

func TestOCF_OutputIsBounded(t *testing.T) {
	l := newLab(t, nil)
	l.agent("Chatty", `i=0; while [ $i -lt 20000 ]; do echo "line $i" >&2; i=$((i+1)); done; echo ocf-exit-reason:`+strings.Repeat("é", 100)+` >&2; exit 1`)
	r := l.do(ocfOp("Chatty", "start"))
	if len(r.Output) > maxOutput || !strings.Contains(r.Output, "line 19999") || len(r.ExitReason) != 128 {
		t.Errorf("%d bytes of output, %d of reason", len(r.Output), len(r.ExitReason))
	}
}

func TestReadable_AsPacemakerWritesIt(t *testing.T) {
	for ms, want := range map[int64]string{2000: "2s", 90500: "1m30s500ms", 60000: "1m", 3600000: "1h", 500: "500ms", 90061000: "1d1h1m1s"} {
		if got := readable(ms); got != want {
			t.Errorf("%d: %s, want %s", ms, got, want)
		}
	}
}
