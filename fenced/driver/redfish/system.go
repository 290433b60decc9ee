package redfish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/driver/power"
)

// maxSystems bounds how many systems of one card are looked at: a chassis has some dozen blades.
const maxSystems = 256

// link is a reference to another resource.
type link struct {
	ID string `json:"@odata.id"`
}

// description is what is read of a system.
type description struct {
	link
	Name, HostName, SerialNumber, UUID, PowerState string
	Key                                            string `json:"Id"`
	Actions                                        struct {
		Reset struct {
			Target  string   `json:"target"`
			Allowed []string `json:"ResetType@Redfish.AllowableValues"`
			Info    string   `json:"@Redfish.ActionInfo"`
		} `json:"#ComputerSystem.Reset"`
	}
}

// system is one system of a card.
type system struct {
	*client
	path    string
	offType string
	target  string   // where to ask for a reset
	allowed []string // nil: the card does not say
}

// find finds the system and how it is reset. With several systems and none named it does nothing: the first one
// might be somebody else's.
func (s *system) find(ctx context.Context, uri, plug string) error {
	if uri == "" {
		var err error
		if uri, err = s.choose(ctx, plug); err != nil {
			return err
		}
	}
	s.path = uri
	var d description
	if _, err := s.do(ctx, http.MethodGet, uri, nil, &d); err != nil {
		return err
	}
	if d.PowerState == "" && d.Actions.Reset.Target == "" {
		return s.unusable(uri, "is not a system: it has neither a power state nor a reset", "check systems_uri")
	}
	s.target, s.allowed = d.Actions.Reset.Target, d.Actions.Reset.Allowed
	if u, err := url.Parse(s.target); err == nil {
		s.target = u.Path
	}
	if len(s.allowed) == 0 && d.Actions.Reset.Info != "" {
		s.allowed = s.readInfo(ctx, d.Actions.Reset.Info)
	}
	return nil
}

// readInfo reads the allowable values from where newer cards have them. A card that does not say is believed to
// know the standard's.
func (s *system) readInfo(ctx context.Context, path string) []string {
	var info struct {
		Parameters []struct {
			Name            string
			AllowableValues []string
		}
	}
	if _, err := s.do(ctx, http.MethodGet, path, nil, &info); err != nil {
		return nil
	}
	for _, p := range info.Parameters {
		if p.Name == "ResetType" {
			return p.AllowableValues
		}
	}
	return nil
}

// choose finds the system among those of the card.
func (s *system) choose(ctx context.Context, plug string) (string, error) {
	if s.systems == "" {
		return "", s.unusable(s.address, "names no systems", "set systems_uri")
	}
	var all struct {
		Members []link
		Next    string `json:"Members@odata.nextLink"`
	}
	var members []link
	for next := s.systems; next != "" && len(members) < maxSystems; next = all.Next {
		all.Members, all.Next = nil, ""
		if _, err := s.do(ctx, http.MethodGet, next, nil, &all); err != nil {
			return "", err
		}
		members = append(members, all.Members...)
	}
	switch len(members) {
	case 0:
		return "", s.unusable(s.systems, "has no systems", "set systems_uri")
	case 1:
		return members[0].ID, nil
	}
	var found []string
	for _, m := range members {
		if path := strings.TrimSuffix(m.ID, "/"); strings.EqualFold(path[strings.LastIndex(path, "/")+1:], plug) {
			return m.ID, nil
		}
	}
	for _, m := range members {
		var d description
		if _, err := s.do(ctx, http.MethodGet, m.ID, nil, &d); err != nil {
			return "", err
		}
		if plug != "" && slices.ContainsFunc([]string{d.Key, d.Name, d.HostName, d.SerialNumber, d.UUID}, func(v string) bool { return strings.EqualFold(v, plug) }) {
			found = append(found, m.ID)
		}
	}
	if len(found) != 1 {
		var ids []string
		for _, m := range members {
			ids = append(ids, m.ID)
		}
		return "", s.unusable(s.systems, fmt.Sprintf("has %d systems, of which %d are called %q: %s", len(members), len(found), plug, strings.Join(ids, " ")),
			"set systems_uri, or name the system by pcmk_host_map")
	}
	return found[0], nil
}

func (s *system) unusable(what, cause, remedy string) error {
	return &native.Problem{Subject: "BMC " + s.address, Cause: what + " " + cause, Remedy: remedy}
}

// State reads the power state.
func (s *system) State(ctx context.Context) (power.State, error) {
	var d description
	if _, err := s.do(ctx, http.MethodGet, s.path, nil, &d); err != nil {
		return power.Unknown, err
	}
	switch d.PowerState {
	case "Off":
		return power.Off, nil
	case "On", "PoweringOn", "PoweringOff", "Paused":
		return power.On, nil // on its way to off is on
	}
	return power.Unknown, nil
}

// Turn asks for a reset of the right type.
func (s *system) Turn(ctx context.Context, to power.State) error {
	wanted := []string{s.offType}
	if to == power.On {
		wanted = []string{"On", "ForceOn", "PushPowerButton"}
	}
	kind := ""
	for _, w := range wanted {
		if s.allowed == nil || slices.Contains(s.allowed, w) {
			kind = w
			break
		}
	}
	switch {
	case s.target == "":
		return s.unusable(s.path, "cannot be reset by Redfish", "use another fence device for this machine")
	case kind == "":
		return s.unusable(s.path, fmt.Sprintf("knows no reset of type %s, only %s", wanted[0], strings.Join(s.allowed, ", ")), "set off_type to one of these, or use another fence device")
	}
	_, err := s.do(ctx, http.MethodPost, s.target, map[string]string{"ResetType": kind}, nil)
	var status *statusError
	if errors.As(err, &status) && status.code == http.StatusConflict && strings.Contains(status.id, "NoOperation") {
		return nil // it is there already; what counts is read afterwards
	}
	return err
}

// Close ends the session.
func (s *system) Close() { s.end() }
