package ipc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Cred is who is at the other end of a unix socket, as the kernel says.
type Cred struct {
	UID, GID uint32
	PID      int32
}

type credKey struct{}

// Peer returns the credentials of the request's client; ok is false when it did not come over a unix socket.
func Peer(ctx context.Context) (cred Cred, ok bool) {
	cred, ok = ctx.Value(credKey{}).(Cred)
	return cred, ok
}

// maxBody bounds a request's body.
const maxBody = 256 << 20

// readHeaderTimeout bounds how long a client may take to send its request line and headers.
const readHeaderTimeout = 10 * time.Second

// stopGrace is how long requests in progress may take when the server stops.
const stopGrace = 2 * time.Second

// Listen opens a unix socket with the given mode, replacing one that a dead daemon left behind. Two live
// daemons on one socket are refused.
func Listen(path string, mode os.FileMode) (net.Listener, error) {
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("listen on %s: another daemon is running there", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return l, nil
}

// Serve answers requests on l until ctx ends, then lets those in progress finish for a moment. Handlers see
// the client's credentials with Peer.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	return ServeConn(ctx, l, h, log, func(ctx context.Context, c net.Conn) context.Context {
		if cred, err := peerCred(c); err == nil {
			ctx = context.WithValue(ctx, credKey{}, cred)
		}
		return ctx
	})
}

// ServeConn is Serve with another way to tell handlers who the client is.
func ServeConn(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger,
	connContext func(context.Context, net.Conn) context.Context) error {
	srv := &http.Server{
		Handler:           http.MaxBytesHandler(h, maxBody),
		ReadHeaderTimeout: readHeaderTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ConnContext:       connContext,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		srv.Close()
	}
	<-done
	return nil
}

func peerCred(c net.Conn) (Cred, error) {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return Cred{}, errors.New("not a unix socket")
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return Cred{}, err
	}
	var u *unix.Ucred
	var uerr error
	if err := raw.Control(func(fd uintptr) { u, uerr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return Cred{}, err
	}
	if uerr != nil {
		return Cred{}, uerr
	}
	return Cred{UID: u.Uid, GID: u.Gid, PID: u.Pid}, nil
}

// Reply writes v as JSON; nil answers 204.
func Reply(w http.ResponseWriter, v any) {
	if v == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// The client is gone when this fails; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(v)
}

// Fail writes err. An *Error keeps its code, everything else becomes code 1.
func Fail(w http.ResponseWriter, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: 1, Message: err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	_ = json.NewEncoder(w).Encode(e)
}

// Read decodes the request's body into v, refusing unknown fields.
func Read(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return Errorf(65, "%s %s: request body: %v", r.Method, r.URL.Path, err)
	}
	return nil
}

// Stream sends values to a client that uses Watch.
type Stream struct {
	w   http.ResponseWriter
	enc *json.Encoder
	rc  *http.ResponseController
}

// NewStream starts a stream; the headers go out at once.
func NewStream(w http.ResponseWriter) *Stream {
	w.Header().Set("Content-Type", "application/x-ndjson")
	s := &Stream{w: w, enc: json.NewEncoder(w), rc: http.NewResponseController(w)}
	_ = s.rc.Flush()
	return s
}

// Send writes one value and flushes it. An error means that the client is gone or too slow: a client that
// does not read for writeTimeout is dropped, so that a stuck reader cannot hold a daemon's memory.
func (s *Stream) Send(v any) error {
	return s.write(func() error { return s.enc.Encode(v) })
}

// Alive tells the client that there is nothing new, with an empty line between the values. Errors are Send's.
func (s *Stream) Alive() error {
	return s.write(func() error { _, err := io.WriteString(s.w, "\n"); return err })
}

func (s *Stream) write(do func() error) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return s.rc.Flush()
}

// writeTimeout is how long a stream's client may leave a full socket buffer unread.
const writeTimeout = 10 * time.Second
