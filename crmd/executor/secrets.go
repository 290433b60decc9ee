package executor

import (
	"errors"
	"maps"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/internal/cibsecret"
)

// errSecrets says that a secret could not be read; which file is wrong goes to the log of this node only.
var errSecrets = errors.New("secret of the resource cannot be read")

// withoutSecrets is the result then, with Pacemaker's text.
var withoutSecrets = Outcome{Status: lrm.Done, RC: lrm.RCInvalidParam, ExitReason: "Unable to load CIB secrets"}

// secrets replaces the parameters that are kept in files. A stop goes on without: what runs must be
// stoppable although a secret is lost.
func (e *Executor) secrets(op Op) (map[string]string, error) {
	params, cloned := op.Params, false
	for _, name := range sortedKeys(op.Params) {
		if op.Params[name] != cibsecret.Mark {
			continue
		}
		if !cloned {
			params, cloned = maps.Clone(op.Params), true
		}
		secret, err := cibsecret.Read(e.cfg.SecretsDir, op.Rsc, name)
		switch {
		case err == nil:
			params[name] = secret
		case op.Task == "stop":
			e.log.Warn("stopping without a secret", "rsc", op.Rsc, "err", err)
		default:
			e.log.Error("secret of a resource", "rsc", op.Rsc, "err", err)
			return nil, errSecrets
		}
	}
	return params, nil
}
