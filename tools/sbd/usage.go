package sbd

// usage is the help.
func (c *call) usage() string {
	return `sbd - fence by messages on shared disks, and guard this node with a watchdog
Usage: sbd [options] command [operands]

Commands:
create                  write header and empty slots; what is on the device is lost
dump                    show the header
list                    show the slots and their messages
allocate NODE           give a node a slot; a node that starts sbd does this itself
message NODE MESSAGE    write test, reset, off, crashdump, clear or exit into a node's slot; NODE may be LOCAL
ping NODE               write test, and wait until the node has read it
watch                   guard this node
query-watchdog          show the watchdog devices
test-watchdog           start the watchdog and wait for the reset

Options:
-d DEVICE   shared disk; up to 3 times (default: SBD_DEVICE)
-n NAME     name of this node (default: the host's name)
-I N        seconds that a read or write may take (default: 3)
-h          this text
-v          say more; up to 3 times

Options of create, in seconds:
-1 N        watchdog timeout (default: 5)
-2 N        how long to wait for other nodes that take the same slot (default: 2)
-3 N        pause between two reads of the own slot (default: 1)
-4 N        when a message counts as obeyed (default: twice the watchdog timeout)

Options of watch:
-w DEVICE   watchdog device (default: /dev/watchdog; /dev/null: none)
-W          use the watchdog; given twice: do not
-T          leave the watchdog's own timeout
-S 0|1      1: do not start while a fencing message waits for this node
-s N        seconds that disks may take to appear (default: 120)
-p FILE     file for the process id
-P          watch the cluster; given twice: do not
-z          the cluster must be healthy even if the disks are
-5 N        warn after so many seconds without petting (default: 3/5 of the watchdog timeout; 0: never)
-C N        watchdog timeout while a crash dump is written (default: 0, stop the watchdog)
-r ACTION   what to do when the node may not live: [no]flush,reboot|off|crashdump
-R          no realtime priority
-t N, -F N  accepted, without effect
-Z          rehearse: once crash dumps, twice no end at all, three times late. Never in production.
`
}
