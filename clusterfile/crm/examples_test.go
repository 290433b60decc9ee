package crm

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/holdfast-ha/holdfast/hcs/agents"
)

// The examples that are shipped must load, with the agents that are installed here, and without a remark.
func TestExamples_LoadWithoutAProblemOrARemark(t *testing.T) {
	files, err := filepath.Glob("../../conf/*.toml")
	if err != nil || len(files) < 3 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, c, err := Load(path, text, Source{Agents: agents.New(t.Context(), os.Getenv), Secret: func(string) (string, error) { return "secret", nil }})
		if err != nil {
			t.Error(err)
			continue
		}
		for _, a := range c.Advice {
			t.Errorf("%s:%d: %s: %s", path, a.Line, a.Key, a.Message)
		}
	}
}
