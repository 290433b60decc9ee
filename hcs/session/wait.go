package session

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// pollInterval is how often the DC is asked whether it is done. quietPolls is how often in a row it must say so:
// right after a change there is a moment in which it has not begun to plan.
const (
	pollInterval = 150 * time.Millisecond
	quietPolls   = 3
)

// WaitIdle waits until the cluster has carried out everything that follows from a version of the CIB, for at most
// s.Wait. "" is any version. It does nothing when s.Wait is 0 or the session works on a file.
func (s *Session) WaitIdle(ctx context.Context, version string) error {
	if s.Wait <= 0 || s.CIBFile != "" {
		return nil
	}
	want, err := cib.ParseVersion(orZero(version))
	if err != nil {
		return err
	}
	crm := s.CRM()
	defer crm.Close()
	deadline := time.Now().Add(s.Wait)
	quiet := 0
	for {
		st, err := dcStatus(ctx, crm)
		switch {
		case err == nil && idle(st, want):
			if quiet++; quiet >= quietPolls {
				return nil
			}
		default:
			quiet = 0
		}
		if time.Now().After(deadline) {
			return Fail(api.CodeTimeout, "the cluster is not done after %s (%s); the change stays in effect and goes on being carried out, watch it with: hcs status --watch",
				s.Wait, busyWith(st, err))
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func orZero(version string) string {
	if version == "" {
		return "0.0.0"
	}
	return version
}

func idle(st *api.CRMStatus, want cib.Version) bool {
	have, err := cib.ParseVersion(st.CIBVersion)
	return err == nil && st.State == "S_IDLE" && st.Pending == 0 && (have.SameConfiguration(want) || have.Compare(want) >= 0)
}

func busyWith(st *api.CRMStatus, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case st.Pending > 0:
		return "transition " + itoa(st.Transition) + " has " + itoa(st.Pending) + " actions left"
	}
	return "the DC " + st.DC + " is in state " + st.State
}

// dcStatus is the state of the DC's crmd.
func dcStatus(ctx context.Context, crm *ipc.Client) (*api.CRMStatus, error) {
	var st api.CRMStatus
	if err := crm.Call(ctx, http.MethodGet, api.PathCRMStatus, nil, &st); err != nil {
		return nil, err
	}
	if st.DC == "" {
		return nil, errors.New("there is no DC at the moment")
	}
	if st.DC == st.Node {
		return &st, nil
	}
	var dc api.CRMStatus
	if err := crm.Call(ctx, http.MethodGet, api.PathCRMStatus+"?node="+url.QueryEscape(st.DC), nil, &dc); err != nil {
		return nil, err
	}
	return &dc, nil
}

// Until calls done until it is true or the time is over, and reports which.
func Until(ctx context.Context, limit time.Duration, done func() bool) bool {
	deadline := time.Now().Add(limit)
	for !done() {
		if time.Now().After(deadline) {
			return false
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return false
		}
	}
	return true
}
