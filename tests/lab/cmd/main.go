// Command lab runs a program in a room of the lab: namespaces of its own on this machine.
package main

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

func main() { lab.Main(work) }

func work() int {
	if why := room.Missing(); why != "" || len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: lab COMMAND [ARGUMENT...]", why)
		return 64
	}
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	return cmd.ProcessState.ExitCode()
}
