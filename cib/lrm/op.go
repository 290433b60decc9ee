package lrm

import (
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Op is one lrm_rsc_op record. Numbers that are absent in the XML are zero, except CallID, which is -1.
type Op struct {
	ID         string // of the record: RSC_last_0, RSC_monitor_10000, RSC_last_failure_0, ...
	Key        string // operation_key
	Task       string
	IntervalMs int64
	FeatureSet string
	Origin     string // crm-debug-origin
	Transition Key
	Status     Status
	RC         RC
	ExitReason string
	Node       string // on_node
	CallID     int
	// LastRCChange is in seconds since the epoch; ExecMs and QueueMs are milliseconds.
	LastRCChange    int64
	ExecMs, QueueMs int64
	MigrateSource   string
	MigrateTarget   string
	Digest          string // op-digest
	ForceRestart    string // op-force-restart: parameter names in blanks
	RestartDigest   string
	SecureParams    string
	SecureDigest    string
	// HasRestart and HasSecure tell that the attributes are to be written even when empty.
	HasRestart, HasSecure bool
}

// Failed reports whether the record is a failure with respect to its own target.
func (o *Op) Failed() bool { return Failed(o.Status, o.RC, o.Transition.TargetRC) }

// XML writes the record with its attributes in Pacemaker's order.
func (o *Op) XML() *cibxml.Element {
	itoa := func(n int64) string { return strconv.FormatInt(n, 10) }
	e := cibxml.New("lrm_rsc_op", "id", o.ID, "operation_key", o.Key, "operation", o.Task,
		"crm-debug-origin", o.Origin, "crm_feature_set", o.FeatureSet,
		"transition-key", o.Transition.String(), "transition-magic", Magic(o.Status, o.RC, o.Transition),
		"exit-reason", o.ExitReason, "on_node", o.Node, "call-id", strconv.Itoa(o.CallID),
		"rc-code", strconv.Itoa(int(o.RC)), "op-status", strconv.Itoa(int(o.Status)), "interval", itoa(o.IntervalMs))
	if o.LastRCChange != 0 || o.ExecMs != 0 || o.QueueMs != 0 {
		e.Set("last-rc-change", itoa(o.LastRCChange))
		e.Set("exec-time", itoa(o.ExecMs))
		e.Set("queue-time", itoa(o.QueueMs))
	}
	if o.MigrateSource != "" || o.MigrateTarget != "" {
		e.Set("migrate_source", o.MigrateSource)
		e.Set("migrate_target", o.MigrateTarget)
	}
	e.Set("op-digest", o.Digest)
	if o.HasRestart {
		e.Set("op-force-restart", o.ForceRestart)
		e.Set("op-restart-digest", o.RestartDigest)
	}
	if o.HasSecure {
		e.Set("op-secure-params", o.SecureParams)
		e.Set("op-secure-digest", o.SecureDigest)
	}
	return e
}

// ParseOp reads a record leniently: what is missing or not a number becomes the zero value, because history
// written by older versions must not stop the cluster. transition-magic wins over the single attributes.
func ParseOp(e *cibxml.Element) Op {
	num := func(name string) int64 {
		n, _ := strconv.ParseInt(e.Get(name), 10, 64)
		return n
	}
	o := Op{
		ID: e.ID(), Key: e.Get("operation_key"), Task: e.Get("operation"), IntervalMs: num("interval"),
		FeatureSet: e.Get("crm_feature_set"), Origin: e.Get("crm-debug-origin"), ExitReason: e.Get("exit-reason"),
		Node: e.Get("on_node"), CallID: -1, RC: RC(num("rc-code")), Status: Status(num("op-status")),
		LastRCChange: num("last-rc-change"), ExecMs: num("exec-time"), QueueMs: num("queue-time"),
		MigrateSource: e.Get("migrate_source"), MigrateTarget: e.Get("migrate_target"), Digest: e.Get("op-digest"),
	}
	o.ForceRestart, o.HasRestart = e.Lookup("op-force-restart")
	o.RestartDigest = e.Get("op-restart-digest")
	o.SecureParams, o.HasSecure = e.Lookup("op-secure-params")
	o.SecureDigest = e.Get("op-secure-digest")
	if s, ok := e.Lookup("call-id"); ok {
		if n, err := strconv.Atoi(s); err == nil {
			o.CallID = n
		}
	}
	if k, err := ParseKey(e.Get("transition-key")); err == nil {
		o.Transition = k
	}
	if s, rc, k, err := ParseMagic(e.Get("transition-magic")); err == nil {
		o.Status, o.RC, o.Transition = s, rc, k
	}
	return o
}
