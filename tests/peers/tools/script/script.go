// Package script reads lists of command lines that are run over CIBs.
package script

import (
	"fmt"
	"os"
	"strings"
)

// Case is one command line over one CIB.
type Case struct {
	// CIB is the file, "" for none.
	CIB  string
	Line string
	// Only restricts the comparison to the exit status and these, separated by commas: stdout, stderr, cib.
	Only string
	// Sample marks the cases of a quick run: every third line, each over another one of its CIBs.
	Sample bool
}

// Read reads a list. A line "cib FILE..." names the CIBs for the lines that follow it, "cib" alone takes them
// away. "only WHAT: LINE" compares less; it is followed by a comment that says why. # starts a comment.
func Read(file string) ([]Case, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var cases []Case
	cibs := []string{""}
	for n, line := range strings.Split(string(raw), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if files, ok := strings.CutPrefix(line, "cib"); ok && (files == "" || files[0] == ' ') {
			if cibs = strings.Fields(files); len(cibs) == 0 {
				cibs = []string{""}
			}
			continue
		}
		only := ""
		if rest, ok := strings.CutPrefix(line, "only "); ok {
			if only, line, ok = strings.Cut(rest, ": "); !ok {
				return nil, fmt.Errorf("%s:%d: only WHAT: LINE", file, n+1)
			}
		}
		for i, c := range cibs {
			cases = append(cases, Case{CIB: c, Line: line, Only: only, Sample: n%3 == 0 && i == n/3%len(cibs)})
		}
	}
	return cases, nil
}
