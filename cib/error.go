package cib

import (
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Exit codes of Pacemaker's commands that an Error may carry.
const (
	CodeError        = 1   // a patch does not apply
	CodeDenied       = 4   // access control
	CodeUsage        = 64  // command line
	CodeData         = 65  // input that cannot be read
	CodeInvalid      = 70  // command that makes no sense
	CodeProtocol     = 76  // feature set of a newer software
	CodeSchema       = 78  // not valid
	CodeNotConnected = 102 // no daemon
	CodeOld          = 103 // older than what is there
	CodeNoObject     = 105 // no such section or element
	CodeUnsafe       = 107 // wants --force
	CodeExists       = 108 // is there already
)

// Error is a command that was refused. The document is as it was.
type Error struct {
	// Code is the exit code of a command that ends because of it.
	Code int
	// Msg is Pacemaker's text for the code.
	Msg string
	// Detail says more, one sentence per line: what is invalid, or which versions were compared.
	Detail []string
	// Failed is the <failed> document of a create that was refused.
	Failed *cibxml.Element
	// Refused is the document that did not pass the schema.
	Refused *cibxml.Element
}

func (e *Error) Error() string {
	if len(e.Detail) == 0 {
		return e.Msg
	}
	return e.Msg + ": " + strings.Join(e.Detail, "; ")
}

// texts are Pacemaker's messages for the codes.
var texts = map[int]string{
	CodeError:    "Application of update diff failed",
	CodeDenied:   "Permission denied",
	CodeInvalid:  "Invalid argument",
	CodeProtocol: "Protocol not supported",
	CodeSchema:   "Update does not conform to the configured schema",
	CodeOld:      "Update was older than existing configuration",
	CodeNoObject: "No such device or address",
	CodeExists:   "File exists",
}

// refuse makes an error with Pacemaker's text and, with a format, a detail.
func refuse(code int, format string, args ...any) *Error {
	e := &Error{Code: code, Msg: texts[code]}
	if format != "" {
		e.Detail = []string{fmt.Sprintf(format, args...)}
	}
	return e
}

// Denied makes the error for a change that access control refuses.
func Denied(format string, args ...any) *Error { return refuse(CodeDenied, format, args...) }

// Remote rebuilds the error of a command that was refused elsewhere, from its code and what Error wrote.
func Remote(cmd Command, code int, message string) *Error {
	e := &Error{Code: code, Msg: message}
	for _, known := range []string{texts[code] + ", requesting full refresh", texts[code]} {
		if rest, ok := strings.CutPrefix(message, known); ok && texts[code] != "" {
			e.Msg = known
			if detail, more := strings.CutPrefix(rest, ": "); more {
				e.Detail = strings.Split(detail, "; ")
			}
			break
		}
	}
	if cmd.Op != OpCreate || cmd.Input == nil || code != CodeExists {
		return e
	}
	for _, o := range append(append([]*cibxml.Element(nil), cmd.Input), cmd.Input.Children...) {
		if strings.Contains(message, describe(o)) {
			return notCreated(o, e)
		}
	}
	return e
}
