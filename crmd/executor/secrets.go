package executor

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

const (
	// secretMark is the whole value of a parameter that is kept in a file on each node.
	secretMark = "lrm://"
	// maxSecret is how many bytes of the file's first line count.
	maxSecret = 254
)

// errSecrets is what the history shows; which file is wrong goes to the log of this node only.
var errSecrets = errors.New("Unable to load CIB secrets") //nolint:staticcheck // Pacemaker's text, which tools show as it is

// secrets replaces the parameters that are kept in files. A stop goes on without: what runs must be
// stoppable although a secret is lost.
func (e *Executor) secrets(op Op) (map[string]string, error) {
	params, cloned := op.Params, false
	for _, name := range sortedKeys(op.Params) {
		if op.Params[name] != secretMark {
			continue
		}
		if !cloned {
			params, cloned = maps.Clone(op.Params), true
		}
		secret, err := readSecret(filepath.Join(e.cfg.SecretsDir, filepath.Base(op.Rsc)), filepath.Base(name))
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

// readSecret reads the first line of a file whose MD5 must stand in a file beside it, so that a node with
// an old copy is noticed. MD5 is what cibsecret writes.
func readSecret(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	value, err := firstLine(path)
	if err != nil {
		return "", err
	}
	want, err := firstLine(path + ".sign")
	if err != nil {
		return "", err
	}
	sum := md5.Sum([]byte(value))
	if !strings.EqualFold(hex.EncodeToString(sum[:]), want) {
		return "", fmt.Errorf("%s does not match its checksum in %s.sign; run cibsecret sync", path, path)
	}
	return value, nil
}

func firstLine(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	return strings.TrimRight(line, " \t\r"), nil
}
