// Package cibsecret reads parameters that are kept in files beside the CIB, as the command cibsecret writes
// them.
package cibsecret

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Mark is the whole value of a parameter that is kept in a file on each node.
const Mark = "lrm://"

// Dir is where the files are: DIR/RESOURCE/PARAMETER.
const Dir = "/var/lib/pacemaker/lrm/cibsecrets"

// maxSecret is how many bytes of the file's first line count.
const maxSecret = 254

// Read returns the value of a resource's parameter. Its MD5 must stand in a file beside it, so that a node
// with an old copy is noticed; MD5 is what cibsecret writes.
func Read(dir, resource, name string) (string, error) {
	path := filepath.Join(dir, filepath.Base(resource), filepath.Base(name))
	value, err := firstLine(path)
	if err != nil {
		return "", err
	}
	want, err := firstLine(path + ".sign")
	if err != nil {
		return "", err
	}
	if sum := md5.Sum([]byte(value)); !strings.EqualFold(hex.EncodeToString(sum[:]), want) {
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
