// Command inside is every program that the lab runs within its namespaces: process 1 of a room and of a node,
// the fence agent, the journal agent and the demo's web server. It is started under the name of one of them
// or with the name as first argument.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// programs by name. They return the exit status.
var programs = map[string]func(args []string) int{
	"room":           roomMain,
	"node":           nodeMain,
	"fence_lab":      fenceMain,
	"fence_peerlab":  fenceMain,
	"journal":        journalMain,
	"holdfast-hello": webMain,
}

func main() {
	args := os.Args
	program, ok := programs[filepath.Base(args[0])]
	if !ok && len(args) > 1 {
		args = args[1:]
		program, ok = programs[args[0]]
	}
	if !ok {
		fmt.Fprintln(os.Stderr, "inside: the lab's own program; it is not meant to be called by hand")
		os.Exit(64)
	}
	os.Exit(program(args[1:]))
}
