package cibsecret

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRead(t *testing.T) {
	for _, c := range []struct{ name, value, sign, want string }{
		{"plain", "geheim\n", "e8636ea013e682faf61f56ce1cb1ab5c\n", "geheim"},
		{"blanks at the end and a second line", "geheim \t\r\nmore\n", "E8636EA013E682FAF61F56CE1CB1AB5C", "geheim"},
		{"an older copy", "older\n", "e8636ea013e682faf61f56ce1cb1ab5c", ""},
		{"no checksum", "geheim\n", "", ""},
	} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "rsc"), 0o700); err != nil {
			t.Fatal(err)
		}
		files := map[string]string{"p": c.value}
		if c.sign != "" {
			files["p.sign"] = c.sign
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, "rsc", name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := Read(dir, "../rsc", "p"); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}
