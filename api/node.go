// Package api holds the structs that cross a socket or a node boundary.
//
// They are plain data with JSON names: the daemons know each other only through them. Times are Unix
// milliseconds, durations are milliseconds, unless a name says otherwise. A zero value is the safe answer:
// unknown, stopped, no quorum.
package api

import "strconv"

// NodeID is a node's number in the cluster file (Corosync's nodeid), 1..65535. 0 is no node.
type NodeID uint32

func (id NodeID) String() string { return strconv.FormatUint(uint64(id), 10) }

// Incarnation tells one life of a node's corosyncd from the next: the Unix time in microseconds at which it
// started. It rises with every restart; 0 is unknown.
type Incarnation uint64

// Exit codes that callers branch on (tool-compat: clients compare the numbers).
const (
	CodeOK             = 0
	CodeError          = 1
	CodeInvalidParam   = 2
	CodePermission     = 4
	CodeUsage          = 64
	CodeBadData        = 65
	CodeNoInput        = 66
	CodeSoftware       = 70 // EINVAL from the CIB
	CodeCantCreate     = 73
	CodeIO             = 74
	CodeProtocol       = 76
	CodeConfig         = 78
	CodeNotConnected   = 102
	CodeOld            = 103
	CodeDigest         = 104
	CodeNoSuchObject   = 105
	CodeNoQuorum       = 106
	CodeUnsafe         = 107
	CodeExists         = 108
	CodeNotUnique      = 109
	CodeExpired        = 110
	CodeNotYetInEffect = 111
	CodeIndeterminate  = 112
	CodeUnsatisfied    = 113
	CodeTimeout        = 124
)
