package cibclient

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// environment is one whose variables are given as NAME=VALUE.
func environment(t *testing.T, vars ...string) *cli.Env {
	t.Helper()
	set := map[string]string{}
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		set[name] = value
	}
	return &cli.Env{Name: "cibadmin", Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard,
		Getenv: func(name string) string { return set[name] }, Dirs: paths.Dirs{Run: t.TempDir()}}
}

func emptyCIB(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(cib.Empty("").String()), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

var addNode = cib.Command{Op: cib.OpCreate, Section: "nodes", Input: cibxml.New("node", "id", "1", "uname", "n1")}

func TestFile_ChangesAreInTheFileAndInWhatIsOpen(t *testing.T) {
	path := emptyCIB(t, "cib.xml")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	held, err := os.Open(path) // as pcs holds its temporary files
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	c, err := Open(environment(t, "CIB_file="+link))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Do(t.Context(), addNode)
	if err != nil || r.Version.String() != "0.2.0" || c.Live() {
		t.Fatal(r, err)
	}
	for what, read := range map[string]func() ([]byte, error){
		"the file":      func() ([]byte, error) { return os.ReadFile(path) },
		"what was open": func() ([]byte, error) { return io.ReadAll(held) },
	} {
		if raw, err := read(); err != nil || !strings.Contains(string(raw), `<node id="1" uname="n1"/>`) {
			t.Errorf("%s is %s (%v)", what, raw, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link is not one any more")
	}
}

func TestFile_RefusedCommandsLeaveItAlone(t *testing.T) {
	path := emptyCIB(t, "cib.xml")
	before, _ := os.ReadFile(path)
	c, err := OpenFile(environment(t), path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(t.Context(), cib.Command{Op: cib.OpModify, Input: cibxml.New("node", "id", "7")})
	if ExitCode(err) != cib.CodeNoObject {
		t.Errorf("got %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Errorf("the file is now %s", after)
	}
}

func TestOpen_RefusesWhatIsNoCIB(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	broken, other := write("broken.xml", "<cib>\n<x"), write("other.xml", "<foo/>")
	wrong := write("wrong.xml", strings.Replace(cib.Empty("").String(), "<nodes/>", `<nodes><node id="1"/></nodes>`, 1))
	cases := []struct {
		file string
		code int
		want string
	}{
		{dir + "/none.xml", cib.CodeNoObject, "No such device or address: open " + dir + "/none.xml: no such file or directory"},
		{broken, cib.CodeSchema, "Update does not conform to the configured schema: " + broken + ": line 2, column 3: tag <x> is not closed"},
		{other, cib.CodeSchema, "Update does not conform to the configured schema: " + other + ": the document is a <foo>, not a <cib>"},
		{wrong, cib.CodeSchema, "Update does not conform to the configured schema: " + wrong + `: <node id="1">: attribute uname is missing`},
	}
	for _, c := range cases {
		_, err := Open(environment(t, "CIB_file="+c.file))
		if err == nil || err.Error() != c.want || ExitCode(err) != c.code {
			t.Errorf("got %v (%d), want %s", err, ExitCode(err), c.want)
		}
	}
}

func TestOpen_StandardInputIsReadOnly(t *testing.T) {
	env := environment(t, "CIB_file=-")
	env.Stdin = strings.NewReader(strings.Replace(cib.Empty("").String(), "<status/>", "", 1))
	c, err := Open(env)
	if err != nil {
		t.Fatal(err)
	}
	if status, err := c.Query(t.Context(), "status"); err != nil || status == nil {
		t.Errorf("no status section was added: %v", err)
	}
	if _, err := c.Do(t.Context(), addNode); err == nil || !strings.Contains(err.Error(), "standard input") {
		t.Errorf("got %v", err)
	}
}

func TestOpen_ShadowComesBeforeFile(t *testing.T) {
	path := emptyCIB(t, "shadow.test")
	c, err := Open(environment(t, "CIB_shadow=test", "CIB_shadow_dir="+filepath.Dir(path), "CIB_file=/nonexistent"))
	if err != nil || c.File != path || c.Shadow != "test" {
		t.Fatalf("got %v (%v)", c, err)
	}
}

func TestFile_CompressedStaysCompressed(t *testing.T) {
	if _, err := exec.LookPath("bzip2"); err != nil {
		t.Skip("bzip2 is not installed")
	}
	plain := emptyCIB(t, "cib.xml")
	if out, err := exec.Command("bzip2", plain).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for range 2 {
		c, err := OpenFile(environment(t), plain+".bz2")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do(t.Context(), cib.Command{Op: cib.OpBump}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := OpenFile(environment(t), plain+".bz2")
	if err != nil {
		t.Fatal(err)
	}
	if doc, err := c.Query(t.Context(), ""); err != nil || doc.Get("epoch") != "3" {
		t.Errorf("got %v (%v)", doc, err)
	}
}

// daemon answers as crmd does.
func daemon(t *testing.T, env *cli.Env, answer func(api.CIBRequest) (*api.CIBReply, error)) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+api.PathCIB, func(w http.ResponseWriter, r *http.Request) {
		var req api.CIBRequest
		if err := ipc.Read(r, &req); err != nil {
			ipc.Fail(w, err)
			return
		}
		reply, err := answer(req)
		if err != nil {
			ipc.Fail(w, err)
			return
		}
		ipc.Reply(w, reply)
	})
	l, err := ipc.Listen(env.Dirs.Socket("crmd"), 0o600)
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
}

func TestLive_CarriesTheCommandAndItsResult(t *testing.T) {
	env := environment(t, "CIB_user=alice", "CIB_user_groups=ops users")
	var got api.CIBRequest
	daemon(t, env, func(req api.CIBRequest) (*api.CIBReply, error) {
		got = req
		return &api.CIBReply{Version: "1.2.3", XML: "<a/>", Note: "fine"}, nil
	})
	c, err := Open(env)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	base := cib.Version{AdminEpoch: 1, Epoch: 2}
	r, err := c.Do(t.Context(), cib.Command{Op: cib.OpModify, Section: "nodes", Input: cibxml.New("x"), AllowCreate: true, Base: &base})
	if err != nil || r.Version.String() != "1.2.3" || r.Output.Name != "a" || r.Note != "fine" || !c.Live() {
		t.Errorf("got %+v (%v)", r, err)
	}
	if got.Op != "modify" || got.Section != "nodes" || got.Input != "<x/>" || !got.AllowCreate || got.Base != "1.2.0" ||
		got.Client != "cibadmin" || got.User != "alice" || strings.Join(got.Groups, ",") != "ops,users" {
		t.Errorf("sent %+v", got)
	}
}

func TestLive_RefusalsAreThoseOfAFile(t *testing.T) {
	withNode, err := cib.Apply(cib.Empty(""), addNode)
	if err != nil {
		t.Fatal(err)
	}
	doc := withNode.Doc
	for _, cmd := range []cib.Command{
		{Op: cib.OpCreate, Section: "nodes", Input: cibxml.New("nodes").Append(cibxml.New("node", "id", "2", "uname", "b"), cibxml.New("node", "id", "1", "uname", "a"))},
		{Op: cib.OpModify, Section: "nodes", Input: cibxml.New("node", "id", "9")},
		{Op: cib.OpModify, Section: "nodes", Input: cibxml.New("nodes", "x", "1", "y", "2")},
		{Op: cib.OpPatch, Input: cibxml.New("diff", "format", "2").Append(cibxml.New("version").Append(
			cibxml.New("source", "epoch", "5"), cibxml.New("target", "epoch", "6")))},
		{Op: cib.OpQuery, Section: "alerts"},
	} {
		env := environment(t)
		_, want := cib.Apply(doc, cmd)
		daemon(t, env, func(api.CIBRequest) (*api.CIBReply, error) {
			var refused *cib.Error
			errors.As(want, &refused)
			return nil, ipc.Errorf(refused.Code, "%s", refused.Error())
		})
		_, got := OpenLive(env).Do(t.Context(), cmd)
		var g, w *cib.Error
		if !errors.As(got, &g) || !errors.As(want, &w) || g.Code != w.Code || g.Msg != w.Msg || g.Error() != w.Error() ||
			!g.Failed.Equal(w.Failed) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestLive_WithoutAClusterIsNotConnected(t *testing.T) {
	_, err := OpenLive(environment(t)).Query(t.Context(), "")
	if ExitCode(err) != cib.CodeNotConnected || !strings.HasPrefix(err.Error(), "Transport endpoint is not connected: crmd") {
		t.Errorf("got %v", err)
	}
}
