package corosync

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// peerlab is the two-node cluster in which Corosync 3.1.7 printed what the tests expect.
func peerlab() api.View {
	return api.View{
		Ring: api.RingID{Rep: 1, Seq: 9}, Local: 1, Cluster: "peerlab",
		Members: []api.Member{
			{ID: 1, Name: "n1", Votes: 1, Addrs: []string{"10.77.0.1"}}, {ID: 2, Name: "n2", Votes: 1, Addrs: []string{"10.77.0.2"}}},
		Nodes:  []api.ConfiguredNode{{ID: 1, Name: "n1", Addrs: []string{"10.77.0.1"}, Votes: 1}, {ID: 2, Name: "n2", Addrs: []string{"10.77.0.2"}, Votes: 1}},
		Quorum: api.Quorum{Quorate: true, Votes: 2, Expected: 2, Highest: 2, Needed: 1, Flags: []string{"2Node", "Quorate", "WaitForAll"}},
	}
}

// fake is a daemon that answers with fixed values and writes down what it is asked to do.
type fake struct {
	view  api.View
	links []api.LinkStatus
	cmap  []api.CmapEntry
	// qdevice is the quorum device, nil when there is none.
	qdevice *api.QdeviceStatus
	fail    error // of every change
	asked   []string
}

func (f *fake) change(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.asked = append(f.asked, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+string(bytes.TrimSpace(body))))
	if f.fail != nil {
		ipc.Fail(w, f.fail)
		return
	}
	ipc.Reply(w, nil)
}

// run runs a command line against the fake, or against nobody when it is nil.
func run(t *testing.T, f *fake, line string) (stdout, stderr string, code int) {
	t.Helper()
	dirs := paths.Dirs{Etc: t.TempDir(), Run: t.TempDir()}
	if f != nil {
		mux := http.NewServeMux()
		mux.HandleFunc("GET "+api.PathCorosyncStatus, func(w http.ResponseWriter, _ *http.Request) {
			ipc.Reply(w, api.CorosyncStatus{Local: f.view.Local, View: f.view})
		})
		mux.HandleFunc("GET "+api.PathQdevice, func(w http.ResponseWriter, _ *http.Request) {
			if f.qdevice == nil {
				ipc.Fail(w, ipc.Errorf(api.CodeNoSuchObject, "there is no quorum device"))
				return
			}
			ipc.Reply(w, f.qdevice)
		})
		mux.HandleFunc("GET "+api.PathLinks, func(w http.ResponseWriter, _ *http.Request) { ipc.Reply(w, f.links) })
		mux.HandleFunc("GET "+api.PathCmap, func(w http.ResponseWriter, r *http.Request) {
			list := []api.CmapEntry{}
			for _, e := range f.cmap {
				if strings.HasPrefix(e.Key, r.URL.Query().Get("prefix")) {
					list = append(list, e)
				}
			}
			ipc.Reply(w, list)
		})
		mux.HandleFunc("/", f.change)
		l, err := ipc.Listen(dirs.Socket("corosyncd"), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- ipc.Serve(ctx, l, mux, slog.New(slog.DiscardHandler)) }()
		defer func() { cancel(); <-done }()
	}
	var out, errs bytes.Buffer
	words := strings.Fields(line)
	env := &cli.Env{Name: words[0], Args: words[1:], Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: os.Getenv, Dirs: dirs}
	for _, c := range Commands() {
		if c.Name == words[0] {
			code = c.Run(t.Context(), env)
			return out.String(), errs.String(), code
		}
	}
	t.Fatalf("no command %s", words[0])
	return "", "", 0
}

func cluster() *fake {
	return &fake{view: peerlab(),
		links: []api.LinkStatus{
			{Link: 0, Node: 1, Local: "10.77.0.1", Remote: "10.77.0.1", Enabled: true, Connected: true},
			{Link: 0, Node: 2, Local: "10.77.0.1", Remote: "10.77.0.2", Enabled: true, Connected: true, MTU: 1397}},
		cmap: []api.CmapEntry{
			{Key: "nodelist.local_node_pos", Type: "u32", Value: "0"}, {Key: "nodelist.node.0.name", Type: "str", Value: "n1"},
			{Key: "some.bytes", Type: "bin", Value: "a\x00b"}, {Key: "totem.cluster_name", Type: "str", Value: "peerlab"}, {Key: "totem.token", Type: "u32", Value: "1000"}},
	}
}

const quorumHead = `Quorum information
------------------
Date:             DATE
Quorum provider:  corosync_votequorum
Nodes:            2
Node ID:          1
Ring ID:          1.9
Quorate:          Yes

Votequorum information
----------------------
Expected votes:   2
Highest expected: 2
Total votes:      2
Quorum:           1  
Flags:            2Node Quorate WaitForAll 
`

const plainMembers = `
Membership information
----------------------
    Nodeid      Votes Name
         1          1 n1 (local)
         2          1 n2
`

const machineMembers = `
Membership information
----------------------
    Nodeid      Votes    Qdevice Name
         1          1         NR n1 (local)
         2          1         NR n2
`

const linkStatus = `Local node ID 1, transport knet
LINK ID 0 udp
	addr	= 10.77.0.1
	status:
		nodeid:          1:	localhost
		nodeid:          2:	connected
`

// What Corosync 3.1.7 printed for the same command in such a cluster.
func TestCommands_PrintWhatCorosyncPrints(t *testing.T) {
	for _, c := range []struct {
		line, want string
		code       int
	}{
		{"corosync-quorumtool", quorumHead + plainMembers, 0},
		{"corosync-quorumtool -s", quorumHead + plainMembers, 0},
		{"corosync-quorumtool -p", quorumHead + machineMembers, 0},
		{"corosync-quorumtool -ps", quorumHead + machineMembers, 0},
		{"corosync-quorumtool -l", plainMembers, 0},
		{"corosync-quorumtool -pl", machineMembers, 0},
		{"corosync-quorumtool -l -o n", plainMembers, 0},
		{"corosync-quorumtool -l -i", strings.NewReplacer("n1", "10.77.0.1", "n2", "10.77.0.2").Replace(plainMembers), 0},
		{"corosync-quorumtool -l -H", strings.NewReplacer("         1          1", "0x00000001          1", "         2          1", "0x00000002          1").Replace(plainMembers), 0},
		{"corosync-quorumtool -V", "corosync-quorumtool version: 3.1.7\n", 0},
		{"corosync-cfgtool -s", linkStatus, 0},
		{"corosync-cfgtool -s -i 0", linkStatus, 0},
		{"corosync-cfgtool -sb", "Local node ID 1, transport knet\nLINK ID 0 udp\n\taddr\t= 10.77.0.1\n\tstatus\t= n3\n", 0},
		{"corosync-cfgtool -n", "Local node ID 1, transport knet\nnodeid: 2 reachable\n   LINK: 0 udp (10.77.0.1->10.77.0.2) enabled connected mtu: 1397\n\n", 0},
		{"corosync-cfgtool -R", "Reloading corosync.conf...\nDone\n", 0},
		{"corosync-cfgtool -a 2", "10.77.0.2\n", 0},
		{"corosync-cfgtool -L", "", 0},
		{"corosync-cfgtool -H", "Shutting down corosync\n", 0},
		{"corosync-cmapctl -g totem.cluster_name", "totem.cluster_name (str) = peerlab\n", 0},
		{"corosync-cmapctl -q -g totem.token", "1000\n", 0},
		{"corosync-cmapctl nodelist", "nodelist.local_node_pos (u32) = 0\nnodelist.node.0.name (str) = n1\n", 0},
		{"corosync-cmapctl some.bytes", "some.bytes (bin)\n", 0},
		{"corosync-cmapctl -b some.bytes", "some.bytes (bin) = a\\x00b\n", 0},
		{"corosync-cmapctl -b runtime.totem.pg.mrp.srp.members", "", 1},
		{"corosync-cmapctl -s quorum.cancel_wait_for_all u8 1", "", 0},
		{"corosync -v", "Corosync Cluster Engine, version '3.1.7'\nas Holdfast's corosyncd stands in for it\n", 0},
	} {
		out, errs, code := run(t, cluster(), c.line)
		out = regexp.MustCompile(`Date:             .*`).ReplaceAllString(out, "Date:             DATE")
		if out != c.want || code != c.code || errs != "" {
			t.Errorf("%s: exit %d, stderr %q, stdout\n%s\nwant\n%s", c.line, code, errs, out, c.want)
		}
	}
}

func TestQuorumtool_ShowsABlockedPartition(t *testing.T) {
	f := cluster()
	f.view.Members = f.view.Members[:1]
	f.view.Quorum = api.Quorum{Votes: 1, Expected: 3, Highest: 3, Needed: 2}
	out, _, code := run(t, f, "corosync-quorumtool -s")
	if code != 2 || !strings.Contains(out, "Quorate:          No\n") || !strings.Contains(out, "Quorum:           2 Activity blocked\n") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

func TestCommands_SayThatTheDaemonIsNotThere(t *testing.T) {
	for line, want := range map[string]string{
		"corosync-quorumtool -s":   "Cannot initialize CMAP service\n",
		"corosync-quorumtool -p":   "Cannot initialize CMAP service\n",
		"corosync-quorumtool -e 3": "Cannot initialize CMAP service\n",
		"corosync-cfgtool -s":      "Could not initialize corosync configuration API error 2\n",
		"corosync-cfgtool -R":      "Could not initialize corosync configuration API error CS_ERR_LIBRARY\n",
		"corosync-cmapctl":         "Failed to initialize the cmap API. Error CS_ERR_LIBRARY\n",
	} {
		if _, errs, code := run(t, nil, line); errs != want || code != 1 {
			t.Errorf("%s: exit %d, stderr %q, want %q", line, code, errs, want)
		}
	}
}

func TestCommands_FailAsCorosyncFails(t *testing.T) {
	invalid, missing := ipc.Errorf(api.CodeInvalidParam, "because"), ipc.Errorf(api.CodeNoSuchObject, "it is not there")
	for _, c := range []struct {
		line string
		fail error
		want string // first line of stderr
		code int
	}{
		{"corosync-quorumtool -e 1", invalid, "Unable to set expected votes: CS_ERR_INVALID_PARAM", 1},
		{"corosync-quorumtool -e x", nil, "New expected votes value was not valid, try a positive number", 1},
		{"corosync-quorumtool -v 3 -n 2", invalid, "Unable to set votes 3 for nodeid: 2: CS_ERR_INVALID_PARAM", 1},
		{"corosync-quorumtool -v 2 -n 99", nil, "Unable to set votes 2 for nodeid: 99: CS_ERR_NAME_NOT_FOUND", 1},
		{"corosync-cfgtool -a 9", nil, "Could not get node address for nodeid 9", 1},
		{"corosync-cfgtool -k 9", missing, "Could not kill node (error = CS_ERR_NOT_EXIST)", 1},
		{"corosync-cfgtool -R", ipc.Errorf(api.CodeConfig, "cluster.toml:1: no"), "Could not reload configuration. Error CS_ERR_INVALID_PARAM", 7},
		{"corosync-cfgtool -H", ipc.Errorf(api.CodeUnsafe, "resources"), "Could not shutdown (error = 10)", 1},
		{"corosync-cmapctl -g nope", nil, "Can't get key nope. Error CS_ERR_NOT_EXIST", 1},
		{"corosync-cmapctl -d nope", missing, "Can't delete key nope. Error CS_ERR_NOT_EXIST", 1},
		{"corosync-cmapctl -s totem.version u32 2", ipc.Errorf(api.CodePermission, "no"), "Failed to set key totem.version. Error CS_ERR_ACCESS", 1},
		{"corosync-cmapctl -s foo.n u8 300", ipc.Errorf(api.CodeInvalidParam, "300 is not valid u8 integer"), "300 is not valid u8 integer", 1},
		{"corosync-cmapctl -g", nil, "Expected key after options", 1},
		{"corosync -t", nil, "open ", 8},
	} {
		f := cluster()
		f.fail = c.fail
		_, errs, code := run(t, f, c.line)
		first, _, _ := strings.Cut(errs, "\n")
		if !strings.HasPrefix(first, c.want) || code != c.code {
			t.Errorf("%s: exit %d, stderr %q, want %d, %q", c.line, code, errs, c.code, c.want)
		}
	}
}

func TestCommands_AskTheDaemon(t *testing.T) {
	for line, want := range map[string]string{
		"corosync-quorumtool -e 5":                            `POST /v1/votes {"votes":5}`,
		"corosync-quorumtool -v 3 -n 2":                       `POST /v1/votes {"node":2,"votes":3}`,
		"corosync-cfgtool -R":                                 `POST /v1/reload?all=1`,
		"corosync-cfgtool -H":                                 `POST /v1/leave?veto=1`,
		"corosync-cfgtool -H --force":                         `POST /v1/leave`,
		"corosync-cfgtool -k 2":                               `POST /v1/kill {"id":2}`,
		"corosync-cmapctl -s quorum.cancel_wait_for_all u8 1": `PUT /v1/cmap {"key":"quorum.cancel_wait_for_all","type":"u8","value":"1"}`,
		"corosync-cmapctl -d foo.bar":                         `DELETE /v1/cmap?key=foo.bar`,
		"corosync-cmapctl -D nodelist.node":                   `DELETE /v1/cmap?key=nodelist.node.0.name`,
	} {
		f := cluster()
		if _, errs, code := run(t, f, line); code != 0 || strings.Join(f.asked, "\n") != want {
			t.Errorf("%s: exit %d %s, asked %q, want %q", line, code, errs, f.asked, want)
		}
	}
}

func TestKeygen_WritesAKeyThatOnlyItsOwnerReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authkey")
	out, errs, code := run(t, nil, "corosync-keygen -l -k "+path+" -s 1024")
	if code != 0 || !strings.Contains(out, "Gathering 8192 bits for key from /dev/urandom.\nWriting corosync key to "+path+".\n") {
		t.Errorf("exit %d %s\n%s", code, errs, out)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != 1024 || info.Mode().Perm() != 0o400 {
		t.Errorf("%v %v", info, err)
	}
	if _, _, code := run(t, nil, "corosync-keygen -s 5 -k "+path); code != 1 {
		t.Errorf("exit %d", code)
	}
}

func TestCmapctl_LoadsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("x.a str hi there\n^foo.b\nx.n u8 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := cluster()
	_, errs, code := run(t, f, "corosync-cmapctl -p "+path)
	want := `PUT /v1/cmap {"key":"x.a","type":"str","value":"hi there"}
DELETE /v1/cmap?key=foo.b
PUT /v1/cmap {"key":"x.n","type":"u8","value":"3"}`
	if code != 0 || strings.Join(f.asked, "\n") != want {
		t.Errorf("exit %d %s, asked\n%s", code, errs, strings.Join(f.asked, "\n"))
	}
}

func TestTrack_ShowsHowTheMapChanges(t *testing.T) {
	var out bytes.Buffer
	tool := &cmapTool{env: &cli.Env{Stdout: &out}}
	e := func(k, v string) api.CmapEntry { return api.CmapEntry{Key: k, Type: "str", Value: v} }
	tool.changes([]api.CmapEntry{e("a", "1"), e("b", "1"), e("d", "1")}, []api.CmapEntry{e("b", "2"), e("c", "1"), e("d", "1")})
	if want := "delete> a (str) = 1\nmodify> b (str) = 2\ncreate> c (str) = 1\n"; out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}
