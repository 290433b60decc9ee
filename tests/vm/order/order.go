// Package order is what the test on the host and the init of a virtual machine say to each other: JSON values on
// a virtio-serial port, one answer to each order. The first answer, to no order, tells that the machine is up.
package order

import "time"

// Port is the character device of the port in the machine.
const Port = "/dev/vport0p1"

// Order is one thing to do. Exactly one of Run, Kill, Read, Write, Ask and Network is set.
type Order struct {
	// Run is a program with its arguments; it is waited for unless Background is set. What it prints is in
	// the answer or, with Console, on the console, which a program that leaves children behind needs.
	Run        []string `json:",omitempty"`
	Env        []string `json:",omitempty"`
	Background bool     `json:",omitempty"`
	Console    bool     `json:",omitempty"`
	// Kill is a process that gets Signal.
	Kill   int `json:",omitempty"`
	Signal int `json:",omitempty"`
	// Read and Write are paths of files. Write makes the directories.
	Read  string `json:",omitempty"`
	Write string `json:",omitempty"`
	Data  []byte `json:",omitempty"`
	Mode  uint32 `json:",omitempty"`
	// Ask is a daemon of ours that is asked for Path; Output is its answer.
	Ask  string `json:",omitempty"`
	Path string `json:",omitempty"`
	// Network is what becomes of packets that leave by eth0 from now on.
	Network *Network `json:",omitempty"`
}

// Network is what netem does. Its zero value does nothing. Shares are percent.
type Network struct {
	Loss, Duplicate float32
	// Delay is for all packets but the share Overtaking, which goes out at once.
	Delay      time.Duration
	Overtaking float32
}

// Answer is what came of it.
type Answer struct {
	// Code is a program's exit code, -1 when a signal ended it. PID is that of one in the background.
	Code   int    `json:",omitempty"`
	PID    int    `json:",omitempty"`
	Output []byte `json:",omitempty"`
	// Error is "" when the order was carried out, whatever the program's exit code.
	Error string `json:",omitempty"`
}
