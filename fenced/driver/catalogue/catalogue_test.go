package catalogue

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var parameter = regexp.MustCompile(`<parameter name="([^"]+)"`)
var action = regexp.MustCompile(`<action name="([^"]+)"`)

// Whoever has configured an agent must not find out from ours that a parameter is unknown.
func TestInterop_NoParameterOfTheInstalledAgentsIsUnknown(t *testing.T) {
	for _, a := range All() {
		path, err := exec.LookPath(a.Name)
		if err != nil {
			continue
		}
		out, err := exec.Command(path, "-o", "metadata").Output()
		if err != nil {
			t.Errorf("%s: %v", a.Name, err)
			continue
		}
		known := map[string]bool{}
		for _, s := range a.Params {
			known[s.Name], known[s.Old] = true, true
		}
		for _, m := range parameter.FindAllStringSubmatch(string(out), -1) {
			if !known[m[1]] && !known[strings.ReplaceAll(m[1], "-", "_")] {
				t.Errorf("%s has a parameter %s", a.Name, m[1])
			}
		}
		ours := map[string]bool{"manpage": true, "list-status": true, "diag": true}
		for _, x := range a.Actions {
			ours[x.Name] = true
		}
		for _, m := range action.FindAllStringSubmatch(string(out), -1) {
			if !ours[m[1]] {
				t.Logf("%s has an action %s", a.Name, m[1])
			}
		}
	}
}

func TestCatalogue_NamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range All() {
		if seen[a.Name] || Find(a.Name) == nil || !strings.Contains(a.Metadata(), `<resource-agent name="`+a.Name+`"`) {
			t.Errorf("%s", a.Name)
		}
		seen[a.Name] = true
	}
	if Find("fence_nosuch") != nil {
		t.Error("an agent that there is not")
	}
}
