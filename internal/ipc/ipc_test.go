package ipc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

type word struct {
	Text string `json:"text"`
}

func serve(t *testing.T, mux *http.ServeMux) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.sock")
	l, err := Listen(path, 0o660)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, mux, slog.New(slog.NewTextHandler(io.Discard, nil))) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c := NewClient(path)
	t.Cleanup(c.Close)
	return c
}

func TestCall_CarriesValuesErrorsAndCredentials(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/echo", func(w http.ResponseWriter, r *http.Request) {
		var in word
		if err := Read(r, &in); err != nil {
			Fail(w, err)
			return
		}
		if in.Text == "bad" {
			Fail(w, Errorf(105, "no such object: %s", in.Text))
			return
		}
		cred, ok := Peer(r.Context())
		if !ok || cred.UID != uint32(os.Getuid()) || cred.PID != int32(os.Getpid()) {
			Fail(w, Errorf(4, "credentials are %+v", cred))
			return
		}
		Reply(w, in)
	})
	c := serve(t, mux)
	var out word
	if err := c.Call(t.Context(), "POST", "/v1/echo", word{"hello"}, &out); err != nil || out.Text != "hello" {
		t.Errorf("got %+v, %v", out, err)
	}
	err := c.Call(t.Context(), "POST", "/v1/echo", word{"bad"}, nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != 105 || e.Message != "no such object: bad" {
		t.Errorf("got %v", err)
	}
	if err := c.Call(t.Context(), "POST", "/v1/echo", map[string]int{"nope": 1}, nil); err == nil {
		t.Error("an unknown field was accepted")
	}
}

func TestCall_SaysThatTheDaemonIsNotRunning(t *testing.T) {
	c := NewClient(filepath.Join(t.TempDir(), "crmd.sock"))
	err := c.Call(t.Context(), "GET", "/v1/status", nil, nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != 102 {
		t.Errorf("got %v", err)
	}
}

func TestWatch_DeliversInOrderUntilTheStreamEnds(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/watch", func(w http.ResponseWriter, r *http.Request) {
		s := NewStream(w)
		for _, text := range []string{"a", "b", "c"} {
			if err := s.Send(word{text}); err != nil {
				return
			}
		}
	})
	c := serve(t, mux)
	var got string
	err := Watch(t.Context(), c, "/v1/watch", func(v word) error { got += v.Text; return nil })
	if !errors.Is(err, io.EOF) || got != "abc" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestListen_RefusesASecondDaemonAndReplacesADeadOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.sock")
	l, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, 0o600); err == nil {
		t.Error("two daemons on one socket")
	}
	l.Close()
	if err := os.WriteFile(path, nil, 0o600); err != nil { // what a killed daemon leaves
		t.Fatal(err)
	}
	l, err = Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
