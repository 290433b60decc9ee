package main

import (
	"fmt"
	"os"
)

// roles are what this program does besides being init, by its first argument. Each runs in a machine, by an order.
var roles = map[string]func(args []string) error{
	"target": offer,
	"write":  writeRecords,
	"newest": printNewest,
	"watch":  watchKey,
	"append": appendRecords,
}

// play plays a role and ends this process.
func play(args []string) {
	role, ok := roles[args[0]]
	if !ok {
		fmt.Println("guest: there is no role", args[0])
		os.Exit(2)
	}
	if err := role(args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
