package crmd

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dsnet/compress/bzip2"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// inputFiles keeps what the scheduler was given, for crm_simulate and for support: pe-input-N.bz2 as
// Pacemaker names them, the oldest overwritten first.
type inputFiles struct {
	dir string
	log *slog.Logger
	// last is the document of the file that was written last, so that an input is not kept twice.
	last *cibxml.Element
	name string
}

// maxInputs is how many inputs are kept: Pacemaker's pe-input-series-max.
const maxInputs = 4000

// save keeps an input and returns the file's name, "" when it could not be written. The planner's one task
// calls it; a full disk costs the file, not the plan.
func (f *inputFiles) save(doc *cibxml.Element, now time.Time) string {
	if doc == f.last {
		return f.name
	}
	name, err := f.write(doc.WithAttr("execution-date", strconv.FormatInt(now.Unix(), 10)))
	if err != nil {
		f.log.Warn("the scheduler's input is not kept", "err", err)
		return ""
	}
	f.last, f.name = doc, name
	return name
}

func (f *inputFiles) write(doc *cibxml.Element) (string, error) {
	if err := os.MkdirAll(f.dir, 0o750); err != nil {
		return "", err
	}
	counter := filepath.Join(f.dir, "pe-input.last")
	raw, _ := os.ReadFile(counter) // none yet: begin with 0
	n, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
	n %= maxInputs
	var packed bytes.Buffer
	w, err := bzip2.NewWriter(&packed, nil)
	if err != nil {
		return "", err
	}
	if _, err := w.Write([]byte(doc.String())); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	name := filepath.Join(f.dir, fmt.Sprintf("pe-input-%d.bz2", n))
	// Not synced: these files help to explain, and must not delay a recovery on a slow disk.
	if err := os.WriteFile(name, packed.Bytes(), 0o640); err != nil {
		return "", err
	}
	return name, atomicfile.Write(counter, []byte(strconv.Itoa((n+1)%maxInputs)), 0o640)
}
