package admission

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/store/content"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const oneNode = "[cluster]\nname = \"shop\"\n\n[[node]]\nname = \"n1\"\nid = 1\nlinks = [\"10.0.0.1\"]\n"

// shop is a cluster of one node that admits others.
type shop struct {
	t     *testing.T
	first *Membership
	addr  string
	hash  string
	live  string // a name that is a member right now

	mu      sync.Mutex
	content *content.Content
	refuse  error // what Propose answers to SetFile, once
	log     bytes.Buffer
}

func (s *shop) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *shop) current() *content.Content {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.content
}

func (s *shop) propose(_ context.Context, c content.Change) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, file := c.(content.SetFile); file && s.refuse != nil {
		err, s.refuse = s.refuse, nil
		return err
	}
	s.content, err = s.content.Apply(s.content.Index+1, c, nil)
	return err
}

func (s *shop) token(ttl time.Duration) string {
	s.t.Helper()
	tok, add := NewToken(time.Now(), ttl)
	if ttl <= 0 {
		add.Now = 0 // or adding it would drop it
	}
	if err := s.propose(s.t.Context(), add); err != nil {
		s.t.Fatal(err)
	}
	return FormatToken(tok)
}

// open starts the shop on loopback.
func open(t *testing.T) *shop {
	t.Helper()
	first, err := Create("n1", oneNode)
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, first: first, content: &content.Content{File: content.File{Version: 1, Text: first.File.Text}}}
	authority, err := pki.ParseAuthority(first.CA, first.CAKey)
	if err != nil {
		t.Fatal(err)
	}
	s.hash = pki.Hash(authority.Cert)
	srv := NewServer(Config{
		Authority: authority, GossipKey: func() (string, error) { return first.GossipKey, nil }, Content: s.current, Propose: s.propose,
		Live: func(node string) bool { return node == s.live }, Log: slog.New(slog.NewTextHandler(s, nil)),
	})
	s.addr = serve(t, first, srv.Handler())
	return s
}

// serve runs a member that answers the join protocol with h.
func serve(t *testing.T, m *Membership, h http.Handler) (addr string) {
	t.Helper()
	dirs := paths.Dirs{Etc: t.TempDir()}
	if err := m.Write(dirs); err != nil {
		t.Fatal(err)
	}
	id, err := pki.Load(dirs.PKI())
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	l, err := mesh.Listen("127.0.0.1:0", id, log, mesh.HTTP, mesh.Join)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- l.Run(ctx) }()
	go func() { done <- ipc.ServeConn(ctx, l.Proto(mesh.Join), h, log, mesh.ConnContext) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return l.Addr().String()
}

func (s *shop) request(token string) Request {
	return Request{Addr: s.addr, Token: token, CAHash: s.hash, Node: "n2", Links: []string{"10.0.0.2"}}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestJoin_MakesAMember(t *testing.T) {
	s := open(t)
	m, err := Join(t.Context(), s.request(s.token(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != 2 || m.GossipKey != s.first.GossipKey || m.File.Version != 2 || !strings.Contains(m.File.Text, `name = "n2"`) {
		t.Errorf("got id %d, file %+v", m.ID, m.File)
	}
	if f := s.current().File; f.Text != m.File.Text || f.Version != 2 {
		t.Errorf("the cluster has %+v", f)
	}
	dirs := paths.Dirs{Etc: filepath.Join(t.TempDir(), "etc")}
	if err := m.Write(dirs); err != nil {
		t.Fatal(err)
	}
	id, err := pki.Load(dirs.PKI())
	if err != nil || id.Name != "n2" || id.Cluster != "shop" {
		t.Errorf("identity %+v, %v", id, err)
	}
	for path, mode := range map[string]os.FileMode{
		filepath.Join(dirs.PKI(), pki.CAKeyFile): 0o600, filepath.Join(dirs.PKI(), pki.NodeKeyFile): 0o600,
		dirs.GossipKey(): 0o600, dirs.ClusterFile(): 0o640,
	} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, st.Mode(), err)
		}
	}
	wantError(t, m.Write(dirs), "belongs to a cluster already")
	// The new member admits the next one, with its copy of the CA's key.
	if _, err := pki.LoadAuthority(dirs.PKI()); err != nil {
		t.Error(err)
	}
}

func TestJoin_Refusals(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(s *shop, r *Request)
		want string
		used bool // the token is used up
	}{
		{"expired", func(s *shop, r *Request) { r.Token = s.token(-time.Minute) }, "has expired 1m0s ago", false},
		{"unknown", func(s *shop, r *Request) { r.Token = "abcdef" + r.Token[6:] }, "not known here", false},
		{"wrong secret", func(s *shop, r *Request) { r.Token = r.Token[:len(r.Token)-1] + "!" }, "behind the dot is wrong", false},
		{"not a token", func(s *shop, r *Request) { r.Token = "hello" }, "not a join token", false},
		{"other cluster", func(s *shop, r *Request) { r.CAHash = "sha256:00" }, "is not the cluster that the token is for", false},
		{"name is a member", func(s *shop, r *Request) { s.live = "n2" }, "n2 is a member of this cluster right now", false},
		{"address is taken", func(s *shop, r *Request) { r.Links = []string{"10.0.0.1"} }, "is an address of the node", false},
		{"another node's name", func(s *shop, r *Request) { r.Node = "n1" }, "other addresses", false},
		{"nobody there", func(s *shop, r *Request) { r.Addr = "127.0.0.1:1" }, "connection refused", false},
		{"store fails", func(s *shop, r *Request) { s.refuse = context.DeadlineExceeded }, "The token is used up; make a new one", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			good := s.token(time.Hour)
			r := s.request(good)
			c.edit(s, &r)
			m, err := Join(t.Context(), r)
			wantError(t, err, c.want)
			if m != nil {
				t.Error("it got something nevertheless")
			}
			if f := s.current().File; f.Version != 1 {
				t.Errorf("the cluster file was changed:\n%s", f.Text)
			}
			if _, there := s.current().Token(good[:idLength]); there == c.used {
				t.Errorf("the token is there: %t", there)
			}
		})
	}
}

func TestJoin_TokenWorksOnce(t *testing.T) {
	s := open(t)
	token := s.token(time.Hour)
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		wg.Go(func() {
			r := s.request(token)
			r.Node, r.Links = "n"+string(rune('2'+i)), []string{"10.0.0." + string(rune('2'+i))}
			_, errs[i] = Join(t.Context(), r)
		})
	}
	wg.Wait()
	joined := 0
	for _, err := range errs {
		if err == nil {
			joined++
		} else {
			wantError(t, err, "not known here")
		}
	}
	if joined != 1 || s.current().File.Version != 2 {
		t.Errorf("%d machines joined with one token", joined)
	}
}

// A machine whose answer was lost, or that was installed anew, joins again under its name.
func TestJoin_AgainUnderTheSameName(t *testing.T) {
	s := open(t)
	first, err := Join(t.Context(), s.request(s.token(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Join(t.Context(), s.request(s.token(time.Hour)))
	if err != nil || second.ID != first.ID || second.File.Version != 2 || bytes.Equal(first.Key, second.Key) {
		t.Errorf("got %+v, %v", second, err)
	}
}

// Another change of the cluster file comes between.
func TestJoin_RepeatsAStaleChange(t *testing.T) {
	s := open(t)
	s.refuse = content.ErrStale
	if m, err := Join(t.Context(), s.request(s.token(time.Hour))); err != nil || m.File.Version != 2 {
		t.Errorf("got %+v, %v", m, err)
	}
}

// Somebody who shows the real CA's certificate without having its key gets no proof; somebody who passes
// calls on between two TLS sessions gets no admission.
func TestJoin_ImpostorsGetNothing(t *testing.T) {
	s := open(t)
	impostor, err := Create("n1", oneNode)
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan joinCall, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathCA, func(w http.ResponseWriter, _ *http.Request) { ipc.Reply(w, caReply{CA: string(s.first.CA)}) })
	mux.HandleFunc("POST "+pathJoin, func(_ http.ResponseWriter, r *http.Request) {
		var call joinCall
		_ = ipc.Read(r, &call)
		asked <- call
	})
	r := s.request(s.token(time.Hour))
	r.Addr = serve(t, impostor, mux)
	_, err = Join(t.Context(), r)
	wantError(t, err, "did not sign")
	if len(asked) > 0 {
		t.Error("the impostor was asked for admission")
	}
	// The same with a member whose certificate is real: its session with the machine is not ours.
	member, err := Join(t.Context(), s.request(s.token(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	r.Node, r.Links, r.Addr = "n3", []string{"10.0.0.3"}, serve(t, member, mux)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, _ = Join(ctx, r) // the answer is empty
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{mesh.Join}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := ipc.NewClientOn("relay", &http.Transport{DialContext: once(net.Conn(conn))})
	defer client.Close()
	wantError(t, client.Call(t.Context(), "POST", pathJoin, <-asked, nil), "behind the dot is wrong")
}

func TestServer_LimitsAttempts(t *testing.T) {
	s := open(t)
	var last error
	for range burst + 1 {
		r := s.request("abcdef." + strings.Repeat("x", secretLength))
		_, last = Join(t.Context(), r)
	}
	wantError(t, last, "too many attempts")
	var l limiter
	now := time.Now()
	for range burst {
		l.allow("10.0.0.1:1", now)
	}
	if l.allow("10.0.0.1:2", now) || !l.allow("10.0.0.2:1", now) || !l.allow("10.0.0.1:3", now.Add(refill)) {
		t.Error("the limit is not per address, or does not recover")
	}
}

func TestServer_LogsNoSecrets(t *testing.T) {
	s := open(t)
	token := s.token(time.Hour)
	m, err := Join(t.Context(), s.request(token))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Join(t.Context(), s.request(token))
	wantError(t, err, "not known")
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.log.String()
	if !strings.Contains(log, "a machine joins the cluster") || !strings.Contains(log, "refused a machine") {
		t.Errorf("log:\n%s", log)
	}
	for _, secret := range []string{token[idLength+1:], m.GossipKey, "PRIVATE"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log contains %q:\n%s", secret, log)
		}
	}
}

func TestCreate_NeedsTheNodeInTheFile(t *testing.T) {
	_, err := Create("n9", oneNode)
	wantError(t, err, "no [[node]] with the name n9")
	_, err = Create("n1", "[cluster]\nnmae = 1\n")
	wantError(t, err, "cluster.toml:2")
	m, err := Create("n1", oneNode)
	if err != nil || m.ID != 1 || m.File != (api.ClusterFile{Version: 1, Text: oneNode}) {
		t.Errorf("got %+v, %v", m, err)
	}
}
