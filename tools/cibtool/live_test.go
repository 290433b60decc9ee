package cibtool

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// cluster answers on a socket as crmd does, with a CIB of its own, and returns a way to run commands on it.
func cluster(t *testing.T) func(args ...string) (code int, stdout, stderr string) {
	t.Helper()
	dirs := paths.Dirs{Run: t.TempDir()}
	doc := cib.Empty("")
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+api.PathCIB, func(w http.ResponseWriter, r *http.Request) {
		var req api.CIBRequest
		if err := ipc.Read(r, &req); err != nil {
			ipc.Fail(w, err)
			return
		}
		cmd := cib.Command{Op: cib.Op(req.Op), Section: req.Section, XPath: req.XPath, Client: req.Client, Now: 1,
			NoChildren: req.NoChildren}
		if req.Input != "" {
			cmd.Input, _ = cibxml.Parse(req.Input)
		}
		res, err := cib.Apply(doc, cmd)
		var refused *cib.Error
		if errors.As(err, &refused) {
			ipc.Fail(w, ipc.Errorf(refused.Code, "%s", refused.Error()))
			return
		}
		doc = res.Doc
		reply := api.CIBReply{Version: cib.VersionOf(doc).String(), Note: res.Note}
		if res.Output != nil {
			reply.XML = res.Output.Compact()
		}
		ipc.Reply(w, reply)
	})
	l, err := ipc.Listen(dirs.Socket("crmd"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ipc.Serve(ctx, l, mux, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return func(args ...string) (int, string, string) {
		var out, diag bytes.Buffer
		env := &cli.Env{Name: "cibadmin", Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &diag,
			Getenv: func(string) string { return "" }, Dirs: dirs}
		return runCibadmin(t.Context(), env, nil), out.String(), diag.String()
	}
}

func TestCibadmin_SpeaksOfTheCallInARunningCluster(t *testing.T) {
	run := cluster(t)
	node := []string{"-C", "-o", "nodes", "-X", `<node id="1" uname="n1"/>`}
	if code, out, diag := run(node...); code != 0 || out+diag != "" {
		t.Errorf("create: %d %s %s", code, out, diag)
	}
	want := "<failed>\n  <failed_update id=\"1\" object_type=\"node\" operation=\"cib_create\" reason=\"File exists\">\n" +
		"    <node id=\"1\" uname=\"n1\"/>\n  </failed_update>\n</failed>\n"
	if code, out, diag := run(node...); code != 108 || out != want ||
		diag != "Call cib_create failed: File exists\n  <node id=\"1\"> is there already\n" {
		t.Errorf("create again: %d\n%s\n%s", code, out, diag)
	}
	if code, _, diag := run(append(node, "--sync-call")...); code != 108 || !strings.HasPrefix(diag, "Call failed: File exists\n") {
		t.Errorf("create in sync mode: %d %s", code, diag)
	}
	if code, out, _ := run("--upgrade", "--force"); code != 0 || out != "Upgrade unnecessary: Schema is already the latest available\n" {
		t.Errorf("upgrade: %d %s", code, out)
	}
	if code, out, _ := run("-Q", "-n"); code != 0 || !strings.Contains(out, `update-client="cibadmin"`) || strings.Count(out, "\n") != 1 {
		t.Errorf("query: %d %s", code, out)
	}
	if code, _, diag := run("-M", "-X", `<node id="1" type="toaster"/>`); code != 78 || diag !=
		"Call cib_modify failed: Update does not conform to the configured schema\n"+
			"  <node id=\"1\">: attribute type is \"toaster\" (allowed: member, ping, remote)\n" {
		t.Errorf("modify: %d %s", code, diag)
	}
}

func TestCibadmin_WithoutAClusterIsNotConnected(t *testing.T) {
	var diag bytes.Buffer
	env := &cli.Env{Name: "cibadmin", Args: []string{"-Q"}, Stderr: &diag, Getenv: func(string) string { return "" },
		Dirs: paths.Dirs{Run: t.TempDir()}}
	want := "Could not connect to the CIB: Transport endpoint is not connected\nInit failed, could not perform requested operations\ncrmd ("
	if code := runCibadmin(t.Context(), env, nil); code != 102 || !strings.HasPrefix(diag.String(), want) {
		t.Errorf("%d\n%s", code, diag.String())
	}
}
