package room

// Machine describes a node to its process 1, as a line of JSON.
type Machine struct {
	Name string
	Boot int // how often it has been switched on, this time included
	// Dir holds the node's files: disk/ (its own changes, which outlive a power cut), work/ and root/.
	Dir string
	// Layer is a tree that lies over the machine's /usr, /etc and so on: the software under test.
	Layer string
	// Shared is seen by all nodes as /run/lab.
	Shared string
	// Console takes what the command writes.
	Console string
	Binds   []Bind
	// Command is the node's stack. Without one the node only has its process 1.
	Command []string
	Env     []string
}

// Bind puts a directory of the room into the node.
type Bind struct{ From, To string }
