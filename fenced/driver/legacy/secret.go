package legacy

import (
	"errors"
	"slices"

	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/internal/cibsecret"
)

// errSecrets is what the history shows; which file is wrong goes to this node's log only.
var errSecrets = errors.New("Unable to load CIB secrets")

// secrets replaces the parameters that are kept in files.
func (d *Driver) secrets(id string, params []device.Param) ([]device.Param, error) {
	params = slices.Clone(params)
	for i := range params {
		if params[i].Value != cibsecret.Mark {
			continue
		}
		value, err := cibsecret.Read(d.cfg.SecretsDir, id, params[i].Name)
		if err != nil {
			return nil, err
		}
		params[i].Value = value
	}
	return params, nil
}
