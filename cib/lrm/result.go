// Package lrm is the vocabulary of operation history: results, keys, digests and the lrm_rsc_op records that
// carry them in the CIB's status section.
//
// Names and numbers are Pacemaker 2.1's, because agents, tools and saved CIBs use them.
package lrm

import "strconv"

// RC is the exit code of a resource operation (OCF).
type RC int

const (
	RCOK               RC = 0
	RCError            RC = 1
	RCInvalidParam     RC = 2
	RCUnimplemented    RC = 3
	RCNoPrivilege      RC = 4
	RCNotInstalled     RC = 5
	RCNotConfigured    RC = 6
	RCNotRunning       RC = 7
	RCPromoted         RC = 8
	RCFailedPromoted   RC = 9
	RCDegraded         RC = 190
	RCDegradedPromoted RC = 191
	RCUnknown          RC = 193 // pending
)

var rcTexts = map[RC]string{
	RCOK: "ok", RCError: "error", RCInvalidParam: "invalid parameter", RCUnimplemented: "unimplemented feature",
	RCNoPrivilege: "insufficient privileges", RCNotInstalled: "not installed", RCNotConfigured: "not configured",
	RCNotRunning: "not running", RCPromoted: "promoted", RCFailedPromoted: "promoted (failed)",
	RCDegraded: "degraded", RCDegradedPromoted: "promoted (degraded)", RCUnknown: "unknown",
}

// String is the text that crm_mon shows.
func (rc RC) String() string {
	if s, ok := rcTexts[rc]; ok {
		return s
	}
	return "unknown (" + strconv.Itoa(int(rc)) + ")"
}

// Effective maps the degraded codes to those that count for decisions.
func (rc RC) Effective() RC {
	switch rc {
	case RCDegraded:
		return RCOK
	case RCDegradedPromoted:
		return RCPromoted
	default:
		return rc
	}
}

// Status says how far an operation got, apart from what the agent answered.
type Status int

const (
	Unknown       Status = -2
	Pending       Status = -1
	Done          Status = 0
	Cancelled     Status = 1
	Timeout       Status = 2
	NotSupported  Status = 3
	Error         Status = 4
	ErrorHard     Status = 5 // not again on this node
	ErrorFatal    Status = 6 // not again anywhere
	NotInstalled  Status = 7
	NotConnected  Status = 8
	Invalid       Status = 9 // could not be attempted
	NoFenceDevice Status = 10
	NoSecrets     Status = 11
)

var statusTexts = map[Status]string{
	Unknown: "UNKNOWN!", Pending: "pending", Done: "complete", Cancelled: "Cancelled", Timeout: "Timed Out",
	NotSupported: "NOT SUPPORTED", Error: "Error", ErrorHard: "Hard error", ErrorFatal: "Fatal error",
	NotInstalled: "Not installed", NotConnected: "Internal communication failure",
	Invalid: "Cannot execute now", NoFenceDevice: "No fence device", NoSecrets: "CIB secrets unavailable",
}

// String is the text that crm_mon shows.
func (s Status) String() string {
	if t, ok := statusTexts[s]; ok {
		return t
	}
	return statusTexts[Unknown]
}

// Failed reports whether a result is a failure of the operation that was to end with target.
// Cancelled and pending operations never fail.
func Failed(s Status, rc, target RC) bool {
	switch s {
	case Pending, Cancelled:
		return false
	case Done, ErrorHard, ErrorFatal, NotInstalled:
		return rc.Effective() != target
	default:
		return true
	}
}
