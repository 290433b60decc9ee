package native

import (
	"context"
	"os/exec"
	"strings"

	"github.com/holdfast-ha/holdfast/fenced/driver/param"
)

// Password is the parameter password, or the first line that the program in password_script prints.
func Password(ctx context.Context, v *param.Values) (string, error) {
	script := v.Str("password_script")
	if script == "" || v.Given("password") {
		return v.Str("password"), nil
	}
	cmd := exec.CommandContext(ctx, script)
	cmd.WaitDelay = 1e9 // a child of the program may keep its output open
	out, err := cmd.Output()
	if err != nil {
		return "", &Problem{Subject: "password_script " + script, Cause: "it cannot be run", Err: err, Remedy: "run it by hand as root"}
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}
