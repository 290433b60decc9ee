package plan

import (
	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// Reasons of failures, in Pacemaker's words where it has them, because scripts look for those.
const (
	ReasonNoReplies   = "No capable peers replied to device query within timeout"
	ReasonPeerSilent  = "Peer did not return fence result within timeout"
	ReasonTotal       = "Fencing did not complete within a total timeout based on the configured timeout and retries for any devices attempted"
	ReasonAllFailed   = "All nodes failed, or are unable, to fence target"
	ReasonLevels      = "All topology levels failed"
	ReasonEarlierLife = "Initiated by earlier fencer process and presumed failed"
)

// failure is a result that proves nothing.
func failure(status lrm.Status, reason string) api.FenceResult {
	return api.FenceResult{Status: int(status), RC: int(lrm.RCError), Reason: reason}
}

// because adds the cause to a reason, for whoever reads the history at night.
func because(reason string, cause api.FenceResult) string {
	switch {
	case cause.Reason == "" || cause.Reason == reason:
		return reason
	case cause.Delegate != "" && cause.Device != "":
		return reason + ": " + cause.Device + " on " + cause.Delegate + ": " + cause.Reason
	default:
		return reason + ": " + cause.Reason
	}
}
