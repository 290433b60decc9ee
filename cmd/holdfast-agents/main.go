// Command holdfast-agents is every resource agent of the provider holdfast in one program: the files under
// /usr/lib/ocf/resource.d/holdfast are links to it.
package main

import (
	"context"
	"os"

	agents "github.com/holdfast-ha/holdfast/resource-agents"
	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

func main() {
	os.Exit(agents.Run(context.Background(), os.Args[0],
		ocf.Process{Args: os.Args[1:], Env: os.LookupEnv, Stdout: os.Stdout, Stderr: os.Stderr}))
}
