// Package session is what every command of hcs works with: its streams, the daemons of this node, and the
// configuration that it reads and changes.
package session

import (
	"errors"
	"io"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

// Session is one run of hcs.
type Session struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	Dirs     paths.Dirs
	// Terminal tells that Out is a terminal of Width columns; AnswerFrom that somebody can answer questions.
	Terminal   bool
	Width      int
	AnswerFrom bool
	// Program is the path of hcs, to start it again.
	Program string
	// Hurry gets a value for each signal to end after the first.
	Hurry <-chan struct{}
	Now   func() time.Time
	// Schedule foresees what the cluster would do; nil where that is not possible.
	Schedule Scheduler

	// JSON, Yes, NoColor and CIBFile are the options that every command has.
	JSON    bool
	Yes     bool
	NoColor bool
	// CIBFile is worked on instead of the cluster's configuration, "" for the cluster's.
	CIBFile string
	// Wait is how long a command waits for what it changed to be carried out; 0 does not wait.
	Wait time.Duration
}

// Client is the name under which changes of hcs stand in the CIB.
const Client = "hcs"

// CRM is the client of this node's crmd.
func (s *Session) CRM() *ipc.Client { return ipc.NewClient(s.Dirs.Socket("crmd")) }

// Corosync is the client of this node's corosyncd.
func (s *Session) Corosync() *ipc.Client { return ipc.NewClient(s.Dirs.Socket("corosyncd")) }

// Fencer is the client of this node's fenced.
func (s *Session) Fencer() *ipc.Client { return ipc.NewClient(s.Dirs.Socket("fenced")) }

// Fail makes an error with the exit code that the command ends with.
func Fail(code int, format string, args ...any) error { return ipc.Errorf(code, format, args...) }

// Code is the exit code that an error stands for.
func Code(err error) int {
	var e *ipc.Error
	switch {
	case err == nil:
		return api.CodeOK
	case errors.As(err, &e) && e.Code != 0:
		return e.Code
	}
	return api.CodeError
}

// NotRunning reports whether an error says that a daemon is not there.
func NotRunning(err error) bool { return Code(err) == api.CodeNotConnected }
