package corosync

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// Sizes of an authentication key in bytes, as libknet has them.
const (
	defaultKeySize = 256
	minKeySize     = 128
	maxKeySize     = 4096
)

const keygenHelp = `Usage: corosync-keygen [-k <keyfile>] [-s size] [-r <randomfile>] [-l] [-h]
     -k / --key-file=<filename> -  Write to the specified keyfile
            instead of the default /etc/corosync/authkey.
     -r / --random-file -  Random number source file.
     -l / --less-secure - Not used, option is kept only for compatibility.
     -s / --size -  Length of key.
     -h / --help -  Print basic usage.
`

// runKeygen makes a key for Corosync, for programs that distribute one. Holdfast's own key is made by
// `hcs cluster init`.
func runKeygen(_ context.Context, env *cli.Env) int {
	file, source, text := "/etc/corosync/authkey", "/dev/urandom", strconv.Itoa(defaultKeySize)
	help := false
	_, err := cli.Parse([]cli.Option{
		{Short: 'k', Long: "key-file", Arg: cli.NeedArg, Do: cli.Text(&file)}, {Short: 'r', Long: "random-file", Arg: cli.NeedArg, Do: cli.Text(&source)},
		{Short: 's', Long: "size", Arg: cli.NeedArg, Do: cli.Text(&text)}, {Short: 'l', Long: "less-secure", Do: func(string) error { return nil }},
		{Short: 'h', Long: "help", Do: cli.Flag(&help)},
	}, env.Args)
	if err != nil {
		fmt.Fprintln(env.Stderr, "corosync-keygen:", err)
		return 1
	}
	if help {
		fmt.Fprint(env.Stdout, keygenHelp)
		return 0
	}
	size, err := strconv.Atoi(text)
	if err != nil || size < minKeySize || size > maxKeySize {
		fmt.Fprintf(env.Stderr, "Key size %s: must be from %d to %d bytes\n", text, minKeySize, maxKeySize)
		return 1
	}
	fmt.Fprintln(env.Stdout, "Corosync Cluster Engine Authentication key generator.")
	fmt.Fprintf(env.Stdout, "Gathering %d bits for key from %s.\n", size*8, source)
	key := make([]byte, size)
	if err := fillKey(key, source); err != nil {
		fmt.Fprintln(env.Stderr, err)
		return 1
	}
	fmt.Fprintf(env.Stdout, "Writing corosync key to %s.\n", file)
	if err := atomicfile.Write(file, key, 0o400); err != nil {
		fmt.Fprintln(env.Stderr, err)
		return 1
	}
	return 0
}

func fillKey(key []byte, source string) error {
	if source == "/dev/urandom" {
		_, err := rand.Read(key)
		return err
	}
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.ReadFull(f, key)
	return err
}
