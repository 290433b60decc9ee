package legacy

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

const (
	// secretMark is the whole value of a parameter that is kept in a file on each node.
	secretMark = "lrm://"
	// maxSecret is how many bytes of the file's first line count.
	maxSecret = 254
)

// errSecrets is what the history shows; which file is wrong goes to this node's log only.
var errSecrets = errors.New("Unable to load CIB secrets") //nolint:staticcheck // Pacemaker's text, which tools show as it is

// secrets replaces the parameters that are kept in files.
func (d *Driver) secrets(id string, params []device.Param) ([]device.Param, error) {
	params = slices.Clone(params)
	for i := range params {
		p := &params[i]
		if p.Value != secretMark {
			continue
		}
		path := filepath.Join(d.cfg.SecretsDir, filepath.Base(id), filepath.Base(p.Name))
		value, err := firstLine(path)
		if err != nil {
			return nil, err
		}
		// MD5 is what cibsecret writes; it finds a node with an old copy.
		sign, err := firstLine(path + ".sign")
		if err != nil {
			return nil, err
		}
		if sum := md5.Sum([]byte(value)); !strings.EqualFold(hex.EncodeToString(sum[:]), sign) {
			return nil, fmt.Errorf("%s does not match its checksum in %s.sign; run cibsecret sync", path, path)
		}
		p.Value = value
	}
	return params, nil
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
