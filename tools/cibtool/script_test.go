package cibtool

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/holdfast-ha/holdfast/tools/cli"
)

// peerRecording, set in the environment, runs the scripts with the commands that are installed and writes down
// what these print. That is how the scripts were recorded.
const peerRecording = "HOLDFAST_RECORD_PEER"

func TestMain(m *testing.M) {
	if os.Getenv(peerRecording) != "" {
		os.Exit(m.Run())
	}
	commands := map[string]func(){}
	for _, c := range Commands(nil) {
		commands[c.Name] = func() { os.Exit(c.Run(context.Background(), cli.OSEnv())) }
	}
	testscript.Main(m, commands)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv(peerRecording) != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0") // commands end when they are done, also with the race detector
			e.Setenv("CIB_file", "cib.xml")
			e.Setenv("CIB_shadow_dir", e.WorkDir)
			for _, name := range []string{"cib.xml", "acl.xml"} {
				raw, err := os.ReadFile("testdata/" + name)
				if err != nil {
					return err
				}
				if err := os.WriteFile(e.WorkDir+"/"+name, raw, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// exits N COMMAND... runs a command that ends with that exit status.
			"exits": func(ts *testscript.TestScript, _ bool, args []string) {
				want := args[0]
				ts.Check(ts.Exec("sh", append([]string{"-c", `"$@"; code=$?; [ $code = ` + want + ` ] || { echo "exit status $code, not ` + want + `" >&2; exit 1; }`, "sh"}, args[1:]...)...))
			},
		},
	})
}
